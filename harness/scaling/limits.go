package scaling

import (
	"fmt"
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The reasons of recommenders that are not an HPA, which has its own.
const (
	ScaledOut         = "ScaledOut"
	ScaledIn          = "ScaledIn"
	WithinRange       = "DesiredWithinRange"
	CoolingDown       = "Cooldown"
	WarmingUp         = "WarmUp"
	MetricUnavailable = "MetricUnavailable"
	TooFewReplicas    = "TooFewReplicas"
	TooManyReplicas   = "TooManyReplicas"
	ScheduledFloor    = "ScheduledFloor"
	JobTooOld         = "JobTooOld"
	BelowActivation   = "BelowActivation"
)

// mostWanted bounds what a metric can ask for, so that sums of it cannot
// overflow.
const mostWanted = 1 << 20

// asked is how many instances a quotient asks for, from 0 to mostWanted. One
// that is no number asks for the most: whoever asks for nothing would be taken
// away.
func asked(quotient float64) int {
	if !(quotient < mostWanted) { // NaN too
		return mostWanted
	}
	return max(0, int(math.Ceil(max(quotient, 0)-1e-9))) // 3.0000000001 instances are three
}

// begin is a decision that changes nothing yet.
func begin(state State) Decision {
	n := len(state.Instances)
	return Decision{Current: n, Wanted: n, Desired: n, Reason: WithinRange}
}

// limit keeps a decision within the least and the most; beyond them the limits
// are the reason.
func (d *limited) limit(state State) {
	switch {
	case d.Desired < state.Min:
		d.Desired, d.Reason = state.Min, TooFewReplicas
		d.say("%d would be fewer than the least of %d", d.Wanted, state.Min)
	case d.Desired > state.Max:
		d.Desired, d.Reason = state.Max, TooManyReplicas
		d.say("%d would be more than the most of %d", d.Wanted, state.Max)
	}
}

// limited is a decision in the making.
type limited struct{ Decision }

// say sets the message, or adds to it.
func (d *limited) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if d.Message != "" {
		text = d.Message + "; " + text
	}
	d.Message = text
}

// unusable says why a reading is none: NaN and infinity are no values.
func unusable(r Reading) string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case math.IsNaN(r.Value) || math.IsInf(r.Value, 0):
		return fmt.Sprintf("the value is %v", r.Value)
	case r.Value < 0:
		return fmt.Sprintf("the value is negative: %v", r.Value)
	}
	return ""
}

// metric is a reading as the record has it.
func metric(name string, r Reading, target scenarios.Value) journal.ScaleMetric {
	m := journal.ScaleMetric{Name: name, Target: target.Number, Unit: target.Unit, Error: unusable(r)}
	if m.Error == "" {
		m.Value = &r.Value
	}
	return m
}

// warm are the instances that have been started for so long.
func warm(state State, warmUp scenarios.Duration) []Instance {
	instances := make([]Instance, 0, len(state.Instances))
	for _, i := range state.Instances {
		if !i.Started.IsZero() && state.Now.Sub(i.Started) >= warmUp.Std() {
			instances = append(instances, i)
		}
	}
	return instances
}

// defaultCooldown is that of target tracking, steps and queues.
const defaultCooldown = 5 * time.Minute

func cooldown(d *scenarios.Duration) time.Duration {
	if d == nil {
		return defaultCooldown
	}
	return d.Std()
}

// within tells that something was done less than a while ago.
func within(now, at time.Time, while time.Duration) bool {
	return !at.IsZero() && now.Sub(at) < while
}

// mostCounted is the most seconds or bytes that are written as such: a duration
// holds no more nanoseconds.
const mostCounted = 9e9

// number is a value as people read it, with three figures.
func number(v float64, unit string) string {
	if unit == "s" && v < mostCounted || unit == "B" && v < mostCounted*1e9 {
		return scenarios.Value{Number: v, Unit: unit}.String()
	}
	return fmt.Sprintf("%.3g%s", v, unit)
}
