package hpa_test

import (
	"errors"
	"math"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

func TestMetricsOfThings(t *testing.T) {
	for name, c := range map[string]struct {
		metric           autoscalingv2.MetricSpec
		replicas, status int32
		pods             string
		values           []int64
		want             int
		value            float64
	}{
		"value at the target":                {object("hits", wholeValue(1000)), 3, 3, "-x3", []int64{1000}, 3, 1},
		"value within tolerance":             {object("hits", wholeValue(1000)), 3, 5, "-x3", []int64{1100}, 3, 1.1},
		"value, double":                      {object("hits", wholeValue(1000)), 3, 3, "-x3", []int64{2000}, 6, 2},
		"value, times those ready":           {object("hits", wholeValue(1000)), 3, 3, "-x2 U", []int64{3000}, 6, 3},
		"also those that leave":              {object("hits", wholeValue(1000)), 3, 3, "-x2 D P F", []int64{2000}, 6, 2},
		"value of zero":                      {object("hits", wholeValue(1000)), 3, 3, "-x3", []int64{0}, 0, 0},
		"value, none ready":                  {object("hits", wholeValue(1000)), 3, 3, "U", []int64{5000}, 0, 5},
		"value beyond an int32":              {object("hits", wholeValue(1)), 3, 3, "-x3", []int64{math.MaxInt64}, math.MaxInt32, math.MaxInt64 / 1000.},
		"average, of what is reported":       {object("hits", averageValue(1000)), 3, 4, "-x3", []int64{9100}, 10, 2.275},
		"average within tolerance":           {object("hits", averageValue(1000)), 3, 4, "-x3", []int64{4400}, 4, 1.1},
		"average rounds the share up":        {object("hits", averageValue(1000)), 3, 3, "-x3", []int64{10}, 1, 0.004},
		"average, none reported":             {object("hits", averageValue(1000)), 3, 0, "-x3", []int64{2500}, 3, 2.5},
		"average of nothing":                 {object("hits", averageValue(1000)), 3, 0, "-x3", []int64{0}, 0, 0},
		"average needs no pods":              {object("hits", averageValue(1000)), 3, 3, "", []int64{4500}, 5, 1.5},
		"average beyond an int32 is none":    {object("hits", averageValue(1)), 3, 3, "", []int64{math.MaxInt64}, 0, math.MaxInt64 / 3 / 1000.},
		"average of all that an int32 holds": {object("hits", averageValue(1000)), 3, 1, "", []int64{math.MaxInt32 * 1000}, math.MaxInt32, math.MaxInt32},
		"external value, added up":           {external("hits", wholeValue(1000)), 3, 3, "-x3", []int64{1000, 500, 1500}, 9, 3},
		"external value, overflown":          {external("hits", wholeValue(1)), 3, 3, "-x3", []int64{math.MaxInt64, 1, 1}, math.MaxInt32, math.MaxInt64 / 1000.},
		"external average, added up":         {external("hits", averageValue(1000)), 3, 3, "", []int64{4000, 3100}, 8, 2.367},
		"external average, none reported":    {external("hits", averageValue(1000)), 3, 0, "", []int64{4000}, 4, 4},
		"external average, overflown":        {external("hits", averageValue(1)), 3, 3, "", []int64{math.MaxInt64, 1}, math.MaxInt32, math.MaxInt64 / 1000.},
		"external average, negative":         {external("hits", averageValue(1000)), 3, 3, "", []int64{-1}, math.MaxInt32, math.MaxInt64 / 1000.},
		"external value, negative is none":   {external("hits", wholeValue(1000)), 3, 3, "-x3", []int64{-5000}, 0, -5},
	} {
		t.Run(name, func(t *testing.T) {
			pods, _ := fleet(c.pods)
			out := hpa.Recommend(hpa.Input{
				Config: hpa.Defaults(), Spec: specOf(c.metric), Replicas: c.replicas, Status: c.status, Pods: pods,
				Readings: []hpa.Reading{{Values: c.values, At: now}}, Now: now,
			})
			metric := out.Decision.Metrics[0]
			if metric.Error != "" || out.Decision.Wanted != c.want || *metric.Value != c.value {
				t.Errorf("asks for %d, value %v, %+v; want %d, value %v", out.Decision.Wanted, *metric.Value, metric, c.want, c.value)
			}
		})
	}
}

func TestMetricsOfThingsThatCannotBeTold(t *testing.T) {
	broken := errors.New("it does not answer")
	strange := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "queue", Operator: "Around"}}}
	selecting := func(m autoscalingv2.MetricSpec) autoscalingv2.MetricSpec {
		switch {
		case m.Object != nil:
			m.Object.Metric.Selector = strange
		case m.External != nil:
			m.External.Metric.Selector = strange
		case m.Pods != nil:
			m.Pods.Metric.Selector = strange
		}
		return m
	}
	for name, c := range map[string]struct {
		metric  autoscalingv2.MetricSpec
		values  []int64
		err     error
		reason  string
		message string
	}{
		"object":               {object("hits", wholeValue(1)), nil, broken, "FailedGetObjectMetric", "unable to get metric hits: it does not answer on Ingress front"},
		"object without value": {object("hits", averageValue(1)), nil, nil, "FailedGetObjectMetric", "unable to get metric hits: no metrics returned from custom metrics API on Ingress front"},
		"object without pods":  {object("hits", wholeValue(1)), []int64{5}, nil, "FailedGetObjectMetric", "unable to calculate ready pods: no pods returned by selector while calculating replica count"},
		"object with a value for an average": {object("hits", autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, Value: milli(1)}), []int64{5}, nil,
			"FailedGetObjectMetric", "invalid object metric source: neither a value target nor an average value target was set"},
		"external":               {external("hits", wholeValue(1)), nil, broken, "FailedGetExternalMetric", "unable to get external metric hits: it does not answer"},
		"external without value": {external("hits", averageValue(1)), []int64{}, nil, "FailedGetExternalMetric", "unable to get external metric hits: no metrics returned from external metrics API"},
		"external without pods":  {external("hits", wholeValue(1)), []int64{5}, nil, "FailedGetExternalMetric", "unable to calculate ready pods: no pods returned by selector while calculating replica count"},
		"external without target": {external("hits", autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType}), []int64{5}, nil,
			"FailedGetExternalMetric", "invalid external metric source: neither a value target nor an average value target was set"},
		"selector of an object":   {selecting(object("hits", wholeValue(1))), []int64{5}, nil, "FailedGetObjectMetric", `"Around" is not a valid label selector operator`},
		"selector of an external": {selecting(external("hits", wholeValue(1))), []int64{5}, nil, "FailedGetExternalMetric", `"Around" is not a valid label selector operator`},
		"selector of pods":        {selecting(ofPods("hits", 1)), []int64{5}, nil, "FailedGetPodsMetric", `"Around" is not a valid label selector operator`},
		"a type of its own":       {autoscalingv2.MetricSpec{Type: "Dreams"}, []int64{5}, nil, "InvalidMetricSourceType", `unknown metric source type "Dreams"`},
	} {
		t.Run(name, func(t *testing.T) {
			out := hpa.Recommend(hpa.Input{
				Config: hpa.Defaults(), Spec: specOf(c.metric), Replicas: 7, Status: 7,
				Readings: []hpa.Reading{{Values: c.values, Err: c.err}}, Now: now,
			})
			d, message := out.Decision, "the HPA was unable to compute the replica count: "+c.message
			if out.Desired != 7 || d.Reason != c.reason || d.Message != message || d.Metrics[0].Error != c.message {
				t.Errorf("desired %d, %s: %s\nwant %s: %s", out.Desired, d.Reason, d.Message, c.reason, message)
			}
		})
	}
}

func TestTypesWithoutTheirSource(t *testing.T) {
	for _, kind := range []autoscalingv2.MetricSourceType{"Resource", "ContainerResource", "Pods", "Object", "External", "Dreams"} {
		for _, metric := range []autoscalingv2.MetricSpec{{}, utilization(cpu, 50), container(cpu, "api", averageValue(1)), ofPods("jobs", 1), object("hits", wholeValue(1)), external("depth", wholeValue(1))} {
			if metric.Type == kind {
				continue
			}
			metric.Type = kind
			pods, metrics := fleet("500x7")
			out := hpa.Recommend(hpa.Input{
				Config: hpa.Defaults(), Spec: specOf(metric), Replicas: 7, Status: 7, Pods: pods,
				Readings: []hpa.Reading{{Pods: metrics, Values: []int64{5}}}, Now: now,
			})
			wantCondition(t, out.Decision, "ScalingActive", "False InvalidMetricSourceType")
		}
	}
}
