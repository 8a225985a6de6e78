package oracle

import (
	"maps"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

// recommender is hpa.Recommend, or something that stands for it.
type recommender func(hpa.Input) hpa.Output

// An evaluation is one of ours, with what it was made from.
type evaluation struct {
	step
	in  hpa.Input
	out hpa.Output
}

// ours runs a recommender on a case, at the moments of upstream's evaluations.
// It stops where yield says so.
func ours(c *Case, start time.Time, trace []step, recommend recommender, yield func(i int, e evaluation) bool) {
	specs := map[*autoscalingv2.HorizontalPodAutoscalerSpec]*autoscalingv2.HorizontalPodAutoscalerSpec{}
	defaulted := func(i int) *autoscalingv2.HorizontalPodAutoscalerSpec {
		written := c.specAt(i)
		if specs[written] == nil {
			specs[written] = written.DeepCopy()
			manifest.Default(specs[written])
		}
		return specs[written]
	}
	p := newPlant(c, defaulted(0).Metrics, start)
	var history hpa.History
	conditions := map[string]condition{}
	for i, s := range trace {
		p.advance(s.at)
		v := p.view(s.at)
		in := hpa.Input{
			Config: c.config(), Spec: defaulted(i), Replicas: v.replicas, Status: v.status,
			Pods: v.pods, Readings: v.readings, History: history, Now: v.now,
		}
		out := recommend(in)
		refused := out.Desired != v.replicas && within(c.Refused, Span(s.at.Sub(start)))
		before := history
		switch history = out.History; {
		case refused:
			history = history.Unapplied(before)
		case out.Desired != v.replicas:
			p.scale(s.at, out.Desired)
		}
		// Conditions stay until an evaluation says something else of them.
		for _, c := range out.Decision.Conditions {
			conditions[c.Type] = condition{c.Status, c.Reason, c.Message}
		}
		e := evaluation{step{
			at: s.at, before: v.replicas, after: p.replicas, conditions: maps.Clone(conditions), refused: refused, scaled: history.LastScale,
		}, in, out}
		if !yield(i, e) {
			return
		}
	}
}
