package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A generator makes random cases.
type generator struct{ *rand.Rand }

// generate makes case number i of a seed; the same one whenever it is asked for.
func generate(seed uint64, i int) *Case {
	g := generator{rand.New(rand.NewPCG(seed, uint64(i)))}
	c := &Case{Name: fmt.Sprintf("seed %d, case %d", seed, i), Seed: g.Uint64(), For: Span(10+g.IntN(51)) * minute}
	c.Spec.MaxReplicas = 3 + g.Int32N(28)
	if g.chance(0.8) {
		c.Spec.MinReplicas = new(1 + g.Int32N(min(6, c.Spec.MaxReplicas)))
	}
	c.Spec.Behavior = g.behavior()
	c.Replicas = 1 + g.Int32N(c.Spec.MaxReplicas)
	if g.chance(0.3) {
		c.Flags = g.flags()
	}
	c.Pods = g.pods()
	g.metrics(c)
	g.outside(c)
	g.edits(c)
	if g.chance(0.2) {
		c.Refused = g.stretches(c.For)
	}
	c.Pods.Completing = g.maybe(0.3, 1)
	return c
}

func (g generator) chance(p float64) bool { return g.Float64() < p }

// maybe is a number below most in a share of cases, else 0.
func (g generator) maybe(share, most float64) float64 {
	if !g.chance(share) {
		return 0
	}
	return most * g.Float64()
}

func one[T any](g generator, of ...T) T { return of[g.IntN(len(of))] }

func (g generator) seconds(most int) Span { return Span(g.IntN(most+1)) * second }

func (g generator) flags() *Flags {
	return &Flags{
		Tolerance:               one(g, 0, 0.05, 0.1, 0.2, 0.25),
		CPUInitializationPeriod: one(g, 0, minute, 2*minute, 5*minute),
		InitialReadinessDelay:   one(g, 0, 10*second, 30*second, minute),
		DownscaleStabilization:  one(g, 0, 15*second, 15*second+second/2, 50*second, minute, 5*minute),
	}
}

func (g generator) behavior() *autoscalingv2.HorizontalPodAutoscalerBehavior {
	switch {
	case g.chance(0.35):
		return nil
	case g.chance(0.15):
		return &autoscalingv2.HorizontalPodAutoscalerBehavior{}
	}
	b := &autoscalingv2.HorizontalPodAutoscalerBehavior{}
	if g.chance(0.75) {
		b.ScaleUp = g.rules(300)
	}
	if g.chance(0.75) {
		b.ScaleDown = g.rules(100)
	}
	return b
}

func (g generator) rules(percent int32) *autoscalingv2.HPAScalingRules {
	r := &autoscalingv2.HPAScalingRules{}
	if g.chance(0.6) {
		r.StabilizationWindowSeconds = new(one[int32](g, 0, 1, 15, 20, 30, 45, 60, 120, 300, 600, 3600))
	}
	if g.chance(0.6) {
		r.SelectPolicy = new(one(g, autoscalingv2.MaxChangePolicySelect, autoscalingv2.MaxChangePolicySelect,
			autoscalingv2.MinChangePolicySelect, autoscalingv2.MinChangePolicySelect, autoscalingv2.DisabledPolicySelect))
	}
	if g.chance(0.3) {
		r.Tolerance = new(resource.MustParse(one(g, "0", "0.01", "0.05", "0.1", "0.2", "0.5", "1", "50m")))
	}
	for range g.IntN(4) {
		p := autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: 1 + g.Int32N(6)}
		if g.chance(0.5) {
			p.Type, p.Value = autoscalingv2.PercentScalingPolicy, 1+g.Int32N(percent)
		}
		p.PeriodSeconds = one[int32](g, 1, 15, 15, 16, 30, 45, 60, 60, 90, 120, 300, 600, 1800)
		r.Policies = append(r.Policies, p)
	}
	return r
}

