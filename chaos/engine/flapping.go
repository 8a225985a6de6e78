package engine

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A proxy flaps by itself; where there is none, the engine has an outage come and go.
var flappingKind = Kind{
	Name: "flapping", Group: thirdParty, Revert: ByAgent, follows: true,
	Backends: []string{backendProxy, backendRedirect, backendKernel},
	Summary:  "a service is gone and there by turns",
	Evidence: "requests or packets that came by, and those it was done to",
	ways: func(f scenarios.PlannedFault, on Ground) ([]way, error) {
		as := scenarios.OutageStatus
		if s := f.Spec.Flapping; s != nil && s.As != "" {
			as = s.As
		}
		ways, err := awayWays(f, on, as, func(h *order.HTTP, f scenarios.Fault) {
			h.Flapping = &order.Flapping{Down: f.Flapping.Down.Std(), Up: f.Flapping.Up.Std(), As: as}
		})
		if err != nil || f.Spec.Egress != "" || on.proxied(f) {
			return ways, err
		}
		if on.Platform == "process" {
			return nil, errNotProxied(f)
		}
		inner := ways[0].deed
		ways[0].deed = func(h *hold) deed {
			return &alternating{hold: h, inner: inner(h).(*ordered), down: f.Spec.Flapping.Down.Std(), up: f.Spec.Flapping.Up.Std()}
		}
		return ways, nil
	},
	effect: awayEffect,
	gone:   awayGone,
}

// alternating is a deed that is done and taken back by turns; it begins with being
// done.
type alternating struct {
	*hold
	inner    *ordered
	down, up time.Duration

	mu    sync.Mutex
	total map[string]int64 // of the turns that are over
	halt  context.CancelFunc
	over  chan struct{}
}

func (a *alternating) ready(ctx context.Context) error { return a.inner.ready(ctx) }

func (a *alternating) begin(ctx context.Context) error {
	if err := a.inner.begin(ctx); err != nil {
		return err
	}
	e := a.run.e
	life, halt := context.WithCancel(e.life)
	over := make(chan struct{})
	a.mu.Lock()
	a.halt, a.over, a.total = halt, over, map[string]int64{}
	a.mu.Unlock()
	e.rest.Go(func() {
		defer close(over)
		if err := a.turns(life); err != nil {
			a.lostBy("error", "it did not come and go any more: "+err.Error())
		}
	})
	return nil
}

func (a *alternating) turns(ctx context.Context) error {
	for {
		if !pause(ctx, a.down) {
			return nil
		}
		if err := a.stop(ctx); err != nil {
			return notOf(ctx, err)
		}
		if !pause(ctx, a.up) {
			return nil
		}
		if err := a.inner.begin(ctx); err != nil {
			return notOf(ctx, err)
		}
	}
}

// stop ends a turn and keeps what it has counted.
func (a *alternating) stop(ctx context.Context) error {
	if err := a.inner.end(ctx); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, n := range a.inner.counters() {
		a.total[name] += n
	}
	return nil
}

// notOf is an error that is not the end of ctx.
func notOf(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func (a *alternating) end(ctx context.Context) error {
	a.mu.Lock()
	halt, over := a.halt, a.over
	a.mu.Unlock()
	if halt == nil {
		return a.inner.end(ctx)
	}
	halt()
	select {
	case <-over:
	case <-ctx.Done():
	}
	return a.stop(ctx)
}

func (a *alternating) counters() map[string]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.total)
}
