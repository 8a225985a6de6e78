package manifest

import (
	"fmt"
	"regexp"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// The limits that the API server sets, in seconds.
const (
	longestPeriod        = 1800
	longestStabilization = 3600
)

// validation finds what the API server refuses in a manifest that has its
// defaults.
type validation struct{ problems []Problem }

func (v *validation) report(at Path, message, suggestion string) {
	v.problems = append(v.problems, Problem{Path: at, Message: message, Suggestion: suggestion})
}

// The forms of names of objects and of containers.
var (
	subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	label     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
)

func (v *validation) manifest(hpa *autoscalingv2.HorizontalPodAutoscaler) {
	switch name := hpa.Name; {
	case name == "" && hpa.GenerateName == "":
		v.report(Path{"metadata", "name"}, "is missing", "give the autoscaler a name")
	case name != "" && (!subdomain.MatchString(name) || len(name) > 253):
		v.report(Path{"metadata", "name"}, fmt.Sprintf("%q is not the name of an object", shorten(name)), "names have lower-case letters, digits, - and ., and begin and end with a letter or digit")
	}
	v.spec(&hpa.Spec, Path{"spec"})
}

func (v *validation) spec(spec *autoscalingv2.HorizontalPodAutoscalerSpec, at Path) {
	least, most := *spec.MinReplicas, spec.MaxReplicas
	switch {
	case most == 0:
		v.report(at.to("maxReplicas"), "is missing, or 0", "give the most replicas that there may be, 1 at least")
	case most < 0:
		v.report(at.to("maxReplicas"), fmt.Sprintf("%d is negative", most), "give the most replicas that there may be, 1 at least")
	case most < least:
		v.report(at.to("maxReplicas"), fmt.Sprintf("%d is below minReplicas, which is %d", most, least), "raise maxReplicas, or lower minReplicas")
	}
	if least < 0 {
		v.report(at.to("minReplicas"), fmt.Sprintf("%d is negative", least), "give the least replicas that there may be")
	}
	v.reference(spec.ScaleTargetRef, at.to("scaleTargetRef"), spec.ScaleTargetRef.Kind == "ReplicationController")
	total := false
	for i, metric := range spec.Metrics {
		v.metric(metric, at.to("metrics", i))
		total = total || metric.Type == autoscalingv2.ObjectMetricSourceType || metric.Type == autoscalingv2.ExternalMetricSourceType
	}
	if least == 0 && !total {
		v.report(at.to("minReplicas"), "without a pod there is no metric to come back by: 0 needs an Object or External metric", "add one, or set minReplicas: 1")
	}
	if b := spec.Behavior; b != nil {
		v.rules(b.ScaleUp, at.to("behavior", "scaleUp"))
		v.rules(b.ScaleDown, at.to("behavior", "scaleDown"))
	}
}

// reference checks what points to another object; core tells that it may be of
// the core group, which has no name.
func (v *validation) reference(ref autoscalingv2.CrossVersionObjectReference, at Path, core bool) {
	v.segment(ref.Kind, at.to("kind"), "name the kind of the object, as Deployment")
	v.segment(ref.Name, at.to("name"), "name the object")
	group, version, grouped := strings.Cut(ref.APIVersion, "/")
	named := grouped && group != ""
	if !named && !core || strings.Contains(version, "/") {
		v.report(at.to("apiVersion"), fmt.Sprintf("%q names no API group", shorten(ref.APIVersion)), "write group and version, as apps/v1")
	}
}

// segment checks a name that becomes part of a path.
func (v *validation) segment(name string, at Path, suggestion string) {
	switch {
	case name == "":
		v.report(at, "is missing", suggestion)
	case name == "." || name == ".." || strings.ContainsAny(name, "/%"):
		v.report(at, fmt.Sprintf("%q cannot be part of a path", shorten(name)), "names have no / and no % in them, and are neither . nor ..")
	}
}

func (v *validation) rules(rules *autoscalingv2.HPAScalingRules, at Path) {
	if w := rules.StabilizationWindowSeconds; w != nil && (*w < 0 || *w > longestStabilization) {
		v.report(at.to("stabilizationWindowSeconds"), fmt.Sprintf("%d is out of range", *w), fmt.Sprintf("give a number of seconds from 0 to %d", longestStabilization))
	}
	switch *rules.SelectPolicy {
	case autoscalingv2.MaxChangePolicySelect, autoscalingv2.MinChangePolicySelect, autoscalingv2.DisabledPolicySelect:
	default:
		v.report(at.to("selectPolicy"), fmt.Sprintf("%q is not a way to select", shorten(string(*rules.SelectPolicy))), "write Max, Min or Disabled")
	}
	if len(rules.Policies) == 0 {
		v.report(at.to("policies"), "the list is empty", "give a policy, or leave policies out for those by default")
	}
	for i, policy := range rules.Policies {
		v.policy(policy, at.to("policies", i))
	}
	if t := rules.Tolerance; t != nil && t.Sign() < 0 {
		v.report(at.to("tolerance"), t.String()+" is negative", "a tolerance is zero or more: 0.05 for 5%")
	}
}

func (v *validation) policy(policy autoscalingv2.HPAScalingPolicy, at Path) {
	if policy.Type != autoscalingv2.PodsScalingPolicy && policy.Type != autoscalingv2.PercentScalingPolicy {
		v.report(at.to("type"), fmt.Sprintf("%q is not a type of policy", shorten(string(policy.Type))), "write Pods or Percent")
	}
	if policy.Value <= 0 {
		v.report(at.to("value"), fmt.Sprintf("%d allows no change", policy.Value), "give a number above zero; selectPolicy: Disabled allows none")
	}
	if p := policy.PeriodSeconds; p <= 0 || p > longestPeriod {
		v.report(at.to("periodSeconds"), fmt.Sprintf("%d is out of range", p), fmt.Sprintf("give a number of seconds from 1 to %d", longestPeriod))
	}
}

// metric checks one metric: exactly one source, that of its type.
func (v *validation) metric(m autoscalingv2.MetricSpec, at Path) {
	sources := []struct {
		kind  autoscalingv2.MetricSourceType
		field string
		given bool
		check func(Path)
	}{
		{autoscalingv2.ObjectMetricSourceType, "object", m.Object != nil, func(at Path) { v.object(m.Object, at) }},
		{autoscalingv2.ExternalMetricSourceType, "external", m.External != nil, func(at Path) { v.external(m.External, at) }},
		{autoscalingv2.PodsMetricSourceType, "pods", m.Pods != nil, func(at Path) { v.pods(m.Pods, at) }},
		{autoscalingv2.ResourceMetricSourceType, "resource", m.Resource != nil, func(at Path) { v.resource(m.Resource.Name, m.Resource.Target, at) }},
		{autoscalingv2.ContainerResourceMetricSourceType, "containerResource", m.ContainerResource != nil, func(at Path) { v.containerResource(m.ContainerResource, at) }},
	}
	const types = "write Resource, ContainerResource, Pods, Object or External"
	known := false
	for _, s := range sources {
		known = known || m.Type == s.kind
	}
	switch {
	case m.Type == "":
		v.report(at.to("type"), "is missing", types)
	case !known:
		v.report(at.to("type"), fmt.Sprintf("%q is not a type of metric", shorten(string(m.Type))), types)
	}
	for _, s := range sources {
		switch expected := m.Type == s.kind; {
		case expected && !s.given:
			v.report(at.to(s.field), "is missing: the metric is of type "+string(m.Type), "add "+s.field+", or set the type of the source that is there")
		case s.given && !expected && known:
			v.report(at.to(s.field), "the metric is of type "+string(m.Type), "give that source only, or another metric")
		}
		if s.given {
			s.check(at.to(s.field))
		}
	}
}

func (v *validation) object(src *autoscalingv2.ObjectMetricSource, at Path) {
	v.reference(src.DescribedObject, at.to("describedObject"), false)
	v.segment(src.Metric.Name, at.to("metric", "name"), "name the metric")
	v.target(src.Target, at.to("target"))
	if src.Target.Value == nil && src.Target.AverageValue == nil {
		v.neither(at.to("target"), "value")
	}
}

func (v *validation) external(src *autoscalingv2.ExternalMetricSource, at Path) {
	v.segment(src.Metric.Name, at.to("metric", "name"), "name the metric")
	v.target(src.Target, at.to("target"))
	v.either(at.to("target"), "value", src.Target.Value != nil, src.Target.AverageValue != nil)
}

func (v *validation) pods(src *autoscalingv2.PodsMetricSource, at Path) {
	v.segment(src.Metric.Name, at.to("metric", "name"), "name the metric")
	v.target(src.Target, at.to("target"))
	if src.Target.AverageValue == nil {
		v.report(at.to("target", "averageValue"), "is missing", "give the value that a pod should have on average")
	}
}

func (v *validation) containerResource(src *autoscalingv2.ContainerResourceMetricSource, at Path) {
	switch {
	case src.Container == "":
		v.report(at.to("container"), "is missing", "name the container")
	case !label.MatchString(src.Container) || len(src.Container) > 63:
		v.report(at.to("container"), fmt.Sprintf("%q is not the name of a container", shorten(src.Container)), "names have lower-case letters, digits and -")
	}
	v.resource(src.Name, src.Target, at)
}

// resource checks a metric of a resource. Upstream knows more of them than can be
// measured here.
func (v *validation) resource(name corev1.ResourceName, target autoscalingv2.MetricTarget, at Path) {
	switch name {
	case corev1.ResourceCPU, corev1.ResourceMemory:
	case "":
		v.report(at.to("name"), "is missing", "write cpu or memory")
	default:
		v.report(at.to("name"), fmt.Sprintf("resource %q is not measured", shorten(string(name))), "write cpu or memory")
	}
	v.target(target, at.to("target"))
	v.either(at.to("target"), "averageUtilization", target.AverageUtilization != nil, target.AverageValue != nil)
}

// either checks that a target has exactly one of a field and averageValue.
func (v *validation) either(at Path, field string, given, average bool) {
	switch {
	case !given && !average:
		v.neither(at, field)
	case given && average:
		v.report(at.to("averageValue"), fmt.Sprintf("%s and averageValue exclude one another", field), "keep one of them")
	}
}

// neither reports a target that has neither a field nor averageValue.
func (v *validation) neither(at Path, field string) {
	v.report(at.to(field), "is missing, and so is averageValue", "give one of them")
}

func (v *validation) target(target autoscalingv2.MetricTarget, at Path) {
	const types = "write Utilization, Value or AverageValue"
	switch target.Type {
	case autoscalingv2.UtilizationMetricType, autoscalingv2.ValueMetricType, autoscalingv2.AverageValueMetricType:
	case "":
		v.report(at.to("type"), "is missing", types)
	default:
		v.report(at.to("type"), fmt.Sprintf("%q is not a type of target", shorten(string(target.Type))), types)
	}
	v.positive(target.Value, at.to("value"))
	v.positive(target.AverageValue, at.to("averageValue"))
	if u := target.AverageUtilization; u != nil && *u < 1 {
		v.report(at.to("averageUtilization"), fmt.Sprintf("%d%% can never be kept", *u), "give a percentage of 1 or more")
	}
}

func (v *validation) positive(q *resource.Quantity, at Path) {
	if q != nil && q.Sign() != 1 {
		v.report(at, q.String()+" can never be kept", "give a target above zero")
	}
}
