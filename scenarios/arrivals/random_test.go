package arrivals

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// drawRandomLoad draws a load in which everything may be at random.
func drawRandomLoad(t *rapid.T) scenarios.PlannedLoad {
	load := drawLoad(t)
	for i := range load.Segments {
		load.Segments[i].Poisson = rapid.Bool().Draw(t, "poisson")
	}
	for range rapid.IntRange(0, 3).Draw(t, "bursts") {
		start := ms(float64(rapid.IntRange(0, 5000).Draw(t, "start")))
		load.Bursts = append(load.Bursts, scenarios.PlannedBurst{
			Start: start, End: start + scenarios.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "within")),
			Sessions: rapid.IntRange(1, 500).Draw(t, "sessions"),
			Poisson:  rapid.Bool().Draw(t, "at random"),
		})
	}
	return load
}

func TestSameSeedSameArrivals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := drawRandomLoad(t)
		index, seed := rapid.IntRange(0, 9).Draw(t, "index"), rapid.Int64().Draw(t, "seed")
		first := collect(New(load, index, seed, nil), math.MaxInt)
		if !slices.IsSorted(first) {
			t.Fatal("the arrivals do not ascend")
		}
		if again := collect(New(load, index, seed, nil), math.MaxInt); !slices.Equal(first, again) {
			t.Fatal("the same seed gave other arrivals")
		}
	})
}

func TestAnotherSeedOtherArrivals(t *testing.T) {
	for name, load := range map[string]scenarios.PlannedLoad{
		"poisson": loadOf(poisson(ramp(0, 10_000, 0, 200))),
		"burst":   bursts(scenarios.PlannedBurst{End: 10 * second, Sessions: 1000, Poisson: true}),
	} {
		seen := map[time.Duration]bool{}
		for seed := range int64(20) {
			got := collect(New(load, 0, seed, nil), math.MaxInt)
			seen[got[0]] = true
			if count := float64(len(got)); math.Abs(count-1000) > 5*math.Sqrt(1000) {
				t.Errorf("%s, seed %d: %v arrivals, want 1000 within 5 sigma", name, seed, count)
			}
		}
		for index := range 20 {
			at, _ := New(load, index+1, 0, nil).Peek()
			seen[at] = true
		}
		if len(seen) != 40 {
			t.Errorf("%s: %d different beginnings in 20 seeds and 20 loads", name, len(seen))
		}
	}
	even := loadOf(constant(0, 1000, 100))
	if !slices.Equal(collect(New(even, 0, 1, nil), 1000), collect(New(even, 3, 2, nil), 1000)) {
		t.Error("even arrivals depend on the seed")
	}
}

// dispersion is the variance over the mean of the arrivals in bins of equal
// expectation: 1 of a Poisson process, 0 of a perfectly even one.
func dispersion(all []time.Duration, bins []int, bin func(time.Duration) int) float64 {
	for _, at := range all {
		bins[bin(at)]++
	}
	mean := float64(len(all)) / float64(len(bins))
	sum := 0.0
	for _, n := range bins {
		sum += (float64(n) - mean) * (float64(n) - mean)
	}
	return sum / float64(len(bins)) / mean
}

func TestDispersion(t *testing.T) {
	steady := func(at time.Duration) int { return int(at / (100 * time.Millisecond)) }
	// On a ramp from 0 the integral grows with the square of the time.
	rising := func(at time.Duration) int { return int(1000 * math.Pow(at.Seconds()/100, 2)) }
	for name, c := range map[string]struct {
		load        scenarios.PlannedLoad
		bin         func(time.Duration) int
		least, most float64
	}{
		"constant, even":     {loadOf(constant(0, 100_000, 200)), steady, 0, 0.1},
		"constant, poisson":  {loadOf(poisson(constant(0, 100_000, 200))), steady, 0.8, 1.2},
		"ramp, even":         {loadOf(ramp(0, 100_000, 0, 400)), rising, 0, 0.1},
		"ramp, poisson":      {loadOf(poisson(ramp(0, 100_000, 0, 400))), rising, 0.8, 1.2},
		"sum of two poisson": {loadOf(poisson(constant(0, 100_000, 100)), poisson(constant(0, 100_000, 100))), steady, 0.8, 1.2},
		"sum of two even":    {loadOf(constant(0, 100_000, 110), constant(0, 100_000, 90)), steady, 0, 0.1},
		"burst, even":        {bursts(scenarios.PlannedBurst{End: 100 * second, Sessions: 20_000}), steady, 0, 0.1},
		"burst, at random":   {bursts(scenarios.PlannedBurst{End: 100 * second, Sessions: 20_000, Poisson: true}), steady, 0.8, 1.2},
	} {
		for seed := range int64(5) {
			got := dispersion(collect(New(c.load, 0, seed, nil), math.MaxInt), make([]int, 1000), c.bin)
			if got < c.least || got > c.most {
				t.Errorf("%s, seed %d: dispersion %.3f, want %v to %v", name, seed, got, c.least, c.most)
			}
		}
	}
}

