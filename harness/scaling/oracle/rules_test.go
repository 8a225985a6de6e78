package oracle

import (
	"fmt"
	"math"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// A rule of upstream's is shown by a case, and by the trace that it must give (as
// changes writes it).
type rule struct {
	name string
	c    *Case
	want string
}

func TestEveryRuleMustBeFollowed(t *testing.T) {
	seen := newCoverage()
	for _, rules := range [][]rule{grouping(), utilization(), averages(), totals(), several(), outer(), bare(), behaved(), rates(), underWay()} {
		for _, r := range rules {
			t.Run(r.name, func(t *testing.T) {
				r.c.Name = r.name
				trace := mustAgree(t, r.c, seen, fmt.Sprintf("go test -run '^%s$'", t.Name()))
				if have := changes(trace[0].at.Add(-syncPeriod), trace); have != r.want {
					t.Errorf("the trace is\n  %s\nand was to be\n  %s\n%s", have, r.want, r.c)
				}
			})
		}
	}
}

// Pieces of specifications.

func spec(low, high int32, metrics ...autoscalingv2.MetricSpec) autoscalingv2.HorizontalPodAutoscalerSpec {
	return autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: &low, MaxReplicas: high, Metrics: metrics}
}

func utilizationOf(name corev1.ResourceName, percent int32) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
		Name: name, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent}}}
}

func cpu(percent int32) autoscalingv2.MetricSpec { return utilizationOf(corev1.ResourceCPU, percent) }

func averageOf(milli int64) autoscalingv2.MetricTarget {
	return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: resource.NewMilliQuantity(milli, resource.DecimalSI)}
}

func valueOf(milli int64) autoscalingv2.MetricTarget {
	return autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: resource.NewMilliQuantity(milli, resource.DecimalSI)}
}

func podsMetric(milli int64) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.PodsMetricSourceType,
		Pods: &autoscalingv2.PodsMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: "each"}, Target: averageOf(milli)}}
}

func objectMetric(t autoscalingv2.MetricTarget) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ObjectMetricSourceType, Object: &autoscalingv2.ObjectMetricSource{
		DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Service", Name: "app", APIVersion: "v1"},
		Metric:          autoscalingv2.MetricIdentifier{Name: "whole"}, Target: t}}
}

func externalMetric(t autoscalingv2.MetricTarget) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{Type: autoscalingv2.ExternalMetricSourceType,
		External: &autoscalingv2.ExternalMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: "elsewhere"}, Target: t}}
}

// Pieces of plants.

// at are ready pods that have run for an hour, with a request of one CPU (and of
// a byte of memory) and these samples.
func at(samples ...int64) []FixedPod {
	var pods []FixedPod
	for i, value := range samples {
		pods = append(pods, FixedPod{
			Name: fmt.Sprintf("pod-%d", i+1), Phase: hpa.Running, Started: new(60 * minute), Ready: new(true), Changed: 60 * minute,
			Containers: []Container{{Name: "app", MilliCPU: new(int64(1000)), MilliMemory: new(int64(1000))}},
			Samples:    []*Sample{{Value: value}},
		})
	}
	return pods
}

// but are the pods with the last one changed.
func but(pods []FixedPod, change func(*FixedPod)) []FixedPod {
	change(&pods[len(pods)-1])
	return pods
}

// missing are the pods and some more without samples.
func missing(n int, pods []FixedPod) []FixedPod {
	for i := range n {
		pods = append(pods, but(at(0), func(p *FixedPod) { p.Name, p.Samples = fmt.Sprintf("missing-%d", i), nil })...)
	}
	return pods
}

func pending(n int, pods []FixedPod) []FixedPod {
	for i := range n {
		pods = append(pods, but(at(0), func(p *FixedPod) { p.Name, p.Samples, p.Phase = fmt.Sprintf("pending-%d", i), nil, hpa.Pending })...)
	}
	return pods
}

// still is a case of two evaluations with pods that do not change, without a
// window that would hold back the second.
func still(s autoscalingv2.HorizontalPodAutoscalerSpec, replicas int32, pods []FixedPod, signals ...Signal) *Case {
	for len(signals) < max(1, len(s.Metrics)) {
		signals = append(signals, Signal{})
	}
	flags := &Flags{Tolerance: 0.1, CPUInitializationPeriod: 5 * minute, InitialReadinessDelay: 30 * second}
	return &Case{For: 30 * second, Spec: s, Flags: flags, Replicas: replicas, Pods: Pods{Fixed: pods}, Signals: signals}
}

