package control

import (
	"context"
	"errors"
	"sync"
)

// A doorman lets calls in between the beginning and the end of a run, and knows
// when the last has left.
type doorman struct {
	mu   sync.Mutex
	run  context.Context // nil: closed
	left sync.WaitGroup
}

// open lets calls in until close; close waits for those that are in.
func (d *doorman) open(run context.Context) (closed func()) {
	d.mu.Lock()
	d.run = run
	d.mu.Unlock()
	return func() {
		d.mu.Lock()
		d.run = nil
		d.mu.Unlock()
		d.left.Wait()
	}
}

var errOver = errors.New("the run is over")

// enter lets a call in; its context ends with the run's too. It reports false
// where nobody is let in.
func (d *doorman) enter(ctx context.Context) (_ context.Context, leave func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.run == nil || d.run.Err() != nil {
		return ctx, nil, false
	}
	d.left.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(d.run, func() { cancel(errOver) })
	return ctx, func() {
		stop()
		cancel(nil)
		d.left.Done()
	}, true
}
