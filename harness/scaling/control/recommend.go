package control

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A history is what the autoscaler of a service remembers; the part of its kind
// is used.
type history struct {
	hpa      hpa.History
	tracking scaling.TrackingHistory
	step     scaling.StepHistory
	queue    scaling.QueueHistory
}

// unapplied is the history after a decision that was not applied, given the one
// before it: nothing has changed, but readings have been taken in.
func (h history) unapplied(before history) history {
	h.hpa = h.hpa.Unapplied(before.hpa)
	h.tracking.Changed, h.step.Changed = before.tracking.Changed, before.step.Changed
	return h
}

// recommend asks the recommender of the service's autoscaler.
func (s *service) recommend(v view) (d scaling.Decision, next history) {
	next = s.history
	ask := s.question(v, &next)
	begun := time.Now()
	d = ask()
	d.Took = time.Since(begun)
	return d, next
}

// question is what the autoscaler is asked, with the readings that it takes.
func (s *service) question(v view, h *history) func() scaling.Decision {
	auto := s.planned.Autoscale
	switch {
	case auto.HPA != nil:
		in := s.hpaInput(v, h.hpa)
		return func() scaling.Decision {
			out := hpa.Recommend(in)
			h.hpa = out.History
			out.Decision.Desired = int(out.Desired)
			return out.Decision
		}
	case auto.TargetTracking != nil:
		spec := *auto.TargetTracking
		r := s.reading(spec.Metric, v)
		if spec.Total {
			r.Each = nil // instances may all tell of the same thing
		}
		return func() (d scaling.Decision) {
			d, h.tracking = scaling.TargetTracking(spec, v.state, r, h.tracking)
			return d
		}
	case auto.Step != nil:
		r := s.reading(auto.Step.Metric, v)
		return func() (d scaling.Decision) {
			d, h.step = scaling.Step(*auto.Step, v.state, r, h.step)
			return d
		}
	case auto.Queue != nil:
		return s.queueQuestion(*auto.Queue, v, h)
	}
	return func() scaling.Decision { return scaling.Steady(v.state) }
}

func (s *service) queueQuestion(spec scenarios.QueueScaling, v view, h *history) func() scaling.Decision {
	backlog, age := s.reading(spec.Backlog, v), scaling.Reading{}
	if spec.Age != "" {
		age = s.reading(spec.Age, v)
	}
	return func() (d scaling.Decision) {
		d, h.queue = scaling.Queue(spec, v.state, backlog, age, h.queue)
		return d
	}
}
