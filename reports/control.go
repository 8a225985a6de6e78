package reports

import "github.com/shakedown-dev/shakedown/scenarios"

// controls say what a run did wrong on purpose.
var controls = map[scenarios.Control]string{
	scenarios.ControlKill:        "instances were killed where they would have been told to stop",
	scenarios.ControlUnready:     "instances got requests whatever their readiness said",
	scenarios.ControlLateRemoval: "instances stayed in the endpoint list beyond their grace period",
	scenarios.ControlFrozen:      "no instance was added, removed, replaced or resized",
}

// controlOf is the control of the run, "" of an ordinary one.
func controlOf(run Run) string {
	if run.Intent.Plan == nil {
		return ""
	}
	return clean(string(run.Intent.Plan.Control))
}

// spoiled says that a run proves nothing about the system; "" of an ordinary
// one.
func spoiled(run Run) string {
	control := controlOf(run)
	if control == "" {
		return ""
	}
	return "This run was spoiled on purpose: control " + control + after("", ": ", controls[run.Intent.Plan.Control]) +
		". It shows that a check can fail, not how the system behaves."
}
