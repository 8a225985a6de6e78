package draws

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios/draws/seeded"
)

// chiSquare compares counts with what was expected of each. The answer is in
// standard deviations from its mean, by the approximation of Wilson and
// Hilferty (1931).
func chiSquare(counts, expected []float64) float64 {
	sum := 0.0
	for i, n := range counts {
		sum += (n - expected[i]) * (n - expected[i]) / expected[i]
	}
	freedom := float64(len(counts) - 1)
	return (math.Cbrt(sum/freedom) - (1 - 2/(9*freedom))) / math.Sqrt(2/(9*freedom))
}

// shares are those of first to last in a Zipf distribution.
func shares(exponent float64, first, last int) []float64 {
	all, total := make([]float64, 0, last-first+1), 0.0
	for k := first; k <= last; k++ {
		share := math.Pow(float64(k), -exponent)
		all, total = append(all, share), total+share
	}
	for i := range all {
		all[i] /= total
	}
	return all
}

func TestZipfHasTheSharesOfItsFormula(t *testing.T) {
	const n = 300_000
	for _, exponent := range []float64{0.1, 0.8, 0.99999999, 1, 1.00000001, 1.1, 2, 5} {
		for _, bounds := range [][2]int{{1, 40}, {2, 40}, {1, 1_000_000}, {2, 3}} {
			want := shares(exponent, bounds[0], bounds[1])
			z := newZipf(exponent, uint64(bounds[0]), uint64(bounds[1]))
			r := seeded.NewKey(11, 0).Rand(seeded.Tenant, 0)
			// One cell each while at least 50 are expected, one for all others.
			cells := 0
			for cells < len(want)-1 && want[cells]*n >= 50 {
				cells++
			}
			counts, expected := make([]float64, cells+1), make([]float64, cells+1)
			for i, share := range want {
				expected[min(i, cells)] += share * n
			}
			for range n {
				k := int(z.draw(&r))
				if k < bounds[0] || k > bounds[1] {
					t.Fatalf("zipf(%v) drew %d, outside of %v", exponent, k, bounds)
				}
				counts[min(k-bounds[0], cells)]++
			}
			if expected[cells] < 5 { // too few to judge on their own
				counts, expected = counts[:cells], expected[:cells]
			}
			if len(counts) < 2 {
				continue
			}
			if deviation := chiSquare(counts, expected); math.Abs(deviation) > 3.5 {
				t.Errorf("zipf(%v) over %v: chi-square is %.1f sigma off", exponent, bounds, deviation)
			}
		}
	}
}

// However steep and large, a draw ends and is within bounds.
func TestZipfAtItsLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		exponent := rapid.OneOf(rapid.Float64Range(1e-9, 5), rapid.SampledFrom([]float64{1e-300, 1 - 1e-12, 1, 1 + 1e-12, 5})).Draw(t, "exponent")
		last := rapid.Uint64Range(2, 100_000_000).Draw(t, "last")
		first := rapid.Uint64Range(1, 2).Draw(t, "first")
		z := newZipf(exponent, first, last)
		r := seeded.NewKey(rapid.Int64().Draw(t, "seed"), 0).Rand(seeded.Tenant, 0)
		for range 100 {
			if k := z.draw(&r); k < first || k > last {
				t.Fatalf("drew %d of %d to %d", k, first, last)
			}
		}
	})
}

func BenchmarkZipf(b *testing.B) {
	z := newZipf(1.1, 1, 100_000_000)
	r := seeded.NewKey(1, 0).Rand(seeded.Tenant, 0)
	for b.Loop() {
		z.draw(&r)
	}
}
