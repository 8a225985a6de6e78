package oracle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

// features are what random cases must have shown: that no case exercised one of
// them would mean that agreement about it was never tried.
var features = []string{
	"behavior nil", "behavior {}", "behavior with rules",
	"up: window", "up: Max", "up: Min", "up: Disabled", "up: Pods", "up: Percent", "up: tolerance",
	"down: window", "down: Max", "down: Min", "down: Disabled", "down: Pods", "down: Percent", "down: tolerance",
	"flags", "minReplicas left out", "metrics left out", "1 metric", "2 metrics", "3 metrics", "4 metrics",
	"Resource utilization", "Resource average", "ContainerResource utilization", "ContainerResource average",
	"Pods average", "Object value", "Object average", "External value", "External average", "cpu", "memory",
	"several containers", "several series", "negative value",
	"pod pending", "pod failed", "pod deleting", "pod unready", "pod without Ready", "pod without start time",
	"pod starting up", "pod with old sample", "pod without requests", "no pods",
	"sample missing", "sample of no pod", "sample of a pod that does not run", "no samples", "no values", "negative sample",
	"all metrics broken", "some metrics broken", "status behind", "set from outside", "above max", "below min", "zero replicas",
	"pod succeeded", "selector that cannot be used", "tolerances that differ", "policies of several periods", "edited", "behavior added or taken away",
	"refused", "refused twice in a row", "two turns within the window", "scaled out and in within a policy's period", "reason compared",
	"scaled out", "scaled in", "stayed", "proposal compared", "values compared", "event compared",
	"AbleToScale True SucceededGetScale", "AbleToScale True SucceededRescale", "AbleToScale True ReadyForNewScale",
	"AbleToScale True ScaleUpStabilized", "AbleToScale True ScaleDownStabilized",
	"ScalingActive True ValidMetricFound", "ScalingActive False ScalingDisabled", "ScalingActive False FailedGetResourceMetric",
	"ScalingActive False FailedGetContainerResourceMetric", "ScalingActive False FailedGetPodsMetric",
	"ScalingActive False FailedGetObjectMetric", "ScalingActive False FailedGetExternalMetric",
	"ScalingLimited False DesiredWithinRange", "ScalingLimited True ScaleUpLimit", "ScalingLimited True ScaleDownLimit",
	"ScalingLimited True TooManyReplicas", "ScalingLimited True TooFewReplicas",
}

// A coverage counts what cases exercised.
type coverage struct {
	cases, evaluations, events int
	shown                      map[string]int // cases by feature
	began                      time.Time
}

func newCoverage() *coverage { return &coverage{shown: map[string]int{}, began: time.Now()} }

// A sighting is what one case exercises.
type sighting struct {
	refused             bool // the evaluation before
	features            map[string]bool
	evaluations, events int
}

func (s *sighting) see(what string, really bool) {
	if really {
		s.features[what] = true
	}
}

// sighted begins with what the case itself says.
func sighted(c *Case) *sighting {
	s := &sighting{features: map[string]bool{}}
	b := c.Spec.Behavior
	s.see("behavior nil", b == nil)
	s.see("behavior {}", b != nil && b.ScaleUp == nil && b.ScaleDown == nil)
	if b != nil {
		s.rules("up", b.ScaleUp)
		s.rules("down", b.ScaleDown)
	}
	s.see("flags", c.Flags != nil)
	s.see("minReplicas left out", c.Spec.MinReplicas == nil)
	s.see("metrics left out", c.Spec.Metrics == nil)
	s.see("several containers", len(c.Pods.Containers) > 1)
	s.see("set from outside", len(c.Outside) > 0)
	s.see("edited", len(c.Edits) > 0)
	for _, edit := range c.Edits {
		s.see("behavior added or taken away", (edit.Spec.Behavior == nil) != (b == nil))
	}
	spec := c.Spec.DeepCopy()
	manifest.Default(spec)
	s.see(fmt.Sprintf("%d metric%s", len(spec.Metrics), strings.Repeat("s", min(1, len(spec.Metrics)-1))), true)
	for _, m := range spec.Metrics {
		s.metric(m)
	}
	return s
}

