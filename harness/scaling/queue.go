package scaling

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// QueueHistory is what queue scaling remembers. The zero value is that of one
// that has just begun.
type QueueHistory struct {
	// Began is the first evaluation.
	Began time.Time
	// Asked are the numbers that were asked for within the cooldown.
	Asked []Asked
}

// Asked is a number of instances that was asked for.
type Asked struct {
	Instances int
	At        time.Time
}

// Queue has ceil(backlog / per instance) instances, one more than there are while
// the oldest job is too old, and none at all up to the activation where the least
// is 0. Activation beats everything else. It removes instances only down to the
// highest number that was asked for within the cooldown, and none before the
// first cooldown is over.
func Queue(spec scenarios.QueueScaling, state State, backlog, age Reading, history QueueHistory) (Decision, QueueHistory) {
	d := limited{begin(state)}
	d.Metrics = append(d.Metrics, metric(spec.Backlog, backlog, scenarios.Value{Number: float64(spec.PerInstance)}))
	old := spec.MaxAge != nil
	if old {
		d.Metrics = append(d.Metrics, metric(spec.Age, age, scenarios.Value{Number: spec.MaxAge.Std().Seconds(), Unit: "s"}))
	}
	if why := d.Metrics[0].Error; why != "" {
		d.Reason = MetricUnavailable
		d.say("%s could not be read: %s", spec.Backlog, why)
		d.limit(state)
		return d.Decision, history
	}
	d.Wanted = d.ask(spec, state, backlog.Value)
	if old && d.Reason != BelowActivation {
		d.age(spec, age.Value)
	}
	history = history.ask(state.Now, d.Wanted, cooldown(spec.Cooldown))
	d.settle(spec, state.Now, history)
	d.limit(state)
	return d.Decision, history
}

// ask is how many instances a backlog asks for.
func (d *limited) ask(spec scenarios.QueueScaling, state State, backlog float64) int {
	wanted := asked(backlog / float64(max(1, spec.PerInstance)))
	stands := fmt.Sprintf("%s is %s, %d for an instance", spec.Backlog, number(backlog, ""), spec.PerInstance)
	switch {
	case backlog > float64(spec.Activation):
		wanted = max(1, wanted)
	case state.Min == 0:
		wanted, d.Reason = 0, BelowActivation
		stands = fmt.Sprintf("%s is %s, not above the activation of %d", spec.Backlog, number(backlog, ""), spec.Activation)
	}
	d.Metrics[0].Proposed = &wanted
	d.say("%s", stands)
	return wanted
}

// age asks for one instance more while the oldest job is too old. While nobody
// knows, nothing is removed.
func (d *limited) age(spec scenarios.QueueScaling, seconds float64) {
	m := &d.Metrics[1]
	switch {
	case m.Error != "":
		d.say("%s could not be read: %s", spec.Age, m.Error)
		d.Wanted = max(d.Wanted, d.Current)
	case seconds > spec.MaxAge.Std().Seconds():
		more := d.Current + 1
		m.Proposed = &more
		d.say("the oldest job is %s old, more than %s", number(seconds, "s"), spec.MaxAge)
		if more > d.Wanted {
			d.Wanted, d.Reason = more, JobTooOld
		}
	}
}

// ask remembers what was asked for, and forgets what was before the cooldown.
func (h QueueHistory) ask(now time.Time, wanted int, cooldown time.Duration) QueueHistory {
	next := QueueHistory{Began: h.Began, Asked: slices.DeleteFunc(slices.Clone(h.Asked), func(a Asked) bool { return now.Sub(a.At) >= cooldown })}
	if next.Began.IsZero() {
		next.Began = now
	}
	next.Asked = append(next.Asked, Asked{wanted, now})
	return next
}

// settle decides by what is asked for now and was within the cooldown.
func (d *limited) settle(spec scenarios.QueueScaling, now time.Time, history QueueHistory) {
	highest := 0
	for _, a := range history.Asked {
		highest = max(highest, a.Instances)
	}
	switch {
	case d.Wanted > d.Current:
		d.Desired = d.Wanted
		if d.Reason == WithinRange {
			d.Reason = ScaledOut
		}
	case d.Wanted == d.Current:
	case highest >= d.Current:
		d.Reason = CoolingDown
		d.say("%d were asked for within the last %s", highest, cooldown(spec.Cooldown))
	case now.Sub(history.Began) < cooldown(spec.Cooldown):
		d.Reason = CoolingDown
		d.say("nothing is removed in the first %s", cooldown(spec.Cooldown))
	default:
		d.Desired = highest
		if d.Reason == WithinRange {
			d.Reason = ScaledIn
		}
	}
}
