package seeded

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestGeneratorsDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range int64(8) {
		for id := range uint64(8) {
			for purpose := Arrivals; purpose <= Share; purpose++ {
				for n := range uint64(4) {
					r := NewKey(seed, id).Rand(purpose, n)
					seen[r.Uint64()] = true
				}
			}
		}
	}
	if want := 8 * 8 * int(Share) * 4; len(seen) != want {
		t.Errorf("%d different first draws, want %d", len(seen), want)
	}
}

func TestSameKeySameDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, id := rapid.Int64().Draw(t, "seed"), rapid.Uint64().Draw(t, "id")
		a, b := NewKey(seed, id).Rand(Think, 1), NewKey(seed, id).Rand(Think, 1)
		for range 5 {
			if a.Uint64() != b.Uint64() {
				t.Fatal("two generators of one key differ")
			}
		}
	})
}

// The first draws of consecutive sessions must be as independent as those of
// one generator: sums of neighbours are tested for their variance, which
// correlation would raise or lower.
func TestNeighboursAreIndependent(t *testing.T) {
	const n = 100_000
	var products float64
	before := 0.0
	for id := range uint64(n) {
		r := NewKey(1, id).Rand(Tenant, 0)
		z := r.Unit() - 0.5
		products += z * before
		before = z
	}
	correlation := products / n * 12
	if limit := 4 / math.Sqrt(n); math.Abs(correlation) > limit {
		t.Errorf("correlation of neighbours %.4f, want at most %.4f", correlation, limit)
	}
}

func TestBelow(t *testing.T) {
	r := NewKey(1, 1).Rand(Choice, 0)
	if got := r.Below(0); got != 0 {
		t.Errorf("Below(0) = %d", got)
	}
	counts := [7]float64{}
	const n = 70_000
	for range n {
		counts[r.Below(7)]++
	}
	square := 0.0
	for _, c := range counts {
		square += (c - n/7) * (c - n/7) / (n / 7)
	}
	if square > 22.46 { // chi-square, 6 degrees of freedom, 0.1 %
		t.Errorf("chi-square %.1f of %v", square, counts)
	}
	// Of the 64-bit numbers four fall on every three below: without rejection
	// every third would come twice as often as the others.
	const large = 3 << 62
	third := 0.0
	for range n {
		v := r.Below(large)
		if v >= large {
			t.Fatalf("%d is not below %d", v, uint64(large))
		}
		if v%3 == 0 {
			third++
		}
	}
	if math.Abs(third/n-1.0/3) > 0.01 {
		t.Errorf("%.3f of the draws are multiples of 3", third/n)
	}
}

func TestMomentsOfDistributions(t *testing.T) {
	for name, c := range map[string]struct {
		draw           func(*Rand) float64
		mean, variance float64
	}{
		"unit":        {(*Rand).Unit, 0.5, 1.0 / 12},
		"exponential": {(*Rand).Exponential, 1, 1},
		"normal":      {(*Rand).Normal, 0, 1},
	} {
		r := NewKey(7, 7).Rand(Arrivals, 0)
		const n = 200_000
		var sum, squares float64
		for range n {
			x := c.draw(&r)
			sum, squares = sum+x, squares+x*x
		}
		mean := sum / n
		variance := squares/n - mean*mean
		if math.Abs(mean-c.mean) > 5*math.Sqrt(c.variance/n) || math.Abs(variance/c.variance-1) > 0.03 {
			t.Errorf("%s: mean %.4f, variance %.4f, want %.4f and %.4f", name, mean, variance, c.mean, c.variance)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	var sum float64
	if n := testing.AllocsPerRun(100, func() {
		r := NewKey(1, 2).Rand(Think, 3)
		sum += r.Normal() + r.Exponential() + float64(r.Below(10))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
