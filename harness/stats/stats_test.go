package stats

import (
	"math"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// sampleOf draws values on a coarse grid, so that there are ties.
func sampleOf(t *rapid.T, name string, least, most int) []float64 {
	n := rapid.IntRange(least, most).Draw(t, name+" size")
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(rapid.IntRange(-6, 12).Draw(t, name)) / 4
	}
	return values
}

// permutations is the P of the U test by going through all of them, from its definition.
func permutations(a, b []float64) float64 {
	all := slices.Concat(a, b)
	statistic := func(chosen uint) float64 { // U less its mean
		u := 0.0
		for i, x := range all {
			for j, y := range all {
				if chosen>>i&1 == 1 && chosen>>j&1 == 0 {
					u += []float64{0, 0.5, 1}[1+compare(x, y)]
				}
			}
		}
		return math.Abs(u - float64(len(a)*len(b))/2)
	}
	seen := statistic(1<<len(a) - 1)
	far, ways := 0, 0
	for chosen := range uint(1) << len(all) {
		if bits.OnesCount(chosen) != len(a) {
			continue
		}
		ways++
		if statistic(chosen) >= seen-1e-9 {
			far++
		}
	}
	return float64(far) / float64(ways)
}

func TestMannWhitneyIsThePermutationTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := sampleOf(t, "a", 1, 5), sampleOf(t, "b", 1, 5)
		if have, want := MannWhitney(a, b), permutations(a, b); !have.Exact || !near(have.P, want) {
			t.Fatalf("P %v of %v and %v, all permutations give %v", have.P, a, b, want)
		}
	})
}

func signPermutations(d []float64) float64 {
	d = slices.DeleteFunc(slices.Clone(d), func(v float64) bool { return v == 0 })
	if len(d) == 0 {
		return 1
	}
	statistic := func(signs uint) float64 {
		w := 0.0
		for i := range d {
			rank := 0.5
			for _, other := range d {
				rank += []float64{0, 0.5, 1}[1+compare(math.Abs(d[i]), math.Abs(other))]
			}
			if signs>>i&1 == 1 {
				w += rank
			}
		}
		return math.Abs(w - float64(len(d)*(len(d)+1))/4)
	}
	var signs uint
	for i, v := range d {
		if v > 0 {
			signs |= 1 << i
		}
	}
	seen, far := statistic(signs), 0
	for s := range uint(1) << len(d) {
		if statistic(s) >= seen-1e-9 {
			far++
		}
	}
	return math.Ldexp(float64(far), -len(d))
}

func TestSignedRankIsThePermutationTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := sampleOf(t, "difference", 0, 9)
		if have, want := SignedRank(d), signPermutations(d); !have.Exact || !near(have.P, want) {
			t.Fatalf("P %v of %v, all signs give %v", have.P, d, want)
		}
	})
}

func TestSymmetryAndScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := sampleOf(t, "a", 1, 45), sampleOf(t, "b", 1, 45)
		before := slices.Clone(a)
		p := MannWhitney(a, b)
		if p.P < 0 || p.P > 1 || math.IsNaN(p.P) {
			t.Fatalf("P is %v", p.P)
		}
		if !near(MannWhitney(b, a).P, p.P) {
			t.Fatal("the sides are not alike")
		}
		factor, by := rapid.SampledFrom([]float64{-2, 0.25, 8}).Draw(t, "factor"), 4.0
		scaled := func(list []float64) (all []float64) {
			for _, v := range list {
				all = append(all, factor*v+by)
			}
			return all
		}
		if q := MannWhitney(scaled(a), scaled(b)); !near(q.P, p.P) {
			t.Fatalf("P %v, %v in another unit", p.P, q.P)
		}
		s, back := MedianShift(a, b, 0.95), MedianShift(b, a, 0.95)
		if !near(s.Estimate, -back.Estimate) || s.Low > s.Estimate || s.High < s.Estimate || s.Bounded() && (!near(s.Low, -back.High) || !near(s.High, -back.Low)) {
			t.Fatalf("shift %+v, back %+v", s, back)
		}
		if !slices.Equal(a, before) {
			t.Fatal("the sample was changed")
		}
	})
}

func TestPairsAreSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := sampleOf(t, "difference", 1, 70)
		var back []float64
		for _, v := range d {
			back = append(back, -3*v)
		}
		p, q := SignedRank(d), SignedRank(back)
		if p.P < 0 || p.P > 1 || !near(p.P, q.P) {
			t.Fatalf("P %v, back %v", p.P, q.P)
		}
		s, r := PairedShift(d, 0.95), PairedShift(back, 0.95)
		if !near(-3*s.Estimate, r.Estimate) || s.Bounded() && !near(-3*s.Low, r.High) {
			t.Fatalf("%+v, back %+v", s, r)
		}
	})
}

// Published values: R's wilcox.test and the tables of both tests.
func TestKnownValues(t *testing.T) {
	a, b := []float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}
	if p := MannWhitney(a, b).P; !near(p, 2.0/252) {
		t.Errorf("P %v of samples apart", p)
	}
	// Hollander and Wolfe, Hamilton depression scale: V = 40, p = 0.0390625 two-sided;
	// pseudomedian 0.46, interval 0.010 to 0.786.
	x := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	y := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	var d []float64
	for i := range x {
		d = append(d, x[i]-y[i])
	}
	if p := SignedRank(d).P; !near(p, 0.0390625) {
		t.Errorf("P %v of the depression scale", p)
	}
	if s := PairedShift(d, 0.95); math.Abs(s.Estimate-0.46) > 1e-3 || math.Abs(s.Low-0.010) > 1e-3 || math.Abs(s.High-0.786) > 1e-3 {
		t.Errorf("shift %+v", s)
	}
	if Needed(0.05) != 4 || NeededPairs(0.05) != 6 || !near(LeastP(3, 3), 0.1) || !near(LeastPairedP(6), 1.0/32) {
		t.Errorf("needed %d and %d", Needed(0.05), NeededPairs(0.05))
	}
	for _, c := range []struct{ t, degrees, want float64 }{{2.228139, 10, 0.05}, {3.169273, 10, 0.01}, {1, 1, 0.5}, {0.0001, 100, 0.9999204}} {
		if p := outsideT(c.t, c.degrees); math.Abs(p-c.want) > 1e-6 {
			t.Errorf("P %v of t = %v with %v degrees", p, c.t, c.degrees)
		}
	}
}

// Four runs a side tell a difference apart and bound it; three do not.
func TestBoundsNeedValues(t *testing.T) {
	four := MedianShift([]float64{1, 2, 3, 4}, []float64{11, 12, 13, 14}, 0.95)
	if !four.Bounded() || four.Estimate != 10 || four.Low != 7 || four.High != 13 {
		t.Errorf("%+v", four)
	}
	if three := MedianShift([]float64{1, 2, 3}, []float64{11, 12, 13}, 0.95); three.Bounded() {
		t.Errorf("%+v", three)
	}
	if none := MedianShift(nil, []float64{1}, 0.95); none.Bounded() || none.Estimate != 0 {
		t.Errorf("%+v", none)
	}
}

// The interval holds the true shift as often as it says.
func TestCoverage(t *testing.T) {
	for _, sizes := range [][2]int{{5, 5}, {8, 12}, {35, 40}} {
		held, rounds := 0, 600
		noise := gauss(uint64(sizes[0]))
		for range rounds {
			var a, b []float64
			for range sizes[0] {
				a = append(a, noise())
			}
			for range sizes[1] {
				b = append(b, 3+noise())
			}
			if s := MedianShift(a, b, 0.95); s.Low <= 3 && s.High >= 3 {
				held++
			}
		}
		if share := float64(held) / float64(rounds); share < 0.925 {
			t.Errorf("%v: %.3f of the intervals hold the shift", sizes, share)
		}
	}
}

func TestHolm(t *testing.T) {
	have := Holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		if !near(have[i], want) {
			t.Errorf("%v", have)
		}
	}
	if len(Holm(nil)) != 0 {
		t.Error("of none there is none")
	}
}

func TestMedianAndPercentile(t *testing.T) {
	if Median(nil) != 0 || Median([]float64{3, 1}) != 2 || Median([]float64{9, 1, 2}) != 2 {
		t.Error("median")
	}
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(100-i))
	}
	if Percentile(hundred, 95) != 95 || Percentile(hundred[:19], 95) != 100 || Percentile(hundred[:20], 95) != 99 || Percentile(nil, 95) != 0 {
		t.Error("percentile")
	}
}
