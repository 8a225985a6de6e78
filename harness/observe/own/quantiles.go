package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// quantiles are those that are exposed, with their label.
var quantiles = []struct {
	share float64
	label string
}{{0.5, "0.5"}, {0.95, "0.95"}, {0.99, "0.99"}}

// publish puts the quantiles of the interval that was told in the place of those of
// the one before: what had no answers has none.
func (r *requests) publish(t time.Duration) {
	clear(r.requestTimes.series)
	clear(r.sessionTimes.series)
	for of, parts := range r.interval {
		for _, q := range quantiles {
			v := quantile(parts, q.share).Seconds()
			if of.step == "" {
				r.sessionTimes.set(t, v, of.journey, q.label)
			} else {
				r.requestTimes.set(t, v, of.journey, of.step, q.label)
			}
		}
	}
	clear(r.interval)
}

// quantile is the time that a share of the answers took at most. Of one part it is the
// driver's own figure. Of several, cohorts, tiers and phases, whose histograms are not
// at hand, it is where their distributions, taken as straight between the percentiles
// that are known, add up to the share.
func quantile(parts []journal.Traffic, share float64) time.Duration {
	if len(parts) == 1 {
		return known(parts[0], share)
	}
	answers, low, high := 0.0, known(parts[0], share), time.Duration(0)
	for _, p := range parts {
		answers += float64(p.OK)
		low, high = min(low, known(p, share)), max(high, known(p, share))
	}
	for high-low > time.Microsecond {
		middle := low + (high-low)/2
		reached := 0.0
		for _, p := range parts {
			reached += float64(p.OK) * below(p, middle)
		}
		if reached >= share*answers-1e-9 {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// known is the driver's figure.
func known(p journal.Traffic, share float64) time.Duration {
	switch share {
	case 0.5:
		return p.P50
	case 0.95:
		return p.P95
	}
	return p.P99
}

// below is the share of a part's answers that took at most d.
func below(p journal.Traffic, d time.Duration) float64 {
	points := [...]struct {
		at    time.Duration
		share float64
	}{{0, 0}, {p.P50, 0.5}, {p.P95, 0.95}, {p.P99, 0.99}, {p.Max, 1}}
	for i := len(points) - 1; i >= 0; i-- {
		if d < points[i].at {
			continue
		}
		if i == len(points)-1 {
			return 1
		}
		from, to := points[i], points[i+1]
		return from.share + (to.share-from.share)*float64(d-from.at)/float64(to.at-from.at)
	}
	return 0
}
