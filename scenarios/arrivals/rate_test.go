package arrivals

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestRateAndExpected(t *testing.T) {
	burst := bursts(scenarios.PlannedBurst{Start: 2 * second, End: 4 * second, Sessions: 10}).Bursts
	for name, c := range map[string]struct {
		load                 scenarios.PlannedLoad
		at                   float64 // seconds
		rate, expected, peak float64 // at the moment, until then, until then
	}{
		"constant":            {loadOf(constant(0, 10_000, 7)), 5, 7, 35, 7},
		"before":              {loadOf(constant(6000, 10_000, 7)), 5, 0, 0, 0},
		"after":               {loadOf(constant(0, 2000, 7)), 5, 0, 14, 7},
		"the end is outside":  {loadOf(constant(0, 5000, 7)), 5, 0, 35, 7},
		"ramp":                {loadOf(ramp(0, 10_000, 0, 10)), 5, 5, 12.5, 5},
		"ramp down":           {loadOf(ramp(0, 10_000, 10, 0)), 5, 5, 37.5, 10},
		"sum":                 {loadOf(ramp(0, 10_000, 0, 10), constant(0, 10_000, 3)), 5, 8, 27.5, 8},
		"wave at its crest":   {loadOf(sine(0, 10_000, 6, 4, 10_000, 5000)), 5, 10, 30, 10},
		"wave at its trough":  {loadOf(sine(0, 10_000, 6, 4, 10_000, 0)), 5, 2, 30, 10},
		"many crests":         {loadOf(sine(0, 10_000, 6, 4, 100, 33)), 5, 6 + 4*math.Cos(2*math.Pi*0.67), 30, 10},
		"burst":               {scenarios.PlannedLoad{Bursts: burst}, 3, 5, 5, 5},
		"burst on a constant": {scenarios.PlannedLoad{Bursts: burst, Segments: loadOf(constant(0, 10_000, 7)).Segments}, 3, 12, 26, 12},
		"a day that touches 0": {loadOf(sine(0, 86_400_000, 10, 10, 86_400_000, 43_200_000)), 43_200,
			20, 432_000, 20},
		"nothing": {loadOf(), 5, 0, 0, 0},
	} {
		at := time.Duration(c.at * 1e9)
		rate, expected, peak := Rate(c.load, at), Expected(c.load, 0, at), Peak(c.load, 0, at)
		if math.Abs(rate-c.rate) > 1e-9 || math.Abs(expected-c.expected) > 1e-6 || math.Abs(peak-c.peak) > 1e-9 {
			t.Errorf("%s: rate %v, expected %v, peak %v, want %v, %v, %v", name, rate, expected, peak, c.rate, c.expected, c.peak)
		}
	}
}

func TestClosedFormsAgreeWithNumericIntegration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := drawLoad(t)
		from := rapid.Float64Range(0, 10).Draw(t, "from")
		to := from + rapid.Float64Range(0, 10).Draw(t, "length")
		var area, rate float64
		for _, s := range load.Segments {
			area += numeric(s, from, to)
			if at := time.Duration(from * 1e9); at >= s.Start.Std() && at < s.End.Std() {
				rate += instant(s, at.Seconds()) // a steep ramp climbs within a nanosecond
			}
		}
		if got := Expected(load, time.Duration(from*1e9), time.Duration(to*1e9)); math.Abs(got-area) > 1e-5*(1+area) {
			t.Errorf("expected %v, numerically %v", got, area)
		}
		got := Rate(load, time.Duration(from*1e9))
		if math.Abs(got-rate) > 1e-5*(1+rate) {
			t.Errorf("rate %v, want %v", got, rate)
		}
		if peak := Peak(load, time.Duration(from*1e9), time.Duration(to*1e9)); to-from > 1e-6 && peak < got*(1-1e-9) {
			t.Errorf("peak %v is below a rate of %v", peak, got)
		}
	})
}
