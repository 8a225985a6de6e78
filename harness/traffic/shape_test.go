package traffic

import (
	"math"
	"slices"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func constant(from, to float64, rate scenarios.Rate) scenarios.PlannedSegment {
	return scenarios.PlannedSegment{Start: ms(from), End: ms(to), Constant: rate}
}

func ramp(from, to float64, start, end scenarios.Rate) scenarios.PlannedSegment {
	return scenarios.PlannedSegment{Start: ms(from), End: ms(to), Ramp: &scenarios.Ramp{From: start, To: end}}
}

func loadOf(segments ...scenarios.PlannedSegment) scenarios.PlannedLoad {
	return scenarios.PlannedLoad{Cohort: "all", Journey: "shop", Segments: segments}
}

func TestArrivals(t *testing.T) {
	milliseconds := func(n ...float64) []time.Duration {
		var all []time.Duration
		for _, n := range n {
			all = append(all, ms(n).Std())
		}
		return all
	}
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
		"a ramp up from nothing: 2 sqrt(m/2)": {loadOf(ramp(0, 2000, 0, 1)), []time.Duration{1414213562}},
		"a ramp down to nothing":              {loadOf(ramp(0, 2000, 1, 0)), []time.Duration{585786437}},
		"a flat ramp is constant":             {loadOf(ramp(0, 1000, 4, 4)), milliseconds(125, 375, 625, 875)},
		"slower than one a segment":           {loadOf(constant(0, 1000, 0.4)), nil},
		"no segments":                         {loadOf(), nil},
		"a segment without length":            {loadOf(constant(1000, 1000, 50)), nil},
		"a ramp without length":               {loadOf(ramp(1000, 1000, 50, 60)), nil},
		"a rate below nothing":                {loadOf(constant(0, 1000, -5)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := slices.Collect(Arrivals(c.load)); !slices.Equal(got, c.want) {
				t.Errorf("arrivals %v, want %v", got, c.want)
			}
		})
	}
}

func TestTotalsAreExact(t *testing.T) {
	for name, c := range map[string]struct {
		load scenarios.PlannedLoad
		want uint64
	}{
		"200/s for 30s":               {loadOf(constant(0, 30_000, 200)), 6000},
		"1/3 a second for an hour":    {loadOf(constant(0, 3_600_000, 1.0/3)), 1200},
		"0.1/s for 30s":               {loadOf(constant(0, 30_000, 0.1)), 3},
		"5,000/s for an hour":         {loadOf(constant(0, 3_600_000, 5000)), 18_000_000},
		"0 to 200/s in 10s":           {loadOf(ramp(0, 10_000, 0, 200)), 1000},
		"200/s to 0 in 10s":           {loadOf(ramp(0, 10_000, 200, 0)), 1000},
		"50 to 150/s in 60s, then 10": {loadOf(ramp(0, 60_000, 50, 150), constant(60_000, 70_000, 10)), 6100},
	} {
		if got := NewPacer(c.load).Total(); got != c.want {
			t.Errorf("%s: %d arrivals, want %d", name, got, c.want)
		}
	}
}

// drawLoad draws up to five segments with gaps between them.
func drawLoad(t *rapid.T) scenarios.PlannedLoad {
	var segments []scenarios.PlannedSegment
	at := 0.0
	for range rapid.IntRange(1, 5).Draw(t, "segments") {
		at += float64(rapid.IntRange(0, 3).Draw(t, "gap") * 100)
		length := float64(rapid.IntRange(1, 5000).Draw(t, "length"))
		from := scenarios.Rate(rapid.Float64Range(0, 300).Draw(t, "from"))
		to := scenarios.Rate(rapid.Float64Range(0, 300).Draw(t, "to"))
		s := ramp(at, at+length, from, to)
		if rapid.Bool().Draw(t, "constant") {
			s = constant(at, at+length, from)
		}
		segments = append(segments, s)
		at += length
	}
	return loadOf(segments...)
}

// integral is the area under a segment, by what it says and not by the code
// under test.
func integral(s scenarios.PlannedSegment) float64 {
	rate := float64(s.Constant)
	if s.Ramp != nil {
		rate = float64(s.Ramp.From+s.Ramp.To) / 2
	}
	return rate * (s.End - s.Start).Std().Seconds()
}

