package draws

import (
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/draws/seeded"
)

// p95 is the point that 95 in 100 draws of the standard normal distribution
// are below.
const p95 = 1.6448536269514722

// The largest number that is drawn: a float64 holds every whole number up to
// there, and it is a hundred days in nanoseconds.
const largest = 1 << 53

// lognormal draws from the distribution whose logarithm is normal with mean
// ln(median) and deviation ln(p95/median) / 1.645: half of the draws are below
// the one, 95 in 100 below the other. Without a p95 above it, it is median.
func lognormal(r *seeded.Rand, median, above float64) float64 {
	if !(median > 0 && above > median) {
		return min(max(median, 0), largest)
	}
	return min(median*math.Exp(math.Log(above/median)/p95*r.Normal()), largest)
}

// size draws from a distribution of whole numbers; what is above its Max is
// Max.
func size(r *seeded.Rand, s scenarios.Size) int {
	n := s.Constant
	switch {
	case s.Median > 0:
		n = int(math.Round(lognormal(r, float64(s.Median), float64(s.P95))))
	case len(s.Values) > 0:
		n = s.Values[r.Below(uint64(len(s.Values)))]
	}
	if s.Max > 0 {
		n = min(n, s.Max)
	}
	return max(n, 0)
}

// think draws from a distribution of times, none for nil.
func think(r *seeded.Rand, t *scenarios.Think) time.Duration {
	if t == nil {
		return 0
	}
	d := t.Constant
	switch {
	case t.Median > 0:
		d = scenarios.Duration(lognormal(r, float64(t.Median), float64(t.P95)))
	case len(t.Values) > 0:
		d = t.Values[r.Below(uint64(len(t.Values)))]
	}
	if t.Max > 0 {
		d = min(d, t.Max)
	}
	return max(d, 0).Std()
}

// choose draws the index of a weight, with the probability of its share; -1
// when there is none above 0.
func choose(r *seeded.Rand, weights []int) int {
	total, last := 0.0, -1
	for i, w := range weights {
		if w > 0 {
			total, last = total+float64(w), i
		}
	}
	at := r.Unit() * total
	for i, w := range weights {
		if at -= float64(max(w, 0)); at < 0 {
			return i
		}
	}
	return last // where rounding has left something
}