// once is a case of one evaluation.
func once(c *Case) *Case {
	c.For = 15 * second
	return c
}

// wanting is a case where the metric asks for exactly these numbers of replicas,
// each for five minutes.
func wanting(low, high, replicas int32, b *autoscalingv2.HorizontalPodAutoscalerBehavior, asked ...int64) *Case {
	s := spec(low, high, externalMetric(averageOf(1000)))
	s.Behavior = b
	for i := range asked {
		asked[i] *= 1000
	}
	return &Case{For: Span(len(asked)) * 5 * minute, Spec: s, Replicas: replicas, Pods: Pods{Prior: true}, Signals: []Signal{{Load: steps(asked...)}}}
}

func rulesOf(window *int32, policies ...autoscalingv2.HPAScalingPolicy) *autoscalingv2.HPAScalingRules {
	return &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: window, Policies: policies}
}

func pods(value, seconds int32) autoscalingv2.HPAScalingPolicy {
	return autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: value, PeriodSeconds: seconds}
}

func percent(value, seconds int32) autoscalingv2.HPAScalingPolicy {
	return autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: value, PeriodSeconds: seconds}
}

func choosing(how autoscalingv2.ScalingPolicySelect, r *autoscalingv2.HPAScalingRules) *autoscalingv2.HPAScalingRules {
	r.SelectPolicy = &how
	return r
}

func tolerating(much string, r *autoscalingv2.HPAScalingRules) *autoscalingv2.HPAScalingRules {
	r.Tolerance = new(resource.MustParse(much))
	return r
}

func up(r *autoscalingv2.HPAScalingRules) *autoscalingv2.HorizontalPodAutoscalerBehavior {
	return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: r, ScaleDown: rulesOf(new(int32(0)))}
}

func down(r *autoscalingv2.HPAScalingRules) *autoscalingv2.HorizontalPodAutoscalerBehavior {
	return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: r}
}

func behavingAs(s autoscalingv2.HorizontalPodAutoscalerSpec, b *autoscalingv2.HorizontalPodAutoscalerBehavior) autoscalingv2.HorizontalPodAutoscalerSpec {
	s.Behavior = b
	return s
}

// with is a case with something changed.
func with(c *Case, change func(*Case)) *Case {
	change(c)
	return c
}

// The rules.

// grouping: which pods count.
func grouping() []rule {
	s := spec(1, 100, cpu(50))
	starting := func(p *FixedPod) { p.Started, p.Changed, p.Ready = new(minute), minute, new(false) }
	return []rule{
		{"a deleted pod is left out", still(s, 2, but(at(600, 600, 3000), func(p *FixedPod) { p.Deleting = true })), "2 15s:3"},
		{"a failed pod is left out", still(s, 2, but(at(600, 600, 3000), func(p *FixedPod) { p.Phase = hpa.Failed })), "2 15s:3"},
		{"a pod that has succeeded counts by its sample", once(still(s, 2, but(at(600, 3000), func(p *FixedPod) { p.Phase = succeeded }))), "2 15s:4"},
		{"a pod that has succeeded without a sample is missing", once(still(s, 2, but(at(600, 600, 0), func(p *FixedPod) { p.Phase, p.Samples = succeeded, nil }))), "2"},
		{"a pod of a phase that nobody knows counts", once(still(s, 2, but(at(600, 3000), func(p *FixedPod) { p.Phase = "Unknown" }))), "2 15s:4"},
		{"a pending pod uses nothing while more is asked for", still(s, 8, pending(4, at(600, 600, 600, 600))), "8"},
		{"a pending pod does not matter while less is asked for", still(s, 9, pending(7, at(260, 260))), "9 30s:2"},
		{"a pending pod's sample does not count", still(s, 2, but(at(600, 600, 3000), func(p *FixedPod) { p.Phase = hpa.Pending })), "2"},
		{"a pod without Ready is not ready", once(still(s, 2, but(at(1000, 1000), func(p *FixedPod) { p.Ready = nil }))), "2"},
		{"a pod without a start time is not ready", once(still(s, 2, but(at(1000, 1000), func(p *FixedPod) { p.Started = nil }))), "2"},
		{"a starting pod that is not ready does not count", once(still(s, 2, but(at(1000, 1000), starting))), "2"},
		{"a starting pod counts when a window has passed since it is ready", once(still(s, 2, but(at(1000, 1000), func(p *FixedPod) {
			p.Started, p.Changed, p.Samples[0].Window = new(minute), 30*second, 30*second
		}))), "2 15s:4"},
		{"a starting pod does not count just before that", once(still(s, 2, but(at(1000, 1000), func(p *FixedPod) {
			p.Started, p.Changed, p.Samples[0].Window = new(minute), 30*second-1, 30*second
		}))), "2"},
		{"a sample from before a starting pod was ready does not count", once(still(s, 2, but(at(1000, 1000), func(p *FixedPod) {
			p.Started, p.Changed, p.Samples[0].Age = new(minute), 30*second, 31*second
		}))), "2"},
		{"the initialization period is over at its end", once(still(s, 2, but(at(1000, 1000), func(p *FixedPod) {
			p.Started, p.Changed, p.Samples[0].Window = new(5*minute), second, 30*second
		}))), "2 15s:4"},
		{"the initialization period is not over just before its end", once(still(s, 2, but(at(1000, 1000), func(p *FixedPod) {
			p.Started, p.Changed, p.Samples[0].Window = new(5*minute-1), second, 30*second
		}))), "2"},
		{"a pod that has never been ready does not count", once(still(s, 2, but(at(1000, 1000), func(p *FixedPod) {
			p.Ready, p.Changed = new(false), 60*minute-29*second
		}))), "2"},
		{"a pod that has been ready counts", once(still(s, 2, but(at(1000, 1000), func(p *FixedPod) {
			p.Ready, p.Changed = new(false), 60*minute-30*second
		}))), "2 15s:4"},
		{"memory of a starting pod counts", once(still(spec(1, 100, utilizationOf(corev1.ResourceMemory, 50)), 2, but(at(1000, 1000), starting))), "2 15s:4"},
		{"a pods metric of a starting pod counts", once(still(spec(1, 100, podsMetric(500)), 2, but(at(1000, 1000), starting))), "2 15s:4"},
	}
}

