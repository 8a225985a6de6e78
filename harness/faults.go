package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/stopping"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// UndoVerb is the hidden command by which the program is its own undo helper.
const UndoVerb = "undo"

// healPatience is how long healing may take before the run goes on to its
// tear-down, which takes away whatever a fault was done to.
const healPatience = 2 * scenarios.DefaultLease

// breaking is the faults of a run. It is safe for concurrent use; before it is
// made and where the plan has no faults its methods do nothing.
type breaking struct {
	engine atomic.Pointer[engine.Engine]
	// watch is of the stop conditions; they are shown one event at a time.
	watching sync.Mutex
	watch    *stopping.Watch
	// calls off what is played; set while it is.
	callOff atomic.Pointer[context.CancelCauseFunc]
	ended   atomic.Bool // by a stop condition
	aborted atomic.Bool // by a person
}

// errStopped is why a run plays no more.
var errStopped = errors.New("a stop condition has ended the run")

// stops keeps what calls the play off.
func (b *breaking) stops(play context.CancelCauseFunc) { b.callOff.Store(&play) }

// stop calls it off; faults are healed for that reason, not for its end.
func (b *breaking) stop(why error) {
	b.engine.Load().Halt("stop")
	if play := b.callOff.Load(); play != nil {
		(*play)(why)
	}
}

// errAborted is why an aborted run plays no more.
var errAborted = errors.New("the run was aborted")

// errNotHealed is why nobody waits any more for what an abort cannot revert.
var errNotHealed = fmt.Errorf("no end after %v; the stack is taken down all the same, and shakedown clean removes what is left then", healPatience)

// abort calls the play off because a person wants it, and returns when every fault is
// reverted, or known not to be.
func (b *breaking) abort(ctx context.Context) error {
	b.aborted.Store(true)
	b.engine.Load().Halt(engine.Aborted)
	if play := b.callOff.Load(); play != nil {
		(*play)(errAborted)
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), healPatience, errNotHealed)
	defer cancel()
	return b.engine.Load().Healed(ctx)
}

// early tells that the play was called off, be it by a stop condition or by a person.
func (b *breaking) early() bool { return b.ended.Load() || b.aborted.Load() }

// ending is how the run ended, where nothing else did that before a person.
func (b *breaking) ending(end journal.RunEnded) journal.RunEnded {
	if b.aborted.Load() && end.Reason == "completed" {
		end.Reason = "aborted"
	}
	return end
}

// giveUp has faults reverted because the play has failed.
func (b *breaking) giveUp() { b.engine.Load().Halt("error") }

// make makes the engine of a run. Under the control frozen nothing is broken.
func (b *breaking) make(r *run) error {
	plan := r.Loaded.Plan
	if plan.Control == scenarios.ControlFrozen {
		if len(plan.Faults) > 0 {
			r.emit(journal.Note{Level: "warning", Text: fmt.Sprintf("control frozen: none of the %d faults is done", len(plan.Faults))})
		}
		return nil
	}
	b.watch = stopping.New(plan.Stop)
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program that undoes faults if this one dies: %w", err)
	}
	e := engine.New(engine.Config{
		Plan: plan, System: r.stack.System(), Clock: r.clock, Emit: r.append,
		Authority: r.stack.Authority(), Helper: []string{self, UndoVerb}, Journal: filepath.Join(string(r.Dir), "undo.ndjson"),
		Live: r.Live != nil,
	})
	if e != nil {
		b.engine.Store(e)
	}
	return nil
}

// sink takes what the proxy in front of a service says by itself.
func (b *breaking) sink(service string) link.Sink {
	if e := b.engine.Load(); e != nil {
		return e.ProxySink(service)
	}
	return link.Sink{}
}

// prepare starts agents before traffic begins.
func (b *breaking) prepare(ctx context.Context) error {
	e := b.engine.Load()
	if e == nil {
		return nil
	}
	if err := e.Prepare(ctx); err != nil {
		return fmt.Errorf("prepare faults: %w", err)
	}
	return nil
}

// begin does faults from the start of traffic on. What it returns is closed
// when all are over, with the error in the place it points to.
func (b *breaking) begin(ctx context.Context, start time.Duration) <-chan error {
	ended := make(chan error, 1)
	e := b.engine.Load()
	if e == nil {
		close(ended)
		return ended
	}
	go func() {
		defer close(ended)
		if err := e.Run(ctx, start); err != nil {
			ended <- fmt.Errorf("do faults: %w", err)
		}
	}()
	return ended
}

// observe shows an event to the engine and to the stop conditions, and says
// whether one of these ends the run.
func (b *breaking) observe(event journal.Event) *journal.StopTriggered {
	if e := b.engine.Load(); e != nil {
		e.Observe(event)
	}
	if b.ended.Load() {
		return nil
	}
	b.watching.Lock()
	defer b.watching.Unlock()
	triggered := b.watch.Observe(event)
	if triggered != nil {
		b.ended.Store(true)
	}
	return triggered
}

// heal takes everything back at once. By is why.
func (b *breaking) heal(ctx context.Context, by string) error {
	e := b.engine.Load()
	if e == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healPatience)
	defer cancel()
	if err := e.Heal(ctx, by); err != nil {
		return fmt.Errorf("heal faults: %w", err)
	}
	return nil
}

// close ends agents and helper.
func (b *breaking) close() error {
	e := b.engine.Load()
	if e == nil {
		return nil
	}
	if err := e.Close(); err != nil {
		return fmt.Errorf("end the agents of faults: %w", err)
	}
	return nil
}
