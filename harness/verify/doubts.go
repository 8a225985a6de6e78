package verify

import (
	"fmt"
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
		for _, slo := range objectivesOf(c) {
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

// objectivesOf are what a check has latencies of requests measured for.
func objectivesOf(c scenarios.Check) []scenarios.SLOCheck {
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
	}
	return nil
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
		for _, slo := range objectivesOf(c) {
			if limit, ok := strictest(&slo); ok && (least == 0 || limit < least) {
				least = limit
			}
		}
	}
	return tolerable(least)
}
