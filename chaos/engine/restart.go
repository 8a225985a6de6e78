package engine

import "github.com/shakedown-dev/shakedown/scenarios"

// It is in force while the instance goes through its termination sequence, and
// is over when another has taken its place.
var restartKind = Kind{
	Name: "restart", Group: lifeCycle, Revert: ByAPI, Backends: []string{backendEngine},
	Summary:  "instances go through their termination sequence, and others take their place at once",
	Evidence: "the exit of the instance, and what took its place",
	ways: func(scenarios.PlannedFault, Ground) ([]way, error) {
		return []way{{backend: backendEngine, revert: ByAPI, deed: func(h *hold) deed {
			return &taken{hold: h, undo: undoStop, away: stop, beside: true}
		}}}, nil
	},
	effect: func(e evidence) (string, string) {
		e.there = e.there && len(e.replaced) == 0
		return ended(e)
	},
	gone: again, exits: dies,
}
