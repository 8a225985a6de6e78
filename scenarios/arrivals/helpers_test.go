package arrivals

import (
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

const second = scenarios.Duration(time.Second)

// ms is a number of milliseconds from the start of traffic.
func ms(n float64) scenarios.Duration { return scenarios.Duration(n * float64(time.Millisecond)) }

func constant(from, to float64, rate scenarios.Rate) scenarios.PlannedSegment {
	return scenarios.PlannedSegment{Start: ms(from), End: ms(to), Constant: rate}
}

func ramp(from, to float64, start, end scenarios.Rate) scenarios.PlannedSegment {
	return scenarios.PlannedSegment{Start: ms(from), End: ms(to), Ramp: &scenarios.Ramp{From: start, To: end}}
}

func sine(from, to float64, mean, amplitude scenarios.Rate, period, peak float64) scenarios.PlannedSegment {
	s := constant(from, to, mean)
	s.Waves = []scenarios.Wave{{Amplitude: amplitude, Period: ms(period), Peak: ms(peak)}}
	return s
}

func poisson(s scenarios.PlannedSegment) scenarios.PlannedSegment {
	s.Poisson = true
	return s
}

func loadOf(segments ...scenarios.PlannedSegment) scenarios.PlannedLoad {
	return scenarios.PlannedLoad{Cohort: "all", Journey: "shop", Segments: segments}
}

func bursts(b ...scenarios.PlannedBurst) scenarios.PlannedLoad {
	return scenarios.PlannedLoad{Cohort: "all", Journey: "shop", Bursts: b}
}

// collect takes everything from a stream, at most so many arrivals.
func collect(s *Stream, most int) []time.Duration {
	var all []time.Duration
	for at, ok := s.Peek(); ok && len(all) < most; at, ok = s.Peek() {
		all = append(all, at)
		s.Take()
	}
	return all
}

// everything is the arrivals of a load with seed 1.
func everything(load scenarios.PlannedLoad) []time.Duration {
	return collect(New(load, 0, 1, nil), math.MaxInt)
}

// instant is the rate of a segment at a moment, by what the language says.
func instant(s scenarios.PlannedSegment, at float64) float64 {
	r := float64(s.Constant)
	if s.Ramp != nil {
		share := (at - s.Start.Std().Seconds()) / (s.End - s.Start).Std().Seconds()
		r = float64(s.Ramp.From)*(1-share) + float64(s.Ramp.To)*share
	}
	for _, w := range s.Waves {
		r += float64(w.Amplitude) * math.Cos(2*math.Pi*(at-w.Peak.Std().Seconds())/w.Period.Std().Seconds())
	}
	return r
}

// numeric is the integral of a segment's rate by Simpson's rule.
func numeric(s scenarios.PlannedSegment, from, to float64) float64 {
	from, to = max(from, s.Start.Std().Seconds()), min(to, s.End.Std().Seconds())
	if from >= to {
		return 0
	}
	const n = 4000
	h := (to - from) / n
	sum := instant(s, from) + instant(s, to)
	for i := 1; i < n; i++ {
		sum += float64(2+2*(i%2)) * instant(s, from+float64(i)*h)
	}
	return sum * h / 3
}

// drawSegment draws a segment that starts at an offset in milliseconds.
func drawSegment(t *rapid.T, at float64) scenarios.PlannedSegment {
	length := float64(rapid.IntRange(1, 5000).Draw(t, "length"))
	from := scenarios.Rate(rapid.Float64Range(0, 300).Draw(t, "from"))
	to := scenarios.Rate(rapid.Float64Range(0, 300).Draw(t, "to"))
	s := constant(at, at+length, from)
	if rapid.Bool().Draw(t, "ramp") {
		s = ramp(at, at+length, from, to)
	}
	lowest := min(from, to)
	if s.Ramp == nil {
		lowest = from
	}
	for range rapid.IntRange(0, 2).Draw(t, "waves") {
		amplitude := lowest * scenarios.Rate(rapid.Float64Range(0, 0.5).Draw(t, "amplitude"))
		s.Waves = append(s.Waves, scenarios.Wave{
			Amplitude: amplitude,
			Period:    ms(float64(rapid.IntRange(200, 20_000).Draw(t, "period"))),
			Peak:      ms(float64(rapid.IntRange(-20_000, 20_000).Draw(t, "peak"))),
		})
	}
	return s
}

// drawLoad draws up to five segments, some after gaps, some overlapping.
func drawLoad(t *rapid.T) scenarios.PlannedLoad {
	var all []scenarios.PlannedSegment
	at := 0.0
	for range rapid.IntRange(1, 5).Draw(t, "segments") {
		s := drawSegment(t, at)
		all = append(all, s)
		length := float64(s.End-s.Start) / float64(time.Millisecond)
		at += math.Round(length * rapid.SampledFrom([]float64{0, 0.5, 1, 1.3}).Draw(t, "advance"))
	}
	return loadOf(all...)
}