// utilization: shares of requests.
func utilization() []rule {
	s := spec(1, 100, cpu(50))
	return []rule{
		{"utilization is a whole percentage: 55.9 is 55, and in tolerance", still(s, 2, at(559, 559)), "2"},
		{"56 of 50 percent is out of tolerance", still(s, 2, at(560, 560)), "2 15s:3"},
		{"the tolerance includes its lower end", still(s, 10, at(450, 450, 450, 450, 450, 450, 450, 450, 450, 450)), "10"},
		{"44 of 50 percent is out of tolerance", still(s, 10, at(440, 440, 440, 440, 440, 440, 440, 440, 440, 440)), "10 30s:9"},
		{"use and requests are added up before they are divided", once(still(s, 2, but(at(100, 200), func(p *FixedPod) {
			p.Containers[0].MilliCPU = new(int64(100))
		}))), "2"},
		{"pods that count are multiplied, not replicas", still(s, 10, at(1000, 1000)), "10 30s:4"},
		{"a missing pod uses nothing while more is asked for", still(s, 8, missing(4, at(600, 600, 600, 600))), "8"},
		{"a missing pod uses its request while less is asked for", still(s, 8, missing(2, at(100, 100, 100, 100, 100, 100))), "8 30s:6"},
		{"a missing pod uses the target where that is more than its request", still(spec(1, 100, cpu(150)), 8, missing(2, at(100, 100, 100, 100, 100, 100))), "8 30s:3"},
		{"missing pods do not turn the direction round", still(s, 8, missing(4, at(100, 100, 100, 100))), "8"},
		{"pods beyond the replicas do not turn a decrease into an increase", still(s, 2, missing(1, at(100, 100, 100, 100, 100))), "2"},
		{"pods below the replicas do not turn an increase into a decrease", still(s, 8, missing(1, at(1500, 1500))), "8"},
		{"all that count with missing ones are multiplied", once(still(s, 3, missing(1, at(1500, 1500)))), "3 15s:6"},
		{"a container without a request is an error", still(s, 2, but(at(1000, 1000), func(p *FixedPod) { p.Containers[0].MilliCPU = nil })), "2"},
		{"a deleted pod without a request is an error too", still(s, 2, but(at(1000, 1000, 0), func(p *FixedPod) {
			p.Deleting, p.Containers[0].MilliCPU = true, nil
		})), "2"},
		{"requests of zero are an error", still(s, 1, but(at(1000), func(p *FixedPod) { p.Containers[0].MilliCPU = new(int64(0)) })), "1"},
		{"a value as the target needs no requests", once(still(spec(1, 100, autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceCPU, Target: averageOf(500)}}), 2,
			but(at(1000, 1000), func(p *FixedPod) { p.Containers[0].MilliCPU = nil }))), "2 15s:4"},
		{"of a container its own request counts", once(still(spec(1, 100, autoscalingv2.MetricSpec{Type: autoscalingv2.ContainerResourceMetricSourceType,
			ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: corev1.ResourceCPU, Container: "app", Target: cpu(50).Resource.Target}}), 1,
			but(at(1000), func(p *FixedPod) { p.Containers = append(p.Containers, Container{Name: "proxy"}) }))), "1 15s:2"},
		{"of the pod the requests of all containers count", once(still(s, 1, but(at(1000), func(p *FixedPod) {
			p.Containers = append(p.Containers, Container{Name: "proxy", MilliCPU: new(int64(1000))})
		}))), "1"},
		{"a container that a pod does not have is an error", still(spec(1, 100, autoscalingv2.MetricSpec{Type: autoscalingv2.ContainerResourceMetricSourceType,
			ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: corev1.ResourceCPU, Container: "other", Target: cpu(50).Resource.Target}}), 1, at(1000)), "1"},
		{"without metrics it is 80 percent of the CPU", once(still(spec(1, 100), 4, at(890, 890, 890, 890))), "4 15s:5"},
		{"no pods are an error", still(s, 2, []FixedPod{}), "2"},
		{"no pod that counts is an error", still(s, 2, but(at(3000), func(p *FixedPod) { p.Deleting = true })), "2"},
	}
}

