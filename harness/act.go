package harness

import (
	"context"

	"github.com/shakedown-dev/shakedown/harness/journal"
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
		go func() {
			r.act(ctx, m.action)
			ended <- struct{}{}
		}()
		return 1
	}
	return 0
}

// act performs one action. An action that goes wrong does not end the run: the
// journal says so and the checks judge what came of it.
func (r *run) act(ctx context.Context, action *scenarios.PlannedAction) {
	detail := action.String()
	r.emit(journal.ActionStarted{Service: action.Subject(), Action: action.Kind(), Planned: action.At.Std(), Detail: detail})
	err := r.stack.Scale(ctx, action.Scale.Service, action.Scale.To, "action at "+action.At.String()+" ("+action.Phase+"): "+detail)
	done := journal.ActionEnded{Service: action.Subject(), Action: action.Kind(), Detail: detail}
	if err != nil {
		done.Error = err.Error()
	}
	r.emit(done)
}
