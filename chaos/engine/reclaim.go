package engine

import (
	"context"
	"fmt"

	"github.com/shakedown-dev/shakedown/scenarios"
)

var reclaimKind = Kind{
	Name: "reclaim", Group: lifeCycle, Revert: Irreversible, Backends: []string{backendEngine},
	Summary:  "instances are told that they will be gone, and are at the end of the notice",
	Evidence: "the exit of the instance within its notice",
	ways: func(scenarios.PlannedFault, Ground) ([]way, error) {
		return []way{{backend: backendEngine, revert: Irreversible, deed: func(h *hold) deed { return &reclaimed{hold: h} }}}, nil
	},
	effect: ended, exits: dies,
	gone: func(e evidence) (bool, string) {
		if e.trouble != "" {
			return false, e.trouble
		}
		if r := e.fault.Spec.Reclaim; r != nil && r.Replace != nil && !*r.Replace {
			return true, "nothing was to take its place, but by whoever scales the service"
		}
		return true, "what takes its place was started with the notice"
	},
}

// reclaimed is a target that was given notice.
type reclaimed struct {
	*hold
	over chan struct{}
}

func (r *reclaimed) begin(context.Context) error {
	spec := scenarios.ReclaimFault{}
	if s := r.run.plan.Spec.Reclaim; s != nil {
		spec = *s
	}
	e, over := r.run.e, make(chan struct{})
	r.over = over
	e.rest.Go(func() {
		defer close(over)
		ctx, cancel := e.patient(e.life, spec.Notice.Std()+slowPatience)
		defer cancel()
		err := e.sys.Interrupt(ctx, []string{r.target}, spec.Notice.Std(), spec.Replace == nil || *spec.Replace, r.run.cause())
		if err != nil {
			r.note(fmt.Errorf("give notice to %s: %w", r.target, err))
		}
		r.run.inbox.ring()
	})
	return nil
}

// end waits for what cannot be called off.
func (r *reclaimed) end(ctx context.Context) error {
	if r.over == nil || r.forsaken() {
		return nil
	}
	select {
	case <-r.over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
