package verify

import (
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// steadyState judges a journey around faults: S1 before the first of them, S2 while
// they last, S3 after they were reverted. S1 depends on no fault; where it does not
// pass, nothing that does is proven. Where all faults are permanent and something is
// asked for S2, there is no S3.
func (h *history) steadyState(c scenarios.SteadyStateCheck) []Finding {
	faults, settle := h.faultsOf(c.Faults), settleOf(c)
	findings := []Finding{h.steadyBefore(c)}
	if c.During != nil {
		f := h.steadyIn(c, "during", "while faults lasted", *c.During, spansOf(faults, settle))
		f.Evidence = append(f.Evidence, h.blamed(c.Journey, c.Step, faults, settle)...)
		findings = append(findings, h.dependent(f, faults))
	}
	reverted := slices.DeleteFunc(slices.Clone(faults), (*faultRun).permanent)
	gone := len(reverted) == 0 && len(faults) > 0
	if gone && c.During != nil {
		return findings
	}
	f := h.steadyIn(c, "after", "after faults were reverted", c.Steady, h.calmAfter(reverted, settle))
	if gone {
		f.Verdict, f.Reason = Inconclusive, "all faults are permanent, so there is no time after them; ask for what must hold during them"
	}
	return append(findings, h.dependent(f, faults))
}

// settleOf is how long after a fault the time counts neither as during nor as after.
func settleOf(c scenarios.SteadyStateCheck) time.Duration {
	if c.Settle != nil {
		return c.Settle.Std()
	}
	return shown
}

func steadyFinding(c scenarios.SteadyStateCheck, part, wanted string) Finding {
	id := "steady-state/" + c.Journey
	if c.Step != "" {
		id += "/" + c.Step
	}
	return Finding{ID: id + "/" + part, Kind: "steady_state", Verdict: Pass, Wanted: wanted}
}

// steadyBefore is S1: the objectives hold from the start of traffic to the first
// fault, whichever the check is about.
func (h *history) steadyBefore(c scenarios.SteadyStateCheck) Finding {
	first := h.window.to
	for _, r := range h.faults.runs {
		first = min(first, r.ordered())
	}
	aim := aimed(c.Journey, c.Step, c.Steady)
	before := []span{{max(0, h.window.from), first}}
	s := h.sampleDuring(aim, func(i span) bool { return inside(i, before) })
	f := steadyFinding(c, "before", wanted(aim))
	return h.whole(h.judged(f, aim, s, "before the first fault", before))
}

// steadyIn judges the objectives of some stretches.
func (h *history) steadyIn(c scenarios.SteadyStateCheck, part, when string, o scenarios.Objectives, stretches []span) Finding {
	aim := aimed(c.Journey, c.Step, o)
	s := h.sampleAmid(aim, stretches)
	return h.judged(steadyFinding(c, part, wanted(aim)), aim, s, when, stretches)
}

// judged is meets, with the stretches that it is about.
func (h *history) judged(f Finding, aim scenarios.SLOCheck, s sample, when string, stretches []span) Finding {
	f = h.meets(f, aim, s)
	if s.ok+s.failed+s.unknown == 0 && h.window.cut == "" {
		f.Reason = "no request of " + subject(aim) + " ended " + when
	}
	if aim.P95 != nil || aim.P99 != nil {
		f = label(f, h.loops(aim))
	}
	for n, d := range stretches {
		if n == maxNamed {
			break
		}
		f.Evidence = append(f.Evidence, Evidence{Text: when + ", " + latency(d.length()), From: d.from, To: d.to})
	}
	return f
}

// calmAfter are the times after faults, and after the time to settle, in which no
// fault lasts or was reverted a moment ago; up to the end of the last phase.
func (h *history) calmAfter(faults []*faultRun, settle time.Duration) []span {
	begin := forever
	for _, r := range faults {
		if s, ok := r.lasted(); ok {
			begin = min(begin, s.to)
		}
	}
	var others []span
	for _, r := range h.faults.runs {
		if s, ok := r.lasted(); ok && !r.permanent() {
			others = append(others, span{r.ordered(), s.to + settle})
		}
	}
	return besides(span{begin, h.loaded()}, united(others))
}

// loaded is when the last phase was over, or traffic where that was first: what
// is left then are the sessions that take longest.
func (h *history) loaded() time.Duration {
	if end := h.controlled().to; end > h.window.from {
		return min(end, h.window.to)
	}
	return h.window.to
}

// blamed says how many of the failed calls to the services of a journey were
// answered by faults.
func (h *history) blamed(journey, step string, faults []*faultRun, settle time.Duration) []Evidence {
	services := map[string]bool{}
	for _, r := range scenarios.Requests(h.plan.Journeys[journey]) {
		if step == "" || r.Name == step {
			services[r.Service] = true
		}
	}
	for _, f := range faults {
		for _, service := range f.Services {
			services[service] = true
		}
	}
	var list []Evidence
	for _, f := range faults {
		list = append(list, h.answeredBy(f, slices.Sorted(maps.Keys(services)), settle)...)
	}
	return list
}
