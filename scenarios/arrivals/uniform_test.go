package arrivals

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func milliseconds(n ...float64) []time.Duration {
	var all []time.Duration
	for _, n := range n {
		all = append(all, ms(n).Std())
	}
	return all
}

func TestUniformArrivals(t *testing.T) {
	for name, c := range map[string]struct {
		load scenarios.PlannedLoad
		want []time.Duration
	}{
		"each in the middle of its share":     {loadOf(constant(0, 1000, 4)), milliseconds(125, 375, 625, 875)},
		"an offset moves them":                {loadOf(constant(500, 1000, 4)), milliseconds(625, 875)},
		"silence between segments":            {loadOf(constant(0, 500, 2), constant(500, 5000, 0), constant(5000, 5500, 2)), milliseconds(250, 5250)},
		"a gap between segments":              {loadOf(constant(0, 500, 2), constant(5000, 5500, 2)), milliseconds(250, 5250)},
		"shares run on across segments":       {loadOf(constant(0, 750, 1), constant(750, 1500, 1)), milliseconds(500)},
		"steps":                               {loadOf(constant(0, 1000, 1), constant(1000, 2000, 2)), milliseconds(500, 1250, 1750)},
		"a sum is as even as one shape":       {loadOf(constant(0, 1000, 3), constant(0, 1000, 1)), milliseconds(125, 375, 625, 875)},
		"an overlap in the middle":            {loadOf(constant(0, 3000, 1), constant(1000, 2000, 1)), milliseconds(500, 1250, 1750, 2500)},
		"order does not matter":               {loadOf(constant(1000, 2000, 1), constant(0, 3000, 1)), milliseconds(500, 1250, 1750, 2500)},
		"a ramp up from nothing: 2 sqrt(m/2)": {loadOf(ramp(0, 2000, 0, 1)), []time.Duration{1414213562}},
		"a ramp down to nothing":              {loadOf(ramp(0, 2000, 1, 0)), []time.Duration{585786438}},
		"a ramp and its mirror are constant":  {loadOf(ramp(0, 1000, 0, 4), ramp(0, 1000, 4, 0)), milliseconds(125, 375, 625, 875)},
		"a flat ramp is constant":             {loadOf(ramp(0, 1000, 4, 4)), milliseconds(125, 375, 625, 875)},
		"a wave around its mean, symmetric":   {loadOf(sine(0, 1000, 2, 2, 1000, 500)), []time.Duration{367_629_052, 632_370_948}},
		"slower than one a segment":           {loadOf(constant(0, 1000, 0.4)), nil},
		"no segments":                         {loadOf(), nil},
		"a segment without length":            {loadOf(constant(1000, 1000, 50)), nil},
		"a segment that ends before it":       {loadOf(constant(1000, 500, 50)), nil},
		"a ramp without length":               {loadOf(ramp(1000, 1000, 50, 60)), nil},
		"a rate below nothing":                {loadOf(constant(0, 1000, -5)), nil},
		"a rate that is no number":            {loadOf(constant(0, 1000, scenarios.Rate(math.NaN())), constant(0, 500, 2)), milliseconds(250)},
		"an infinite rate":                    {loadOf(ramp(0, 1000, 0, scenarios.Rate(math.Inf(1))), constant(0, 500, 2)), milliseconds(250)},
		"a wave without period":               {loadOf(sine(0, 1000, 2, 1, 0, 0)), milliseconds(250, 750)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := everything(c.load); !slices.Equal(got, c.want) {
				t.Errorf("arrivals %v, want %v", got, c.want)
			}
		})
	}
}

