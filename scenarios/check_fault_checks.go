package scenarios

import (
	"fmt"
	"slices"
)

// A faultCheck is what checks of faults have in common.
type faultCheck struct {
	at            location
	kind          string
	journey, step string
	faults        []string // as written
	after         Duration // how long after a fault something is judged
}

// faultCheck is the one of a check at a location; false where it is of another
// kind.
func (c Check) faultCheck(at location) (faultCheck, bool) {
	switch {
	case c.SteadyState != nil:
		s := c.SteadyState
		return faultCheck{at.to("steady_state"), "steady_state", s.Journey, s.Step, s.Faults, *limitOr(s.Settle, defaultSettle)}, true
	case c.Recovery != nil:
		r := c.Recovery
		return faultCheck{at.to("recovery"), "recovery", r.Journey, r.Step, r.Faults, r.Within}, true
	case c.ThirdParty != nil:
		t := c.ThirdParty
		f := faultCheck{at.to("third_party"), "third_party", t.Per.Journey, t.Per.Step, t.Faults, 0}
		if t.Breaker != nil {
			f.after = t.Breaker.ClosesWithin
		}
		return f, true
	case c.BlastRadius != nil:
		b := c.BlastRadius
		return faultCheck{at.to("blast_radius"), "blast_radius", b.Journey, b.Step, b.Faults, 0}, true
	case c.Stampede != nil:
		s := c.Stampede
		f := faultCheck{at.to("stampede"), "stampede", "", "", s.Faults, *limitOr(s.Settle, defaultStampede)}
		if s.Per != nil {
			f.journey, f.step = s.Per.Journey, s.Per.Step
		}
		return f, true
	}
	return faultCheck{}, false
}

// journeyAt is where the journey of the check is named.
func (f faultCheck) journeyAt() location {
	if f.kind == "third_party" || f.kind == "stampede" {
		return f.at.to("per")
	}
	return f.at
}

// checkFaultCheck checks what a check of faults refers to inside the file.
func (d *Document) checkFaultCheck(at location, c Check, steps map[string][]string) {
	f, ok := c.faultCheck(at)
	if !ok {
		return
	}
	ids := faultIDs(d.Scenario.Faults)
	if len(ids) == 0 && !d.reportedIn(location{"faults"}) {
		d.reportKey(f.at, "the scenario has no fault, and so there is nothing to judge", "add one under faults, or leave the check out")
	}
	for i, id := range f.faults {
		d.checkName(f.at.to("faults", i), "fault", id, ids)
		if slices.Contains(f.faults[:i], id) {
			d.report(f.at.to("faults", i), fmt.Sprintf("fault %q is named twice", shorten(id)), "name each fault once")
		}
	}
	d.checkUserStep(f.journeyAt(), f.journey, f.step, steps)
	switch {
	case c.SteadyState != nil:
		d.checkObjectives(f.at.to("steady"), c.SteadyState.Steady)
		if c.SteadyState.During != nil {
			d.checkObjectives(f.at.to("during"), *c.SteadyState.During)
		}
	case c.Recovery != nil:
		d.checkObjectives(f.at.to("objectives"), c.Recovery.Objectives)
		d.checkPositive(f.at.to("within"), c.Recovery.Within, "a recovery")
	case c.BlastRadius != nil:
		d.checkObjectives(f.at.to("objectives"), c.BlastRadius.Objectives)
	case c.ThirdParty != nil:
		d.checkCalling(f.at, *c.ThirdParty)
	case c.Stampede != nil:
		d.checkStampede(f.at, *c.Stampede)
	}
}

// checkUserStep checks the names of a journey and of a step of it.
func (d *Document) checkUserStep(at location, journey, step string, steps map[string][]string) {
	if journey != "" {
		d.checkName(at.to("journey"), "journey", journey, keys(steps))
	}
	if step != "" {
		d.checkName(at.to("step"), "step", step, steps[journey])
	}
}

func (d *Document) checkObjectives(at location, o Objectives) {
	checkAbove(d, at.to("p95"), o.P95)
	checkAbove(d, at.to("p99"), o.P99)
	checkAbove(d, at.to("availability"), o.Availability)
	if o.P95 != nil && o.P99 != nil && *o.P99 < *o.P95 && !d.reportedIn(at) {
		d.report(at.to("p99"), fmt.Sprintf("the p99 of %s is below the p95 of %s", *o.P99, *o.P95), "give a p99 that is above it, or leave one out")
	}
}

func (d *Document) checkCalling(at location, c ThirdPartyCheck) {
	asked := d.givenOf(at, "amplification", "backoff", "retry_after", "breaker", "errors", "fail_fast")
	if len(asked) == 0 || len(asked) == 1 && asked[0] == "retry_after" && !c.RetryAfter && !d.reportedIn(at) {
		d.report(at, "asks for nothing", "give amplification, backoff, retry_after, breaker, errors or fail_fast")
	}
	if c.Backoff != nil {
		d.checkPositive(at.to("backoff", "least"), c.Backoff.Least, "a pause")
	}
	if c.Breaker != nil {
		d.checkPositive(at.to("breaker", "opens_within"), c.Breaker.OpensWithin, "opening")
		d.checkPositive(at.to("breaker", "closes_within"), c.Breaker.ClosesWithin, "closing")
	}
	checkAbove(d, at.to("fail_fast"), c.FailFast)
}

func (d *Document) checkStampede(at location, c StampedeCheck) {
	if c.Peak != nil && *c.Peak < 1 {
		d.report(at.to("peak"), fmt.Sprintf("a peak of %s is less than there was before", *c.Peak), "give 1x or more")
	}
	checkAbove(d, at.to("settle"), c.Settle)
	checkAbove(d, at.to("saves"), c.Saves)
	switch {
	case c.Saves != nil && !d.given(at, "per"):
		d.reportKey(at.to("saves"), "what a cache saves is counted a request, and nobody knows which", "add per: {journey: ..., step: ...}")
	case c.Saves == nil && !d.given(at, "saves"):
		d.reportUseless(at, "per", "it is about saves", "add saves, or leave it out")
	}
}

// checkStop checks the conditions that end a run.
func (d *Document) checkStop(steps map[string][]string) {
	for i, s := range d.Scenario.Stop {
		at := location{"stop", i}
		d.checkPositive(at.to("for"), s.For, "missing it")
		if s.Service != "" && s.Journey == "" {
			d.checkStopMetric(at, s)
			continue
		}
		d.checkUserStep(at, s.Journey, s.Step, steps)
		checkAbove(d, at.to("p50"), s.P50)
		checkAbove(d, at.to("p95"), s.P95)
		checkAbove(d, at.to("p99"), s.P99)
		checkAbove(d, at.to("availability"), s.Availability)
		if s.Journey != "" && s.Service == "" {
			for _, key := range []string{"metric", "above"} {
				d.reportUseless(at, key, "it is about a service", "name the service in place of the journey, or leave it out")
			}
		}
	}
}

// checkStopMetric checks a condition on a metric of a service.
func (d *Document) checkStopMetric(at location, s StopCondition) {
	for _, key := range []string{"step", "p50", "p95", "p99", "availability"} {
		d.reportUseless(at, key, "it is about a journey", "name the journey in place of the service, or leave it out")
	}
	if s.Metric == "" && !d.reportedIn(at.to("metric")) {
		d.report(at, "does not say which metric of the service", "add metric: the name of one of stack.services."+s.Service+".metrics")
	}
	if s.Above == nil && !d.reported(at) && !d.reportedIn(at.to("above")) {
		d.report(at, "does not say what the metric may be at most", "add above: 1000, or 30s")
	}
}
