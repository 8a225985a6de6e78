package stopping

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A second is what became of the requests that a condition is about in one
// interval of the driver's, over cohorts, tiers, phases and steps.
type second struct {
	length   time.Duration
	ok, lost int
	parts    []journal.Traffic // those with answers, for their percentiles
}

// add takes in one part. What could not be sent for want of something of the
// generator's says nothing about the system.
func (s *second) add(t journal.Traffic) {
	s.length = max(s.length, t.For)
	s.ok += t.OK
	s.lost += max(0, t.Failed-t.Own) + t.Unknown
	if t.OK > 0 {
		s.parts = append(s.parts, t)
	}
}

func (s *second) requests() int { return s.ok + s.lost }

// quantile is the time that a share of the requests reached at most; not
// answered when so many had no right answer that there is none. Of one part it is
// the driver's own figure; of several, whose histograms are not at hand, it is
// where their distributions, taken as straight between the percentiles that are
// known, add up to the share.
func (s *second) quantile(share float64) (value time.Duration, answered bool) {
	wanted := share * float64(s.requests())
	if float64(s.ok) < wanted-1e-9 {
		return 0, false
	}
	if len(s.parts) == 1 && s.lost == 0 {
		return map[float64]time.Duration{0.5: s.parts[0].P50, 0.95: s.parts[0].P95, 0.99: s.parts[0].P99}[share], true
	}
	low, high := time.Duration(0), time.Duration(0)
	for _, p := range s.parts {
		high = max(high, p.Max)
	}
	for high-low > 10*time.Microsecond {
		middle := low + (high-low)/2
		reached := 0.0
		for _, p := range s.parts {
			reached += float64(p.OK) * below(p, middle)
		}
		if reached >= wanted-1e-9 {
			high = middle
		} else {
			low = middle
		}
	}
	return high, true
}

// below is the share of a part's answers that took at most so long.
func below(t journal.Traffic, d time.Duration) float64 {
	known := [...]struct {
		at    time.Duration
		share float64
	}{{0, 0}, {t.P50, 0.5}, {t.P95, 0.95}, {t.P99, 0.99}, {t.Max, 1}}
	for i := len(known) - 1; i >= 0; i-- {
		if d < known[i].at {
			continue
		}
		if i == len(known)-1 {
			return 1
		}
		from, to := known[i], known[i+1]
		return from.share + (to.share-from.share)*float64(d-from.at)/float64(to.at-from.at)
	}
	return 0
}