func TestArrivalsFollowTheIntegral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := drawLoad(t)
		counted, last := make([]int, len(load.Segments)), time.Duration(-1)
		for at := range Arrivals(load) {
			if at < last {
				t.Fatalf("an arrival at %v follows one at %v", at, last)
			}
			last = at
			in := slices.IndexFunc(load.Segments, func(s scenarios.PlannedSegment) bool {
				return at >= s.Start.Std() && at < s.End.Std()
			})
			if in < 0 {
				t.Fatalf("the arrival at %v is in no segment", at)
			}
			counted[in]++
		}
		var sum float64
		for i, s := range load.Segments {
			sum += integral(s)
			if math.Abs(float64(counted[i])-integral(s)) > 1+1e-6 {
				t.Errorf("segment %d: %d arrivals, integral %.3f", i, counted[i], integral(s))
			}
		}
		if total := float64(NewPacer(load).Total()); math.Abs(total-sum) > 0.5+1e-6 {
			t.Errorf("%.0f arrivals, integral %.3f", total, sum)
		}
	})
}

func TestPaceIsAPureFunctionOfElapsedAndHits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := NewPacer(drawLoad(t))
		if p.Total() == 0 {
			return
		}
		hits := rapid.Uint64Range(0, p.Total()-1).Draw(t, "hits")
		elapsed := time.Duration(rapid.Int64Range(0, int64(30*time.Second)).Draw(t, "elapsed"))
		wait, stop := p.Pace(elapsed, hits)
		if again, _ := p.Pace(elapsed, hits); again != wait || stop {
			t.Fatalf("pace %v, then %v, stop %t", wait, again, stop)
		}
		if due := p.At(hits); wait != max(due-elapsed, 0) {
			t.Errorf("at %v the arrival at %v is %v away", elapsed, due, wait)
		}
		if _, stop := p.Pace(elapsed, p.Total()); !stop {
			t.Error("no stop after the last arrival")
		}
	})
}

// vegeta's LinearPacer, asked all the time, is the oracle for ramps: at no
// moment may it have sent more than one arrival more or less.
func TestRampAgreesWithVegeta(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := rapid.IntRange(1, 200).Draw(t, "from"), rapid.IntRange(0, 200).Draw(t, "to")
		length := time.Duration(rapid.IntRange(1, 8).Draw(t, "seconds")) * time.Second
		ours := NewPacer(loadOf(ramp(0, length.Seconds()*1000, scenarios.Rate(from), scenarios.Rate(to))))
		theirs := vegeta.LinearPacer{
			StartAt: vegeta.Rate{Freq: from, Per: time.Second},
			Slope:   float64(to-from) / length.Seconds(),
		}
		var sent, arrived uint64
		for now := time.Duration(0); now < length; now += time.Millisecond {
			for wait, _ := theirs.Pace(now, sent); wait <= 0; wait, _ = theirs.Pace(now, sent) {
				sent++
			}
			for wait, stop := ours.Pace(now, arrived); wait <= 0 && !stop; wait, stop = ours.Pace(now, arrived) {
				arrived++
			}
			if sent > arrived+1 || arrived > sent+1 {
				t.Fatalf("at %v vegeta has sent %d, we %d", now, sent, arrived)
			}
			if got, want := ours.Rate(now), theirs.Rate(now); math.Abs(got-want) > 1e-6*(1+want) {
				t.Fatalf("at %v the rate is %v, vegeta's %v", now, got, want)
			}
		}
	})
}

// Why LinearPacer is the oracle and not the engine: waiting as long as it says,
// which is how vegeta uses it, a rising ramp arrives in clumps. Ours does not.
func TestRampDoesNotClump(t *testing.T) {
	clump := func(p vegeta.Pacer) (largest int) {
		elapsed, together := time.Duration(0), 1
		for hits := uint64(0); hits < 500; hits++ {
			wait, stop := p.Pace(elapsed, hits)
			if stop {
				break
			}
			if elapsed += wait; wait > 0 {
				together = 0
			}
			together++
			largest = max(largest, together)
		}
		return largest
	}
	theirs := clump(vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 1, Per: time.Second}, Slope: 9.9})
	ours := clump(NewPacer(loadOf(ramp(0, 10_000, 1, 100))))
	if ours != 1 {
		t.Errorf("%d arrivals at one moment, want 1", ours)
	}
	if theirs <= 1 {
		t.Error("vegeta's LinearPacer does not clump any more: the reason for a Pacer of our own is gone")
	}
}
