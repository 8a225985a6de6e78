package scenarios

import (
	"fmt"
	"slices"
)

// checkCalls checks every service that journeys and checks name; those of
// actions are checked with what is done to them.
func (c *compiler) checkCalls() {
	s := c.doc.Scenario
	c.eachCall(func(at location, name, how string) {
		if _, target := s.Traffic.Targets[name]; !target && !c.third(name) {
			c.checkCall(at, name, how, slices.Concat(keys(s.Traffic.Targets), keys(s.Stack.ThirdParties)))
		}
	})
	for i, check := range s.Checks {
		at := location{"checks", i}
		if check.Drain != nil {
			c.checkDrained(at.to("drain", "service"), *check.Drain)
		}
		if check.Readiness != nil {
			c.checkCall(at.to("readiness", "service"), check.Readiness.Service, "checked for readiness", nil)
			c.checkKnown(at.to("readiness", "dependency"), check.Readiness.Dependency, nil)
		}
		if r := check.Release; r != nil && c.checkCall(at.to("release", "service"), r.Service, "checked for its releases", nil) {
			c.checkReleased(at.to("release", "service"), r.Service)
		}
		if s := check.Stateless; s != nil && c.checkCall(at.to("stateless", "service"), s.Service, "checked for being stateless", nil) {
			c.checkFollowed(at.to("stateless"), *s)
		}
		c.checkScalingOf(at, check)
		c.checkFaultsOf(at, check)
	}
	for _, comparison := range c.doc.comparisons() {
		at := comparison.readAt
		if sql := comparison.read.SQL; sql != nil {
			c.checkKnown(at.to("sql", "service"), sql.Service, nil)
		}
		if http := comparison.read.HTTP; http != nil {
			if line, err := parseRequest(http.Request); err == nil && !c.third(line.Service) {
				c.checkCall(at.to("http", "request"), line.Service, "read from by a check", keys(s.Stack.ThirdParties))
			}
		}
	}
}

// checkDrained checks that something of a service's draining can be judged:
// without a port no request reaches it, and only work that it does, or its exit
// when it is told to stop, is left to look at.
func (c *compiler) checkDrained(at location, check DrainCheck) {
	name := check.Service
	if !c.checkKnown(at, name, nil) || c.hasPort(name) || check.Work != nil || c.stops(name) {
		return
	}
	c.doc.report(at, fmt.Sprintf("nothing of the draining of service %q can be judged: it has no port, no action stops an instance of it, and the check names no work", name),
		"add an action that stops instances (stop, restart, a release, scale to fewer), or work that has to be done once, or a port under stack.services."+name)
}

// eachCall visits every service or target that traffic is sent to, with the
// place where it is named.
func (c *compiler) eachCall(visit func(at location, name, how string)) {
	t := c.doc.Scenario.Traffic
	for _, name := range keys(t.Journeys) {
		t.Journeys[name].each(location{"traffic", "journeys", name}, func(at location, s JourneyStep) {
			if r, err := parseRequest(s.Request); err == nil {
				visit(at.to("request"), r.Service, "called by a journey")
			}
		})
	}
	for i, cohort := range t.Cohorts {
		if !cohort.replays() {
			continue
		}
		at := location{"traffic", "cohorts", i, "replay"}
		visit(at.to("service"), cohort.Replay.Service, "called by a replay")
		for _, host := range keys(cohort.Replay.Hosts) {
			visit(at.to("hosts", host), cohort.Replay.Hosts[host], "called by a replay")
		}
	}
}

// checkCall checks that a service exists and has a port, and with it a
// gateway, and reports whether it does. Others are names that would have been
// right as well.
func (c *compiler) checkCall(at location, name, how string, others []string) bool {
	if !c.checkKnown(at, name, others) {
		return false
	}
	if !c.hasPort(name) {
		c.doc.report(at, fmt.Sprintf("service %q is %s, but has no port, and so no gateway", name, how), portHint(name, c.info.Services[name]))
		return false
	}
	return true
}

// checkKnown checks that a service exists, and reports whether it does.
func (c *compiler) checkKnown(at location, name string, others []string) bool {
	_, ok := c.info.Services[name]
	if !ok && c.third(name) {
		c.doc.report(at, fmt.Sprintf("%q is a third party of this scenario, and no service of the compose project", name), "name a service, or take it out of stack.third_parties")
	} else if !ok && name != "" && len(c.doc.problems) < mostProblems {
		c.doc.report(at, fmt.Sprintf("the compose project has no service %q", shorten(name)), didYouMean(name, append(keys(c.info.Services), others...)))
	}
	return ok
}

// hasPort reports whether a service has a port, or one that could not be read.
func (c *compiler) hasPort(name string) bool {
	return c.services[name].Port != 0 || c.doc.node(location{"stack", "services", name, "port"}) != nil
}