// averages: values of pods.
func averages() []rule {
	return []rule{
		{"averages are whole thousandths: 11 and 10 are 10", still(spec(1, 100, podsMetric(10)), 3, at(14, 10, 11)), "3"},
		{"a missing pod has nothing while more is asked for", still(spec(1, 100, podsMetric(500)), 8, missing(4, at(600, 600, 600, 600))), "8"},
		{"a missing pod has exactly the target while less is asked for", still(spec(1, 100, podsMetric(1000)), 8, missing(2, at(100, 100, 100, 100, 100, 100))), "8 30s:3"},
		{"samples of no pod count in averages", once(still(spec(1, 100, podsMetric(1000)), 2, at(1000, 1000), Signal{Load: flat(1000), Ghosts: 2})), "2 15s:4"},
		{"samples of no pod do not count in utilization", still(spec(1, 100, cpu(50)), 2, at(500, 500), Signal{Load: flat(1000), Ghosts: 2}), "2"},
		{"samples of no pod are multiplied when pods are missing", still(spec(1, 100, cpu(50)), 10, missing(1, at(100, 100)), Signal{Load: flat(1000), Ghosts: 2}), "10 30s:4"},
	}
}

// totals: object and external metrics.
func totals() []rule {
	values := func(v ...int64) Signal { return Signal{Values: v} }
	three := at(0, 0, 0)
	return []rule{
		{"a value multiplies the pods that run and are ready", once(still(spec(1, 100, objectMetric(valueOf(1000))), 4,
			but(at(0, 0, 0, 0), func(p *FixedPod) { p.Ready = new(false) }), values(2000))), "4 15s:6"},
		{"a deleted pod that is still ready is multiplied too", once(still(spec(1, 100, objectMetric(valueOf(1000))), 3,
			but(at(0, 0, 0), func(p *FixedPod) { p.Deleting = true }), values(2000))), "3 15s:6"},
		{"a pod that has succeeded is not multiplied", once(still(spec(1, 100, objectMetric(valueOf(1000))), 3,
			but(at(0, 0, 0), func(p *FixedPod) { p.Phase = succeeded }), values(2000))), "3 15s:4"},
		{"a value beyond all numbers asks for the most", once(still(spec(1, 100, objectMetric(valueOf(1))), 3, three, values(math.MaxInt64))), "3 15s:6"},
		{"of an object an average beyond all numbers asks for none", still(spec(1, 100, objectMetric(averageOf(1))), 3, three, values(math.MaxInt64)), "3 30s:1"},
		{"an average in tolerance of the status keeps what the status has", with(
			still(spec(1, 100, objectMetric(averageOf(1000))), 4, none(), values(4400)), func(c *Case) {
				c.Outside, c.Pods.StatusLag = []Change{{At: 16 * second, Replicas: 6}}, minute
			}), "4 (6) 30s:4"},
		{"a value has a tolerance", still(spec(1, 100, externalMetric(valueOf(1000))), 3, three, values(1100)), "3"},
		{"a value without pods is an error", still(spec(1, 100, externalMetric(valueOf(1000))), 3, []FixedPod{}, values(2000)), "3"},
		{"an average is of the status's replicas, and in tolerance those are asked for", with(
			still(spec(1, 100, externalMetric(averageOf(1000))), 2, three, values(2100)),
			func(c *Case) { c.Outside, c.Pods.StatusLag = []Change{{At: second, Replicas: 4}}, minute }), "4 30s:2"},
		{"an average asks for the value over the target, rounded up", once(still(spec(1, 100, objectMetric(averageOf(1000))), 2, three, values(2300))), "2 15s:3"},
		{"an average needs no pods", once(still(spec(1, 100, objectMetric(averageOf(1000))), 2, []FixedPod{}, values(2300))), "2 15s:3"},
		{"series are added up", once(still(spec(1, 100, externalMetric(averageOf(1000))), 2, three, values(1000, 1000, 1000))), "2 15s:3"},
		{"of an object one value counts", once(still(spec(1, 100, objectMetric(averageOf(1000))), 2, three, values(3000, 9000))), "2 15s:3"},
		{"a sum that overflows is the most", once(still(spec(1, 100, externalMetric(valueOf(1))), 2, three, values(math.MaxInt64, math.MaxInt64))), "2 15s:4"},
		{"a shared sum that overflows is the most", once(still(spec(1, 100, externalMetric(averageOf(1))), 2, three, values(math.MaxInt64, math.MaxInt64))), "2 15s:4"},
		{"a shared negative sum is taken for an overflow", once(still(spec(1, 100, externalMetric(averageOf(1000))), 2, three, values(-5))), "2 15s:4"},
		{"a negative value asks for the least", still(spec(2, 100, externalMetric(valueOf(1000))), 4, three, values(-5000)), "4 30s:2"},
		{"no value is an error", still(spec(1, 100, externalMetric(averageOf(1000))), 2, three, Signal{Values: []int64{}}), "2"},
		{"targets are rounded up to thousandths", once(still(spec(1, 100, externalMetric(autoscalingv2.MetricTarget{
			Type: autoscalingv2.AverageValueMetricType, AverageValue: new(resource.MustParse("1500u"))})), 2, three, values(6))), "2 15s:3"},
	}
}

