package hpa_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// drawTarget draws one that validation accepts, also where it makes no sense.
func drawTarget(t *rapid.T, most int64) autoscalingv2.MetricTarget {
	target := autoscalingv2.MetricTarget{Type: rapid.SampledFrom([]autoscalingv2.MetricTargetType{
		autoscalingv2.ValueMetricType, autoscalingv2.AverageValueMetricType, autoscalingv2.UtilizationMetricType,
	}).Draw(t, "type")}
	value := milli(rapid.Int64Range(1, most).Draw(t, "target"))
	switch rapid.IntRange(0, 2).Draw(t, "set") {
	case 0:
		target.Value = value
	case 1:
		target.AverageValue = value
	case 2:
		target.AverageUtilization = new(rapid.Int32Range(1, int32(min(most, math.MaxInt32))).Draw(t, "percent"))
	}
	return target
}

func drawMetric(t *rapid.T, most int64) autoscalingv2.MetricSpec {
	resource := rapid.SampledFrom([]corev1.ResourceName{cpu, memory, "gpu"}).Draw(t, "resource")
	target := drawTarget(t, most)
	switch rapid.IntRange(0, 4).Draw(t, "source") {
	case 0:
		return autoscalingv2.MetricSpec{
			Type:     autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{Name: resource, Target: target},
		}
	case 1:
		return container(resource, rapid.SampledFrom([]string{"api", "proxy", "db"}).Draw(t, "container"), target)
	case 2:
		return ofPods("jobs", rapid.Int64Range(1, most).Draw(t, "target"))
	case 3:
		return object("hits", target)
	}
	return external("depth", target)
}

func drawRules(t *rapid.T) *rules {
	if rapid.Bool().Draw(t, "no rules") {
		return nil
	}
	drawn := &rules{}
	if rapid.Bool().Draw(t, "window") {
		drawn.StabilizationWindowSeconds = new(rapid.Int32Range(0, 3600).Draw(t, "seconds"))
	}
	if rapid.Bool().Draw(t, "choice") {
		drawn.SelectPolicy = new(rapid.SampledFrom([]autoscalingv2.ScalingPolicySelect{
			autoscalingv2.MaxChangePolicySelect, autoscalingv2.MinChangePolicySelect, autoscalingv2.DisabledPolicySelect,
		}).Draw(t, "select"))
	}
	if rapid.Bool().Draw(t, "tolerance") {
		drawn.Tolerance = milli(rapid.Int64Range(0, 2000).Draw(t, "milli"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "policies") {
		policy := rapid.SampledFrom([]func(int32, int32) autoscalingv2.HPAScalingPolicy{podsIn, percentIn}).Draw(t, "policy")
		value := rapid.OneOf(rapid.Int32Range(1, 200), rapid.Int32Range(1, math.MaxInt32)).Draw(t, "value")
		drawn.Policies = append(drawn.Policies, policy(rapid.Int32Range(1, 1800).Draw(t, "period"), value))
	}
	return drawn
}

func drawSpec(t *rapid.T, most int64) *autoscalingv2.HorizontalPodAutoscalerSpec {
	low := rapid.Int32Range(1, 10).Draw(t, "min")
	spec := autoscalingv2.HorizontalPodAutoscalerSpec{
		MinReplicas: &low,
		MaxReplicas: rapid.OneOf(rapid.Int32Range(low, 60), rapid.Int32Range(low, math.MaxInt32)).Draw(t, "max"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "metrics") {
		spec.Metrics = append(spec.Metrics, drawMetric(t, most))
	}
	if rapid.Bool().Draw(t, "behavior") {
		spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: drawRules(t), ScaleDown: drawRules(t)}
	}
	return defaulted(spec)
}

func drawPod(t *rapid.T, i int) hpa.Pod {
	ago := func(label string) time.Time {
		return now.Add(-time.Duration(rapid.IntRange(0, 900).Draw(t, label)) * time.Second)
	}
	pod := hpa.Pod{
		Name:     fmt.Sprintf("api-%d", i),
		Phase:    rapid.SampledFrom([]hpa.Phase{hpa.Running, hpa.Running, hpa.Pending, hpa.Failed, "Succeeded"}).Draw(t, "phase"),
		Deleting: rapid.IntRange(0, 9).Draw(t, "deleting") == 0,
		Started:  ago("started"), Changed: ago("changed"),
		Containers: []hpa.Container{{Name: "api", MilliCPU: new(int64(request)), MilliMemory: new(int64(request))}},
	}
	if rapid.IntRange(0, 9).Draw(t, "condition") > 0 {
		pod.Ready = new(rapid.Bool().Draw(t, "ready"))
	}
	if rapid.IntRange(0, 9).Draw(t, "second") == 0 {
		pod.Containers = append(pod.Containers, hpa.Container{Name: "proxy", MilliCPU: new(rapid.Int64Range(0, math.MaxInt64).Draw(t, "request"))})
	}
	return pod
}

func drawReading(t *rapid.T, pods []hpa.Pod, values *rapid.Generator[int64]) hpa.Reading {
	if rapid.IntRange(0, 7).Draw(t, "broken") == 0 {
		return hpa.Reading{Err: errors.New("it does not answer")}
	}
	reading := hpa.Reading{Pods: map[string]hpa.PodMetric{}, At: now}
	reading.Values = rapid.SliceOfN(values, 0, 3).Draw(t, "values")
	for i := range len(pods) + 1 {
		if rapid.IntRange(0, 5).Draw(t, "missing") > 0 {
			reading.Pods[fmt.Sprintf("api-%d", i)] = hpa.PodMetric{
				Value: values.Draw(t, "value"), At: now.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "age")) * time.Second),
				Window: time.Duration(rapid.IntRange(0, 60).Draw(t, "window")) * time.Second,
			}
		}
	}
	return reading
}

