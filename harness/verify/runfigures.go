package verify

import (
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Figure is one number of a run that can be held against the same one of other runs.
type Figure struct {
	Journey string // "" for all of them
	Metric  string // one of scenarios.RegressionMetrics
	// Value is in seconds, a share from 0 to 1, or requests a second.
	Value float64
}

// Name is how baselines call it: "shop/p99".
func (f Figure) Name() string { return f.Journey + "/" + f.Metric }

// untold is a limit that no request exceeds, for a reading that is held to none.
const untold = time.Hour

// percentiles are the metrics of response times, with the percentile that each is.
var percentiles = map[string]float64{"p50": 50, "p95": 95, "p99": 99}

// Figures are those of a run, by journey and metric: over all of its requests, cohorts
// and phases. A percentile that too few requests stand behind, or that is among those
// without a right answer, is left out: it is not known, or there is none. It never
// panics; neither argument is changed.
func Figures(rec *journal.Record, plan *scenarios.Plan) (list []Figure) {
	defer func() { _ = recover() }() // whatever stands in the files of a run
	if rec == nil || plan == nil {
		return nil
	}
	h := newHistory(rec, plan)
	for _, journey := range h.journeys() {
		s := h.sampleOf(scenarios.SLOCheck{Journey: journey})
		for _, metric := range scenarios.RegressionMetrics() {
			if value, _, known := h.figureOf(s, metric); known {
				list = append(list, Figure{journey, metric, value})
			}
		}
	}
	return list
}

// journeys are those that requests were counted of, by name.
func (h *history) journeys() []string {
	names := map[string]bool{}
	for _, t := range h.traffic {
		if t.body.Step != "" {
			names[t.body.Journey] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// figureOf is a metric of a sample, and in words; not known where the sample does not
// carry it.
func (h *history) figureOf(s sample, metric string) (value float64, words string, known bool) {
	n := s.ok + s.failed + s.unknown
	switch metric {
	case "availability":
		if n == 0 {
			return 0, "no requests", false
		}
		return float64(s.ok) / float64(n), share(s.ok, n) + " of " + plural(n, s.noun), true
	case "rate":
		span := h.rated()
		if span <= 0 || s.made() == 0 {
			return 0, "no requests", false
		}
		rate := float64(s.made()) / span.Seconds()
		return rate, figure(rate) + "/s", true
	}
	r := s.read(percentiles[metric], untold)
	if !r.sized || r.n == 0 {
		return 0, r.words(metric), false
	}
	return r.value.Seconds(), r.words(metric), true
}

// rated is the time that rates count over: arrivals end with the last phase, whatever
// time the last sessions then take.
func (h *history) rated() time.Duration {
	flowed := h.window.to - h.window.from
	if planned := h.plan.Duration.Std(); planned > 0 {
		return min(flowed, planned)
	}
	return flowed
}
