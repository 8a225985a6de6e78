package journal

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/bits"
	"sync"
)

// encoders keeps what an encoding needs besides the histogram: the library
// makes a new compressor for each, which takes 800 KB and most of the time.
var encoders = sync.Pool{New: func() any { return newEncoder() }}

type encoder struct {
	plain, packed bytes.Buffer
	zlib          *zlib.Writer
}

func newEncoder() *encoder {
	e := &encoder{}
	e.zlib, _ = zlib.NewWriterLevel(&e.packed, zlib.BestSpeed) // the level exists
	return e
}

// The cookies of HdrHistogram's V2 encoding.
const (
	cookieV2           = 0x1c849303 | 0x10
	cookieV2Compressed = 0x1c849304 | 0x10
)

// encode gives the V2 compressed form, in base64, of slots of NewHistogram's
// geometry: what the library gives but for the level of compression.
func (e *encoder) encode(dst []byte, slots []slot) ([]byte, error) {
	e.plain.Reset()
	head := make([]byte, 0, 40)
	head = binary.BigEndian.AppendUint32(head, cookieV2)
	head = binary.BigEndian.AppendUint32(head, 0) // length of what follows the head; below
	head = binary.BigEndian.AppendUint32(head, 0)
	head = binary.BigEndian.AppendUint32(head, 3)
	head = binary.BigEndian.AppendUint64(head, 1)
	head = binary.BigEndian.AppendUint64(head, 600_000_000)
	head = binary.BigEndian.AppendUint64(head, math.Float64bits(1))
	e.plain.Write(head)
	next := 0
	var varint [binary.MaxVarintLen64]byte
	for _, s := range slots {
		index := indexOf(s.value)
		if gap := index - next; gap > 0 {
			if gap == 1 {
				gap = 0 // a single empty slot stands for itself
			}
			e.plain.Write(zigzag(&varint, -int64(gap)))
		}
		e.plain.Write(zigzag(&varint, s.count))
		next = index + 1
	}
	binary.BigEndian.PutUint32(e.plain.Bytes()[4:], uint32(e.plain.Len()-40))
	e.packed.Reset()
	e.packed.Write(make([]byte, 8))
	e.zlib.Reset(&e.packed)
	if _, err := e.zlib.Write(e.plain.Bytes()); err != nil {
		return nil, err
	}
	if err := e.zlib.Close(); err != nil {
		return nil, err
	}
	out := e.packed.Bytes()
	binary.BigEndian.PutUint32(out, cookieV2Compressed)
	binary.BigEndian.PutUint32(out[4:], uint32(len(out)-8))
	return base64.StdEncoding.AppendEncode(dst, out), nil
}

// indexOf is the place of a value among the counts: 2,048 of single
// microseconds, then 1,024 for each doubling.
func indexOf(value int64) int {
	bucket := max(bits.Len64(uint64(value))-11, 0)
	return bucket<<10 + int(value>>bucket)
}

// zigzag is the ZigZag LEB128-64b9B of HdrHistogram: as a varint, but a ninth
// byte has eight bits; counts and gaps here are too small for that to differ.
func zigzag(buf *[binary.MaxVarintLen64]byte, v int64) []byte {
	return buf[:binary.PutVarint(buf[:], v)]
}