func drawHistory(t *rapid.T) hpa.History {
	var history hpa.History
	moment := func() time.Time {
		return now.Add(-time.Duration(rapid.IntRange(1, 300).Draw(t, "ago")) * 15 * time.Second)
	}
	for range rapid.IntRange(0, 8).Draw(t, "recommendations") {
		history.Recommendations = append(history.Recommendations, hpa.Recommendation{Replicas: rapid.Int32Range(0, 100).Draw(t, "replicas"), At: moment()})
	}
	for range rapid.IntRange(0, 4).Draw(t, "events") {
		history.Up = append(history.Up, hpa.ScaleEvent{Change: rapid.Int32Range(1, 20).Draw(t, "change"), At: moment(), Outdated: rapid.Bool().Draw(t, "outdated")})
		history.Down = append(history.Down, hpa.ScaleEvent{Change: rapid.Int32Range(1, 20).Draw(t, "change"), At: moment()})
	}
	return history
}

// drawInput draws an evaluation; values and targets up to the most.
func drawInput(t *rapid.T, values *rapid.Generator[int64], most int64) hpa.Input {
	in := hpa.Input{
		Config: hpa.Defaults(), Spec: drawSpec(t, most), History: drawHistory(t), Now: now,
		Replicas: rapid.OneOf(rapid.Int32Range(0, 20), rapid.Int32Range(0, math.MaxInt32)).Draw(t, "replicas"),
		Status:   rapid.OneOf(rapid.Int32Range(0, 20), rapid.Int32Range(0, math.MaxInt32)).Draw(t, "status"),
	}
	for i := range rapid.IntRange(0, 12).Draw(t, "pods") {
		in.Pods = append(in.Pods, drawPod(t, i))
	}
	for range in.Spec.Metrics {
		in.Readings = append(in.Readings, drawReading(t, in.Pods, values))
	}
	return in
}

func wild(t *rapid.T) hpa.Input {
	values := rapid.OneOf(rapid.Int64Range(0, 4000), rapid.Int64())
	return drawInput(t, values, rapid.SampledFrom([]int64{100, 4000, math.MaxInt64}).Draw(t, "most"))
}

// copied is a deep copy.
func copied(in hpa.Input) hpa.Input {
	in.Spec = in.Spec.DeepCopy()
	in.Pods = slices.Clone(in.Pods)
	for i := range in.Pods {
		pod := &in.Pods[i]
		if pod.Ready != nil {
			pod.Ready = new(*pod.Ready)
		}
		pod.Containers = slices.Clone(pod.Containers)
	}
	in.Readings = slices.Clone(in.Readings)
	for i := range in.Readings {
		in.Readings[i].Pods = maps.Clone(in.Readings[i].Pods)
		in.Readings[i].Values = slices.Clone(in.Readings[i].Values)
	}
	in.History.Recommendations = slices.Clone(in.History.Recommendations)
	in.History.Up = slices.Clone(in.History.Up)
	in.History.Down = slices.Clone(in.History.Down)
	return in
}

func TestAlwaysWithinLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := wild(t)
		for range 3 {
			out := hpa.Recommend(in)
			low, high := *in.Spec.MinReplicas, in.Spec.MaxReplicas
			if in.Replicas == 0 {
				low, high = 0, 0
			}
			if out.Desired < low || out.Desired > high {
				t.Fatalf("desired %d, not within %d and %d", out.Desired, low, high)
			}
			sane(t, in, out)
			in.Replicas, in.History, in.Now = out.Desired, out.History, in.Now.Add(15*time.Second)
		}
	})
}

// sane checks that a decision says what it has to, with numbers that can be
// written down.
func sane(t *rapid.T, in hpa.Input, out hpa.Output) {
	d := out.Decision
	if d.Current != int(in.Replicas) || d.Desired != int(out.Desired) || d.Reason == "" || d.Message == "" || len(d.Conditions) == 0 {
		t.Fatalf("decision %+v", d)
	}
	if (d.Reason == "SucceededRescale") != (out.Desired != in.Replicas) {
		t.Fatalf("from %d to %d: %s", in.Replicas, out.Desired, d.Reason)
	}
	for _, m := range d.Metrics {
		if m.Name == "" || (m.Value == nil) != (m.Error != "") || (m.Proposed == nil) != (m.Error != "") {
			t.Fatalf("metric %+v", m)
		}
		if m.Value != nil && (math.IsNaN(*m.Value) || math.IsInf(*m.Value, 0)) || math.IsNaN(m.Target) {
			t.Fatalf("metric %+v", m)
		}
	}
	if _, err := json.Marshal(d); err != nil {
		t.Fatal(err)
	}
}

func TestInputStaysAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := wild(t)
		// room behind the lists, that an append would write to
		in.History.Recommendations = append(make([]hpa.Recommendation, 0, 50), in.History.Recommendations...)
		in.History.Up = append(make([]hpa.ScaleEvent, 0, 50), in.History.Up...)
		in.History.Down = append(make([]hpa.ScaleEvent, 0, 50), in.History.Down...)
		before := copied(in)
		first := hpa.Recommend(in)
		second := hpa.Recommend(in)
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("first\n%+v, then\n%+v", first, second)
		}
		h := in.History
		behind := slices.Concat(h.Up[len(h.Up):50], h.Down[len(h.Down):50])
		if slices.ContainsFunc(behind, func(e hpa.ScaleEvent) bool { return e != hpa.ScaleEvent{} }) ||
			slices.ContainsFunc(h.Recommendations[len(h.Recommendations):50], func(r hpa.Recommendation) bool { return r != hpa.Recommendation{} }) {
			t.Fatal("written behind the end of the history")
		}
		before.History.Recommendations = append(make([]hpa.Recommendation, 0), before.History.Recommendations...)
		before.History.Up = append(make([]hpa.ScaleEvent, 0), before.History.Up...)
		before.History.Down = append(make([]hpa.ScaleEvent, 0), before.History.Down...)
		if !reflect.DeepEqual(in, before) {
			t.Fatalf("input\n%+v, before\n%+v", in, before)
		}
	})
}

func TestOrderOfPodsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := wild(t)
		first := hpa.Recommend(in)
		in.Pods = rapid.Permutation(in.Pods).Draw(t, "order")
		if second := hpa.Recommend(in); !reflect.DeepEqual(first, second) {
			t.Fatalf("first\n%+v, then\n%+v", first, second)
		}
	})
}

// More to do never means fewer replicas, as long as there are as many pods as
// replicas and all of them are ready: within tolerance a metric asks for the
// present replicas, and beyond it is counted in pods that are ready.
func TestMoreLoadNeverMeansFewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t, rapid.Int64Range(0, 4000), 4000)
		in.Replicas = int32(len(in.Pods))
		in.Spec.MaxReplicas = max(in.Spec.MaxReplicas, 12)
		for i := range in.Pods {
			in.Pods[i].Phase, in.Pods[i].Deleting, in.Pods[i].Ready = hpa.Running, false, new(true)
		}
		more := copied(in)
		for i := range more.Readings {
			for name, metric := range in.Readings[i].Pods {
				metric.Value += rapid.Int64Range(0, 2000).Draw(t, "more")
				more.Readings[i].Pods[name] = metric
			}
			for j := range more.Readings[i].Values {
				more.Readings[i].Values[j] += rapid.Int64Range(0, 2000).Draw(t, "more")
			}
		}
		few, many := hpa.Recommend(in), hpa.Recommend(more)
		if many.Desired < few.Desired {
			t.Fatalf("desired %d, with more to do %d\n%+v\n%+v", few.Desired, many.Desired, few.Decision, many.Decision)
		}
	})
}