func TestTotalsAreExact(t *testing.T) {
	for name, c := range map[string]struct {
		load scenarios.PlannedLoad
		want int
	}{
		"200/s for 30s":                {loadOf(constant(0, 30_000, 200)), 6000},
		"1/3 a second for an hour":     {loadOf(constant(0, 3_600_000, 1.0/3)), 1200},
		"0.1/s for 30s":                {loadOf(constant(0, 30_000, 0.1)), 3},
		"500/s for an hour":            {loadOf(constant(0, 3_600_000, 500)), 1_800_000},
		"0 to 200/s in 10s":            {loadOf(ramp(0, 10_000, 0, 200)), 1000},
		"200/s to 0 in 10s":            {loadOf(ramp(0, 10_000, 200, 0)), 1000},
		"50 to 150/s in 60s, then 10":  {loadOf(ramp(0, 60_000, 50, 150), constant(60_000, 70_000, 10)), 6100},
		"whole periods leave the mean": {loadOf(sine(0, 60_000, 50, 50, 20_000, 3000)), 3000},
		"ten thirds of a session": {loadOf(constant(0, 1000, 1.0/3), constant(0, 1000, 1.0/3), constant(0, 1000, 1.0/3),
			constant(1000, 2000, 1.0/3), constant(2000, 3000, 1.0/3), constant(3000, 4000, 1.0/3), constant(4000, 5000, 1.0/3),
			constant(5000, 6000, 1.0/3), constant(6000, 7000, 1.0/3), constant(7000, 8000, 1.0/3)), 3},
	} {
		if got := len(everything(c.load)); got != c.want {
			t.Errorf("%s: %d arrivals, want %d", name, got, c.want)
		}
	}
}

// Wherever the run is cut, at the ends of segments as at any other moment, the
// arrivals until then are the integral, within one.
func TestUniformArrivalsFollowTheIntegral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := drawLoad(t)
		got := everything(load)
		if !slices.IsSorted(got) {
			t.Fatal("the arrivals do not ascend")
		}
		end := 0.0
		cuts := []float64{rapid.Float64Range(0, 20).Draw(t, "cut")}
		for _, s := range load.Segments {
			end = max(end, s.End.Std().Seconds())
			cuts = append(cuts, s.Start.Std().Seconds(), s.End.Std().Seconds())
		}
		for _, cut := range cuts {
			var want float64
			for _, s := range load.Segments {
				want += numeric(s, 0, cut)
			}
			before, _ := slices.BinarySearch(got, time.Duration(cut*1e9))
			if math.Abs(float64(before)-want) > 0.5+1e-4 {
				t.Errorf("%d arrivals until %vs, integral %.4f", before, cut, want)
			}
		}
		for _, at := range got {
			if !slices.ContainsFunc(load.Segments, func(s scenarios.PlannedSegment) bool {
				return at >= s.Start.Std() && at < s.End.Std()
			}) {
				t.Fatalf("the arrival at %v is in no segment", at)
			}
		}
	})
}

// Each arrival stands where the integral reaches its number and a half, to the
// nanosecond: bisection over numeric integrals is the oracle.
func TestEveryArrivalStandsInTheMiddleOfItsShare(t *testing.T) {
	for name, s := range map[string]scenarios.PlannedSegment{
		"constant":                  constant(0, 10_000, 7),
		"ramp from nothing":         ramp(0, 10_000, 0, 20),
		"ramp to nothing":           ramp(0, 10_000, 20, 0),
		"wave":                      sine(0, 10_000, 10, 5, 4000, 1000),
		"wave that touches nothing": sine(0, 10_000, 10, 10, 4000, 1000),
		"part of a long wave":       sine(5000, 15_000, 10, 10, 86_400_000, 43_200_000),
	} {
		for n, at := range everything(loadOf(s)) {
			share := numeric(s, 0, at.Seconds())
			steep := max(instant(s, at.Seconds()), 1e-3)
			if miss := math.Abs(share-float64(n)-0.5) / steep; miss > 2e-8 {
				t.Errorf("%s: arrival %d at %v has %.9f ahead of it, %.1g s off", name, n, at, share, miss)
			}
		}
	}
}

