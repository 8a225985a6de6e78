package engine

import "github.com/shakedown-dev/shakedown/scenarios"

var killKind = Kind{
	Name: "kill", Group: lifeCycle, Revert: ByAPI, Backends: []string{backendEngine},
	Summary:  "instances end with SIGKILL, and others take their place at the end",
	Evidence: "the exit of the instance",
	ways: func(f scenarios.PlannedFault, _ Ground) ([]way, error) {
		return []way{killing(f)}, nil
	},
	effect: ended, gone: again, exits: dies,
}
