package scenarios

import (
	"fmt"
	"math"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// A LintRemark is something about a plan that is worth knowing before it is
// played: how far an autoscaler can follow, by its settings alone, what faults leave
// to be seen, and which alerts and figures the run is too short for.
type LintRemark struct {
	// Rule is "survivable-ramp", "cycles", "flap-guard" or "grace" of an autoscaler,
	// "fault-length", "only-instance", "after-fault" or "trust" of faults, "alert-late"
	// of alerts, "range" or "short-range" of expressions, "few-requests" of thresholds,
	// "budget-window" or "budget-events" of error budgets, "alert-cannot-fire",
	// "rule-range" or "rule-phase" of rules.
	Rule string `json:"rule"`
	// Service is the one that it is about; the alert, expression, metric or SLO where it
	// is about one of these.
	Service string `json:"service"`
	// Level is "warning" where the plan asks for more than the settings allow, else
	// "info".
	Level string `json:"level"`
	// Text says what, with the figures that it comes from, and what to do.
	Text string `json:"text"`
}

// startUp is how long an instance is taken to need from its start until it
// takes traffic, in real time: nobody knows before the run.
const startUp = 5 * time.Second

// Lint holds the settings of every autoscaler against the load that is planned:
// how steep a climb it survives, how many rounds it needs to the peak, whether it
// removes what it needs again at once, and whether the requests fit into the grace
// period of instances that it removes. Times are real ones, with tempo in them.
func Lint(p *Plan) []LintRemark {
	var all []LintRemark
	for _, name := range keys(p.Services) {
		if a := p.Services[name].Autoscale; a != nil {
			l := linter{plan: p, name: name, service: p.Services[name], scaler: *a}
			l.survivable()
			l.cycles()
			l.flaps()
			l.grace()
			all = append(all, l.remarks...)
		}
	}
	return append(append(all, lintFaults(p)...), lintMetrics(p)...)
}

// A linter looks at one service.
type linter struct {
	plan    *Plan
	name    string
	service PlannedService
	scaler  PlannedAutoscale
	remarks []LintRemark
}

func (l *linter) remark(rule string, bad bool, format string, args ...any) {
	level := "info"
	if bad {
		level = "warning"
	}
	l.remarks = append(l.remarks, LintRemark{Rule: rule, Service: l.name, Level: level, Text: fmt.Sprintf(format, args...)})
}

// target is the share of its capacity that an instance has when the autoscaler
// is content, and the most that the metric can show of it: a processor that is
// busy all the time shows no more, however much waits. False where the metric is
// none of that kind, or nobody knows how much an instance may take because it has
// no limit.
func (l *linter) target() (target, most float64, known bool) {
	if l.service.Limits.CPUs == 0 {
		return 0, 0, false
	}
	if tt := l.scaler.TargetTracking; tt != nil && tt.Metric == CPUMetric {
		return tt.Target.Number / 100, l.saturation(), tt.Target.Number > 0
	}
	if l.scaler.HPA == nil {
		return 0, 0, false
	}
	for _, m := range l.scaler.HPA.Metrics {
		var t *autoscalingv2.MetricTarget
		switch {
		case m.Resource != nil && m.Resource.Name == CPUMetric:
			t = &m.Resource.Target
		case m.ContainerResource != nil && m.ContainerResource.Name == CPUMetric:
			t = &m.ContainerResource.Target
		}
		if t != nil && t.AverageUtilization != nil && *t.AverageUtilization > 0 {
			return float64(*t.AverageUtilization) / 100, l.saturation(), true
		}
	}
	return 0, 0, false
}

// saturation is the utilization of an instance whose processor is busy all the
// time: its limit over its request.
func (l *linter) saturation() float64 {
	if l.service.Requests.CPUs == 0 {
		return 1
	}
	return float64(l.service.Limits.CPUs / l.service.Requests.CPUs)
}

// latency is the time from a rise of the load until another instance takes a
// part of it: two readings, a look at them, the window that holds back, and the
// start.
func (l *linter) latency() time.Duration {
	waits := l.scaler.Resolution + l.scaler.Every
	if h := l.scaler.HPA; h != nil && h.Behavior != nil && h.Behavior.ScaleUp != nil && h.Behavior.ScaleUp.StabilizationWindowSeconds != nil {
		waits += Duration(*h.Behavior.ScaleUp.StabilizationWindowSeconds) * Duration(time.Second)
	}
	return scale(waits, l.plan.Tempo).Std() + startUp
}

// survivable holds the steepest climb that is planned against that which the
// instances survive until others come: r = N * c * (most - target) / T, in
// requests a second each second, or as a factor, most / target.
func (l *linter) survivable() {
	target, most, known := l.target()
	if !known || l.deaf(target, most) {
		return
	}
	wait := l.latency()
	from, to := l.steepest(wait)
	if from == to {
		return
	}
	const words = "%s carries a climb to %.2gx within %s, the time until another instance helps (readings every %s, a look every %s, %s to start), because %.0f%% of %.0f%% are in use when it is content"
	text := fmt.Sprintf(words, l.name, most/target, round(wait), round(scale(l.scaler.Resolution, l.plan.Tempo).Std()), round(scale(l.scaler.Every, l.plan.Tempo).Std()), startUp, target*100, most*100)
	planned := fmt.Sprintf("the plan climbs from %.3g/s to %.3g/s in such a time", from, to)
	if from > 0 {
		planned += fmt.Sprintf(", %.2gx", to/from)
	}
	bad := to > from*most/target
	if c := float64(l.scaler.Capacity); c > 0 {
		n := float64(l.first())
		steepest := n * c * (most - target) / most / wait.Seconds()
		text += fmt.Sprintf("; %s of %.3g/s survive a climb of %.2g/s each second", plural(int(n), "instance"), c, steepest)
		bad = bad && to > n*c
	}
	if bad {
		planned += ": requests will queue; lower the target, start with more instances, or schedule them ahead"
	}
	l.remark("survivable-ramp", bad, "%s; %s", text, planned)
}

// deaf tells whether the metric can never show as much as the autoscaler wants to
// see before it adds an instance.
func (l *linter) deaf(target, most float64) bool { return most <= target*(1+l.upTolerance())*(1+1e-9) }

// never tells that no load whatsoever adds an instance.
func (l *linter) never(target, most float64) {
	text := fmt.Sprintf("%s never adds an instance for want of CPU: its metric shows at most %.0f%%, and one is added above %.3g%%", l.name, most*100, target*(1+l.upTolerance())*100)
	if l.scaler.HPA != nil {
		text += fmt.Sprintf(" (target %.0f%%, tolerance %.3g%%)", target*100, l.upTolerance()*100)
	}
	l.remark("cycles", true, "%s; lower the target, or raise the limit of CPU above the request", text)
}

// first is how many instances there are at the beginning.
func (l *linter) first() int { return max(l.service.Replicas, l.scaler.Min) }

// cycles is how many rounds it takes at least to the peak where the metric
// saturates: ceil(ln k / ln(most / target)), or more where an HPA allows less
// growth in one. The instances of the beginning count for what they carry, where
// that is known, so that a load that begins with next to nothing needs no more
// rounds than one that begins with all they can take.
func (l *linter) cycles() {
	target, most, known := l.target()
	if !known {
		return
	}
	if l.deaf(target, most) {
		l.never(target, most)
		return
	}
	low, high := l.span()
	low = max(low, float64(l.first())*float64(l.scaler.Capacity)*target/most)
	if low == 0 || high <= low {
		return
	}
	k := high / low
	rounds, bounded := l.rounds(k, most/target)
	if rounds == 0 {
		return
	}
	each := max(scale(l.scaler.Every, l.plan.Tempo), scale(l.scaler.Resolution, l.plan.Tempo)).Std()
	took := time.Duration(rounds) * each
	left := l.climb()
	bad := left > 0 && took > left
	text := fmt.Sprintf("%s needs %s to get to %.2gx of the load, because its metric shows at most %.0f%% and so grows by %.2gx a round: %s at one each %s",
		l.name, plural(rounds, "round"), k, most*100, most/target, round(took), round(each))
	if bounded {
		text += "; its policies allow less than that"
	}
	if bad {
		text += fmt.Sprintf("; the load is at its peak after %s; lower the target, or scale on a metric that does not saturate", round(left))
	}
	l.remark("cycles", bad, "%s", text)
}

// rounds is how many it takes at least until there are k times the instances, when
// each brings growth times as many, or what is allowed in one if that is less. 0
// where none are ever added.
func (l *linter) rounds(k, growth float64) (rounds int, bounded bool) {
	n := float64(max(1, l.first()))
	for peak := n * k * (1 - 1e-9); n < peak; rounds++ {
		next := n * growth
		if most, limited := l.allowed(n); limited && most < next*(1-1e-9) {
			next, bounded = most, true
		}
		if next <= n {
			return 0, true
		}
		n = next
	}
	return rounds, bounded
}

// allowed is the most that an HPA makes of so many instances in one round; false
// where another autoscaler knows no such limit.
func (l *linter) allowed(n float64) (most float64, limited bool) {
	switch h := l.scaler.HPA; {
	case h == nil:
		return 0, false
	case h.Behavior == nil:
		return max(2*n, 4), true
	case h.Behavior.ScaleUp == nil || len(h.Behavior.ScaleUp.Policies) == 0:
		return max(2*n, n+4), true
	}
	up := l.scaler.HPA.Behavior.ScaleUp
	for i, p := range up.Policies {
		to := n + float64(p.Value)
		if p.Type == autoscalingv2.PercentScalingPolicy {
			to = math.Ceil(n * (1 + float64(p.Value)/100))
		}
		switch {
		case i == 0:
			most = to
		case up.SelectPolicy != nil && *up.SelectPolicy == autoscalingv2.MinChangePolicySelect:
			most = min(most, to)
		default:
			most = max(most, to)
		}
	}
	if up.SelectPolicy != nil && *up.SelectPolicy == autoscalingv2.DisabledPolicySelect {
		most = n
	}
	return most, true
}

// flaps tells of settings by which an instance is removed and missed at once.
// Of n instances at a share u of their target n-1 are at u*n/(n-1).
func (l *linter) flaps() {
	switch {
	case l.scaler.Step != nil && len(l.scaler.Step.In) > 0 && len(l.scaler.Step.Out) > 0:
		l.stepFlaps()
	case l.scaler.HPA != nil:
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
		for n := least + 1; n <= max(least+1, l.scaler.Max); n++ {
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

// grace holds the longest requests against the grace period: what an autoscaler
// removes has to end them.
func (l *linter) grace() {
	if l.service.Port == 0 {
		return
	}
	longest := time.Duration(0)
	for _, c := range l.plan.Checks {
		if c.SLO == nil || c.SLO.P99 == nil || c.SLO.Whole {
			continue
		}
		for _, s := range Requests(l.plan.Journeys[c.SLO.Journey]) {
			if s.Service == l.name && (c.SLO.Step == "" || c.SLO.Step == s.Name) {
				longest = max(longest, c.SLO.P99.Std())
			}
		}
	}
	if longest == 0 {
		return
	}
	last, what := l.service.Drain.PreStop.Std(), "after its stop signal"
	if lag := l.service.Drain.EndpointLag; lag != nil && lag.Std() > last {
		last, what = lag.Std(), "after the last that is routed to it (endpoint_lag)"
	}
	left := max(0, l.service.Drain.Grace.Std()-last)
	bad := longest > left
	text := fmt.Sprintf("a request to %s may take %s (p99), and an instance that is removed has %s for it %s", l.name, longest, left, what)
	if bad {
		text += "; raise drain.grace, or lower pre_stop or endpoint_lag, whichever is longer"
	}
	l.remark("grace", bad, "%s", text)
}

// round makes a time readable.
func round(d time.Duration) time.Duration {
	if d >= 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}
