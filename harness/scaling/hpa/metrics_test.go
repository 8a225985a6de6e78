package hpa_test

import (
	"errors"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// Each metric asks for a number, or for "?" (it cannot be read).
func TestSeveralMetrics(t *testing.T) {
	for name, c := range map[string]struct {
		asks    string
		wanted  int
		active  string
		message string
	}{
		"the highest counts":               {"3579", 9, "True ValidMetricFound", "external metric d(nil) above target"},
		"wherever it stands":               {"9537", 9, "True ValidMetricFound", "external metric a(nil) above target"},
		"the first of equals":              {"7733", 7, "True ValidMetricFound", "external metric a(nil) above target"},
		"all less":                         {"1234", 4, "True ValidMetricFound", "All metrics below target"},
		"one less than there are":          {"15", 5, "True ValidMetricFound", "the desired count is within the acceptable range"},
		"zero gives way":                   {"003", 3, "True ValidMetricFound", "All metrics below target"},
		"one cannot be told, more":         {"?9", 9, "True ValidMetricFound", "external metric b(nil) above target"},
		"one cannot be told, the same":     {"5?", 5, "True ValidMetricFound", "the desired count is within the acceptable range"},
		"one cannot be told, less":         {"4?", 5, "False FailedGetExternalMetric", "the HPA was unable to compute the replica count: unable to get external metric b: b is away"},
		"none can be told":                 {"??", 5, "False FailedGetExternalMetric", "the HPA was unable to compute the replica count: unable to get external metric a: a is away"},
		"the first that cannot be told":    {"4??", 5, "False FailedGetExternalMetric", "the HPA was unable to compute the replica count: unable to get external metric b: b is away"},
		"zero and one that cannot be read": {"0?", 5, "False FailedGetExternalMetric", "the HPA was unable to compute the replica count: unable to get external metric b: b is away"},
	} {
		t.Run(name, func(t *testing.T) {
			var specs []autoscalingv2.MetricSpec
			var readings []hpa.Reading
			for i, asked := range c.asks {
				metric := string(rune('a' + i))
				specs = append(specs, external(metric, averageValue(1000)))
				reading := hpa.Reading{Values: []int64{int64(asked-'0') * 1000}}
				if asked == '?' {
					reading = hpa.Reading{Err: errors.New(metric + " is away")}
				}
				readings = append(readings, reading)
			}
			out := hpa.Recommend(hpa.Input{
				Config: withoutTolerance(), Spec: specOf(specs...), Replicas: 5, Status: 20, Readings: readings, Now: now,
			})
			d := out.Decision
			if d.Wanted != c.wanted || out.Desired != int32(max(c.wanted, 1)) || d.Message != c.message {
				t.Errorf("wants %d, desires %d: %s; want %d: %s", d.Wanted, out.Desired, d.Message, c.wanted, c.message)
			}
			wantCondition(t, d, "ScalingActive", c.active)
			for i, asked := range c.asks {
				m := d.Metrics[i]
				if (m.Error != "") != (asked == '?') || m.Proposed != nil && *m.Proposed != int(asked-'0') {
					t.Errorf("metric %d: %+v", i, m)
				}
			}
		})
	}
}

// Words of every kind of metric, as they stand in upstream's events.
func TestDescriptions(t *testing.T) {
	for _, c := range []struct {
		metric autoscalingv2.MetricSpec
		want   string
	}{
		{utilization(cpu, 1), "cpu resource utilization (percentage of request)"},
		{usage(memory, 1), "memory resource"},
		{container(cpu, "api", utilization(cpu, 1).Resource.Target), "cpu container resource utilization (percentage of request)"},
		{container(memory, "api", averageValue(1)), "memory resource"},
		{ofPods("jobs", 1), "pods metric jobs"},
		{object("hits", wholeValue(1)), "Ingress metric hits"},
		{object("hits", averageValue(1)), "external metric hits(nil)"},
		{external("depth", wholeValue(1)), "external metric depth(nil)"},
		{external("depth", averageValue(1)), "external metric depth(nil)"},
	} {
		pods, metrics := fleet("900x2")
		out := hpa.Recommend(hpa.Input{
			Config: hpa.Defaults(), Spec: specOf(c.metric), Replicas: 2, Status: 2, Pods: pods,
			Readings: []hpa.Reading{{Pods: metrics, Values: []int64{900}}}, Now: now,
		})
		if d := out.Decision; d.Message != c.want+" above target" || d.Reason != "SucceededRescale" {
			t.Errorf("%s: %q, want %q", d.Reason, d.Message, c.want)
		}
		for _, one := range out.Decision.Conditions {
			if one.Type == "ScalingActive" && !strings.HasSuffix(one.Message, " from "+c.want) {
				t.Errorf("condition %q, want %q", one.Message, c.want)
			}
		}
	}
}

// What is journaled of a metric is in units that people read.
func TestUnits(t *testing.T) {
	for name, c := range map[string]struct {
		metric        autoscalingv2.MetricSpec
		value, target float64
		unit          string
	}{
		"cpu":          {utilization(cpu, 50), 90, 50, "%"},
		"memory":       {usage(memory, 2_000_000), 1_800, 2_000, "B"},
		"cpu (api)":    {container(cpu, "api", averageValue(500)), 1800, 0.5, ""},
		"memory (api)": {container(memory, "api", averageValue(500)), 1800, 0.5, "B"},
		"jobs":         {ofPods("jobs", 1500), 1800, 1.5, ""},
	} {
		pods, metrics := fleet("1800000x2 U1800000 P -")
		for i := range pods {
			pods[i].Containers[0].MilliCPU = new(int64(2_000_000))
		}
		out := hpa.Recommend(hpa.Input{
			Config: hpa.Defaults(), Spec: specOf(c.metric), Replicas: 2, Status: 2, Pods: pods,
			Readings: []hpa.Reading{{Pods: metrics}}, Now: now,
		})
		m := out.Decision.Metrics[0]
		starting := 1
		if m.Name[0] == 'c' {
			starting = 2
		}
		if m.Name != name || *m.Value != c.value || m.Target != c.target || m.Unit != c.unit || m.Missing != 1 || m.Unready != starting {
			t.Errorf("%s: %+v, value %v", name, m, *m.Value)
		}
	}
}