func (s *sighting) rules(way string, r *autoscalingv2.HPAScalingRules) {
	if r == nil {
		return
	}
	s.see("behavior with rules", true)
	s.see(way+": window", r.StabilizationWindowSeconds != nil)
	s.see(way+": tolerance", r.Tolerance != nil)
	if r.SelectPolicy != nil {
		s.see(way+": "+strings.TrimSuffix(string(*r.SelectPolicy), "ChangePolicySelect"), true)
	}
	for _, p := range r.Policies {
		s.see(way+": "+string(p.Type), true)
		s.see("policies of several periods", p.PeriodSeconds != r.Policies[0].PeriodSeconds)
	}
}

func (s *sighting) metric(m autoscalingv2.MetricSpec) {
	kind, t := string(m.Type), targetOf(m)
	switch {
	case t.AverageUtilization != nil:
		kind += " utilization"
	case t.AverageValue != nil:
		kind += " average"
	default:
		kind += " value"
	}
	s.see(kind, true)
	for _, selector := range selectors(m) {
		_, err := metav1.LabelSelectorAsSelector(selector)
		s.see("selector that cannot be used", err != nil)
	}
	if m.Resource != nil {
		s.see(string(m.Resource.Name), true)
	}
	if m.ContainerResource != nil {
		s.see(string(m.ContainerResource.Name), true)
	}
}

func selectors(m autoscalingv2.MetricSpec) []*metav1.LabelSelector {
	switch {
	case m.Pods != nil:
		return []*metav1.LabelSelector{m.Pods.Metric.Selector}
	case m.Object != nil:
		return []*metav1.LabelSelector{m.Object.Metric.Selector}
	case m.External != nil:
		return []*metav1.LabelSelector{m.External.Metric.Selector}
	}
	return nil
}

func targetOf(m autoscalingv2.MetricSpec) autoscalingv2.MetricTarget {
	switch m.Type {
	case autoscalingv2.ResourceMetricSourceType:
		return m.Resource.Target
	case autoscalingv2.ContainerResourceMetricSourceType:
		return m.ContainerResource.Target
	case autoscalingv2.PodsMetricSourceType:
		return m.Pods.Target
	case autoscalingv2.ObjectMetricSourceType:
		return m.Object.Target
	default:
		return m.External.Target
	}
}

// watch takes in one evaluation; what came of it is upstream's.
func (s *sighting) watch(e evaluation, want step) {
	s.evaluations++
	if want.after != want.before {
		s.events++
	}
	s.see("scaled out", want.after > want.before)
	s.see("scaled in", want.after < want.before)
	s.see("stayed", want.after == want.before)
	for kind, c := range want.conditions {
		s.see(kind+" "+c.status+" "+c.reason, true)
	}
	s.see("proposal compared", want.proposed != nil)
	s.see("values compared", len(want.metrics) > 0)
	s.see("event compared", want.event != "")
	s.see("reason compared", want.why != nil && *want.why != "")
	s.see("refused", want.refused)
	s.see("refused twice in a row", want.refused && s.refused)
	s.refused = want.refused
	in := e.in
	s.history(in)
	s.see("zero replicas", in.Replicas == 0)
	s.see("above max", in.Replicas > in.Spec.MaxReplicas)
	s.see("below min", in.Replicas > 0 && in.Replicas < *in.Spec.MinReplicas)
	s.see("status behind", in.Status != in.Replicas)
	s.see("no pods", len(in.Pods) == 0)
	s.pods(in)
	broken := 0
	for i, r := range in.Readings {
		if r.Err != nil {
			broken++
			continue
		}
		s.reading(in, in.Spec.Metrics[i], r)
	}
	s.see("all metrics broken", broken == len(in.Readings))
	s.see("some metrics broken", 0 < broken && broken < len(in.Readings))
}

