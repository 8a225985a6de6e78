package oracle

import (
	"slices"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

// wrong are autoscalers that break one rule each: the right one, with something
// else put before it. Inputs are copied before they are changed.
var wrong = map[string]func(hpa.Input) hpa.Input{
	"a tolerance of 0.11": func(in hpa.Input) hpa.Input {
		in.Config.Tolerance = 0.11
		return in
	},
	"no behavior is an empty behavior": behaving(func(b *autoscalingv2.HorizontalPodAutoscalerBehavior) *autoscalingv2.HorizontalPodAutoscalerBehavior {
		if b != nil {
			return b
		}
		spec := autoscalingv2.HorizontalPodAutoscalerSpec{Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{}}
		manifest.Default(&spec)
		return spec.Behavior
	}),
	"a behavior is not looked at": behaving(func(*autoscalingv2.HorizontalPodAutoscalerBehavior) *autoscalingv2.HorizontalPodAutoscalerBehavior {
		return nil
	}),
	"tolerances of the HPA are not looked at": behaving(func(b *autoscalingv2.HorizontalPodAutoscalerBehavior) *autoscalingv2.HorizontalPodAutoscalerBehavior {
		if b != nil {
			b.ScaleUp.Tolerance, b.ScaleDown.Tolerance = nil, nil
		}
		return b
	}),
	"scaling up is not stabilized": behaving(func(b *autoscalingv2.HorizontalPodAutoscalerBehavior) *autoscalingv2.HorizontalPodAutoscalerBehavior {
		if b != nil {
			b.ScaleUp.StabilizationWindowSeconds = new(int32(0))
		}
		return b
	}),
	"the first number of replicas is no recommendation": func(in hpa.Input) hpa.Input {
		if len(in.History.Recommendations) == 0 {
			in.History.Recommendations = []hpa.Recommendation{{At: in.Now.Add(-2 * time.Hour)}}
		}
		return in
	},
	"windows of a behavior include their edge": func(in hpa.Input) hpa.Input {
		return aged(in, time.Nanosecond, in.Spec.Behavior != nil)
	},
	"the window without a behavior excludes its edge": func(in hpa.Input) hpa.Input {
		return aged(in, -time.Nanosecond, in.Spec.Behavior == nil)
	},
	"removals do not count for the rate": func(in hpa.Input) hpa.Input {
		in.History.Down = nil
		return in
	},
	"additions do not count for the rate": func(in hpa.Input) hpa.Input {
		in.History.Up = nil
		return in
	},
	"deleted pods count": eachPod(func(p *hpa.Pod, _ hpa.Input) { p.Deleting = false }),
	"failed pods count": eachPod(func(p *hpa.Pod, _ hpa.Input) {
		if p.Phase == hpa.Failed {
			p.Phase = hpa.Running
		}
	}),
	"succeeded pods count as failed": eachPod(func(p *hpa.Pod, _ hpa.Input) {
		if p.Phase == succeeded {
			p.Phase = hpa.Failed
		}
	}),
	"pending pods are left out": eachPod(func(p *hpa.Pod, _ hpa.Input) { p.Deleting = p.Deleting || p.Phase == hpa.Pending }),
	"pods without a sample are left out": eachPod(func(p *hpa.Pod, in hpa.Input) {
		for i, r := range in.Readings {
			if _, ok := r.Pods[p.Name]; !ok && r.Err == nil && len(r.Pods) > 0 && ofPods(in.Spec.Metrics[i]) {
				p.Deleting = true
			}
		}
	}),
	"starting pods count": eachPod(func(p *hpa.Pod, in hpa.Input) {
		p.Started, p.Changed, p.Ready = in.Now.Add(-time.Hour), in.Now.Add(-time.Hour), new(true)
	}),
	"every metric leaves out what is not ready": eachPod(func(p *hpa.Pod, _ hpa.Input) {
		p.Deleting = p.Deleting || p.Ready != nil && !*p.Ready
	}),
	"samples of no pod are left out": func(in hpa.Input) hpa.Input {
		return eachReading(in, func(r *hpa.Reading) {
			kept := map[string]hpa.PodMetric{}
			for _, p := range in.Pods {
				if m, ok := r.Pods[p.Name]; ok {
					kept[p.Name] = m
				}
			}
			r.Pods = kept
		})
	},
	"only the first series counts": func(in hpa.Input) hpa.Input {
		return eachReading(in, func(r *hpa.Reading) { r.Values = r.Values[:min(1, len(r.Values))] })
	},
	"status.replicas is not looked at": func(in hpa.Input) hpa.Input {
		in.Status = in.Replicas
		return in
	},
	"broken metrics are left out": func(in hpa.Input) hpa.Input {
		if !slices.ContainsFunc(in.Readings, func(r hpa.Reading) bool { return r.Err == nil }) {
			return in
		}
		before := in
		in.Spec, in.Readings = in.Spec.DeepCopy(), nil
		in.Spec.Metrics = nil
		for i, r := range before.Readings {
			if r.Err == nil {
				in.Spec.Metrics, in.Readings = append(in.Spec.Metrics, before.Spec.Metrics[i]), append(in.Readings, r)
			}
		}
		return in
	},
}

// behaving changes the behavior of the specification.
func behaving(change func(*autoscalingv2.HorizontalPodAutoscalerBehavior) *autoscalingv2.HorizontalPodAutoscalerBehavior) func(hpa.Input) hpa.Input {
	return func(in hpa.Input) hpa.Input {
		in.Spec = in.Spec.DeepCopy()
		in.Spec.Behavior = change(in.Spec.Behavior)
		return in
	}
}

// eachPod changes every pod, given the input as it was.
func eachPod(change func(*hpa.Pod, hpa.Input)) func(hpa.Input) hpa.Input {
	return func(in hpa.Input) hpa.Input {
		before := in
		in.Pods = slices.Clone(in.Pods)
		for i := range in.Pods {
			change(&in.Pods[i], before)
		}
		return in
	}
}

func eachReading(in hpa.Input, change func(*hpa.Reading)) hpa.Input {
	in.Readings = slices.Clone(in.Readings)
	for i := range in.Readings {
		change(&in.Readings[i])
	}
	return in
}

// aged moves what was recommended, if it is to.
func aged(in hpa.Input, by time.Duration, really bool) hpa.Input {
	if !really {
		return in
	}
	in.History.Recommendations = slices.Clone(in.History.Recommendations)
	for i := range in.History.Recommendations {
		r := &in.History.Recommendations[i]
		if r.At.Nanosecond() == 0 { // has not been moved before
			r.At = r.At.Add(by)
		}
	}
	return in
}

// wordless are autoscalers that scale as they should and tell it wrongly.
var wordless = map[string]func(*journal.ScaleDecision){
	"conditions are not told": func(d *journal.ScaleDecision) { d.Conditions = nil },
	"values are not told": func(d *journal.ScaleDecision) {
		d.Metrics = slices.Clone(d.Metrics)
		for i := range d.Metrics {
			d.Metrics[i].Value = nil
		}
	},
	"the reason of a rescale is not told": func(d *journal.ScaleDecision) { d.Message = "" },
}

// An oracle that cannot say no is worth nothing: each autoscaler that breaks a
// rule must be told from upstream by a few of the random cases, and those that
// break one of scaling by the replicas alone.
func TestWrongAutoscalersMustBeFound(t *testing.T) {
	const within = 200
	type suspect struct {
		recommend recommender
		differs   func(step, evaluation) string
	}
	left := map[string]suspect{}
	for rule, change := range wrong {
		left[rule] = suspect{func(in hpa.Input) hpa.Output { return hpa.Recommend(change(in)) }, differInReplicas}
	}
	for rule, change := range wordless {
		left[rule] = suspect{func(in hpa.Input) hpa.Output {
			out := hpa.Recommend(in)
			change(&out.Decision)
			return out
		}, differs}
	}
	for i := 0; i < within && len(left) > 0; i++ {
		c := generate(1, i)
		start, trace := upstream(t, c)
		for rule, s := range left {
			if d := compare(c, start, trace, s.recommend, s.differs, nil); d != nil {
				t.Logf("%s: found by case %d: %s", rule, i, d.what)
				delete(left, rule)
			}
		}
	}
	for rule := range left {
		t.Errorf("%d random cases did not tell from upstream an autoscaler with this error: %s", within, rule)
	}
}
