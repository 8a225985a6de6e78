package hpa_test

import (
	"fmt"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// hundred is a fleet of that many pods.
const hundred = "700x90 U700x5 Px4 -"

// evaluation has a fleet, the first of 4 metrics, a behavior, and an hour of
// history: as much as the longest window holds.
func evaluation(fleetOf string, count int) hpa.Input {
	pods, metrics := fleet(fleetOf)
	behavior := &autoscalingv2.HorizontalPodAutoscalerBehavior{
		ScaleUp:   &rules{Policies: policies{podsIn(60, 10), percentIn(60, 50)}},
		ScaleDown: &rules{StabilizationWindowSeconds: new(int32(3600))},
	}
	in := hpa.Input{
		Config: hpa.Defaults(), Replicas: int32(len(pods)), Status: int32(len(pods)), Pods: pods, Now: now,
		Spec: defaulted(autoscalingv2.HorizontalPodAutoscalerSpec{
			MaxReplicas: 500, Behavior: behavior,
			Metrics: []autoscalingv2.MetricSpec{
				utilization(cpu, 50), container(memory, "api", averageValue(500)), ofPods("jobs", 600), external("depth", averageValue(1000)),
			},
		}),
		Readings: []hpa.Reading{{Pods: metrics}, {Pods: metrics}, {Pods: metrics}, {Values: []int64{90_000, 20_000}}},
	}
	in.Spec.Metrics, in.Readings = in.Spec.Metrics[:count], in.Readings[:count]
	for i := range 240 {
		in.History.Recommendations = append(in.History.Recommendations, hpa.Recommendation{Replicas: 100, At: now.Add(-time.Duration(i*15) * time.Second)})
	}
	for i := range 20 {
		in.History.Up = append(in.History.Up, hpa.ScaleEvent{Change: 1, At: now.Add(-time.Duration(i*15) * time.Second)})
	}
	return in
}

// A recommendation costs less than 50 microseconds for up to 50 pods, which is as
// many instances as the controller's own budget is for.
func BenchmarkRecommend(b *testing.B) {
	for _, pods := range []struct {
		count int
		fleet string
	}{{50, "700x45 U700x2 Px2 -"}, {100, hundred}, {500, "700x450 U700x25 Px20 -x5"}} {
		for _, metrics := range []int{1, 4} {
			b.Run(fmt.Sprintf("%d pods, %d metrics", pods.count, metrics), func(b *testing.B) {
				in := evaluation(pods.fleet, metrics)
				if len(in.Pods) != pods.count {
					b.Fatalf("%d pods", len(in.Pods))
				}
				b.ReportAllocs()
				for b.Loop() {
					if out := hpa.Recommend(in); out.Desired == 0 {
						b.Fatalf("%+v", out)
					}
				}
			})
		}
	}
}

// A recommendation runs between readings of a busy machine: it must not leave
// much behind, whatever the number of pods.
func TestAllocations(t *testing.T) {
	in := evaluation(hundred, 4)
	if have := testing.AllocsPerRun(100, func() { hpa.Recommend(in) }); have > 30 {
		t.Errorf("%v allocations for a recommendation", have)
	}
}
