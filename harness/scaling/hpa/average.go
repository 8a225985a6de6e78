package hpa

import (
	"errors"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
)

// askResource asks for CPU or memory of whole pods.
func askResource(in *Input, reading Reading, source *autoscalingv2.ResourceMetricSource, tol tolerances) proposal {
	var p proposal
	p.metric.Name = string(source.Name)
	return p.resource(in, reading, source.Name, "", &source.Target, tol, "FailedGetResourceMetric")
}

// askContainer asks for CPU or memory of one container of each pod.
func askContainer(in *Input, reading Reading, source *autoscalingv2.ContainerResourceMetricSource, tol tolerances) proposal {
	var p proposal
	p.metric.Name = string(source.Name) + " (" + source.Container + ")"
	return p.resource(in, reading, source.Name, source.Container, &source.Target, tol, "FailedGetContainerResourceMetric")
}

func (p proposal) resource(in *Input, reading Reading, name corev1.ResourceName, container string,
	target *autoscalingv2.MetricTarget, tol tolerances, reason string) proposal {
	var aim aim
	share := "usage"
	switch {
	case target.AverageValue != nil:
		aim = valueOf(target.AverageValue.MilliValue(), name)
	case target.AverageUtilization != nil:
		aim, share = percentOf(*target.AverageUtilization), "utilization"
	default:
		return p.failed(reason, errors.New("invalid resource metric source: neither an average utilization target nor an average value (usage) target was set"))
	}
	p.metric.Target, p.metric.Unit = aim.target(), aim.unit
	metrics, err := reading.ofPods("resource")
	if err != nil {
		return p.failed(reason, fmt.Errorf("failed to get %s %s: unable to get metrics for resource %s: %w", name, share, name, err))
	}
	p, err = p.average(in, metrics, name, container, aim, tol)
	if err != nil {
		return p.failed(reason, fmt.Errorf("failed to get %s %s: %w", name, share, err))
	}
	return p
}

// askPods asks for a metric that every pod has one of.
func askPods(in *Input, reading Reading, source *autoscalingv2.PodsMetricSource, tol tolerances) proposal {
	const reason = "FailedGetPodsMetric"
	var p proposal
	p.metric.Name = source.Metric.Name
	if source.Target.AverageValue == nil {
		return p.failed(reason, errors.New("invalid pods metric source: no average value target was set"))
	}
	aim := valueOf(source.Target.AverageValue.MilliValue(), "")
	p.metric.Target = aim.target()
	if err := selectable(source.Metric.Selector); err != nil {
		return p.failed(reason, err)
	}
	metrics, err := reading.ofPods("custom")
	if err != nil {
		return p.failed(reason, fmt.Errorf("unable to get metric %s: %w", source.Metric.Name, err))
	}
	p, err = p.average(in, metrics, "", "", aim, tol)
	if err != nil {
		return p.failed(reason, err)
	}
	return p
}

// average asks for so many pods that their average is at the aim.
func (p proposal) average(in *Input, metrics map[string]PodMetric, resource corev1.ResourceName, container string, aim aim, tol tolerances) (proposal, error) {
	if len(in.Pods) == 0 {
		return p, errNoPods
	}
	g, err := group(in, metrics, resource, container, aim)
	p.metric.Missing, p.metric.Unready = g.missing.pods, g.unready.pods
	if g.known.pods == 0 {
		return p, errors.New("did not receive metrics for targeted pods (pods might be unready)")
	}
	if err != nil {
		return p, err
	}
	level, ok := aim.level(g.known)
	if !ok {
		return p, errors.New("no metrics returned matched known pods")
	}
	return p.asking(g.replicas(in.Replicas, aim, aim.ratio(level), tol), level, aim), nil
}

// replicas is how many of the pods it takes. Where some are missing or start, the
// answer is to be one that holds whatever they turn out to use: they are assumed
// to use nothing while more is asked for, and much while less is; an assumption
// may take the change away and not turn it round.
func (g groups) replicas(current int32, aim aim, ratio float64, tol tolerances) int32 {
	starting := g.unready.pods > 0 && ratio > 1
	if g.missing.pods == 0 && !starting {
		if tol.within(ratio) {
			return current
		}
		return ceil(ratio * float64(g.ready)) // those at work, not what is specified
	}
	assumed := g.known
	switch {
	case ratio < 1:
		assumed = assumed.plus(g.missing)
	case ratio > 1:
		assumed = assumed.plus(sum{pods: g.missing.pods, requests: g.missing.requests})
	}
	if starting {
		assumed = assumed.plus(g.unready)
	}
	level, ok := aim.level(assumed)
	again := aim.ratio(level)
	if !ok || tol.within(again) || ratio < 1 && again > 1 || ratio > 1 && again < 1 {
		return current
	}
	proposed := ceil(again * float64(assumed.pods))
	if again < 1 && proposed > current || again > 1 && proposed < current {
		return current
	}
	return proposed
}