// several metrics.
func several() []rule {
	broken := Signal{Broken: []Stretch{{Until: 60 * minute}}}
	both := spec(1, 100, objectMetric(averageOf(1000)), externalMetric(averageOf(1000)))
	values := func(v int64) Signal { return Signal{Values: []int64{v}} }
	return []rule{
		{"the highest proposal counts", once(still(both, 2, none(), values(3000), values(4000))), "2 15s:4"},
		{"the highest proposal counts in any order", once(still(both, 2, none(), values(4000), values(3000))), "2 15s:4"},
		{"a selector that cannot be used is an error of the metric", once(still(unusable(both), 2, none(), values(3000), values(4000))), "2 15s:4"},
		{"a selector that cannot be used keeps from removing", still(unusable(both), 8, none(), values(3000), values(4000)), "8"},
		{"all metrics broken: nothing changes", still(both, 2, none(), broken, broken), "2"},
		{"some metrics broken: nothing is removed", still(both, 8, none(), values(2000), broken), "8"},
		{"some metrics broken: the same number stays", still(both, 8, none(), broken, values(8000)), "8"},
		{"some metrics broken: more is added", once(still(both, 2, none(), broken, values(4000))), "2 15s:4"},
		{"a proposal of zero gives way to any other", still(both, 4, none(), values(0), values(2000)), "4 30s:2"},
		{"of proposals of zero the last one is told", still(both, 4, none(), values(0), values(0)), "4 30s:1"},
	}
}

// unusable has a selector that validation lets pass in its first metric, which is
// of an object.
func unusable(s autoscalingv2.HorizontalPodAutoscalerSpec) autoscalingv2.HorizontalPodAutoscalerSpec {
	s = *s.DeepCopy()
	s.Metrics[0].Object.Metric.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
	return s
}

// none are no pods, which the totals that are averages do not ask for.
func none() []FixedPod { return []FixedPod{} }

