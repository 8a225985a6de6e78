package importer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// verticesPerObject fixes the cost of an import: an object takes about 6 KiB
// until its model is finished, and some 20 us of a core.
const verticesPerObject = 128

// A vertex is a point and its normal in the model's space.
type vertex struct{ position, normal [3]float64 }

// An object is one piece of geometry with its placement in the model.
type object struct {
	vertices []vertex
	angle    float64
	offset   [3]float64
}

// Model is a converted model.
type Model struct {
	Vertices int64
	// Checksum is the SHA-256 of the converted geometry, in hex. The same name
	// and number of objects always give the same.
	Checksum string
}

// Convert generates a model of n geometry objects and converts it: every
// object is placed, measured and quantized to 16 bits within the bounds of the
// whole model. Those are known only when all objects are, so the whole model is
// in memory: the cost in memory and CPU grows in proportion to n, as with real
// imports. It returns early with the context's error.
func Convert(ctx context.Context, name string, n int) (Model, error) {
	objects, err := generate(ctx, name, n)
	if err != nil {
		return Model{}, err
	}
	low, high := bounds(objects)
	digest := sha256.New()
	var packed [verticesPerObject * 6]byte
	for i := range objects {
		if err := ctx.Err(); err != nil {
			return Model{}, err
		}
		digest.Write(quantize(packed[:0], objects[i].vertices, low, high))
	}
	return Model{Vertices: int64(n) * verticesPerObject, Checksum: hex.EncodeToString(digest.Sum(nil))}, nil
}

// generate makes the objects of a model and moves each to its place.
func generate(ctx context.Context, name string, n int) ([]object, error) {
	seed := fnv.New64a()
	seed.Write([]byte(name))
	random := rand.New(rand.NewPCG(seed.Sum64(), uint64(n)))
	objects := make([]object, n)
	for i := range objects {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		objects[i] = newObject(random)
		objects[i].place()
	}
	return objects, nil
}

// newObject is a random closed spiral.
func newObject(random *rand.Rand) object {
	o := object{
		vertices: make([]vertex, verticesPerObject),
		angle:    random.Float64() * 2 * math.Pi,
		offset:   [3]float64{random.Float64() * 1000, random.Float64() * 1000, random.Float64() * 100},
	}
	radius := 1 + random.Float64()*9
	for i := range o.vertices {
		sin, cos := math.Sincos(float64(i) / verticesPerObject * 8 * math.Pi)
		o.vertices[i] = vertex{
			position: [3]float64{radius * cos, radius * sin, float64(i) / verticesPerObject * radius},
			normal:   [3]float64{cos, sin, 0},
		}
	}
	return o
}

// place turns and moves the object from its own space into the model's.
func (o *object) place() {
	sin, cos := math.Sincos(o.angle)
	for i := range o.vertices {
		v := &o.vertices[i]
		x, y := v.position[0], v.position[1]
		v.position = [3]float64{cos*x - sin*y + o.offset[0], sin*x + cos*y + o.offset[1], v.position[2] + o.offset[2]}
		x, y = v.normal[0], v.normal[1]
		v.normal = [3]float64{cos*x - sin*y, sin*x + cos*y, v.normal[2]}
	}
}

// bounds is the box around all objects.
func bounds(objects []object) (low, high [3]float64) {
	for axis := range low {
		low[axis], high[axis] = math.Inf(1), math.Inf(-1)
	}
	for i := range objects {
		for _, v := range objects[i].vertices {
			for axis, x := range v.position {
				low[axis], high[axis] = min(low[axis], x), max(high[axis], x)
			}
		}
	}
	return low, high
}

// quantize appends the positions as 16-bit numbers within the bounds.
func quantize(to []byte, vertices []vertex, low, high [3]float64) []byte {
	for _, v := range vertices {
		for axis, x := range v.position {
			scaled := (x - low[axis]) / (high[axis] - low[axis]) * math.MaxUint16
			to = binary.LittleEndian.AppendUint16(to, uint16(scaled))
		}
	}
	return to
}
