package hpa

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A proposal is what one metric asks for, or why that cannot be told.
type proposal struct {
	metric   journal.ScaleMetric
	replicas int32
	reason   string // of the condition, where err is set
	err      error
}

// propose asks one metric of the specification.
func propose(in *Input, i int, tol tolerances) proposal {
	reading := Reading{}
	if i < len(in.Readings) {
		reading = in.Readings[i]
	}
	spec := &in.Spec.Metrics[i]
	switch {
	case spec.Type == autoscalingv2.ResourceMetricSourceType && spec.Resource != nil:
		return askResource(in, reading, spec.Resource, tol)
	case spec.Type == autoscalingv2.ContainerResourceMetricSourceType && spec.ContainerResource != nil:
		return askContainer(in, reading, spec.ContainerResource, tol)
	case spec.Type == autoscalingv2.PodsMetricSourceType && spec.Pods != nil:
		return askPods(in, reading, spec.Pods, tol)
	case spec.Type == autoscalingv2.ObjectMetricSourceType && spec.Object != nil:
		return askObject(in, reading, spec.Object, tol)
	case spec.Type == autoscalingv2.ExternalMetricSourceType && spec.External != nil:
		return askExternal(in, reading, spec.External, tol)
	}
	unknown := proposal{metric: journal.ScaleMetric{Name: string(spec.Type)}}
	return unknown.failed("InvalidMetricSourceType", fmt.Errorf("unknown metric source type %q", string(spec.Type)))
}

func (p proposal) failed(reason string, err error) proposal {
	p.reason, p.err, p.metric.Error = reason, err, err.Error()
	return p
}

// asking is the proposal with its number, and with the value that it comes from,
// in thousandths of what the target is in.
func (p proposal) asking(replicas int32, value int64, aim aim) proposal {
	proposed, shown := int(replicas), aim.shown(value)
	p.replicas, p.metric.Proposed, p.metric.Value = replicas, &proposed, &shown
	return p
}

// described is the metric as upstream names it in reasons; the source of its type
// is there.
func described(spec *autoscalingv2.MetricSpec) string {
	switch spec.Type {
	case autoscalingv2.ResourceMetricSourceType:
		if spec.Resource.Target.AverageValue != nil {
			return string(spec.Resource.Name) + " resource"
		}
		return string(spec.Resource.Name) + " resource utilization (percentage of request)"
	case autoscalingv2.ContainerResourceMetricSourceType:
		if spec.ContainerResource.Target.AverageValue != nil {
			return string(spec.ContainerResource.Name) + " resource"
		}
		return string(spec.ContainerResource.Name) + " container resource utilization (percentage of request)"
	case autoscalingv2.PodsMetricSourceType:
		return "pods metric " + spec.Pods.Metric.Name
	case autoscalingv2.ObjectMetricSourceType:
		if spec.Object.Target.Type == autoscalingv2.ValueMetricType {
			return spec.Object.DescribedObject.Kind + " metric " + spec.Object.Metric.Name
		}
		return external(spec.Object.Metric) // upstream's word for an object's metric too
	}
	return external(spec.External.Metric)
}

func external(metric autoscalingv2.MetricIdentifier) string {
	return fmt.Sprintf("external metric %s(%+v)", metric.Name, metric.Selector)
}
