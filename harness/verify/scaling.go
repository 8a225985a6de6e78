package verify

import (
	"github.com/shakedown-dev/shakedown/scenarios"
)

// scaling judges how an autoscaler followed the load: C1 it reacted in time, C2
// the objectives were met again in time, C3 and C4 there were neither too few nor
// too many instances, C5 never many more than were ever needed, C6 it did not
// swing, C7 it kept to its limits, C8 it took its time before it removed any. C1 to
// C5 are judged where the check has a limit for them.
func (h *history) scaling(c scenarios.ScalingCheck) []Finding {
	d, decisions := h.demandOf(c.Service), h.decisionsOf(c.Service)
	var findings []Finding
	if c.Reaction != nil {
		findings = append(findings, h.settled(h.reaction(c, d, decisions)))
	}
	if c.Recovery != nil {
		findings = append(findings, h.settled(label(h.recovery(c, d), h.loops(latencyOf(*c.Recovery)))))
	}
	if c.UnderProvisioned != nil || c.UnderTime != nil {
		findings = append(findings, h.overall(h.underProvisioned(c, d)))
	}
	if c.OverProvisioned != nil || c.OverTime != nil {
		findings = append(findings, h.overall(h.overProvisioned(c, d)))
	}
	if c.Overshoot != nil {
		findings = append(findings, h.overall(h.overshoot(c, d)))
	}
	if limit, ok := h.reversals(c); ok {
		findings = append(findings, h.settled(h.thrash(c, d, decisions, limit)))
	}
	findings = append(findings, h.settled(h.limits(c.Service, decisions)))
	if f, ok := h.stabilization(c.Service, decisions); ok {
		findings = append(findings, h.settled(f))
	}
	return findings
}

func scalingFinding(service, rule, wanted string) Finding {
	return Finding{ID: "scaling/" + service + "/" + rule, Kind: "scaling", Service: service, Verdict: Pass, Wanted: wanted}
}

// unknown is a finding on what the record does not show.
func unknown(f Finding, why string) Finding {
	f.Verdict, f.Reason = Inconclusive, why
	if f.Measured == "" {
		f.Measured = "not known"
	}
	return f
}

// overall is settled for what is averaged or compared over a whole run: of a part
// of one nothing is known.
func (h *history) overall(f Finding) Finding {
	if h.window.cut != "" {
		f.Reason = ""
		return h.settled(unknown(f, ""))
	}
	return h.settled(f)
}

// tempo is how much faster than real time the control loops run.
func (h *history) tempo() float64 {
	if h.plan.Tempo > 0 {
		return h.plan.Tempo
	}
	return 1
}

// unlooked says why there are no decisions to judge; "" if there are.
func (h *history) unlooked(service string, decisions []decision) string {
	switch {
	case h.plan.Services[service].Autoscale == nil:
		return service + " has no autoscaler"
	case len(decisions) == 0:
		return "the autoscaler of " + service + " never looked: the record has no decision of it"
	}
	return ""
}