// history sees what rules about the past have to deal with.
func (s *sighting) history(in hpa.Input) {
	rules := manifest.ScaleDownRules(nil)
	if in.Spec.Behavior != nil {
		rules = in.Spec.Behavior.ScaleDown
		up := in.Spec.Behavior.ScaleUp
		s.see("tolerances that differ", up.Tolerance != nil && rules.Tolerance != nil && up.Tolerance.Cmp(*rules.Tolerance) != 0)
		for _, p := range append(slices.Clone(up.Policies), rules.Policies...) {
			cutoff := in.Now.Add(-time.Duration(p.PeriodSeconds) * time.Second)
			recent := func(e hpa.ScaleEvent) bool { return e.At.After(cutoff) }
			s.see("scaled out and in within a policy's period", slices.ContainsFunc(in.History.Up, recent) && slices.ContainsFunc(in.History.Down, recent))
		}
	}
	window := in.Config.DownscaleStabilization
	if rules.StabilizationWindowSeconds != nil {
		window = time.Duration(*rules.StabilizationWindowSeconds) * time.Second
	}
	s.see("two turns within the window", turns(in.History.Recommendations, in.Now.Add(-window)) >= 2)
}

// turns is how often recommendations after a moment change their direction.
func turns(list []hpa.Recommendation, after time.Time) int {
	list = slices.DeleteFunc(slices.Clone(list), func(r hpa.Recommendation) bool { return !r.At.After(after) })
	slices.SortFunc(list, func(a, b hpa.Recommendation) int { return a.At.Compare(b.At) })
	count, last := 0, 0
	for i := 1; i < len(list); i++ {
		way := cmp.Compare(list[i].Replicas, list[i-1].Replicas)
		if way != 0 && last != 0 && way != last {
			count++
		}
		if way != 0 {
			last = way
		}
	}
	return count
}

func (s *sighting) pods(in hpa.Input) {
	for _, p := range in.Pods {
		running := p.Phase == hpa.Running && !p.Deleting
		s.see("pod pending", p.Phase == hpa.Pending && !p.Deleting)
		s.see("pod failed", p.Phase == hpa.Failed)
		s.see("pod succeeded", p.Phase == succeeded)
		s.see("pod deleting", p.Deleting)
		s.see("pod unready", running && p.Ready != nil && !*p.Ready)
		s.see("pod without Ready", running && p.Ready == nil)
		s.see("pod without start time", running && p.Started.IsZero())
		s.see("pod starting up", running && in.Now.Sub(p.Started) < in.Config.CPUInitializationPeriod)
		for _, c := range p.Containers {
			s.see("pod without requests", c.MilliCPU == nil)
		}
	}
}

func (s *sighting) reading(in hpa.Input, m autoscalingv2.MetricSpec, r hpa.Reading) {
	if !ofPods(m) {
		s.see("several series", len(r.Values) > 1)
		s.see("negative value", len(r.Values) > 0 && slices.Min(r.Values) < 0)
		s.see("no values", len(r.Values) == 0)
		return
	}
	s.see("no samples", len(r.Pods) == 0)
	names := map[string]bool{}
	for _, p := range in.Pods {
		names[p.Name] = true
		sample, ok := r.Pods[p.Name]
		running := p.Phase == hpa.Running && !p.Deleting
		s.see("sample missing", running && !ok)
		s.see("sample of a pod that does not run", !running && ok)
		s.see("pod with old sample", running && ok && p.Ready != nil && *p.Ready && sample.At.Before(p.Changed.Add(sample.Window)))
	}
	for name, sample := range r.Pods {
		s.see("sample of no pod", !names[name])
		s.see("negative sample", sample.Value < 0)
	}
}

// add takes in a case.
func (c *coverage) add(s *sighting) {
	c.cases++
	c.evaluations += s.evaluations
	c.events += s.events
	for f := range s.features {
		c.shown[f]++
	}
}

// String is one line: what was compared, and in how many cases what was seen.
func (c *coverage) String() string {
	words := []string{fmt.Sprintf("%d cases, %d evaluations compared, %d scale events, %s; cases with", c.cases, c.evaluations, c.events, time.Since(c.began).Round(time.Second))}
	for _, f := range slices.Sorted(maps.Keys(c.shown)) {
		words = append(words, fmt.Sprintf("%s: %d,", f, c.shown[f]))
	}
	return strings.TrimSuffix(strings.Join(words, " "), ",")
}

// missed are the features that no case exercised.
func (c *coverage) missed() []string {
	return slices.DeleteFunc(slices.Clone(features), func(f string) bool { return c.shown[f] > 0 })
}
