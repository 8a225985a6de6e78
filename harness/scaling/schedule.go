package scaling

import (
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Floor raises what was decided to the highest of the least numbers that are
// scheduled for a moment, which is an offset from the start of traffic; never
// above the most.
func Floor(floors []scenarios.PlannedFloor, at time.Duration, state State, decision Decision) Decision {
	least := 0
	var until scenarios.Duration
	for _, f := range floors {
		if f.Start.Std() <= at && at < f.End.Std() && f.Min > least {
			least, until = f.Min, f.End
		}
	}
	least = min(least, state.Max)
	if decision.Desired >= least {
		return decision
	}
	d := limited{decision}
	d.Desired, d.Reason = least, ScheduledFloor
	d.say("%d are scheduled until %s", least, until)
	return d.Decision
}

// Steady is the decision of a service that is scaled by nothing but its
// schedule: the least number.
func Steady(state State) Decision {
	d := limited{begin(state)}
	d.Wanted, d.Desired = state.Min, state.Min
	switch {
	case d.Desired > d.Current:
		d.Reason = ScaledOut
	case d.Desired < d.Current:
		d.Reason = ScaledIn
	}
	d.say("the least is %d", state.Min)
	return d.Decision
}
