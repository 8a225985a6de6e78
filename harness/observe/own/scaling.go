package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The directions of a decision.
const (
	up   = "up"
	down = "down"
)

// scaling is what autoscalers read, decide and do.
type scaling struct {
	plan *scenarios.Plan

	desired, wanted           *family
	decisions, evaluations    *family
	applied, errors           *family
	metric, metricErrors      *family
	scaleMetric, scaleTargets *family
}

func newScaling(c *catalogue, plan *scenarios.Plan) *scaling {
	s := &scaling{
		plan: plan,
		desired: c.gauge("shakedown_replicas_desired",
			"Instances that a service should have: of the plan, of its actions that scale, of the last decision of its autoscaler.", "service"),
		wanted: c.gauge("shakedown_replicas_wanted",
			"Instances that the metrics of an autoscaler ask for, before limits, windows and policies.", "service"),
		decisions: c.counter("shakedown_scale_decisions_total",
			"Decisions of autoscalers that ask for more instances (up) or fewer (down).", "service", "direction"),
		evaluations: c.counter("shakedown_scale_evaluations_total",
			"Evaluations of autoscalers, by their reason in one word.", "service", "autoscaler", "reason"),
		applied: c.counter("shakedown_scale_instances_total",
			"Instances that decisions of autoscalers created (up) or told to stop (down).", "service", "direction"),
		errors: c.counter("shakedown_scale_errors_total",
			"Decisions of autoscalers that could not be applied.", "service"),
		metric: c.gauge("shakedown_metric",
			"Last reading of a metric of a service that the scenario names. Absent while it cannot be read.", "service", "metric"),
		metricErrors: c.counter("shakedown_metric_errors_total",
			"Readings of a metric of a service that failed.", "service", "metric"),
		scaleMetric: c.gauge("shakedown_scale_metric",
			"What the last decision of an autoscaler took a metric for. Absent while it could not be read.", "service", "metric"),
		scaleTargets: c.gauge("shakedown_scale_metric_target",
			"What an autoscaler wants a metric to be.", "service", "metric"),
	}
	for name, service := range plan.Services {
		s.desired.set(0, float64(service.Replicas), name)
		for metric := range service.Metrics {
			s.metricErrors.expect(name, metric)
		}
		if service.Autoscale != nil || service.Prescale != nil {
			s.expect(name)
		}
	}
	return s
}

func (s *scaling) expect(service string) {
	s.errors.expect(service)
	for _, direction := range []string{up, down} {
		s.decisions.expect(service, direction)
		s.applied.expect(service, direction)
	}
}

func (s *scaling) observe(t time.Duration, b journal.Body) {
	switch b := b.(type) {
	case journal.ActionStarted:
		for _, a := range s.plan.Actions {
			if a.Scale != nil && a.Scale.Service == b.Service && a.At.Std() == b.Planned {
				s.desired.set(t, float64(a.Scale.To), b.Service)
			}
		}
	case journal.ScaleDecision:
		s.decision(t, b)
	case journal.ScaleApplied:
		s.applied.add(float64(len(b.Started)), b.Service, up)
		s.applied.add(float64(len(b.Stopping)), b.Service, down)
		if b.Error != "" {
			s.errors.add(1, b.Service)
		}
	case journal.Measured:
		if b.Error != "" {
			s.metricErrors.add(1, b.Service, b.Metric)
			s.metric.drop(b.Service, b.Metric)
			return
		}
		s.metric.set(t, b.Value, b.Service, b.Metric)
	}
}

func (s *scaling) decision(t time.Duration, b journal.ScaleDecision) {
	s.evaluations.add(1, b.Service, b.Autoscaler, b.Reason)
	s.desired.set(t, float64(b.Desired), b.Service)
	s.wanted.set(t, float64(b.Wanted), b.Service)
	switch {
	case b.Desired > b.Current:
		s.decisions.add(1, b.Service, up)
	case b.Desired < b.Current:
		s.decisions.add(1, b.Service, down)
	}
	for _, m := range b.Metrics {
		s.scaleTargets.set(t, m.Target, b.Service, m.Name)
		if m.Value == nil {
			s.scaleMetric.drop(b.Service, m.Name)
			continue
		}
		s.scaleMetric.set(t, *m.Value, b.Service, m.Name)
	}
}
