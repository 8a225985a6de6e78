package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// An Added is a fault that the plan does not know of, prepared to begin.
type Added struct{ r *running }

// Add prepares a fault of a live run: it starts the agents that it needs and looks at its
// targets, and says what is in the way of it. Nothing has been done to anybody when it
// returns. The caller has checked it against the other faults of the run.
func (e *Engine) Add(ctx context.Context, f scenarios.PlannedFault) (*Added, error) {
	if e == nil {
		return nil, errors.New("nothing is broken in this run (control frozen)")
	}
	if err := e.enter(ctx); err != nil {
		return nil, err
	}
	defer e.rest.Done()
	ctx, cancel := e.patient(ctx, beginPatience)
	defer cancel()
	if _, err := choose(f, e.ground); err != nil {
		return nil, err
	}
	r := newRunning(e, f)
	r.added = true
	targets, err := r.choose()
	if err == nil {
		err = r.takeInHand(targets)
	}
	if err != nil {
		return nil, err
	}
	r.giveBack(targets)
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	return &Added{r}, nil
}

// enter has Close wait for who is about to start agents. Who comes before Run waits for
// it.
func (e *Engine) enter(ctx context.Context) error {
	if e.cfg.Live {
		select {
		case <-e.flows:
		case <-e.halted:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.closedTo(); err != nil {
		return err
	}
	e.rest.Add(1)
	return nil
}

// closedTo says why no fault can begin any more, or not yet. The caller holds the lock.
func (e *Engine) closedTo() error {
	switch {
	case !e.cfg.Live:
		return errors.New("this run does only what its plan says")
	case e.healed:
		return errors.New("everything is being healed")
	case !e.open:
		return errors.New("traffic is about to end")
	}
	return nil
}

// Begin does the fault now, for as long as it was planned and until the end of traffic at the
// latest, and returns when it is in force. An error says that it is in force nowhere;
// the journal tells of it either way.
func (a *Added) Begin(ctx context.Context) error {
	r, e := a.r, a.r.e
	if err := e.launch(r); err != nil {
		return err
	}
	select {
	case <-r.settled:
		return r.failed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// launch lets an added fault run from now on.
func (e *Engine) launch(r *running) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.closedTo(); err != nil {
		return err
	}
	now := scenarios.Duration(e.now() - e.start)
	moved := now - r.plan.At
	r.plan.At, r.plan.End = now, max(now, min(r.plan.End+moved, e.cfg.Plan.Duration))
	e.faults = append(e.faults, r)
	e.all.Go(r.run)
	return nil
}

// receive lets faults be added as long as the plan's traffic lasts.
func (e *Engine) receive() {
	e.until(e.start+e.cfg.Plan.Duration.Std(), nil)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open = false
}

// running are the faults of the plan and those that were added, in order.
func (e *Engine) running() []*running {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.faults
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (e *Engine) named(id string) *running {
	for _, r := range e.running() {
		if r.plan.ID == id {
			return r
		}
	}
	return nil
}

// Healed waits until every fault that has begun is known to be reverted, or has gone
// wrong: what is looked at afterwards is not waited for. It is for after Halt.
func (e *Engine) Healed(ctx context.Context) error {
	if e == nil {
		return nil
	}
	for _, r := range e.running() {
		select {
		case <-r.ended:
		case <-ctx.Done():
			return fmt.Errorf("fault %s is not reverted: %w", r.plan.ID, context.Cause(ctx))
		}
	}
	return nil
}

// Aborted is why everything is reverted when a person aborts the run.
const Aborted = "abort"

// forsaken tells that nothing takes the place of what is gone, and that nobody waits for
// what is going: the run is aborted, its stack about to be taken down, and who aborts
// wants at once to know that nothing is broken any more.
func (h *hold) forsaken() bool {
	by, healing := h.run.e.healing()
	return healing && by == Aborted
}

// giveBack lets go of targets that were taken in hand.
func (r *running) giveBack(targets []Instance) {
	if !r.capped() {
		return
	}
	for _, t := range targets {
		r.e.radius.give(t.Service, t.Name)
	}
}