// underWay: what somebody else does meanwhile.
func underWay() []rule {
	fast := func(policies ...autoscalingv2.HPAScalingPolicy) *autoscalingv2.HorizontalPodAutoscalerBehavior {
		return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rulesOf(nil, policies...), ScaleDown: rulesOf(new(int32(0)))}
	}
	edited := func(c *Case, evaluation int, change func(*autoscalingv2.HorizontalPodAutoscalerSpec)) *Case {
		spec := *c.Spec.DeepCopy()
		change(&spec)
		c.Edits = append(c.Edits, Edit{Evaluation: evaluation, Spec: spec})
		return c
	}
	behaving := func(b *autoscalingv2.HorizontalPodAutoscalerBehavior) func(*autoscalingv2.HorizontalPodAutoscalerSpec) {
		return func(s *autoscalingv2.HorizontalPodAutoscalerSpec) { s.Behavior = b }
	}
	refused := func(c *Case, from, until Span) *Case {
		c.Refused = []Stretch{{From: from, Until: until}}
		return c
	}
	return []rule{
		{"a size that is refused is asked for again", refused(wanting(1, 100, 2, nil, 4), 0, 40*second), "2 45s:4"},
		{"a size that was refused does not count for the rate", refused(wanting(1, 100, 2, fast(pods(2, 600)), 8), 0, 40*second), "2 45s:4"},
		{"what was recommended while it was refused counts for the window", refused(wanting(1, 100, 10, down(rulesOf(new(int32(60)))), 2), 0, 100*second), "10 1m45s:2"},
		{"the most is refused too", refused(wanting(1, 10, 13, nil, 13), 0, 40*second), "13 45s:10"},
		{"a lower maximum counts at once", edited(wanting(1, 20, 10, nil, 10), 4, func(s *autoscalingv2.HorizontalPodAutoscalerSpec) { s.MaxReplicas = 6 }), "10 1m15s:6"},
		{"a higher minimum counts at once", edited(wanting(1, 20, 3, nil, 3), 4, func(s *autoscalingv2.HorizontalPodAutoscalerSpec) { s.MinReplicas = new(int32(7)) }), "3 1m15s:7"},
		{"a behavior that comes knows what was recommended", edited(wanting(1, 20, 10, nil, 4), 4, behaving(down(rulesOf(new(int32(90)))))), "10 1m45s:4"},
		{"a behavior that comes does not know what was scaled", edited(wanting(1, 100, 2, nil, 40), 2, behaving(fast(pods(3, 600)))), "2 15s:4 30s:8 45s:11"},
		{"a behavior that goes leaves its window", edited(wanting(1, 20, 10, down(rulesOf(new(int32(3600)))), 4, 4), 2, behaving(nil)), "10 5m30s:4"},
		{"what was added without a behavior does not count when it is back", edited(edited(wanting(1, 100, 1, fast(pods(2, 600)), 40), 1, behaving(nil)), 3,
			behaving(fast(pods(9, 600)))), "1 15s:3 30s:6 45s:12 1m0s:19"},
		{"what was forgotten for a short period does not count for a longer one", edited(wanting(1, 100, 1, fast(pods(1, 15)), 40), 6, behaving(fast(pods(9, 1800)))),
			"1 15s:2 30s:3 45s:4 1m0s:5 1m15s:6 1m30s:7 1m45s:14"},
		{"two turns inside the window: the highest counts, then the lowest", wanting(1, 100, 10, &autoscalingv2.HorizontalPodAutoscalerBehavior{
			ScaleUp: rulesOf(new(int32(400))), ScaleDown: rulesOf(new(int32(400)))}, 6, 12, 5, 12, 12, 12), "10 21m30s:12"},
		{"a minimum of none, as of a cluster that has the gate no more: to none, and never back", wanting(0, 10, 3, down(rulesOf(new(int32(0)))), 0, 9), "3 15s:0"},
	}
}