// The crest of a wave is where most arrivals are, in every period.
func TestCrestsOfWaves(t *testing.T) {
	for _, peak := range []float64{0, 2500, 5000, 7500, 12_500, -2500} {
		load := loadOf(sine(0, 30_000, 100, 100, 10_000, peak))
		bins := make([]int, 30)
		for _, at := range everything(load) {
			bins[int(at/time.Second)]++
		}
		crest := int(math.Mod(peak+20_000, 10_000)) / 1000 // the second that begins with or holds the crest
		for period := range 3 {
			best := 0
			for i := range 10 {
				if bins[period*10+i] > bins[period*10+best] {
					best = i
				}
			}
			if distance := (best - crest + 10) % 10; distance != 0 && distance != 9 {
				t.Errorf("peak %vms, period %d: most arrivals in second %d, want %d: %v", peak, period, best, crest, bins)
			}
		}
	}
}

func TestTakeBeyondTheEnd(t *testing.T) {
	s := New(loadOf(constant(0, 1000, 2)), 0, 1, nil)
	for range 5 {
		s.Take()
	}
	if at, ok := s.Peek(); ok || s.Ordinal() != 2 {
		t.Errorf("after the end: arrival at %v, ordinal %d", at, s.Ordinal())
	}
}

// An hour at 40,000/s is 144 million arrivals: nothing may be kept for each.
func TestArrivalsAllocateNothing(t *testing.T) {
	hour := 3_600_000.0
	for name, load := range map[string]scenarios.PlannedLoad{
		"constant":        loadOf(constant(0, hour, 40_000)),
		"ramp":            loadOf(ramp(0, hour, 0, 80_000)),
		"wave":            loadOf(sine(0, hour, 40_000, 40_000, hour, 0)),
		"poisson":         loadOf(poisson(sine(0, hour, 40_000, 40_000, hour, 0))),
		"burst":           bursts(scenarios.PlannedBurst{End: 3600 * second, Sessions: 10_000_000}),
		"burst at random": bursts(scenarios.PlannedBurst{End: 3600 * second, Sessions: 10_000_000, Poisson: true}),
	} {
		s := New(load, 0, 1, nil)
		if n := testing.AllocsPerRun(20_000, s.Take); n != 0 {
			t.Errorf("%s: %v allocations for each arrival", name, n)
		}
		if s.Ordinal() < 20_000 {
			t.Errorf("%s: only %d arrivals", name, s.Ordinal())
		}
	}
}

func BenchmarkTake(b *testing.B) {
	hour := 3_600_000.0
	many := make([]scenarios.PlannedSegment, 10)
	for i := range many {
		many[i] = sine(0, hour, 10, 10, hour/float64(i+1), 0)
	}
	for _, c := range []struct {
		name string
		load scenarios.PlannedLoad
	}{
		{"constant", loadOf(constant(0, hour, 400_000))},
		{"ramp", loadOf(ramp(0, hour, 0, 800_000))},
		{"wave", loadOf(sine(0, hour, 400_000, 400_000, hour, 0))},
		{"slow wave", loadOf(sine(0, 1000*hour, 10, 10, hour/60, 0))},
		{"ten waves", loadOf(many...)},
		{"poisson", loadOf(poisson(constant(0, hour, 400_000)))},
		{"poisson wave", loadOf(poisson(sine(0, hour, 400_000, 400_000, hour, 0)))},
		{"burst", bursts(scenarios.PlannedBurst{End: 3600 * second, Sessions: 1 << 40})},
		{"burst at random", bursts(scenarios.PlannedBurst{End: 3600 * second, Sessions: 1 << 40, Poisson: true})},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := New(c.load, 0, 1, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := s.Peek(); !ok {
					s = New(c.load, 0, 1, nil)
				}
				s.Take()
			}
		})
	}
}

func ExampleNew() {
	load := scenarios.PlannedLoad{Segments: []scenarios.PlannedSegment{{End: second, Constant: 4}}}
	s := New(load, 0, 1, nil)
	for at, ok := s.Peek(); ok; at, ok = s.Peek() {
		fmt.Println(s.Ordinal(), at)
		s.Take()
	}
	// Output:
	// 0 125ms
	// 1 375ms
	// 2 625ms
	// 3 875ms
}
