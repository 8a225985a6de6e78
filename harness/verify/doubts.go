package verify

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Doubts says why the latencies of a run may be the generator's own doing, in
// the words of the checks that are inconclusive for it; none when it was good
// enough. A plan that limits no latency is held to the finest limit there is.
// Neither argument is changed, and both may be nil.
func Doubts(rec *journal.Record, plan *scenarios.Plan) (reasons []string) {
	defer func() {
		if p := recover(); p != nil { // whatever stands in the files of a run
			reasons = []string{fmt.Sprintf("what the generator recorded could not be judged: %.100v", p)}
		}
	}()
	if rec == nil {
		rec = &journal.Record{}
	}
	if plan == nil {
		plan = &scenarios.Plan{}
	}
	h := newHistory(rec, plan)
	judged := false
	for _, c := range plan.Checks {
		for _, slo := range objectivesOf(c, plan) {
			limit, ok := strictest(&slo)
			if !ok {
				continue
			}
			judged = true
			if why := h.sampleOf(slo).generator.suspect(limit).reason; why != "" && !slices.Contains(reasons, why) {
				reasons = append(reasons, why)
			}
		}
	}
	if judged {
		return reasons
	}
	if why := h.wholeGenerator().suspect(0).reason; why != "" {
		return []string{why}
	}
	return nil
}

// objectivesOf are what a check of a plan has latencies of requests measured for.
func objectivesOf(c scenarios.Check, plan *scenarios.Plan) []scenarios.SLOCheck {
	switch {
	case c.SLO != nil:
		return []scenarios.SLOCheck{*c.SLO}
	case c.Scaling != nil && c.Scaling.Recovery != nil:
		return []scenarios.SLOCheck{latencyOf(*c.Scaling.Recovery)}
	case c.SteadyState != nil && c.SteadyState.During != nil:
		s := c.SteadyState
		return []scenarios.SLOCheck{aimed(s.Journey, s.Step, s.Steady), aimed(s.Journey, s.Step, *s.During)}
	case c.SteadyState != nil:
		return []scenarios.SLOCheck{aimed(c.SteadyState.Journey, c.SteadyState.Step, c.SteadyState.Steady)}
	case c.Recovery != nil:
		return []scenarios.SLOCheck{aimed(c.Recovery.Journey, c.Recovery.Step, c.Recovery.Objectives)}
	case c.BlastRadius != nil:
		return []scenarios.SLOCheck{aimed(c.BlastRadius.Journey, c.BlastRadius.Step, c.BlastRadius.Objectives)}
	case c.ThirdParty != nil && c.ThirdParty.FailFast != nil:
		return []scenarios.SLOCheck{{Journey: c.ThirdParty.Per.Journey, Step: c.ThirdParty.Per.Step, P95: c.ThirdParty.FailFast}}
	case c.Threshold != nil:
		return timedThresholds(*c.Threshold, plan)
	case c.ErrorBudget != nil:
		return timedSLO(*c.ErrorBudget, plan)
	}
	return nil
}

// timedThresholds are the percentiles that a check of thresholds holds requests to; one
// that names no journey is about each of them. The limit is the one that readings are
// made for.
func timedThresholds(c scenarios.ThresholdCheck, plan *scenarios.Plan) []scenarios.SLOCheck {
	var list []scenarios.SLOCheck
	for _, name := range slices.Sorted(maps.Keys(c.Metrics)) {
		t := thresholdOf(c, name)
		_, quantile := quantileMetrics[name]
		if !quantile || t.Query != "" || t.Off || t.decisive() <= 0 {
			continue
		}
		journeys := []string{t.Journey}
		if t.Journey == "" {
			journeys = slices.Sorted(maps.Keys(plan.Journeys))
		}
		limit := scenarios.Duration(seconds(t.decisive()))
		for _, journey := range journeys {
			list = append(list, scenarios.SLOCheck{Journey: journey, Step: t.Step, Phases: c.Phases, P99: &limit})
		}
	}
	return list
}

// timedSLO is the limit on latency of the SLO that a check of its budget is about, where
// its requests are those of the driver.
func timedSLO(c scenarios.ErrorBudgetCheck, plan *scenarios.Plan) []scenarios.SLOCheck {
	n := slices.IndexFunc(plan.SLOs, func(s scenarios.PlannedSLO) bool { return s.Name == c.SLO })
	if n < 0 || plan.SLOs[n].Journey == "" || plan.SLOs[n].Latency <= 0 {
		return nil
	}
	s := plan.SLOs[n]
	return []scenarios.SLOCheck{{Journey: s.Journey, Step: s.Step, Phases: c.Phases, P99: &s.Latency}}
}

// strictest is the lowest limit on a latency that a check sets.
func strictest(c *scenarios.SLOCheck) (limit time.Duration, ok bool) {
	if c == nil {
		return 0, false
	}
	for _, l := range []*scenarios.Duration{c.P50, c.P95, c.P99} {
		if l != nil && (!ok || l.Std() < limit) {
			limit, ok = l.Std(), true
		}
	}
	return limit, ok
}

// wholeGenerator is the generator over the whole run and all journeys.
func (h *history) wholeGenerator() generator {
	g := h.generatorOf(selection{})
	for journey := range h.plan.Journeys {
		g.timeout = max(g.timeout, longestTimeout(h.plan, journey))
	}
	for _, i := range h.rec.Latency {
		if i.Tag.Measure == journal.Lag {
			g.lags(i, true)
		}
	}
	for _, t := range h.traffic {
		g.counts = append(g.counts, t)
		if t.body.Step == "" {
			g.sessions.add(t.body)
			continue
		}
		g.requests.add(t.body)
		g.all.add(t.body)
	}
	return g
}

// TolerableLag is how late the generator may send a request in 100 for the
// strictest latency that a plan, which may be nil, limits.
func TolerableLag(plan *scenarios.Plan) time.Duration {
	least := time.Duration(0)
	if plan == nil {
		return tolerable(least)
	}
	for _, c := range plan.Checks {
		for _, slo := range objectivesOf(c, plan) {
			if limit, ok := strictest(&slo); ok && (least == 0 || limit < least) {
				least = limit
			}
		}
	}
	return tolerable(least)
}
