package engine

import "github.com/shakedown-dev/shakedown/scenarios"

var stopKind = Kind{
	Name: "stop", Group: lifeCycle, Revert: ByAPI, Backends: []string{backendEngine},
	Summary:  "instances go through their termination sequence, and others take their place at the end",
	Evidence: "the exit of the instance",
	ways: func(f scenarios.PlannedFault, _ Ground) ([]way, error) {
		return []way{{backend: backendEngine, revert: replaceable(f), deed: func(h *hold) deed {
			return &taken{hold: h, undo: undoStop, away: stop, beside: true}
		}}}, nil
	},
	effect: ended, gone: again, exits: dies,
}