func (g generator) pods() Pods {
	p := Pods{
		Prior:    g.chance(0.6),
		Lag:      one(g, 0, 0, 0, g.seconds(5), g.seconds(40)),
		Schedule: one(g, 0, g.seconds(10), g.seconds(60)),
		Start:    one(g, 0, g.seconds(20), g.seconds(60), g.seconds(400)),
		Spread:   g.maybe(0.5, 1),
		Grace:    one(g, 0, g.seconds(30), g.seconds(120)),

		NeverReady:  g.maybe(0.1, 0.4),
		Flapping:    g.maybe(0.15, 0.6),
		Failing:     g.maybe(0.25, 0.6),
		FailAt:      20*second + g.seconds(600),
		Kept:        g.seconds(600),
		NoCondition: g.maybe(0.1, 0.4),
		NoStartTime: g.maybe(0.08, 0.4),
		Unasked:     g.maybe(0.15, 0.1),
		Doubled:     g.maybe(0.15, 0.6),
		StatusLag:   one(g, 0, 0, g.seconds(40)),
	}
	for i := range 1 + g.IntN(3) {
		c := Container{Name: []string{"app", "proxy", "log"}[i], MilliCPU: new(int64(50 + 10*g.IntN(100))), MilliMemory: new(int64(16+g.IntN(500)) << 20 * 1000)}
		if i > 0 && g.chance(0.04) {
			c.MilliMemory = nil
		}
		p.Containers = append(p.Containers, c)
	}
	return p
}

// outside has somebody else set the replicas, also to what is out of the range.
func (g generator) outside(c *Case) {
	if g.chance(0.05) {
		c.Replicas = c.Spec.MaxReplicas + 1 + g.Int32N(5)
	}
	if !g.chance(0.25) {
		return
	}
	at := Span(0)
	for range 1 + g.IntN(4) {
		at += g.seconds(900)
		c.Outside = append(c.Outside, Change{At: at, Replicas: one(g, 0, 1, 1+g.Int32N(c.Spec.MaxReplicas), c.Spec.MaxReplicas+1+g.Int32N(5))})
	}
}

// edits has somebody change the specification under way: its limits, its
// behavior, and of metrics only what is there.
func (g generator) edits(c *Case) {
	if !g.chance(0.15) {
		return
	}
	evaluation := 0
	for range 1 + g.IntN(3) {
		evaluation += 1 + g.IntN(60)
		spec := *c.Spec.DeepCopy()
		if g.chance(0.5) {
			spec.MaxReplicas = 3 + g.Int32N(28)
			spec.MinReplicas = new(1 + g.Int32N(min(6, spec.MaxReplicas)))
		}
		if g.chance(0.7) {
			spec.Behavior = g.behavior()
		}
		c.Edits = append(c.Edits, Edit{Evaluation: evaluation, Spec: spec})
	}
}

// metrics adds 1 to 4 metrics and how they behave.
func (g generator) metrics(c *Case) {
	if g.chance(0.06) {
		first := c.Pods.Containers[0]
		c.Signals = []Signal{g.signal(c, *first.MilliCPU*8/10)}
		return
	}
	count := one(g, 1, 1, 1, 1, 2, 2, 3, 4)
	var keys []string
	for len(c.Spec.Metrics) < count {
		m, each := g.metric(c, len(c.Spec.Metrics))
		if slices.Contains(keys, key(m)) {
			continue
		}
		keys = append(keys, key(m))
		s := g.signal(c, each)
		if !ofPods(m) {
			g.total(&s, m, each)
		}
		c.Spec.Metrics = append(c.Spec.Metrics, m)
		c.Signals = append(c.Signals, s)
	}
}

// metric is a metric and what one pod has of it that is just at the target.
func (g generator) metric(c *Case, i int) (m autoscalingv2.MetricSpec, each int64) {
	called := autoscalingv2.MetricIdentifier{Name: fmt.Sprintf("m%d", i)}
	if g.chance(0.2) {
		called.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"queue": "orders"}}
	}
	if g.chance(0.03) { // validation lets it pass
		called.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "queue", Operator: "Near"}}}
	}
	switch g.IntN(11) {
	case 0, 1, 2:
		name := one(g, corev1.ResourceCPU, corev1.ResourceCPU, corev1.ResourceMemory)
		t, each := g.resourceTarget(c.Pods.Containers, name)
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{Name: name, Target: t}}, each
	case 3, 4:
		name, container := one(g, corev1.ResourceCPU, corev1.ResourceMemory), one(g, c.Pods.Containers...)
		t, each := g.resourceTarget([]Container{container}, name)
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ContainerResourceMetricSourceType,
			ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: name, Container: container.Name, Target: t}}, each
	case 5, 6:
		t, each := g.average()
		return autoscalingv2.MetricSpec{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{Metric: called, Target: t}}, each
	case 7, 8:
		t, each := g.value()
		of := autoscalingv2.CrossVersionObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "main"}
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ObjectMetricSourceType,
			Object: &autoscalingv2.ObjectMetricSource{DescribedObject: of, Metric: called, Target: t}}, each
	default:
		t, each := g.value()
		return autoscalingv2.MetricSpec{Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{Metric: called, Target: t}}, each
	}
}

