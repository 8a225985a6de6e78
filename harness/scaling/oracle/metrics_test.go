package oracle

import (
	"errors"
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

var errBroken = errors.New("the metrics API does not answer")

// ofPods says whether a metric has a sample of each pod.
func ofPods(m autoscalingv2.MetricSpec) bool {
	return m.Type != autoscalingv2.ObjectMetricSourceType && m.Type != autoscalingv2.ExternalMetricSourceType
}

// reading is what metric i says at a moment.
func (p *plant) reading(i int, now time.Time) hpa.Reading {
	s := p.c.Signals[i]
	at := now.Add(-time.Duration(s.Age))
	switch since := Span(now.Sub(p.start)); {
	case within(s.Broken, since):
		return hpa.Reading{Err: errBroken}
	case !ofPods(p.metrics[i]):
		return hpa.Reading{Values: p.values(i, now), At: at}
	case within(s.Empty, since):
		return hpa.Reading{Pods: map[string]hpa.PodMetric{}, At: at}
	}
	return hpa.Reading{Pods: p.samples(i, now), At: at}
}

// values is what an object or external metric says.
func (p *plant) values(i int, now time.Time) []int64 {
	s := p.c.Signals[i]
	switch {
	case s.Values != nil:
		return s.Values
	case within(s.Empty, Span(now.Sub(p.start))):
		return []int64{}
	}
	load := p.load(i, now)
	if s.Shared {
		load /= p.serving(now)
	}
	if p.metrics[i].Type == autoscalingv2.ObjectMetricSourceType || s.Series < 2 {
		return []int64{load}
	}
	series := make([]int64, s.Series)
	for j := range series {
		series[j] = load / int64(s.Series)
	}
	series[0] += load % int64(s.Series)
	return series
}

func (p *plant) load(i int, now time.Time) int64 {
	s := p.c.Signals[i]
	return loadAt(s.Load, p.c.Seed+uint64(i), Span(now.Sub(p.start))-s.Age)
}

// serving is how many pods share the load, at least 1.
func (p *plant) serving(now time.Time) int64 {
	var n int64
	for _, x := range p.pods {
		if !x.created.After(now) && p.serves(x, now) {
			n++
		}
	}
	return max(1, n)
}

// samples is what a metric says of each pod.
func (p *plant) samples(i int, now time.Time) map[string]hpa.PodMetric {
	s := p.c.Signals[i]
	out := map[string]hpa.PodMetric{}
	each := p.load(i, now) / p.serving(now)
	moment := uint64(now.Sub(p.start))
	for _, x := range p.pods {
		id := uint64(x.id)
		if x.created.After(now) || !p.sampled(x, i, now) {
			continue
		}
		value := s.Idle
		if p.serves(x, now) {
			value = int64(float64(each) * (1 + s.Skew*(p.draw(ofSkew, uint64(i), moment).share(id)-0.5)))
		}
		if s.Limit > 0 {
			value = min(value, s.Limit)
		}
		out[name(x.id)] = hpa.PodMetric{Value: value, At: now.Add(-time.Duration(s.Age)), Window: time.Duration(s.Window)}
	}
	for g := range s.Ghosts {
		out[fmt.Sprintf("ghost-%d", g)] = hpa.PodMetric{Value: 3 * each, At: now.Add(-time.Duration(s.Age)), Window: time.Duration(s.Window)}
	}
	return out
}

// sampled says whether there is a sample of a pod.
func (p *plant) sampled(x *pod, i int, now time.Time) bool {
	s := p.c.Signals[i]
	id, moment := uint64(x.id), uint64(now.Sub(p.start))
	if !x.deleted.IsZero() || !x.failed.IsZero() || x.scheduled.After(now) {
		return p.draw(ofStray, uint64(i)).hits(s.Stray, id)
	}
	return !p.draw(ofMissing, uint64(i), moment).hits(s.Missing, id)
}

// fixed is the view of pods that do not change.
func (p *plant) fixed(v view) view {
	first := p.start.Add(syncPeriod)
	ago := func(s Span) time.Time { return first.Add(-time.Duration(s)) }
	for _, f := range p.c.Pods.Fixed {
		x := hpa.Pod{Name: f.Name, Phase: f.Phase, Deleting: f.Deleting, Ready: f.Ready, Changed: ago(f.Changed), Containers: plain(f.Containers)}
		if f.Started != nil {
			x.Started = ago(*f.Started)
		}
		v.pods = append(v.pods, x)
	}
	for i := range p.metrics {
		r := p.reading(i, v.now)
		for _, f := range p.c.Pods.Fixed {
			if r.Pods == nil || i >= len(f.Samples) || f.Samples[i] == nil {
				continue
			}
			s := f.Samples[i]
			r.Pods[f.Name] = hpa.PodMetric{Value: s.Value, At: v.now.Add(-time.Duration(s.Age)), Window: time.Duration(s.Window)}
		}
		v.readings = append(v.readings, r)
	}
	return v
}
