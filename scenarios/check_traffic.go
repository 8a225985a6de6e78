package scenarios

import "fmt"

// checkTraffic checks phases, cohorts, arrivals and journeys.
func (d *Document) checkTraffic() {
	t := d.Scenario.Traffic
	if d.tooMany(location{"traffic", "phases"}, len(t.Phases), "phases") || d.tooMany(location{"traffic", "cohorts"}, len(t.Cohorts), "cohorts") {
		return
	}
	d.checkUnique(location{"traffic", "phases"}, "phase", names(t.Phases, func(p Phase) string { return p.Name }))
	d.checkUnique(location{"traffic", "cohorts"}, "cohort", names(t.Cohorts, func(c Cohort) string { return c.Name }))
	d.checkRun(t.Phases)
	d.checkPositive(location{"traffic", "timeout"}, t.Timeout, "a time-out")
	d.checkConnections(location{"traffic", "connections"}, t.Connections)
	for _, name := range keys(t.Targets) {
		d.checkTarget(name, t.Targets[name])
	}
	for i, c := range t.Cohorts {
		d.checkCohort(location{"traffic", "cohorts", i}, c)
	}
	d.checkShared(location{"traffic", "arrivals"})
	followed := d.acknowledged()
	for _, name := range keys(t.Journeys) {
		d.checkJourney(name, followed[name])
	}
	d.checkProbes()
}

// checkRun checks the length of the phases, one by one and together.
func (d *Document) checkRun(phases []Phase) {
	var sum Duration
	for i, p := range phases {
		at := location{"traffic", "phases", i, "for"}
		d.checkPositive(at, p.For, "a phase")
		if sum = plus(sum, p.For); sum > Duration(longest) {
			d.report(at, "with this phase the run is too long", "the longest run is 366d")
			return
		}
	}
}

// checkConnections checks what makes connections impossible or a key useless.
func (d *Document) checkConnections(at location, c *Connections) {
	if c == nil {
		return
	}
	d.checkPositive(at.to("max_age"), c.MaxAge, "a connection")
	if c.Reuse != nil && !*c.Reuse {
		d.reportUseless(at, "max_age", "with reuse: false a connection carries one request", "leave out max_age, or reuse")
	}
	if c.DialRate == 0 && d.given(at, "dial_rate") && !d.reportedIn(at.to("dial_rate")) {
		d.report(at.to("dial_rate"), "no connection could ever be opened", "give a rate above zero, or leave the key out for no limit")
	}
}

// checkProbes checks the durations of services, for which zero has no meaning.
func (d *Document) checkProbes() {
	for name, s := range d.Scenario.Stack.Services {
		at := location{"stack", "services", name}
		if s.Ready != nil {
			d.checkPositive(at.to("ready", "period"), s.Ready.Period, "a period")
			d.checkPositive(at.to("ready", "timeout"), s.Ready.Timeout, "a time-out")
		}
		if s.Drain != nil {
			d.checkPositive(at.to("drain", "grace"), s.Drain.Grace, "a grace period")
		}
	}
}

// spanName is how messages name the time that a shape fills.
func spanName(phase string) string {
	if phase == "" {
		return "the run"
	}
	return fmt.Sprintf("phase %q", phase)
}
