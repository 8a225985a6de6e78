package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A DeadlineError is why a run was ended that took longer than it may in all.
// Something in it hangs, so the run proves nothing about the rest.
type DeadlineError struct {
	After time.Duration // from the start of the command
}

// Error implements error.
func (e DeadlineError) Error() string {
	return fmt.Sprintf("the run was ended by its deadline, %v after it had begun: something in it did not come to an end; the last events of the journal tell what it was (--deadline gives a run more time)", e.After)
}

// WithDeadline bounds what is done under soft and hard, the contexts of Run, for which
// Overdue tells afterwards that the deadline ended them: soft ends after limit, which
// stops the run in order, and hard when the orderly end has taken longer than grace.
// Neither limits the tear-down, which has a limit of its own. Call release when all is done.
func WithDeadline(soft, hard context.Context, limit, grace time.Duration) (boundedSoft, boundedHard context.Context, release func()) {
	late := DeadlineError{After: limit}
	boundedSoft, stopSoft := context.WithTimeoutCause(soft, limit, late)
	boundedHard, stopHard := context.WithTimeoutCause(hard, limit+grace, late)
	return boundedSoft, boundedHard, func() { stopSoft(); stopHard() }
}

// Overdue is the DeadlineError that ended a context of WithDeadline, nil where
// nothing did or something else, as an interrupt.
func Overdue(ctx context.Context) error {
	var late DeadlineError
	if ctx.Err() == nil || !errors.As(context.Cause(ctx), &late) {
		return nil
	}
	return late
}

// What a run takes beside what its plan says, generously: a deadline is there for
// runs that hang, and must not end one that is slow.
const (
	imagesPatience = 5 * time.Minute // images that are built or pulled, agents that are started
	judgePatience  = time.Minute     // the journal of a long run is read and rendered
)

// Deadline is how long a run of the plan may take in all unless somebody says
// otherwise: images, the start of one service after another, traffic, what may go on
// after it, what is read then, healing, tear-down and verdict, each with its own limit.
// StartTimeout is that of Options; 0 is the default of a minute.
func Deadline(plan *scenarios.Plan, startTimeout time.Duration) time.Duration {
	if startTimeout <= 0 {
		startTimeout = time.Minute
	}
	limit := imagesPatience + time.Duration(len(plan.Services))*startTimeout + plan.Duration.Std() + OrderlyEnd(plan)
	for _, ledger := range plan.Ledgers {
		limit += ledger.Within.Std()
	}
	return (limit + answerPatience + judgePatience).Round(time.Second)
}

// OrderlyEnd is how long a run may take from the end of its traffic, or from its
// deadline, until the stack is gone.
func OrderlyEnd(plan *scenarios.Plan) time.Duration {
	return patience(plan) + healPatience + downPatience
}