// resourceTarget is a share of the requests, or a value.
func (g generator) resourceTarget(containers []Container, name corev1.ResourceName) (autoscalingv2.MetricTarget, int64) {
	var requests int64
	for _, c := range containers {
		request := c.MilliCPU
		if name == corev1.ResourceMemory {
			request = c.MilliMemory
		}
		if request != nil {
			requests += *request
		}
	}
	percent := one(g, 10+g.Int32N(90), 50, 80, 100, 101+g.Int32N(100))
	each := max(1, requests*int64(percent)/100)
	if g.chance(0.3) {
		return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: resource.NewMilliQuantity(each, resource.DecimalSI)}, each
	}
	return autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent}, each
}

func (g generator) average() (autoscalingv2.MetricTarget, int64) {
	each := one(g, 1+g.Int64N(20), 100+g.Int64N(900), 1000*(1+g.Int64N(200)))
	return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: resource.NewMilliQuantity(each, resource.DecimalSI)}, each
}

func (g generator) value() (autoscalingv2.MetricTarget, int64) {
	t, each := g.average()
	if g.chance(0.5) {
		t.Type, t.Value, t.AverageValue = autoscalingv2.ValueMetricType, t.AverageValue, nil
	}
	return t, each
}

// signal is how a metric behaves whose target is reached at each of a pod.
func (g generator) signal(c *Case, each int64) Signal {
	s := Signal{
		Load:    g.load(c, each),
		Idle:    one(g, 0, each/4, each*3),
		Skew:    g.maybe(0.5, 1.5),
		Age:     one(g, 0, g.seconds(15), g.seconds(90)),
		Window:  one(g, 0, 15*second, 30*second, minute),
		Missing: g.maybe(0.25, 0.5),
		Stray:   g.maybe(0.3, 1),
	}
	if g.chance(0.4) {
		s.Limit = each + g.Int64N(2*each+1)
	}
	if g.chance(0.1) {
		s.Ghosts = 1 + g.IntN(3)
	}
	if g.chance(0.08) {
		s.Load = append(s.Load, Leg{From: 3 * minute, Until: 4*minute + g.seconds(600), Shape: "noise", Low: -3 * each, High: 6 * each})
	}
	if g.chance(0.25) {
		s.Broken = g.stretches(c.For)
	}
	if g.chance(0.1) {
		s.Empty = g.stretches(c.For)
	}
	return s
}

// total makes a signal that of an object or external metric.
func (g generator) total(s *Signal, m autoscalingv2.MetricSpec, each int64) {
	s.Shared = targetOf(m).Value != nil && g.chance(0.8)
	s.Series = 1 + g.IntN(4)
}

func (g generator) stretches(length Span) []Stretch {
	var out []Stretch
	for range 1 + g.IntN(4) {
		from := Span(g.Int64N(int64(length))).seconds()
		out = append(out, Stretch{From: from, Until: from + g.seconds(240)})
	}
	return out
}

// seconds are the whole ones of a span.
func (s Span) seconds() Span { return Span(time.Duration(s).Truncate(time.Second)) }

// load is a path between nothing and a bit more than what the most pods bear.
func (g generator) load(c *Case, each int64) []Leg {
	level := func() int64 {
		return int64(g.Float64() * 1.2 * float64(each) * float64(one(g, 2, c.Replicas, c.Spec.MaxReplicas)))
	}
	var legs []Leg
	for from := Span(0); from < c.For; {
		until := from + minute + g.seconds(1200)
		low, high := level(), level()
		shape := one(g, "flat", "flat", "ramp", "sine", "walk", "burst", "noise")
		if shape != "ramp" {
			low, high = min(low, high), max(low, high)
		}
		legs = append(legs, Leg{From: from, Until: until, Shape: shape, Low: low, High: high, Period: 30*second + g.seconds(900)})
		from = until
	}
	return legs
}
