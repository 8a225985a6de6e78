package journal

import (
	"math/rand/v2"
	"testing"
)

func TestSparseHoldsWhatTheHistogramHeld(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 2, 7, 100, fewValues, fewValues + 1} {
		h, sum := NewHistogram(), NewHistogram()
		for range n {
			if err := h.RecordValue(1 + random.Int64N(600_000_000-1)>>random.IntN(29)); err != nil {
				t.Fatal(err)
			}
		}
		i := Interval{packed: pack(nil, sparse(h))}
		i.AddTo(sum)
		if !sum.Equals(h) || i.Count() != int64(n) {
			t.Errorf("%d values: another histogram came back, of %d values", n, i.Count())
		}
	}
}
