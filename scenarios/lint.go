package scenarios

import (
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// A LintRemark is something about a plan that is worth knowing before it is
// played: how far an autoscaler can follow, by its settings alone, what faults leave
// to be seen, and which alerts and figures the run is too short for.
type LintRemark struct {
	// Rule is "survivable-ramp", "cycles", "flap-guard", "grace", "replicas" or "workload"
	// of an autoscaler, "machine" of limits beyond the machine, "tier", "hold" or "unanswered" of prescaling, "fault-length", "only-instance", "after-fault" or "trust" of faults, "alert-late"
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
// removes what it needs again at once, whether the requests fit into the grace
// period of instances that it removes, and what it is for; and those of prescaling
// against those who come. Times are real ones, with tempo in them.
func Lint(p *Plan) []LintRemark {
	var all []LintRemark
	for _, name := range keys(p.Services) {
		if a := p.Services[name].Autoscale; a != nil {
			l := linter{plan: p, name: name, service: p.Services[name], scaler: *a}
			l.survivable()
			l.cycles()
			l.flaps()
			l.grace()
			l.beginning()
			l.workload()
			all = append(all, l.remarks...)
		}
	}
	all = append(all, lintPrescale(p)...)
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

// first is how many instances there are at the beginning, with those that the autoscaler adds
// at its first look.
func (l *linter) first() int { return max(l.service.Replicas, l.scaler.Min) }

// round makes a time readable.
func round(d time.Duration) time.Duration {
	if d >= 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}
