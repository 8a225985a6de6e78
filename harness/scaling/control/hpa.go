package control

import (
	"fmt"
	"math"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
	"github.com/shakedown-dev/shakedown/harness/stack"
)

// hpaInput is a service as the controller of an HPA sees the target of one: its
// instances are pods with one container, which is called like the service, and use
// is what a metrics server tells.
func (s *service) hpaInput(v view, history hpa.History) hpa.Input {
	in := hpa.Input{
		Config: hpa.Defaults(), Spec: s.planned.Autoscale.HPA, History: history, Now: v.state.Now,
		Replicas: int32(v.current()), Status: int32(v.live),
	}
	for _, m := range v.members {
		in.Pods = append(in.Pods, s.pod(m))
	}
	for _, m := range in.Spec.Metrics {
		in.Readings = append(in.Readings, s.hpaReading(m, v))
	}
	return in
}

func (s *service) pod(m stack.Member) hpa.Pod {
	p := hpa.Pod{Name: m.Name, Phase: hpa.Running, Started: s.c.time.started(m.Started), Containers: []hpa.Container{s.container()}}
	switch {
	case m.Exited:
		p.Phase = hpa.Failed
	case m.Started == 0:
		p.Phase = hpa.Pending
	default:
		p.Ready = &m.Ready
		p.Changed = s.c.time.at(max(m.Changed, m.Started))
	}
	return p
}

func (s *service) container() hpa.Container {
	c := hpa.Container{Name: s.name}
	if cpus := s.planned.Requests.CPUs; cpus > 0 {
		milli := cpus.Milli()
		c.MilliCPU = &milli
	}
	if memory := s.planned.Requests.Memory; memory > 0 {
		milli := int64(memory) * 1000
		c.MilliMemory = &milli
	}
	return c
}

// hpaReading is one metric of a specification.
func (s *service) hpaReading(m autoscalingv2.MetricSpec, v view) hpa.Reading {
	switch {
	case m.Resource != nil:
		return s.resource(m.Resource.Name, v)
	case m.ContainerResource != nil:
		if m.ContainerResource.Container != s.name {
			return hpa.Reading{Err: fmt.Errorf("%s has no container %s, its only one is called like the service", s.name, m.ContainerResource.Container)}
		}
		return s.resource(m.ContainerResource.Name, v)
	case m.Pods != nil:
		return s.pods(s.reading(m.Pods.Metric.Name, v))
	case m.Object != nil:
		return value(s.reading(m.Object.Metric.Name, v))
	case m.External != nil:
		return value(s.reading(m.External.Metric.Name, v))
	}
	return hpa.Reading{Err: fmt.Errorf("a metric of type %q is none of this version's", m.Type)}
}

// resource is what a metrics server tells of the pods that it has read.
func (s *service) resource(name corev1.ResourceName, v view) hpa.Reading {
	r := hpa.Reading{Pods: map[string]hpa.PodMetric{}, At: v.state.Now}
	for _, m := range v.members {
		use, err := s.usage.rate(m.Name, v.at)
		if err != nil {
			continue
		}
		metric := hpa.PodMetric{At: s.c.time.at(use.at), Window: s.c.time.loop(use.window)}
		switch name {
		case corev1.ResourceCPU:
			metric.Value = milli(use.cores)
		case corev1.ResourceMemory:
			metric.Value = milli(float64(use.memory))
		default:
			return hpa.Reading{Err: fmt.Errorf("the use of %s is not measured; it is of cpu and memory", name)}
		}
		r.Pods[m.Name] = metric
	}
	if len(r.Pods) == 0 {
		r.Err = s.usage.failed() // else upstream's words will do
	}
	return r
}

// pods is what single instances tell. Those that did not are pods without a
// metric; what the service as a whole has is not asked.
func (s *service) pods(of scaling.Reading) hpa.Reading {
	r := hpa.Reading{Pods: map[string]hpa.PodMetric{}, At: of.At}
	for name, v := range of.Each {
		r.Pods[name] = hpa.PodMetric{Value: milli(v), At: of.At}
	}
	if len(r.Pods) == 0 {
		r.Err = of.Err
	}
	return r
}

func value(of scaling.Reading) hpa.Reading {
	if of.Err != nil {
		return hpa.Reading{Err: of.Err}
	}
	return hpa.Reading{Values: []int64{milli(of.Value)}, At: of.At}
}

// milli is a number in thousandths, within what an integer holds.
func milli(v float64) int64 {
	const most = math.MaxInt64 / 4
	return int64(math.Round(max(-most, min(v*1000, most))))
}
