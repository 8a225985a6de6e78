package engine

import (
	"context"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// The groups of the catalogue.
const (
	lifeCycle   = "life cycle"
	network     = "network"
	nameService = "name service"
	resources   = "resources"
	httpGroup   = "HTTP"
	thirdParty  = "third party"
	data        = "data"
)

// What the undo helper does for what the engine does.
const (
	undoKill  = "kill"
	undoStop  = "stop"
	undoPause = "pause"
	undoLimit = "limit"
)

// taken is a target that is taken away, and replaced at the end.
type taken struct {
	*hold
	undo string // what the helper is to undo
	// away takes it away. With beside the fault is in force as soon as that was asked for, since
	// it takes its time.
	away   func(ctx context.Context, t *taken) error
	beside bool

	undone func()
	isAway bool
	over   chan struct{} // closed when what goes on beside is over
}

func (t *taken) begin(ctx context.Context) error {
	if !t.run.plan.Spec.Permanent {
		undone, err := t.run.e.safety.register(t.run.e.sys.Undo(t.undo, t.target, 0))
		if err != nil {
			return err
		}
		t.undone = undone
	}
	t.isAway = true
	if !t.beside {
		return t.away(ctx, t)
	}
	over := make(chan struct{})
	t.over = over
	e := t.run.e
	e.rest.Go(func() {
		defer close(over)
		ctx, cancel := e.patient(e.life, slowPatience)
		defer cancel()
		if err := t.away(ctx, t); err != nil {
			t.note(err)
		}
	})
	return nil
}

func (t *taken) end(ctx context.Context) error {
	if !t.isAway || t.run.plan.Spec.Permanent {
		return nil
	}
	if t.forsaken() {
		t.isAway = false
		t.done()
		return nil
	}
	if t.over != nil {
		select {
		case <-t.over:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if t.there() { // it was not taken away after all
		t.isAway = false
		t.done()
		return nil
	}
	name, err := t.run.e.sys.Replace(ctx, t.target, t.run.cause())
	if err != nil {
		return err
	}
	t.isAway = false
	t.replacedBy(name)
	t.done()
	return nil
}

// done tells the helper that there is nothing left to undo.
func (t *taken) done() {
	if t.undone != nil {
		t.undone()
		t.undone = nil
	}
}

// there tells whether the target runs.
func (h *hold) there() bool {
	for _, i := range h.run.e.sys.Instances(h.service) {
		if i.Name == h.target {
			return true
		}
	}
	return false
}

func kill(ctx context.Context, t *taken) error {
	return t.run.e.sys.Kill(ctx, t.target, t.run.cause())
}

func stop(ctx context.Context, t *taken) error {
	return t.run.e.sys.Stop(ctx, t.target, t.run.cause())
}

// killing is the way of what ends with SIGKILL.
func killing(f scenarios.PlannedFault) way {
	return way{backend: backendEngine, revert: replaceable(f), exits: true, deed: func(h *hold) deed {
		return &taken{hold: h, undo: undoKill, away: kill}
	}}
}

// replaceable is the class of what is replaced at the end, or never.
func replaceable(f scenarios.PlannedFault) Class {
	if f.Spec.Permanent {
		return Irreversible
	}
	return ByAPI
}

func dies(scenarios.PlannedFault) bool { return true }
