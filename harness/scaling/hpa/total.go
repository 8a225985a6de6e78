package hpa

import (
	"errors"
	"fmt"
	"math"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// askObject asks for a metric of one thing: as a whole, or shared among replicas.
func askObject(in *Input, reading Reading, source *autoscalingv2.ObjectMetricSource, tol tolerances) proposal {
	const reason = "FailedGetObjectMetric"
	var (
		p      proposal
		target = &source.Target
		aim    aim
		whole  = target.Type == autoscalingv2.ValueMetricType && target.Value != nil
		shared = target.Type == autoscalingv2.AverageValueMetricType && target.AverageValue != nil
	)
	p.metric.Name = source.Metric.Name
	switch {
	case whole:
		aim = valueOf(target.Value.MilliValue(), "")
	case shared:
		aim = valueOf(target.AverageValue.MilliValue(), "")
	}
	p.metric.Target = aim.target()
	if err := selectable(source.Metric.Selector); err != nil {
		return p.failed(reason, err)
	}
	if !whole && !shared {
		return p.failed(reason, errors.New("invalid object metric source: neither a value target nor an average value target was set"))
	}
	values, err := reading.values("custom")
	if err != nil {
		return p.failed(reason, fmt.Errorf("unable to get metric %s: %w on %s %s",
			source.Metric.Name, err, source.DescribedObject.Kind, source.DescribedObject.Name))
	}
	if whole {
		return p.whole(in, values[0], aim, tol, reason)
	}
	return p.shared(in, values[0], aim, tol, math.MinInt32)
}

// askExternal asks for a metric from elsewhere, whose series are added up: as a
// whole, or shared among replicas.
func askExternal(in *Input, reading Reading, source *autoscalingv2.ExternalMetricSource, tol tolerances) proposal {
	const reason = "FailedGetExternalMetric"
	var (
		p      proposal
		target = &source.Target
		aim    aim
	)
	p.metric.Name = source.Metric.Name
	switch {
	case target.AverageValue != nil:
		aim = valueOf(target.AverageValue.MilliValue(), "")
	case target.Value != nil:
		aim = valueOf(target.Value.MilliValue(), "")
	default:
		return p.failed(reason, errors.New("invalid external metric source: neither a value target nor an average value target was set"))
	}
	p.metric.Target = aim.target()
	if err := selectable(source.Metric.Selector); err != nil {
		return p.failed(reason, err)
	}
	values, err := reading.values("external")
	if err != nil {
		return p.failed(reason, fmt.Errorf("unable to get external metric %s: %w", source.Metric.Name, err))
	}
	if target.AverageValue != nil {
		return p.shared(in, addedShared(values), aim, tol, math.MaxInt32)
	}
	return p.whole(in, added(values), aim, tol, reason)
}

// whole asks for as many times the ready pods as the value is of its target.
func (p proposal) whole(in *Input, value int64, aim aim, tol tolerances, reason string) proposal {
	ratio := aim.ratio(value)
	if tol.within(ratio) {
		return p.asking(in.Replicas, value, aim)
	}
	if len(in.Pods) == 0 {
		return p.failed(reason, fmt.Errorf("unable to calculate ready pods: %w", errNoPods))
	}
	replicas := ratio * float64(in.serving())
	if replicas > math.MaxInt32 {
		return p.asking(math.MaxInt32, value, aim)
	}
	return p.asking(ceil(replicas), value, aim)
}

// serving counts pods that run and are ready; also those that are to leave.
func (in *Input) serving() int {
	n := 0
	for i := range in.Pods {
		if pod := &in.Pods[i]; pod.Phase == Running && pod.Ready != nil && *pod.Ready {
			n++
		}
	}
	return n
}

// shared asks for so many replicas that each has the target's share of the value.
// What it compares with the target is the share of each replica that the target
// reports (status.replicas). A number that no int32 holds becomes that of beyond.
func (p proposal) shared(in *Input, value int64, aim aim, tol tolerances, beyond int32) proposal {
	ratio := float64(value) / (float64(aim.value) * float64(in.Status))
	each := in.share(value)
	if beyond > 0 && float64(value) >= math.MaxInt64 {
		each = math.MaxInt64 // a sum that has overflowed is told as such
	}
	if tol.within(ratio) {
		return p.asking(in.Status, each, aim)
	}
	replicas := math.Ceil(float64(value) / float64(aim.value))
	if replicas > math.MaxInt32 {
		return p.asking(beyond, each, aim)
	}
	return p.asking(number(replicas), each, aim)
}

// share is the value for each replica, rounded up; the value itself without any.
func (in *Input) share(value int64) int64 {
	if in.Status <= 0 {
		return value
	}
	return int64(math.Ceil(float64(value) / float64(in.Status)))
}

// added is the sum, and the most where that is more than can be counted.
func added(values []int64) int64 {
	var all int64
	for _, v := range values {
		if v > 0 && all > math.MaxInt64-v {
			return math.MaxInt64
		}
		all += v
	}
	return all
}

// addedShared is the sum as upstream has it for values to be shared: one that gets
// below zero is taken for one that has overflowed.
func addedShared(values []int64) int64 {
	var all int64
	for _, v := range values {
		if all += v; all < 0 {
			return math.MaxInt64
		}
	}
	return all
}
