package importer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits of an uploaded model, besides MaxObjects.
const (
	maxModel  = 256 << 20 // bytes, uncompressed
	maxObject = 64 << 10  // bytes of one object
)

// Errors of Scan that the client has caused, returned wrapped.
var (
	// ErrInvalid means that the model can never be imported.
	ErrInvalid = errors.New("invalid model")
	// ErrTooLarge means that there is too much of it.
	ErrTooLarge = errors.New("model too large")
)

// part is one object of an uploaded model: a piece of geometry and its place.
// Models have properties besides, which are no concern of ours.
type part struct {
	Name     string     `json:"name"`
	Kind     string     `json:"kind"`
	Position [3]float64 `json:"position"`
}

// Scan reads a model as it is uploaded, newline-delimited JSON with an object
// a line, and counts its objects. It holds one object at a time, however large
// the model is. The geometry is not kept: Convert makes one of the same size,
// at the same cost.
func Scan(r io.Reader) (objects int, err error) { return scan(r, MaxObjects, maxModel) }

func scan(r io.Reader, maxObjects int, maxBytes int64) (objects int, err error) {
	// One byte more than allowed tells that there was more.
	limited := &io.LimitedReader{R: r, N: maxBytes + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, 4<<10), maxObject)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if objects++; objects > maxObjects {
			return 0, fmt.Errorf("%w: it has more than %d objects", ErrTooLarge, maxObjects)
		}
		if err := checkPart(line); err != nil {
			return 0, fmt.Errorf("%w: object %d: %w", ErrInvalid, objects, err)
		}
	}
	switch err := lines.Err(); {
	case limited.N <= 0:
		return 0, fmt.Errorf("%w: it has more than %d MiB", ErrTooLarge, maxBytes>>20)
	case errors.Is(err, bufio.ErrTooLong):
		return 0, fmt.Errorf("%w: object %d has more than %d KiB", ErrTooLarge, objects+1, maxObject>>10)
	case err != nil:
		return 0, fmt.Errorf("after object %d: %w", objects, err)
	case objects == 0:
		return 0, fmt.Errorf("%w: it has no objects", ErrInvalid)
	}
	return objects, nil
}

// checkPart checks one object.
func checkPart(line []byte) error {
	var p part
	if err := json.Unmarshal(line, &p); err != nil {
		return err
	}
	if p.Name == "" || len(p.Name) > 200 {
		return errors.New("name must have 1 to 200 characters")
	}
	return nil
}
