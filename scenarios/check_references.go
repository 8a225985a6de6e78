package scenarios

import (
	"fmt"
	"slices"
)

// checkReferences checks what actions, faults and checks say, and what they refer
// to inside the file.
func (d *Document) checkReferences() {
	s := d.Scenario
	if d.tooMany(location{"actions"}, len(s.Actions), "actions") || d.tooMany(location{"checks"}, len(s.Checks), "checks") {
		return
	}
	d.checkActions()
	d.checkFaults()
	d.checkThirdParties()
	steps, jobs := d.stepsOfJourneys(), d.jobNames()
	for i, c := range s.Checks {
		at := location{"checks", i}
		if c.SLO != nil {
			d.checkSLO(at.to("slo"), *c.SLO, steps)
		}
		if c.Drain != nil {
			checkAbove(d, at.to("drain", "exit_within"), c.Drain.ExitWithin)
		}
		if c.Readiness != nil {
			d.checkReadiness(at.to("readiness"), *c.Readiness)
		}
		if c.Release != nil {
			d.checkRelease(at.to("release"), *c.Release, jobs)
		}
		if c.Stateless != nil {
			d.checkStateless(at.to("stateless"), *c.Stateless, steps)
		}
		d.checkScaling(at, c, steps)
		d.checkFaultCheck(at, c, steps)
		d.checkMetricsCheck(at, c, steps)
	}
	d.checkStop(steps)
	d.checkMetricsSection()
	d.checkSLOs(steps)
	d.checkMetricsChecks()
	d.checkComparisons()
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
func (d *Document) checkSLO(at location, c SLOCheck, steps map[string][]string) {
	d.checkSubject(at, c, steps)
	d.checkPopulation(at, c)
	d.checkPhases(at.to("phases"), c.Phases)
	checkAbove(d, at.to("p50"), c.P50)
	checkAbove(d, at.to("p95"), c.P95)
	checkAbove(d, at.to("p99"), c.P99)
	checkAbove(d, at.to("availability"), c.Availability)
}

// replayStep is the only step of the journey of a replay of requests.
const replayStep = "replay"

// replays reports whether the cohort sends recorded requests.
func (c Cohort) replays() bool { return c.Replay != nil && c.Journey == "" }

// journeyName is the journey that the cohort's requests are reported as.
func (c Cohort) journeyName() string {
	if c.replays() {
		return c.Name
	}
	return c.Journey
}

// stepsOfJourneys are the names of the requests of every journey that can be
// judged, those of replays included.
func (d *Document) stepsOfJourneys() map[string][]string {
	steps := map[string][]string{}
	for name, journey := range d.Scenario.Traffic.Journeys {
		steps[name] = names(journey.requests(), func(r JourneyStep) string { return r.Name })
	}
	for _, c := range d.Scenario.Traffic.Cohorts {
		if c.replays() {
			steps[c.Name] = []string{replayStep}
		}
	}
	return steps
}

// checkSubject checks the journey and the step that an objective is for.
func (d *Document) checkSubject(at location, c SLOCheck, steps map[string][]string) {
	if c.Journey != "" {
		d.checkName(at.to("journey"), "journey", c.Journey, keys(steps))
	}
	if c.Step != "" {
		d.checkName(at.to("step"), "step", c.Step, steps[c.Journey])
	}
	if c.Whole && c.Step != "" {
		d.reportKey(at.to("whole"), "whole and step exclude one another: sessions are judged, or the requests of one step", "keep one of the two")
	}
}

// checkPopulation checks that somebody of the cohort and tier that an objective
// is for walks its journey.
func (d *Document) checkPopulation(at location, c SLOCheck) {
	cohorts := d.Scenario.Traffic.Cohorts
	tiers := slices.DeleteFunc(names(cohorts, func(c Cohort) string { return c.Tier }), func(tier string) bool { return tier == "" })
	if c.Cohort != "" {
		d.checkName(at.to("cohort"), "cohort", c.Cohort, names(cohorts, func(c Cohort) string { return c.Name }))
	}
	switch {
	case c.Tier == "":
	case len(tiers) == 0:
		d.report(at.to("tier"), "no cohort has a tier", "give the cohorts that are meant one")
	default:
		d.checkName(at.to("tier"), "tier", c.Tier, tiers)
	}
	if c.Cohort == "" && c.Tier == "" || d.reportedIn(at) || d.reportedIn(location{"traffic", "cohorts"}) {
		return
	}
	for _, cohort := range cohorts {
		if cohort.journeyName() == c.Journey && (c.Cohort == "" || cohort.Name == c.Cohort) && (c.Tier == "" || cohort.Tier == c.Tier) {
			return
		}
	}
	key, message := "cohort", fmt.Sprintf("cohort %q does not walk journey %q", c.Cohort, c.Journey)
	switch {
	case c.Cohort == "":
		key, message = "tier", fmt.Sprintf("no cohort of tier %q walks journey %q", c.Tier, c.Journey)
	case c.Tier != "":
		message = fmt.Sprintf("cohort %q is not of tier %q, or does not walk journey %q", c.Cohort, c.Tier, c.Journey)
	}
	d.report(at.to(key), message, "name one that does")
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
