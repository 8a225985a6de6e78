package scenarios

import (
	"fmt"
	"slices"
)

// checkReadiness checks the limits of a readiness check.
func (d *Document) checkReadiness(at location, c ReadinessCheck) {
	checkAbove(d, at.to("time_to_ready"), c.TimeToReady)
	checkAbove(d, at.to("first_requests"), c.FirstRequests)
	checkAbove(d, at.to("unready_within"), c.UnreadyWithin)
	if c.Dependency != "" && c.Dependency == c.Service {
		d.report(at.to("dependency"), "the service is no dependency of itself", "name a service that its instances share, or leave the key out")
	}
}

// checkRelease checks what a release check refers to inside the file.
func (d *Document) checkRelease(at location, c ReleaseCheck, jobs []string) {
	if c.Job == nil || c.Job.Name == "" {
		return
	}
	if len(jobs) == 0 {
		d.report(at.to("job", "name"), "no action is a job", "add one under actions, or leave the key out")
	}
	d.checkName(at.to("job", "name"), "job", c.Job.Name, jobs)
}

// checkReleased checks that there is a release to judge.
func (c *compiler) checkReleased(at location, service string) {
	if !slices.ContainsFunc(c.doc.Scenario.Actions, func(a Action) bool { return a.release() != nil && a.service() == service }) {
		c.doc.report(at, fmt.Sprintf("no action releases service %q", service), "add rolling_release, blue_green or replace_all under actions, or leave the check out")
	}
}

// checkStateless checks the names of a journey and of its steps, of those that
// journeys have.
func (d *Document) checkStateless(at location, c StatelessCheck, steps map[string][]string) {
	if d.checkWalked(at.to("journey"), c.Journey) == nil {
		return
	}
	for i, step := range c.Steps {
		if step != "" {
			d.checkName(at.to("steps", i), "step", step, steps[c.Journey])
		}
	}
}

// checkFollowed checks that the sessions of a journey call a service more than
// once: what one request leaves behind, another has to find.
func (c *compiler) checkFollowed(at location, check StatelessCheck) {
	journey, defined := c.doc.Scenario.Traffic.Journeys[check.Journey]
	if !defined || c.doc.reportedIn(at) || c.doc.reportedIn(location{"traffic", "journeys", check.Journey}) {
		return
	}
	calling := stepsThatCall(journey, check.Service)
	elsewhere := slices.IndexFunc(check.Steps, func(step string) bool { return !slices.Contains(calling, step) })
	switch {
	case len(calling) == 0:
		c.doc.report(at.to("journey"), fmt.Sprintf("journey %q never calls service %q", check.Journey, check.Service), "name one that does")
	case len(calling) == 1:
		c.doc.report(at.to("journey"), fmt.Sprintf("journey %q calls service %q in step %q alone: no later request needs what that one left behind", check.Journey, check.Service, calling[0]),
			"add a step that uses it, or name another journey")
	case elsewhere >= 0:
		c.doc.report(at.to("steps", elsewhere), fmt.Sprintf("step %q does not call service %q", check.Steps[elsewhere], check.Service), "those that do are "+list(calling))
	case len(check.Steps) > 0 && !slices.ContainsFunc(check.Steps, func(step string) bool { return step != calling[0] }):
		c.doc.report(at.to("steps"), fmt.Sprintf("step %q is the first that calls service %q: no session has anything to lose yet", calling[0], check.Service),
			"name later ones: "+list(calling[1:]))
	}
}

// checkWalked checks the name of a journey that is written out, not recorded,
// and returns the journey, nil when there is none.
func (d *Document) checkWalked(at location, name string) Journey {
	journeys := d.Scenario.Traffic.Journeys
	if name == "" {
		return nil
	}
	if len(journeys) == 0 {
		d.report(at, fmt.Sprintf("journey %q is never defined", shorten(name)), "recorded requests have no steps to tell apart; define a journey")
		return nil
	}
	d.checkName(at, "journey", name, keys(journeys))
	return journeys[name]
}

// stepsThatCall are the names of the requests of a journey to a service, in
// order.
func stepsThatCall(journey Journey, service string) []string {
	var all []string
	for _, s := range journey.requests() {
		if line, err := parseRequest(s.Request); err == nil && line.Service == service {
			all = append(all, s.Name)
		}
	}
	return all
}