// outer: what goes before metrics.
func outer() []rule {
	slow := up(rulesOf(new(int32(300)), pods(1, 300)))
	return []rule{
		{"no replicas: scaling is off", wanting(1, 10, 0, nil, 8), "0"},
		{"replicas set to none turn scaling off", with(wanting(1, 10, 3, nil, 3), func(c *Case) { c.Outside = []Change{{At: minute, Replicas: 0}} }), "3 (0)"},
		{"above the most: to the most at once", wanting(1, 10, 13, nil, 13), "13 15s:10"},
		{"above the most: to the most at once, whatever the behavior", wanting(1, 10, 13, down(rulesOf(new(int32(300)), pods(1, 300))), 13), "13 15s:10"},
		{"below the least: to the least at once", wanting(9, 20, 1, nil, 1), "1 15s:9"},
		{"below the least: to the least at once, whatever the behavior", wanting(9, 20, 1, slow, 1), "1 15s:9"},
		{"going to the least counts for the rate", wanting(5, 20, 1, up(rulesOf(nil, pods(4, 60))), 20), "1 15s:5 1m15s:9 2m15s:13 3m15s:17 4m15s:20"},
		{"the number below the least is the first recommendation", wanting(5, 20, 1, up(rulesOf(new(int32(120)))), 20), "1 15s:5 2m15s:10 2m30s:20"},
	}
}

// bare: without a behavior.
func bare() []rule {
	return []rule{
		{"without a behavior at most double", wanting(1, 100, 3, nil, 50), "3 15s:6 30s:12 45s:24 1m0s:48 1m15s:50"},
		{"without a behavior at most 4, where that is more", wanting(1, 100, 1, nil, 50), "1 15s:4 30s:8 45s:16 1m0s:32 1m15s:50"},
		{"without a behavior the highest of 5 minutes counts, the edge included", wanting(1, 100, 10, nil, 1, 1), "10 5m30s:1"},
		{"without a behavior the highest of 5 minutes counts, also later", wanting(1, 20, 10, nil, 15, 40, 10, 5, 5), "10 15s:15 5m0s:20 15m0s:10 20m0s:5"},
		{"without a window the same evaluation still counts", with(wanting(1, 100, 10, nil, 1), func(c *Case) {
			c.Flags = &Flags{Tolerance: 0.1}
		}), "10 30s:1"},
		{"the controller's tolerance", with(wanting(1, 100, 10, nil, 12), func(c *Case) { c.Flags = &Flags{Tolerance: 0.2} }), "10"},
	}
}

// behaved: with a behavior.
func behaved() []rule {
	empty := &autoscalingv2.HorizontalPodAutoscalerBehavior{}
	tight := spec(1, 100, cpu(50))
	return []rule{
		{"an empty behavior adds 4 or doubles, whichever is more", wanting(1, 100, 3, empty, 50), "3 15s:7 30s:14 45s:28 1m0s:50"},
		{"an empty behavior adds 4 to 1", wanting(1, 100, 1, empty, 50), "1 15s:5 30s:10 45s:20 1m0s:40 1m15s:50"},
		{"with a behavior the highest of 5 minutes counts, the edge not included", wanting(1, 100, 10, empty, 1, 1), "10 5m15s:1"},
		{"the window of scaling down is the controller's", with(wanting(1, 100, 10, empty, 1), func(c *Case) {
			c.Flags = &Flags{Tolerance: 0.1, DownscaleStabilization: minute}
		}), "10 1m15s:1"},
		{"the window of scaling down is in whole seconds", with(wanting(1, 100, 10, empty, 1), func(c *Case) {
			c.Flags = &Flags{Tolerance: 0.1, DownscaleStabilization: 15*second + second/2}
		}), "10 30s:1"},
		{"scaling up waits for its window", wanting(1, 100, 2, up(rulesOf(new(int32(60)))), 6), "2 1m15s:6"},
		{"scaling down waits for its own window", wanting(1, 100, 6, down(rulesOf(new(int32(60)))), 2), "6 1m15s:2"},
		{"between both windows the number stays", wanting(1, 100, 5,
			&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rulesOf(new(int32(600))), ScaleDown: rulesOf(new(int32(600)))}, 2, 8, 2, 8), "5"},
		{"a tolerance of its own for scaling up", still(behavingAs(tight, up(tolerating("0.02", rulesOf(nil)))), 10, at(520, 520, 520, 520, 520, 520, 520, 520, 520, 520)), "10 15s:11"},
		{"a tolerance of its own for scaling down", still(behavingAs(tight, down(tolerating("0.5", rulesOf(new(int32(0)))))), 4, at(250, 250, 250, 250)), "4"},
		{"a tolerance for scaling up leaves that for scaling down", still(behavingAs(tight, up(tolerating("0.9", rulesOf(nil)))), 4, at(250, 250, 250, 250)), "4 15s:2"},
	}
}

