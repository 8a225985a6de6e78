package journal

import (
	"math/rand/v2"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The library reads back what was encoded, whatever is in it.
func TestTheLibraryReadsEncodings(t *testing.T) {
	e := newEncoder()
	for n := range 40 {
		h := NewHistogram()
		r := rand.New(rand.NewPCG(uint64(n), 1))
		for range n * n * 20 {
			_ = h.RecordValues(min(1+int64(r.ExpFloat64()*float64(int64(1)<<(n%30))), 600_000_000), 1+int64(r.IntN(3)))
		}
		text, err := e.encode(nil, sparse(h))
		if err != nil {
			t.Fatal(err)
		}
		got, err := hdrhistogram.Decode(text)
		if err != nil || !got.Equals(h) {
			t.Fatalf("%d values: %v", h.TotalCount(), err)
		}
	}
}
