package harness

import (
	"context"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// perform does what a moment asks for and returns how many completions it will
// send. Actions run beside the loop, because draining takes its time.
func (r *run) perform(ctx context.Context, m moment, ended chan<- struct{}) int {
	switch {
	case m.begins != nil:
		r.emit(journal.PhaseStarted{Phase: m.begins.Name, For: (m.begins.End - m.begins.Start).Std()})
	case m.ends != nil:
		r.emit(journal.PhaseEnded{Phase: m.ends.Name})
	case m.action != nil:
		r.lanes.start(m.action, func(before <-chan struct{}) {
			act(ctx, r.stack, m.action, before, r.Loaded.Plan.Control, r.emit)
			ended <- struct{}{}
		})
		return 1
	}
	return 0
}

// lanes keep the actions on a service in the order in which they are started,
// which is that of the plan: goroutines of one moment would come to the stack
// as it happens. They are for one thread.
type lanes map[string]chan struct{} // by service; closed when the last action on it is over

// start does an action beside. Before is closed when the actions that were
// started on the service before it are over, and nil if it waits for none, as
// the first and jobs do.
func (l lanes) start(action *scenarios.PlannedAction, do func(before <-chan struct{})) {
	if action.Job != nil {
		go do(nil)
		return
	}
	before, over := l[action.Subject()], make(chan struct{})
	l[action.Subject()] = over
	go func() {
		defer close(over)
		do(before)
	}()
}

// actor is what a stack can be asked to do.
type actor interface {
	Scale(ctx context.Context, service string, to int, cause string) error
	Restart(ctx context.Context, pick scenarios.Pick, cause string) error
	Stop(ctx context.Context, pick scenarios.Pick, cause string) error
	Release(ctx context.Context, release *scenarios.PlannedRelease, cause string, begun func(replicas int)) error
	RunJob(ctx context.Context, job *scenarios.Job, cause string) error
	Interrupt(ctx context.Context, i *scenarios.Interrupt, cause string) error
	Replicas(service string) int
}

// notCarriedOut is added to the words of an action that the run leaves out.
const notCarriedOut = " (not carried out: control frozen)"

// act performs one action. An action that goes wrong does not end the run: the
// journal says so and the checks judge what came of it. Under the control
// frozen only jobs are run; of the others the journal says when they would have
// been. Nothing is asked of the stack until before is closed, if it is not nil;
// the journal says at once that an action has begun, but of a release, which
// begins with its turn.
func act(ctx context.Context, on actor, action *scenarios.PlannedAction, before <-chan struct{}, control scenarios.Control, emit func(journal.Body)) {
	detail := action.String()
	frozen := control == scenarios.ControlFrozen && action.Job == nil
	if frozen {
		detail += notCarriedOut
	}
	started := journal.ActionStarted{Service: action.Subject(), Action: action.Kind(), Planned: action.At.Std(), Detail: detail}
	done := journal.ActionEnded{Service: action.Subject(), Action: action.Kind(), Detail: detail}
	begun := false
	begin := func(replicas int) {
		begun = true
		if r := action.Release; r != nil {
			started.From, started.Version, done.Version = r.From, r.Version, r.Version
			started.Replicas, started.Floor = replicas, stack.Floor(r, replicas)
		}
		emit(started)
	}
	switch {
	case frozen:
		begin(on.Replicas(action.Subject()))
	case action.Release == nil:
		begin(0)
	}
	if !frozen {
		if before != nil {
			select {
			case <-before:
			case <-ctx.Done(): // the stack says what that means
			}
		}
		if err := carryOut(ctx, on, action, begin); err != nil {
			done.Error = err.Error()
		}
	}
	if !begun { // a release that never had its turn
		begin(on.Replicas(action.Subject()))
	}
	emit(done)
}

// carryOut has the stack do it; begun is for releases, which begin when it is
// their turn.
func carryOut(ctx context.Context, on actor, action *scenarios.PlannedAction, begun func(replicas int)) error {
	cause := "action at " + action.At.String() + " (" + action.Phase + "): " + action.String()
	switch {
	case action.Scale != nil:
		return on.Scale(ctx, action.Scale.Service, action.Scale.To, cause)
	case action.Restart != nil:
		return on.Restart(ctx, *action.Restart, cause)
	case action.Stop != nil:
		return on.Stop(ctx, *action.Stop, cause)
	case action.Release != nil:
		return on.Release(ctx, action.Release, cause, begun)
	case action.Job != nil:
		return on.RunJob(ctx, action.Job, cause)
	case action.Interrupt != nil:
		return on.Interrupt(ctx, action.Interrupt, cause)
	}
	return nil // nothing is set: nothing to do
}
