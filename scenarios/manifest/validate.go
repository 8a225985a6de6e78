package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
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

// label is the form of the name of a container.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func (v *validation) manifest(hpa *autoscalingv2.HorizontalPodAutoscaler) {
	v.metadata(hpa.ObjectMeta)
	v.spec(&hpa.Spec, Path{"spec"})
}

// metadata is judged by the API server's own rules: name, labels, annotations and
// what else every object has. What a server sets on creation it is taken to have
// set: the namespace of whoever applies it, the rest of a generated name.
func (v *validation) metadata(meta metav1.ObjectMeta) {
	if meta.Namespace == "" {
		meta.Namespace = metav1.NamespaceDefault
	}
	if meta.Name == "" && meta.GenerateName != "" {
		meta.Name = meta.GenerateName[:min(len(meta.GenerateName), 58)] + "00000"
	}
	meta.Generation = 1
	for _, wrong := range apivalidation.ValidateObjectMeta(&meta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata")) {
		switch {
		case wrong.Field != "metadata.name":
			v.report(pathOf(wrong.Field), wrong.ErrorBody(), "write it as a cluster takes it, or leave it out: a rehearsal does not need it")
		case meta.Name == "":
			v.report(Path{"metadata", "name"}, "is missing", "give the autoscaler a name")
		default:
			v.report(Path{"metadata", "name"}, fmt.Sprintf("%q is not the name of an object", shorten(meta.Name)), "names have lower-case letters, digits, - and ., and begin and end with a letter or digit")
		}
	}
}

// pathOf reads a path as upstream's errors have it, like metadata.ownerReferences[0].name.
func pathOf(upstream string) Path {
	var p Path
	for _, part := range strings.Split(upstream, ".") {
		name, rest, _ := strings.Cut(part, "[")
		p = append(p, name)
		if index, err := strconv.Atoi(strings.TrimSuffix(rest, "]")); err == nil {
			p = append(p, index)
		}
	}
	return p
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
	switch {
	case least < 0:
		v.report(at.to("minReplicas"), fmt.Sprintf("%d is negative", least), "give the least replicas that there may be, 1 at least")
	case least == 0:
		v.report(at.to("minReplicas"), "0 is below 1: clusters scale to none only with the feature gate HPAScaleToZero, which is alpha and off", "set minReplicas: 1")
	}
	v.reference(spec.ScaleTargetRef, at.to("scaleTargetRef"), spec.ScaleTargetRef.Kind == "ReplicationController")
	for i, metric := range spec.Metrics {
		v.metric(metric, at.to("metrics", i))
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

// A source is one of those that a metric may have.
type source struct {
	kind  autoscalingv2.MetricSourceType
	field string
	given bool
	check func(Path)
}

// metric checks one metric: exactly one source, that of its type.
func (v *validation) metric(m autoscalingv2.MetricSpec, at Path) {
	v.sources(m.Type, at, []source{
		{autoscalingv2.ObjectMetricSourceType, "object", m.Object != nil, func(at Path) { v.object(m.Object, at) }},
		{autoscalingv2.ExternalMetricSourceType, "external", m.External != nil, func(at Path) { v.external(m.External, at) }},
		{autoscalingv2.PodsMetricSourceType, "pods", m.Pods != nil, func(at Path) { v.pods(m.Pods, at) }},
		{autoscalingv2.ResourceMetricSourceType, "resource", m.Resource != nil, func(at Path) { v.resource(m.Resource.Name, m.Resource.Target, at) }},
		{autoscalingv2.ContainerResourceMetricSourceType, "containerResource", m.ContainerResource != nil, func(at Path) { v.containerResource(m.ContainerResource, at) }},
	})
}

// sources checks the sources of a metric of a type. Where there are several, the
// first is looked into and those that are not of the type are one too many.
func (v *validation) sources(kind autoscalingv2.MetricSourceType, at Path, all []source) {
	const types = "write Resource, ContainerResource, Pods, Object or External"
	known := slices.ContainsFunc(all, func(s source) bool { return s.kind == kind })
	switch {
	case kind == "":
		v.report(at.to("type"), "is missing", types)
	case !known:
		v.report(at.to("type"), fmt.Sprintf("%q is not a type of metric", shorten(string(kind))), types)
	}
	var given []source
	for _, s := range all {
		switch {
		case s.given:
			given = append(given, s)
		case s.kind == kind:
			v.report(at.to(s.field), "is missing: the metric is of type "+string(kind), "add "+s.field+", or set the type of the source that is there")
		}
	}
	if len(given) > 0 {
		given[0].check(at.to(given[0].field))
	}
	for _, s := range given {
		if len(given) > 1 && s.kind != kind {
			v.report(at.to(s.field), fmt.Sprintf("a metric has one source, and this one has %d", len(given)), "keep that of its type; the others are metrics of their own")
		}
	}
}

func (v *validation) object(src *autoscalingv2.ObjectMetricSource, at Path) {
	v.reference(src.DescribedObject, at.to("describedObject"), true)
	v.segment(src.Metric.Name, at.to("metric", "name"), "name the metric")
	v.target(src.Target, at.to("target"))
	if src.Target.Value == nil && src.Target.AverageValue == nil {
		v.neither(at.to("target"), "averageValue", "value")
	}
}

func (v *validation) external(src *autoscalingv2.ExternalMetricSource, at Path) {
	v.segment(src.Metric.Name, at.to("metric", "name"), "name the metric")
	v.target(src.Target, at.to("target"))
	switch value, average := src.Target.Value != nil, src.Target.AverageValue != nil; {
	case !value && !average:
		v.neither(at.to("target"), "averageValue", "value")
	case value && average:
		v.both(at.to("target"), "value", "averageValue")
	}
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
	switch share, average := target.AverageUtilization != nil, target.AverageValue != nil; {
	case !share && !average:
		v.neither(at.to("target"), "averageUtilization", "averageValue")
	case share && average:
		v.both(at.to("target"), "averageValue", "averageUtilization")
	}
}

// both reports a target that has a field and another that excludes it, and neither
// one that has none of the two.
func (v *validation) both(at Path, field, other string) {
	v.report(at.to(field), fmt.Sprintf("%s and %s exclude one another", field, other), "keep one of them")
}

func (v *validation) neither(at Path, field, other string) {
	v.report(at.to(field), "is missing, and so is "+other, "give one of them")
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
