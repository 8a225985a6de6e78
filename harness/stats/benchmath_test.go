package stats

import (
	"math"
	"slices"
	"testing"

	"golang.org/x/perf/benchmath"
	"pgregory.net/rapid"
)

// benchmath is what benchstat goes by: without ties it gives the same P. With ties it is not
// symmetric ([0] and [0 1] are 0.67, [0 1] and [0] are 1), and availability is full of them;
// the permutations of TestMannWhitneyIsThePermutationTest decide there.
func TestMannWhitneyIsBenchmaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.SliceOfNDistinct(rapid.Float64Range(-10, 10), 4, 24, rapid.ID[float64]).Draw(t, "values")
		cut := rapid.IntRange(2, len(draw)-2).Draw(t, "cut")
		a, b := draw[:cut], draw[cut:]
		want := benchmath.AssumeNothing.Compare(benchmath.NewSample(slices.Clone(a), &benchmath.DefaultThresholds), benchmath.NewSample(slices.Clone(b), &benchmath.DefaultThresholds))
		if have := MannWhitney(a, b); math.Abs(have.P-want.P) > 1e-9 {
			t.Fatalf("P %v, benchmath %v of %v and %v", have.P, want.P, a, b)
		}
	})
}
