package hpa_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// A plant has pods of 200m, 400m at most, that take 20 s to get ready; the ready
// ones share the demand for CPU.
type plant struct {
	pods   []hpa.Pod
	made   int
	demand func(seconds int) int64
}

// scale starts pods, or removes the youngest.
func (p *plant) scale(to int32, now time.Time) {
	for len(p.pods) < int(to) {
		p.made++
		p.pods = append(p.pods, hpa.Pod{
			Name: fmt.Sprintf("api-%d", p.made), Phase: hpa.Running, Started: now, Ready: new(false), Changed: now,
			Containers: []hpa.Container{{Name: "api", MilliCPU: new(int64(200))}},
		})
	}
	p.pods = p.pods[:to]
}

// usage of the CPU, measured over 15 s.
func (p *plant) usage(seconds int) hpa.Reading {
	metrics, serving := map[string]hpa.PodMetric{}, int64(0)
	for i := range p.pods {
		if ready := p.pods[i].Started.Add(20 * time.Second); !ready.After(at(seconds)) {
			p.pods[i].Ready, p.pods[i].Changed = new(true), ready
			serving++
		}
	}
	for _, pod := range p.pods {
		one := hpa.PodMetric{At: at(seconds), Window: 15 * time.Second}
		if *pod.Ready {
			one.Value = min(400, p.demand(seconds)/serving)
		}
		metrics[pod.Name] = one
	}
	return hpa.Reading{Pods: metrics, At: at(seconds)}
}

// run is the changes that an HPA makes in a time.
func (p *plant) run(spec *autoscalingv2.HorizontalPodAutoscalerSpec, seconds int) []string {
	var changes []string
	var history hpa.History
	p.scale(1, at(0))
	for t := 15; t <= seconds; t += 15 {
		replicas := int32(len(p.pods))
		out := hpa.Recommend(hpa.Input{
			Config: hpa.Defaults(), Spec: spec, Replicas: replicas, Status: replicas,
			Pods: slices.Clone(p.pods), Readings: []hpa.Reading{p.usage(t)}, History: history, Now: at(t),
		})
		history = out.History
		if out.Desired != replicas {
			changes = append(changes, fmt.Sprintf("%d->%d", t, out.Desired))
			p.scale(out.Desired, at(t))
		}
	}
	return changes
}

// The same plant under upstream's controller gave the first of these traces.
func TestTrace(t *testing.T) {
	surge := func(seconds int) int64 {
		if seconds > 300 && seconds < 900 {
			return 2400
		}
		return 250
	}
	for name, c := range map[string]struct {
		behavior *autoscalingv2.HorizontalPodAutoscalerBehavior
		want     []string
	}{
		"empty behavior": {&autoscalingv2.HorizontalPodAutoscalerBehavior{}, []string{"45->3", "315->7", "330->12", "360->14", "375->24", "1185->3"}},
		// 3 -> 6, where 4 more were 7; and a window that includes its end
		"none": {nil, []string{"45->3", "315->6", "330->12", "375->24", "1200->3"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := defaulted(autoscalingv2.HorizontalPodAutoscalerSpec{
				MaxReplicas: 50, Behavior: c.behavior,
				Metrics: []autoscalingv2.MetricSpec{utilization(cpu, 50)},
			})
			plant := plant{demand: surge}
			if have := plant.run(spec, 2400); !slices.Equal(have, c.want) {
				t.Errorf("trace %v, want %v", have, c.want)
			}
		})
	}
}
