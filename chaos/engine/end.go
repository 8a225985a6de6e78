package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// End ends one fault at once, whoever began it or was to: one in force is reverted, and
// one that waits for its moment is called off, so that nothing of it is ever done. One that
// is just beginning is reverted as soon as it is known to be in force. It returns when that
// is confirmed and journaled, and tells which of the two it was. An error says that the
// fault was over before, or did not come about, or that ctx was done first.
func (e *Engine) End(ctx context.Context, id string) (calledOff bool, err error) {
	if e == nil {
		return false, errors.New("nothing is broken in this run (control frozen)")
	}
	r := e.named(id)
	if r == nil {
		return false, fmt.Errorf("there is no fault %q", id)
	}
	if err := e.underway(ctx); err != nil {
		return false, err
	}
	if calledOff = r.decide(off); calledOff {
		close(r.off)
	} else if err := r.revert(ctx); err != nil {
		return false, err
	}
	select {
	case <-r.ended:
		return calledOff, nil
	case <-ctx.Done():
		return calledOff, fmt.Errorf("fault %s is being reverted still: %w", id, context.Cause(ctx))
	}
}

// underway waits for Run: before it nobody would confirm the end of a fault.
func (e *Engine) underway(ctx context.Context) error {
	select {
	case <-e.flows:
	case <-e.halted:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if !closed(e.flows) { // Run may never come
		return errors.New("everything is being healed")
	}
	return nil
}

// revert asks for the end of a fault that waits no more, once it is known to be in force.
func (r *running) revert(ctx context.Context) error {
	over := closed(r.ended)
	r.ask() // kept until it is in force; nobody listens where it never is
	select {
	case <-r.settled:
	case <-ctx.Done():
		return fmt.Errorf("whether fault %s is in force is not known yet, and it is reverted as soon as it is: %w", r.plan.ID, context.Cause(ctx))
	}
	switch {
	case r.decided() == off:
		return fmt.Errorf("fault %s was called off already", r.plan.ID)
	case over:
		return fmt.Errorf("fault %s is over already", r.plan.ID)
	case r.failed != nil:
		return fmt.Errorf("fault %s did not come about: %w", r.plan.ID, r.failed)
	}
	return nil
}

// missed says why a fault does not begin. That everything is being healed is journaled by
// whoever heals.
func (r *running) missed() {
	if r.decide(dropped) {
		r.failed = errors.New("everything is being healed")
		return
	}
	r.failed = errors.New("it was called off before it began")
	now, planned := r.e.now(), r.plan.End.Std()
	r.e.emit(now, journal.FaultEnded{Fault: r.plan.ID, Targets: []string{}, Planned: planned, Late: now - (r.e.start + planned), By: journal.FaultCalledOff})
}

// until waits for a moment; false when the fault is called off before, or everything has
// to be reverted.
func (r *running) until(moment time.Duration) bool { return r.e.until(moment, r.off) }

// A fate is what becomes of a fault when its waiting is over.
type fate int32

// The fates. The first one that is decided on counts, so that a fault which is called off
// in the very moment in which it begins is one or the other.
const (
	waits fate = iota // not decided yet
	begins
	off     // a person does not want it
	dropped // everything has to be reverted
)

// steps are what others wait for in the life of a fault; each is taken once.
type steps struct {
	fate      atomic.Int32
	off       chan struct{} // closed when it is called off, by who decided that
	settled   chan struct{} // closed when it is known whether it is in force
	ended     chan struct{} // closed when it is reverted, or will never be in force
	asked     chan struct{} // closed when a person wants it reverted
	settling  sync.Once
	finishing sync.Once
	asking    sync.Once
}

func newSteps() *steps {
	return &steps{off: make(chan struct{}), settled: make(chan struct{}), ended: make(chan struct{}), asked: make(chan struct{})}
}

// decide decides on what becomes of a fault that waits, and tells whether nobody else had.
func (s *steps) decide(f fate) bool { return s.fate.CompareAndSwap(int32(waits), int32(f)) }

func (s *steps) decided() fate { return fate(s.fate.Load()) }

func (s *steps) settle() { s.settling.Do(func() { close(s.settled) }) }

func (s *steps) end() {
	s.settle()
	s.finishing.Do(func() { close(s.ended) })
}

func (s *steps) ask() { s.asking.Do(func() { close(s.asked) }) }
