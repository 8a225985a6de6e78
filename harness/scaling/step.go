package scaling

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// StepHistory is what step scaling remembers. The zero value is that of one
// that has just begun.
type StepHistory struct {
	// Above and Below count the readings in a row that were beyond a limit.
	Above, Below int
	// Changed is when it last added or removed instances; it takes it that what it
	// decides is done.
	Changed time.Time
}

// Step adds and removes instances by how far a metric is beyond a limit. What
// warms up counts as added already: a step out leads to so many more than there
// were warm ones, not to so many more again. Nothing is removed while anything
// warms up, or within the cooldown.
func Step(spec scenarios.StepScaling, state State, reading Reading, history StepHistory) (Decision, StepHistory) {
	d := limited{begin(state)}
	out, in := stepOut(spec.Out, reading.Value), stepIn(spec.In, reading.Value)
	limit := scenarios.Value{}
	if len(spec.Out) > 0 {
		limit = *spec.Out[0].Above
	}
	switch {
	case out != nil:
		limit = *out.Above
	case in != nil:
		limit = *in.Below
	}
	m := metric(spec.Metric, reading, limit)
	d.Metrics = append(d.Metrics, m)
	if m.Error != "" {
		d.Reason = MetricUnavailable
		d.say("%s could not be read: %s", spec.Metric, m.Error)
		history.Above, history.Below = 0, 0
	} else {
		history = history.count(out != nil, in != nil)
		d.step(spec, state, reading.Value, out, in, history)
	}
	d.limit(state)
	if d.Desired != d.Current {
		history.Changed = state.Now
	}
	return d.Decision, history
}

// count counts a reading.
func (h StepHistory) count(out, in bool) StepHistory {
	next := StepHistory{Changed: h.Changed}
	if out {
		next.Above = h.Above + 1
	}
	if in {
		next.Below = h.Below + 1
	}
	return next
}

// step decides by the steps that a reading has reached.
func (d *limited) step(spec scenarios.StepScaling, state State, value float64, out, in *scenarios.ScaleStep, history StepHistory) {
	counted := len(warm(state, spec.WarmUp))
	stands := fmt.Sprintf("%s is %s", spec.Metric, number(value, d.Metrics[0].Unit))
	periods := max(1, spec.Periods)
	switch {
	case out != nil:
		wanted := apply(*out, counted, +1)
		d.Metrics[0].Proposed, d.Wanted = &wanted, wanted
		d.say("%s, %s or more", stands, out.Above)
		switch {
		case history.Above < periods:
			d.say("in %d of %d readings", history.Above, periods)
		case wanted > d.Current:
			d.Desired, d.Reason = wanted, ScaledOut
		case counted < d.Current:
			d.Reason = WarmingUp
			d.say("%d on their way count already", d.Current-counted)
		}
	case in != nil:
		wanted := min(d.Current, apply(*in, d.Current, -1))
		d.Metrics[0].Proposed, d.Wanted = &wanted, wanted
		d.say("%s, %s or less", stands, in.Below)
		d.stepIn(spec, state, wanted, counted, history)
	default:
		d.say("%s, beyond no limit", stands)
	}
}

// stepIn removes instances, unless something speaks against it.
func (d *limited) stepIn(spec scenarios.StepScaling, state State, wanted, counted int, history StepHistory) {
	periods := max(1, spec.Periods)
	switch {
	case history.Below < periods:
		d.say("in %d of %d readings", history.Below, periods)
	case counted+state.Owed < d.Current:
		d.Reason = WarmingUp
		d.say("%d are not warm yet", d.Current-counted-state.Owed)
	case within(state.Now, history.Changed, cooldown(spec.Cooldown)):
		d.Reason = CoolingDown
		d.say("the last change was less than %s ago", cooldown(spec.Cooldown))
	case wanted < d.Current:
		d.Desired, d.Reason = wanted, ScaledIn
	}
}

// stepOut is the furthest step out that a value has reached, nil for none.
func stepOut(steps []scenarios.ScaleStep, value float64) (reached *scenarios.ScaleStep) {
	for i, s := range steps {
		if s.Above != nil && value >= s.Above.Number && (reached == nil || s.Above.Number > reached.Above.Number) {
			reached = &steps[i]
		}
	}
	return reached
}

// stepIn is the furthest step in that a value has reached, nil for none.
func stepIn(steps []scenarios.ScaleStep, value float64) (reached *scenarios.ScaleStep) {
	for i, s := range steps {
		if s.Below != nil && value <= s.Below.Number && (reached == nil || s.Below.Number < reached.Below.Number) {
			reached = &steps[i]
		}
	}
	return reached
}

// apply is how many instances a step leads to from n, from 0 to mostWanted.
func apply(s scenarios.ScaleStep, n, direction int) int {
	switch {
	case s.To != nil:
		n = *s.To
	case s.Change != nil:
		n += direction * min(mostWanted, max(1, s.Change.Of(n, true)))
	}
	return max(0, min(n, mostWanted))
}
