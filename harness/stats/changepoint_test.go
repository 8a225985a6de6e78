package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// gauss draws normal noise from a seed.
func gauss(seed uint64) func() float64 { return rand.New(rand.NewPCG(seed, 7)).NormFloat64 }

// series is noise around levels, each of so many values.
func series(seed uint64, noise float64, levels ...[2]float64) (all []float64) {
	draw := gauss(seed)
	for _, l := range levels {
		for range int(l[1]) {
			all = append(all, l[0]+noise*draw())
		}
	}
	return all
}

func find(values []float64) []ChangePoint { return ChangePoints(values, Search{50, 0.001, 0.05}) }

func TestAStepIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		levels [][2]float64
		at     []int
	}{
		"one":                       {[][2]float64{{212, 20}, {251, 12}}, []int{20}},
		"better":                    {[][2]float64{{251, 15}, {212, 15}}, []int{15}},
		"up and down":               {[][2]float64{{212, 20}, {251, 20}, {212, 20}}, []int{20, 40}},
		"beyond one window":         {[][2]float64{{212, 70}, {251, 90}, {300, 40}}, []int{70, 160}},
		"short at the end":          {[][2]float64{{212, 40}, {300, 4}}, []int{40}},
		"at the border of a window": {[][2]float64{{212, 50}, {251, 50}}, []int{50}},
	} {
		for seed := range uint64(20) {
			points := find(series(seed, 5, c.levels...))
			if len(points) != len(c.at) {
				t.Errorf("%s, seed %d: %+v, wanted %v", name, seed, points, c.at)
				continue
			}
			for i, p := range points {
				if math.Abs(float64(p.Index-c.at[i])) > 1 || math.Abs(p.Before-c.levels[i][0]) > 7 || math.Abs(p.After-c.levels[i+1][0]) > 7 || p.P > 0.001 {
					t.Errorf("%s, seed %d: %+v, wanted %v", name, seed, p, c.at)
				}
			}
		}
	}
}

func TestADriftIsFound(t *testing.T) {
	for seed := range uint64(20) {
		values := series(seed, 2, [2]float64{200, 40})
		for i := range values {
			values[i] += 1.5 * float64(i)
		}
		points := find(values)
		if len(points) == 0 {
			t.Errorf("seed %d: 60 ms of drift went unseen", seed)
		}
		for _, p := range points {
			if p.After <= p.Before {
				t.Errorf("seed %d: %+v is no step up", seed, p)
			}
		}
	}
}

// Noise alone is no change: of 500 series of 40 runs few may be said to have one.
func TestNoiseIsNoChange(t *testing.T) {
	any, large := 0, 0
	for seed := range uint64(500) {
		values := series(seed, 10, [2]float64{200, 40})
		any += min(1, len(ChangePoints(values, Hunter)))
		large += min(1, len(find(values)))
	}
	t.Logf("of 500 series of noise %d have a change point, %d one of 5 %%", any, large)
	if any > 20 || large > any {
		t.Errorf("false alarms in 500 series: %d, and %d of 5 %%", any, large)
	}
}

func TestOneBadRunIsNoChange(t *testing.T) {
	for at := range 30 {
		values := series(1, 1, [2]float64{200, 30})
		values[at] = 900
		if points := find(values); len(points) > 0 {
			t.Errorf("a bad run at %d: %+v", at, points)
		}
	}
}

func TestChangePointsHoldForAnySeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := sampleOf(t, "value", 0, 130)
		search := Search{rapid.IntRange(-1, 60).Draw(t, "window"), 0.01, rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "least")}
		points := ChangePoints(values, search)
		if again := ChangePoints(values, search); !slices.Equal(points, again) {
			t.Fatal("not the same twice")
		}
		last := 0
		var scaled []float64
		for _, v := range values {
			scaled = append(scaled, 4*v)
		}
		for i, p := range points {
			if p.Index <= last || p.Index >= len(values) || p.P > 0.01 || p.P < 0 {
				t.Fatalf("%+v of %d values", points, len(values))
			}
			last = p.Index
			if other := ChangePoints(scaled, search); other[i].Index != p.Index {
				t.Fatal("another unit, another point")
			}
		}
	})
}

func TestLevelsWithoutNoise(t *testing.T) {
	if points := find(slices.Repeat([]float64{5}, 30)); len(points) != 0 {
		t.Errorf("%+v", points)
	}
	points := find(slices.Concat(slices.Repeat([]float64{5}, 10), slices.Repeat([]float64{6}, 10)))
	if len(points) != 1 || points[0] != (ChangePoint{Index: 10, Before: 5, After: 6}) {
		t.Errorf("%+v", points)
	}
}
