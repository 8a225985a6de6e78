package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// How much of the evidence for an objective is listed.
const (
	maxSeconds = 3
	maxReasons = 5
)

// slowest lists the seconds in which a percentile was furthest above a limit,
// and the worst of all if it never was.
func (s sample) slowest(percentile string, limit time.Duration) []Evidence {
	value := func(t journal.Traffic) time.Duration {
		switch percentile {
		case "p50":
			return t.P50
		case "p95":
			return t.P95
		}
		return t.P99
	}
	seconds := func(above time.Duration, most int) []Evidence {
		return s.worst(most, func(t journal.Traffic) (int64, string) {
			if value(t) <= above || t.OK == 0 {
				return 0, ""
			}
			return int64(value(t)), fmt.Sprintf("%s %s of %s, max %s", percentile, latency(value(t)), plural(t.OK, s.noun), latency(t.Max))
		})
	}
	if over := seconds(limit, maxSeconds); len(over) > 0 {
		return over
	}
	return seconds(0, 1)
}

// lossiest lists the seconds in which most requests did not succeed.
func (s sample) lossiest() []Evidence {
	return s.worst(maxSeconds, func(t journal.Traffic) (int64, string) {
		failed := max(0, t.Failed-t.Own)
		return int64(failed + t.Unknown), fmt.Sprintf("%s failed, %s unknown of %s",
			count(failed), count(t.Unknown), plural(t.OK+failed+t.Unknown, s.noun))
	})
}

// worst lists the intervals of one step with the highest badness above 0, so
// many at most, in order of time.
func (s sample) worst(most int, badness func(journal.Traffic) (int64, string)) []Evidence {
	type scored struct {
		Evidence
		bad int64
	}
	var list []scored
	for _, t := range s.traffic {
		bad, text := badness(t.body)
		if bad > 0 {
			list = append(list, scored{Evidence{Text: stepName(t.body) + ": " + text, From: t.at - t.body.For, To: t.at,
				Count: t.body.OK + t.body.Failed + t.body.Unknown}, bad})
		}
	}
	slices.SortFunc(list, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.bad, a.bad), cmp.Compare(a.To, b.To), cmp.Compare(a.Text, b.Text), cmp.Compare(b.Count, a.Count))
	})
	list = list[:min(len(list), most)]
	slices.SortStableFunc(list, func(a, b scored) int { return cmp.Compare(a.To, b.To) })
	var out []Evidence
	for _, e := range list {
		out = append(out, e.Evidence)
	}
	return out
}

// reasons lists what went wrong most often, as the driver saw it.
func (s sample) reasons() []Evidence {
	var list []Evidence
	for _, g := range s.groups[:min(len(s.groups), maxReasons)] {
		outcome := g.Outcome
		if s.narrowed {
			outcome += ", of any cohort"
		}
		list = append(list, Evidence{Text: fmt.Sprintf("%s: %s (%s)", g.Step, g.Message, outcome), From: g.First, To: g.Last, Count: g.Count})
	}
	return list
}

// stepName is what a line of the driver's counts is about.
func stepName(t journal.Traffic) string {
	if t.Step == "" {
		return "session"
	}
	return t.Step
}
