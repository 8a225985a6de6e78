package hpa_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// now is the moment of evaluations that are not part of a series.
var now = at(7200)

// request is what each pod requests, of CPU and of memory: a usage of 500 is 50 %.
const request = 1000

// fleet makes pods and their metrics out of words: a number is the usage of a
// pod that has been ready for an hour, "-" such a pod without a metric, and a
// letter before the number says something else: P pending, U not ready since it
// was started a minute ago, D deleting, F failed, G no pod, only a metric. "x3"
// at the end makes three of it.
func fleet(words string) ([]hpa.Pod, map[string]hpa.PodMetric) {
	var pods []hpa.Pod
	metrics := map[string]hpa.PodMetric{}
	for _, word := range strings.Fields(words) {
		word, times, _ := strings.Cut(word, "x")
		for range max(1, number(times)) {
			pod := podOf(fmt.Sprintf("api-%d", len(pods)+1), word[0])
			if usage := strings.Trim(word, "-PUDFG"); usage != "" {
				metrics[pod.Name] = hpa.PodMetric{Value: int64(number(usage)), At: now, Window: 30 * time.Second}
			}
			if word[0] == 'G' {
				metrics["gone"] = metrics[pod.Name]
				delete(metrics, pod.Name)
				continue
			}
			pods = append(pods, pod)
		}
	}
	return pods, metrics
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

func podOf(name string, state byte) hpa.Pod {
	pod := hpa.Pod{
		Name: name, Phase: hpa.Running,
		Started: now.Add(-time.Hour), Ready: new(true), Changed: now.Add(-time.Hour),
		Containers: []hpa.Container{{Name: "api", MilliCPU: new(int64(request)), MilliMemory: new(int64(request))}},
	}
	switch state {
	case 'P':
		pod.Phase, pod.Started, pod.Ready, pod.Changed = hpa.Pending, time.Time{}, nil, time.Time{}
	case 'U':
		pod.Started, pod.Ready, pod.Changed = now.Add(-time.Minute), new(false), now.Add(-time.Minute)
	case 'D':
		pod.Deleting = true
	case 'F':
		pod.Phase = hpa.Failed
	}
	return pod
}

func milli(value int64) *resource.Quantity {
	return resource.NewMilliQuantity(value, resource.DecimalSI)
}

func utilization(name corev1.ResourceName, percent int32) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
		Name: name, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
	}}
}

func usage(name corev1.ResourceName, value int64) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
		Name: name, Target: averageValue(value),
	}}
}

func container(name corev1.ResourceName, of string, target autoscalingv2.MetricTarget) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{
		Type:              autoscalingv2.ContainerResourceMetricSourceType,
		ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: name, Container: of, Target: target},
	}
}

func ofPods(name string, value int64) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{
		Metric: autoscalingv2.MetricIdentifier{Name: name}, Target: averageValue(value),
	}}
}

func object(name string, target autoscalingv2.MetricTarget) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ObjectMetricSourceType, Object: &autoscalingv2.ObjectMetricSource{
		DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Ingress", Name: "front"},
		Metric:          autoscalingv2.MetricIdentifier{Name: name}, Target: target,
	}}
}

func external(name string, target autoscalingv2.MetricTarget) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{
		Metric: autoscalingv2.MetricIdentifier{Name: name}, Target: target,
	}}
}

func averageValue(value int64) autoscalingv2.MetricTarget {
	return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: milli(value)}
}

func wholeValue(value int64) autoscalingv2.MetricTarget {
	return autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: milli(value)}
}

// specOf is a defaulted specification between 1 and 1000 replicas that scales at
// once and as far as it likes, so that what metrics ask for is what comes out.
func specOf(metrics ...autoscalingv2.MetricSpec) *autoscalingv2.HorizontalPodAutoscalerSpec {
	free := func() *autoscalingv2.HPAScalingRules {
		return &autoscalingv2.HPAScalingRules{
			StabilizationWindowSeconds: new(int32(0)),
			Policies:                   []autoscalingv2.HPAScalingPolicy{{Type: autoscalingv2.PodsScalingPolicy, Value: 100000, PeriodSeconds: 1}},
		}
	}
	return defaulted(autoscalingv2.HorizontalPodAutoscalerSpec{
		MaxReplicas: 1000, Metrics: metrics,
		Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: free(), ScaleDown: free()},
	})
}

func defaulted(spec autoscalingv2.HorizontalPodAutoscalerSpec) *autoscalingv2.HorizontalPodAutoscalerSpec {
	manifest.Default(&spec)
	return &spec
}

// asking is an evaluation of an HPA that is asked for a number of replicas by an
// external metric, whatever it has. Its target reports more replicas than it is to
// have, as one that has just been scaled in.
func asking(spec autoscalingv2.HorizontalPodAutoscalerSpec, replicas, wanted int32, when time.Time, history hpa.History) hpa.Input {
	spec.Metrics = []autoscalingv2.MetricSpec{external("wanted", averageValue(1000))}
	return hpa.Input{
		Config: withoutTolerance(), Spec: defaulted(spec), Replicas: replicas, Status: replicas + 3,
		Readings: []hpa.Reading{{Values: []int64{int64(wanted) * 1000}, At: when}},
		History:  history, Now: when,
	}
}

func withoutTolerance() hpa.Config {
	config := hpa.Defaults()
	config.Tolerance = 0
	return config
}

// conditioned is the condition of a type, as "Status Reason".
func conditioned(d journal.ScaleDecision, kind string) string {
	for _, c := range d.Conditions {
		if c.Type == kind {
			return c.Status + " " + c.Reason
		}
	}
	return ""
}

func wantCondition(t *testing.T, d journal.ScaleDecision, kind, want string) {
	t.Helper()
	if have := conditioned(d, kind); have != want {
		t.Errorf("condition %s is %q, want %q (%+v)", kind, have, want, d.Conditions)
	}
}
