package scenarios

import (
	"math"
	"time"
)

// lintSamples is how many moments of a plan lint looks at.
const lintSamples = 500

// rate is the requests a second to the service at an offset from the start of
// traffic, as planned: sessions by the requests that one makes on average. Closed
// loops and recordings have no planned rate.
func (l *linter) rate(at Duration) float64 {
	sum := 0.0
	for _, load := range l.plan.Load {
		if n := requestsTo(l.plan.Journeys[load.Journey], l.name); n > 0 {
			sum += n * sessionsAt(load, at)
		}
	}
	return sum
}

// sessionsAt is how many sessions a second begin at an offset.
func sessionsAt(load PlannedLoad, at Duration) float64 {
	sum := 0.0
	for _, s := range load.Segments {
		if s.Start <= at && at < s.End {
			sum += float64(s.Constant)
			if r := s.Ramp; r != nil {
				sum += float64(r.From) + float64(r.To-r.From)*float64(at-s.Start)/float64(s.End-s.Start)
			}
			for _, w := range s.Waves {
				sum += float64(w.Amplitude) * math.Cos(2*math.Pi*float64(at-w.Peak)/float64(w.Period))
			}
		}
	}
	for _, b := range load.Bursts {
		if b.Start <= at && at < b.End {
			sum += float64(b.Sessions) / (b.End - b.Start).Std().Seconds()
		}
	}
	return sum
}

// requestsTo is how many requests a journey sends to a service on average, those
// of a poll counted once.
func requestsTo(steps []PlannedStep, service string) float64 {
	sum := 0.0
	for _, s := range steps {
		switch {
		case s.Repeat != nil:
			sum += s.Repeat.Times.middle() * requestsTo(s.Repeat.Steps, service)
		case s.Choose != nil:
			weights := 0
			for _, o := range s.Choose {
				weights += o.Weight
			}
			for _, o := range s.Choose {
				sum += float64(o.Weight) / float64(max(1, weights)) * requestsTo(o.Steps, service)
			}
		case s.Service == service:
			sum++
		}
	}
	return sum
}

// middle is a number that stands for the distribution.
func (s Size) middle() float64 {
	if len(s.Values) == 0 {
		return float64(s.Constant + s.Median) // one of them is 0
	}
	sum := 0
	for _, v := range s.Values {
		sum += v
	}
	return float64(sum) / float64(len(s.Values))
}

// samples calls visit for moments all over the plan.
func (l *linter) samples(visit func(at Duration, rate float64)) {
	for i := range lintSamples {
		at := Duration(float64(l.plan.Duration) * float64(i) / lintSamples)
		visit(at, l.rate(at))
	}
}

// span is the rate that the load begins with, and its highest.
func (l *linter) span() (low, high float64) {
	l.samples(func(_ Duration, rate float64) {
		if low == 0 {
			low = rate
		}
		high = max(high, rate)
	})
	return low, high
}

// unmeasured tells that nobody knows what the instances of the beginning carry: not by
// autoscale.capacity, and not by a load that the plan begins with.
func (l *linter) unmeasured() bool { return l.scaler.Capacity == 0 && l.rate(0) == 0 }

// climb is the time from the moment at which the load leaves its first rate to
// its highest.
func (l *linter) climb() time.Duration {
	low, high := l.span()
	var left, top Duration
	l.samples(func(at Duration, rate float64) {
		switch {
		case rate <= low*1.05 && top == 0:
			left = at
		case rate >= high*0.99 && top == 0:
			top = at
		}
	})
	return max(0, top-left).Std()
}