// rates: the policies of a behavior.
func rates() []rule {
	const (
		least    = autoscalingv2.MinChangePolicySelect
		disabled = autoscalingv2.DisabledPolicySelect
	)
	atOnce := new(int32(0))
	return []rule{
		{"so many pods in a period", wanting(1, 100, 1, up(rulesOf(nil, pods(2, 60))), 8), "1 15s:3 1m15s:5 2m15s:7 3m15s:8"},
		{"so many percent in a period, rounded up", wanting(1, 100, 3, up(rulesOf(nil, percent(50, 60))), 20), "3 15s:5 1m15s:8 2m15s:12 3m15s:18 4m15s:20"},
		{"one percent of one is one", wanting(1, 100, 1, up(rulesOf(nil, percent(1, 60))), 3), "1 15s:2 1m15s:3"},
		{"so many pods less in a period", wanting(1, 100, 8, down(rulesOf(atOnce, pods(3, 60))), 1), "8 15s:5 1m15s:2 2m15s:1"},
		{"so many percent less in a period, cut off", wanting(1, 100, 11, down(rulesOf(atOnce, percent(50, 60))), 1), "11 15s:5 1m15s:2 2m15s:1"},
		{"the biggest change counts", wanting(1, 100, 10, up(rulesOf(nil, pods(2, 60), percent(50, 60))), 15), "10 15s:15"},
		{"the biggest change counts downwards", wanting(1, 100, 10, down(rulesOf(atOnce, pods(2, 60), percent(50, 60))), 5), "10 15s:5"},
		{"the smallest change, where that is chosen", wanting(1, 100, 10, up(choosing(least, rulesOf(nil, pods(2, 60), percent(50, 60)))), 16), "10 15s:12 1m15s:14 2m15s:16"},
		{"the smallest change downwards, where that is chosen", wanting(1, 100, 10, down(choosing(least, rulesOf(atOnce, pods(2, 60), percent(50, 60)))), 5), "10 15s:8 1m15s:6 2m15s:5"},
		{"disabled upwards", wanting(1, 100, 2, up(choosing(disabled, rulesOf(nil))), 8, 1), "2 5m0s:1"},
		{"disabled downwards", wanting(1, 100, 8, down(choosing(disabled, rulesOf(nil))), 2, 10), "8 5m0s:10"},
		{"disabled does not keep above the most", wanting(1, 6, 8, down(choosing(disabled, rulesOf(nil))), 2), "8 15s:6"},
		{"a period ends strictly", wanting(1, 100, 1, up(rulesOf(nil, pods(1, 15))), 4), "1 15s:2 30s:3 45s:4"},
		{"just within a period nothing more is added", wanting(1, 100, 1, up(rulesOf(nil, pods(1, 16))), 4), "1 15s:2 45s:3 1m15s:4"},
		{"what was removed in a period may be added again", wanting(1, 100, 6,
			&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rulesOf(nil, pods(1, 600)), ScaleDown: rulesOf(atOnce, pods(100, 15))}, 2, 10), "6 15s:2 5m0s:7"},
		{"what was added in a period may be removed again", wanting(1, 100, 2,
			&autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: rulesOf(nil, pods(100, 15)), ScaleDown: rulesOf(atOnce, pods(1, 600))}, 6, 1), "2 15s:6 5m0s:1"},
		{"many small steps fill a longer period", wanting(1, 100, 1, up(choosing(least, rulesOf(nil, pods(1, 15), pods(3, 60)))), 10),
			"1 15s:2 30s:3 45s:4 1m15s:5 1m30s:6 1m45s:7 2m15s:8 2m30s:9 2m45s:10"},
		{"what somebody else removes may not be added again", with(wanting(1, 100, 2, up(rulesOf(nil, pods(4, 600))), 6, 8), func(c *Case) {
			c.Outside = []Change{{At: minute, Replicas: 1}}
		}), "2 15s:6 (1)"},
		{"a limit below the present number does not scale down", wanting(5, 20, 1, up(rulesOf(nil, pods(1, 600))), 20), "1 15s:5"},
		{"a limit above the present number does not scale up", wanting(1, 10, 15, down(rulesOf(atOnce, pods(1, 600))), 1), "15 15s:10"},
		{"the most goes before the rate", wanting(1, 4, 2, &autoscalingv2.HorizontalPodAutoscalerBehavior{}, 50), "2 15s:4"},
		{"the least goes before the rate", wanting(3, 10, 6, down(rulesOf(atOnce, pods(5, 60))), 1), "6 15s:3"},
	}
}
