package scaling

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// TrackingHistory is what target tracking remembers. The zero value is that of
// one that has just begun.
type TrackingHistory struct {
	// Changed is when it last added or removed instances; it takes it that what it
	// decides is done.
	Changed time.Time
}

// easeIn is the share of the target below which instances are removed: a
// little below it there is nothing to gain, and much to swing.
const easeIn = 0.9

// TargetTracking keeps a metric at its target: it adds ceil(n * value / target)
// - n instances at once, n being those that the metric is of, and counts those
// that are warming up as added; below nine tenths of the target it removes half of
// what is too much, after its cooldown, as target tracking of public clouds does
// gradually. A metric of the service as a whole is shared among the instances.
// Where it is known of some instances only, nothing is removed for those that
// take work and did not tell: they count as at the target then, and as idle
// where instances are added, as the pods without a metric of an HPA do.
func TargetTracking(spec scenarios.TargetTracking, state State, reading Reading, history TrackingHistory) (Decision, TrackingHistory) {
	d := limited{begin(state)}
	counted := warm(state, spec.WarmUp)
	value, n := perInstance(spec, reading, counted)
	reading.Value = value
	m := metric(spec.Metric, reading, spec.Target)
	m.Missing = silent(reading, counted)
	d.Metrics = append(d.Metrics, m)
	switch {
	case m.Error != "":
		d.Reason = MetricUnavailable
		d.say("%s could not be read: %s", spec.Metric, m.Error)
	case !(spec.Target.Number > 0):
		d.Reason = MetricUnavailable
		d.say("a target of %s is none to keep", spec.Target)
	case n == 0:
		d.Reason = WarmingUp
		d.say("no instance is warm")
	default:
		share := float64(n) * value / spec.Target.Number
		wanted := asked(share)
		if m.Missing > 0 && wanted < d.Current {
			wanted = min(d.Current, asked(share+float64(m.Missing)))
			d.say("%d did not tell and count as at the target", m.Missing)
		}
		d.Metrics[0].Proposed = &wanted
		d.Wanted = wanted
		d.track(spec, state, value, wanted, len(counted), history)
	}
	d.limit(state)
	if d.Desired != d.Current {
		history.Changed = state.Now
	}
	return d.Decision, history
}

// perInstance is the metric of the instances that are warm, and how many they
// are. Where it is not known instance by instance, it is of all.
func perInstance(spec scenarios.TargetTracking, r Reading, counted []Instance) (value float64, n int) {
	if r.Each == nil {
		if spec.Total && len(counted) > 0 {
			return r.Value / float64(len(counted)), len(counted)
		}
		return r.Value, len(counted)
	}
	sum := 0.0
	for _, i := range counted {
		if v, ok := r.Each[i.Name]; ok {
			sum += v
			n++
		}
	}
	if n == 0 {
		return r.Value, 0
	}
	return sum / float64(n), n
}

// silent is how many instances take work, should be known by now, and are not.
func silent(r Reading, counted []Instance) (missing int) {
	if r.Each == nil {
		return 0
	}
	for _, i := range counted {
		if _, told := r.Each[i.Name]; !told && !i.Ready.IsZero() {
			missing++
		}
	}
	return missing
}

// track decides by the value of a metric.
func (d *limited) track(spec scenarios.TargetTracking, state State, value float64, wanted, warm int, history TrackingHistory) {
	stands := fmt.Sprintf("%s is %s, the target %s", spec.Metric, number(value, spec.Target.Unit), spec.Target)
	switch {
	case wanted > d.Current:
		d.Desired, d.Reason = wanted, ScaledOut
		d.say("%s", stands)
	case wanted >= d.Current || value >= easeIn*spec.Target.Number:
		d.say("%s", stands)
	case spec.ScaleIn != nil && !*spec.ScaleIn:
		d.say("%s; scaling in is switched off", stands)
	case warm+state.Owed < d.Current:
		d.Reason = WarmingUp
		d.say("%s; %d are not warm yet", stands, d.Current-warm-state.Owed)
	case within(state.Now, history.Changed, cooldown(spec.Cooldown)):
		d.Reason = CoolingDown
		d.say("%s; the last change was less than %s ago", stands, cooldown(spec.Cooldown))
	default:
		d.Desired, d.Reason = d.Current-max(1, (d.Current-wanted)/2), ScaledIn
		d.say("%s", stands)
	}
}
