package scenarios

import (
	"fmt"
	"slices"
)

// checkReferences checks what actions and checks refer to inside the file.
func (d *Document) checkReferences() {
	for i, a := range d.Scenario.Actions {
		d.checkMoment(location{"actions", i, "at"}, a.At)
	}
	for i, c := range d.Scenario.Checks {
		if c.SLO != nil {
			d.checkSLO(location{"checks", i, "slo"}, *c.SLO)
		}
		if c.Readiness != nil {
			checkAbove(d, location{"checks", i, "readiness", "time_to_ready"}, c.Readiness.TimeToReady)
		}
		if c.Drain != nil {
			checkAbove(d, location{"checks", i, "drain", "exit_within"}, c.Drain.ExitWithin)
		}
	}
}

// checkMoment checks that a moment lies inside its phase.
func (d *Document) checkMoment(at location, m Moment) {
	if m.Phase == "" {
		return
	}
	d.checkName(at, "phase", m.Phase, d.phaseNames())
	if length, ok := d.length(m.Phase); ok && m.Offset >= length {
		d.report(at, fmt.Sprintf("%s is after the end of the phase, which lasts %s", m, length), fmt.Sprintf("give an offset below %s, or name a later phase", length))
	}
}

// checkSLO checks what an objective is about and that it can be met.
func (d *Document) checkSLO(at location, c SLOCheck) {
	journeys := d.Scenario.Traffic.Journeys
	if c.Journey != "" {
		d.checkName(at.to("journey"), "journey", c.Journey, keys(journeys))
	}
	if journey := journeys[c.Journey]; c.Step != "" {
		d.checkName(at.to("step"), "step", c.Step, names(journey, func(r JourneyStep) string { return r.Name }))
	}
	for i, phase := range c.Phases {
		if phase != "" {
			d.checkName(at.to("phases", i), "phase", phase, d.phaseNames())
		}
		if slices.Contains(c.Phases[:i], phase) {
			d.report(at.to("phases", i), fmt.Sprintf("phase %q is named twice", phase), "name each phase once")
		}
	}
	checkAbove(d, at.to("p50"), c.P50)
	checkAbove(d, at.to("p95"), c.P95)
	checkAbove(d, at.to("p99"), c.P99)
	checkAbove(d, at.to("availability"), c.Availability)
}

// checkAbove reports a limit of zero, which nothing real can meet or which
// everything meets. Limits that could not be read are zero too, and reported
// already.
func checkAbove[T Duration | Percent](d *Document, at location, limit *T) {
	if n := d.node(at); limit != nil && *limit == 0 && n != nil && n.readsZero() {
		d.report(at, "a limit of zero decides nothing", "give a value above zero")
	}
}

// readsZero reports whether the text is a quantity of zero rather than one
// that could not be read.
func (n *node) readsZero() bool {
	p, err := ParsePercent(n.text)
	return n.isZero() || err == nil && p == 0
}
