package hpa_test

import (
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// evaluation has 100 pods and 4 metrics, a behavior, and an hour of history: as
// much as the longest window holds.
func evaluation() hpa.Input {
	pods, metrics := fleet("700x90 U700x5 Px4 -")
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
	for i := range 240 {
		in.History.Recommendations = append(in.History.Recommendations, hpa.Recommendation{Replicas: 100, At: now.Add(-time.Duration(i*15) * time.Second)})
	}
	for i := range 20 {
		in.History.Up = append(in.History.Up, hpa.ScaleEvent{Change: 1, At: now.Add(-time.Duration(i*15) * time.Second)})
	}
	return in
}

func BenchmarkRecommend(b *testing.B) {
	in := evaluation()
	b.ReportAllocs()
	for b.Loop() {
		if out := hpa.Recommend(in); out.Desired == 0 {
			b.Fatalf("%+v", out)
		}
	}
}

// A recommendation runs between readings of a busy machine: it must not leave
// much behind, whatever the number of pods.
func TestAllocations(t *testing.T) {
	in := evaluation()
	if have := testing.AllocsPerRun(100, func() { hpa.Recommend(in) }); have > 30 {
		t.Errorf("%v allocations for a recommendation", have)
	}
}
