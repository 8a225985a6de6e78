package engine

import (
	"context"
	"fmt"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var pauseKind = Kind{
	Name: "pause", Group: lifeCycle, Revert: ByAPI, Backends: []string{backendEngine}, follows: true,
	Summary:  "instances are frozen",
	Evidence: "CPU that the instance uses while it is frozen: none",
	ways: func(scenarios.PlannedFault, Ground) ([]way, error) {
		return []way{freezing}, nil
	},
	looks: usesCPU,
	effect: func(e evidence) (string, string) {
		during, ok := value(e.during, "cpu")
		switch {
		case ok && during > 0.001:
			return journal.FaultNoEffect, fmt.Sprintf("%s used %.3f cores while it was to be frozen", e.target, during)
		case ok:
			return journal.FaultApplied, e.target + " used no CPU while it was frozen"
		}
		return journal.FaultApplied, "the platform confirmed that " + e.target + " was frozen"
	},
	gone: func(evidence) (bool, string) { return true, "the platform confirmed that it goes on" },
}

var freezing = way{backend: backendEngine, revert: ByAPI, deed: func(h *hold) deed { return &frozen{hold: h} }}

// frozen is a target that is paused.
type frozen struct {
	*hold
	undone func()
}

func (f *frozen) begin(ctx context.Context) error {
	e := f.run.e
	undone, err := e.safety.register(e.sys.Undo(undoPause, f.target, 0))
	if err != nil {
		return err
	}
	f.undone = undone
	return e.sys.Pause(ctx, f.target, f.run.cause())
}

func (f *frozen) end(ctx context.Context) error {
	if f.undone == nil {
		return nil
	}
	if err := f.run.e.sys.Resume(ctx, f.target, f.run.cause()); err != nil {
		if _, exited := f.run.e.news.exited(f.target); !exited {
			return err
		}
	}
	f.undone()
	f.undone = nil
	return nil
}
