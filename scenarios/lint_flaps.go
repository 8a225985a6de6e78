package scenarios

import (
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

// flaps tells of settings by which an instance is removed and missed at once.
// Of n instances at a share u of their target n-1 are at u*n/(n-1).
func (l *linter) flaps() {
	if l.scaler.Max <= l.scaler.Min {
		return // there are always as many
	}
	switch {
	case l.scaler.Step != nil && len(l.scaler.Step.In) > 0 && len(l.scaler.Step.Out) > 0:
		l.stepFlaps()
	case l.scaler.TargetTracking != nil:
		l.trackingFlaps()
	case l.scaler.Queue != nil:
		l.queueFlaps()
	case l.scaler.HPA != nil && !l.oneWay():
		tolerance, window := l.upTolerance(), l.downWindow()
		bad := tolerance < 0.05 && window < time.Minute
		text := fmt.Sprintf("%s may be at its target just after an instance was removed, and adds one at %.3g%% more; it removes one when it was needed by nobody for %s",
			l.name, tolerance*100, window)
		if bad {
			text += ": whatever the load does by chance will make it swing; raise the tolerance to 0.1 or behavior.scaleDown.stabilizationWindowSeconds to 300"
		}
		l.remark("flap-guard", bad, "%s", text)
	}
}

// oneWay tells that an HPA never removes an instance, or never adds one.
func (l *linter) oneWay() bool {
	b := l.scaler.HPA.Behavior
	return b != nil && (*manifest.ScaleUpRules(b.ScaleUp).SelectPolicy == autoscalingv2.DisabledPolicySelect ||
		*manifest.ScaleDownRules(b.ScaleDown).SelectPolicy == autoscalingv2.DisabledPolicySelect)
}

// trackingFlaps looks at a metric that goes by the load of each instance: it adds one
// as soon as that is above the target, where it may be just after one was removed, so
// that only the cooldown keeps it from swinging.
func (l *linter) trackingFlaps() {
	t := l.scaler.TargetTracking
	removes, cooldown := t.ScaleIn == nil || *t.ScaleIn, limitOrZero(t.Cooldown)
	if !removes || !t.Total && !l.shared(t.Metric) || max(cooldown, t.WarmUp) > l.scaler.Every {
		return
	}
	l.remark("flap-guard", true, "%s adds an instance as soon as %s is above %s, where it may be just after one was removed, and removes one again %s after that, which is no longer than the %s between two looks: chance will make it swing; raise target_tracking.cooldown, which is 300s by default",
		l.name, t.Metric, t.Target, cooldown, l.scaler.Every)
}

// queueFlaps looks at what is remembered of a backlog: the number of instances changes
// with a single job where that crosses a multiple of per_instance.
func (l *linter) queueFlaps() {
	q := l.scaler.Queue
	cooldown := limitOrZero(q.Cooldown)
	if cooldown > l.scaler.Every {
		return
	}
	l.remark("flap-guard", true, "%s has an instance more or less by a single job beyond each multiple of %d, and remembers what the backlog asked for for %s, which is no longer than the %s between two looks: each decides by itself, and jobs that come and go will make it swing; raise queue.cooldown, which is 300s by default",
		l.name, q.PerInstance, cooldown, l.scaler.Every)
}

// stepFlaps looks for the removal that leaves most to each of the instances that
// stay: of a metric of single instances alone, as others do not hang on how many
// there are.
func (l *linter) stepFlaps() {
	s := l.scaler.Step
	if !l.shared(s.Metric) {
		return
	}
	above := s.Out[0].Above.Number
	for _, o := range s.Out {
		above = min(above, o.Above.Number)
	}
	least := max(1, l.scaler.Min)
	from, to, below, worst := 0, 0, 0.0, -1.0
	for _, in := range s.In {
		for n := least + 1; n <= l.scaler.Max; n++ {
			stay := max(least, in.leaves(n))
			if after := in.Below.Number * float64(n) / float64(stay); stay < n && after > worst {
				from, to, below, worst = n, stay, in.Below.Number, after
			}
		}
	}
	if to == 0 {
		return
	}
	removed := "one"
	if from-to > 1 {
		removed = fmt.Sprint(from - to)
	}
	text := fmt.Sprintf("%s removes %s of %d instances at %s of %g, which leaves %.3g for each of the others; it adds one from %g on",
		l.name, removed, from, s.Metric, below, worst, above)
	if worst >= above {
		text += ": it will swing; bring the limits further apart, or remove fewer at a time"
	}
	l.remark("flap-guard", worst >= above, "%s", text)
}

// leaves is how many of n instances a step for removing some leaves.
func (s ScaleStep) leaves(n int) int {
	switch {
	case s.To != nil:
		return min(n, *s.To)
	case s.Change != nil:
		return n - max(1, s.Change.Of(n, true))
	}
	return n
}

// shared tells whether a metric is of single instances and goes by the load, so
// that fewer instances have more of it each.
func (l *linter) shared(metric string) bool {
	switch metric {
	case CPUMetric, RequestsPerInstance, InFlightPerInstance:
		return true
	}
	m := l.service.Metrics[metric]
	return m.Exposition != nil && m.Exposition.Combine == MeanOfInstances
}

// upTolerance is how far above its target an HPA leaves a metric; other autoscalers
// leave it nowhere above.
func (l *linter) upTolerance() float64 {
	if l.scaler.HPA == nil {
		return 0
	}
	if b := l.scaler.HPA.Behavior; b != nil && b.ScaleUp != nil && b.ScaleUp.Tolerance != nil {
		return b.ScaleUp.Tolerance.AsApproximateFloat64()
	}
	return 0.1
}

// downWindow is for how long an HPA looks back before it removes, in the
// control loop's time.
func (l *linter) downWindow() time.Duration {
	if b := l.scaler.HPA.Behavior; b != nil && b.ScaleDown != nil && b.ScaleDown.StabilizationWindowSeconds != nil {
		return time.Duration(*b.ScaleDown.StabilizationWindowSeconds) * time.Second
	}
	return 5 * time.Minute
}
