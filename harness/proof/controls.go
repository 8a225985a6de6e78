package proof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A control with what it is about.
type control struct {
	name  scenarios.Control
	does  string
	kinds []string // of the checks that it has to turn red
	// routed tells that it only concerns services with a port: there is no
	// endpoint list elsewhere.
	routed bool
}

// about is every control, in the order of scenarios.Controls.
func about() []control {
	return []control{
		{scenarios.ControlKill, "kills in place of the termination sequence", []string{"drain"}, false},
		{scenarios.ControlUnready, "routes whatever the readiness probe says", []string{"readiness"}, true},
		{scenarios.ControlLateRemoval, "removes endpoints 2s after the grace period", []string{"drain"}, true},
		{scenarios.ControlFrozen, "adds, removes and replaces no instance", []string{"drain", "readiness", "release"}, false},
	}
}

// Gates pairs the controls with the checks of a scenario that they are meant
// for; only narrows them, if it is not empty. A control without such a check
// has one gate, which is not applicable and says why.
func Gates(plan *scenarios.Plan, only []scenarios.Control) []Gate {
	gates := []Gate{}
	for _, c := range about() {
		if len(only) > 0 && !slices.Contains(only, c.name) {
			continue
		}
		checks := c.checks(plan)
		for _, check := range checks {
			gates = append(gates, Gate{Control: c.name, Does: c.does, Check: check, Outcome: NotRun})
		}
		if len(checks) == 0 {
			gates = append(gates, Gate{Control: c.name, Does: c.does, Outcome: NotApplicable, Reason: c.without()})
		}
	}
	return gates
}

// checks are the checks of a plan that a control is meant for, as
// "drain/api", each once.
func (c control) checks(plan *scenarios.Plan) (list []string) {
	for _, check := range plan.Checks {
		kind, service := subject(check)
		name := kind + "/" + service
		if !slices.Contains(c.kinds, kind) || slices.Contains(list, name) || c.routed && plan.Services[service].Port == 0 {
			continue
		}
		list = append(list, name)
	}
	return list
}

// subject is the kind and the service of a check that a control can concern.
func subject(check scenarios.Check) (kind, service string) {
	switch {
	case check.Drain != nil:
		return "drain", check.Drain.Service
	case check.Readiness != nil:
		return "readiness", check.Readiness.Service
	case check.Release != nil:
		return "release", check.Release.Service
	}
	return "", ""
}

// without says why a control does not concern a scenario.
func (c control) without() string {
	kinds := strings.Join(c.kinds, ", ")
	if n := len(c.kinds); n > 1 {
		kinds = strings.Join(c.kinds[:n-1], ", ") + " or " + c.kinds[n-1]
	}
	if c.routed {
		return fmt.Sprintf("the scenario has no %s check of a service with a port", kinds)
	}
	return fmt.Sprintf("the scenario has no %s check", kinds)
}