// The distances of a Poisson process are exponential: their distribution is
// compared as a whole (Kolmogorov and Smirnov, 0.1 %).
func TestPoissonDistancesAreExponential(t *testing.T) {
	all := everything(loadOf(poisson(constant(0, 100_000, 200))))
	var gaps []float64
	for i := 1; i < len(all); i++ {
		gaps = append(gaps, (all[i]-all[i-1]).Seconds()*200)
	}
	compare(t, gaps, func(x float64) float64 { return 1 - math.Exp(-x) })
}

// A burst at random is so many independent uniform draws.
func TestScatteredIsUniform(t *testing.T) {
	b := scenarios.PlannedBurst{Start: 2 * second, End: 5 * second, Sessions: 20_000, Poisson: true}
	var draws []float64
	for _, at := range everything(bursts(b)) {
		draws = append(draws, (at-2*time.Second).Seconds()/3)
	}
	if len(draws) != b.Sessions {
		t.Fatalf("%d arrivals, want %d", len(draws), b.Sessions)
	}
	compare(t, draws, func(x float64) float64 { return x })
}

// Of three uniform draws the least is at 1/4 on average, the others at 2/4 and
// 3/4: in a small burst every session counts.
func TestSmallBurstsAtRandom(t *testing.T) {
	const seeds = 20_000
	load := bursts(scenarios.PlannedBurst{End: second, Sessions: 3, Poisson: true})
	var sums [3]float64
	for seed := range int64(seeds) {
		for i, at := range collect(New(load, 0, seed, nil), 4) {
			sums[i] += at.Seconds()
		}
	}
	for i, sum := range sums {
		if mean, want := sum/seeds, float64(i+1)/4; math.Abs(mean-want) > 0.01 {
			t.Errorf("session %d arrives at %.3f on average, want %.3f", i, mean, want)
		}
	}
}

// compare fails when draws do not follow a distribution function.
func compare(t *testing.T, draws []float64, distribution func(float64) float64) {
	t.Helper()
	slices.Sort(draws)
	n, worst := float64(len(draws)), 0.0
	for i, x := range draws {
		worst = max(worst, math.Abs(distribution(x)-(float64(i)+0.5)/n))
	}
	if limit := 1.95 / math.Sqrt(n); worst > limit {
		t.Errorf("the distribution is off by %.4f, want at most %.4f", worst, limit)
	}
}

func TestBursts(t *testing.T) {
	burst := func(start, end float64, sessions int) scenarios.PlannedBurst {
		return scenarios.PlannedBurst{Start: ms(start), End: ms(end), Sessions: sessions}
	}
	for name, c := range map[string]struct {
		load scenarios.PlannedLoad
		want []time.Duration
	}{
		"evenly":                    {bursts(burst(1000, 2000, 4)), milliseconds(1125, 1375, 1625, 1875)},
		"all at once":               {bursts(burst(1000, 1000, 3)), milliseconds(1000, 1000, 1000)},
		"an end before the start":   {bursts(burst(1000, 500, 2)), milliseconds(1000, 1000)},
		"two that overlap":          {bursts(burst(0, 1000, 2), burst(500, 1500, 2)), milliseconds(250, 750, 750, 1250)},
		"none":                      {bursts(burst(0, 1000, 0)), nil},
		"fewer than none":           {bursts(burst(0, 1000, -3)), nil},
		"on top of a constant rate": {scenarios.PlannedLoad{Segments: loadOf(constant(0, 1000, 2)).Segments, Bursts: bursts(burst(400, 600, 1)).Bursts}, milliseconds(250, 500, 750)},
	} {
		if got := everything(c.load); !slices.Equal(got, c.want) {
			t.Errorf("%s: arrivals %v, want %v", name, got, c.want)
		}
	}
	// A year of nanoseconds times the sessions is more than 64 bits.
	long := scenarios.PlannedBurst{End: scenarios.Duration(366 * 24 * time.Hour), Sessions: 10_000_000}
	s := New(bursts(long), 0, 1, nil)
	for range long.Sessions - 1 {
		s.Take()
	}
	if at, ok := s.Peek(); !ok || at != 366*24*time.Hour-1581120*time.Microsecond {
		t.Errorf("the last arrival of a long burst is at %v, %t", at, ok)
	}
}
