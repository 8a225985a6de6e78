package harness

import (
	"cmp"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A moment is something the plan wants done at an offset from the start of
// traffic; exactly one of the three is set.
type moment struct {
	at     time.Duration
	begins *scenarios.PlannedPhase
	ends   *scenarios.PlannedPhase
	action *scenarios.PlannedAction
}

// timeline lists the plan's moments in order. At the same offset a phase ends
// before the next begins, and begins before its actions.
func timeline(plan *scenarios.Plan) []moment {
	var moments []moment
	for i := range plan.Phases {
		phase := &plan.Phases[i]
		moments = append(moments,
			moment{at: phase.Start.Std(), begins: phase},
			moment{at: phase.End.Std(), ends: phase})
	}
	for i := range plan.Actions {
		moments = append(moments, moment{at: plan.Actions[i].At.Std(), action: &plan.Actions[i]})
	}
	slices.SortStableFunc(moments, func(a, b moment) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank(), b.rank()))
	})
	return moments
}

func (m moment) rank() int {
	switch {
	case m.ends != nil:
		return 0
	case m.begins != nil:
		return 1
	default:
		return 2
	}
}
