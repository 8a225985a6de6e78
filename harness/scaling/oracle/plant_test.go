package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

// A plant is what is scaled: the pods of a case and their metrics. It changes
// with the moments it is advanced to and the replicas that are asked for, and with
// nothing else.
type plant struct {
	c        *Case
	metrics  []autoscalingv2.MetricSpec
	start    time.Time
	replicas int32 // spec.replicas
	pods     []*pod
	made     int // pods, ever
	outside  int // changes that have been made
	counts   []count
}

// A pod of the plant. Its moments may be to come; deleted and failed are zero
// where it is not.
type pod struct {
	id                       int
	created, deleted, failed time.Time
	scheduled, ready         time.Time
}

// A count is how many pods there were from a moment on.
type count struct {
	at     time.Time
	active int32
}

// A view is what there is to see at a moment.
type view struct {
	now              time.Time
	replicas, status int32
	pods             []hpa.Pod
	readings         []hpa.Reading
}

// succeeded is a phase that the autoscaler treats as any that it does not know.
const succeeded hpa.Phase = "Succeeded"

// Kinds of chance, so that one draw does not decide about two things.
const (
	ofSpread uint64 = iota
	ofNeverReady
	ofFlapping
	ofFailing
	ofNoCondition
	ofNoStartTime
	ofUnasked
	ofDoubled
	ofMissing
	ofStray
	ofSkew
	ofReady
	ofCompleting
)

func newPlant(c *Case, metrics []autoscalingv2.MetricSpec, start time.Time) *plant {
	p := &plant{c: c, metrics: metrics, start: start, replicas: c.Replicas}
	for range p.wanted() {
		fresh := p.create(start)
		if c.Pods.Prior {
			fresh.created = start.Add(-time.Hour)
			fresh.scheduled, fresh.ready = fresh.created, fresh.created
		}
	}
	p.note(start.Add(-time.Hour))
	return p
}

func (p *plant) draw(parts ...uint64) draw { return append(draw{p.c.Seed}, parts...) }

// create adds a pod that is asked for at a moment.
func (p *plant) create(at time.Time) *pod {
	p.made++
	fresh := &pod{id: p.made}
	longer := 1 + p.c.Pods.Spread*p.draw(ofSpread).share(uint64(fresh.id))
	after := func(at time.Time, s Span) time.Time {
		return at.Add(time.Duration(float64(s) * longer).Truncate(time.Millisecond))
	}
	fresh.created = after(at, p.c.Pods.Lag)
	fresh.scheduled = after(fresh.created, p.c.Pods.Schedule)
	fresh.ready = after(fresh.scheduled, p.c.Pods.Start)
	p.pods = append(p.pods, fresh)
	return fresh
}

// scale sets spec.replicas.
func (p *plant) scale(now time.Time, replicas int32) {
	p.replicas = replicas
	p.settle(now)
}

// advance makes everything happen that happens until a moment.
func (p *plant) advance(now time.Time) {
	for p.outside < len(p.c.Outside) {
		change := p.c.Outside[p.outside]
		at := p.start.Add(time.Duration(change.At))
		if at.After(now) {
			break
		}
		p.outside++
		p.settle(at)
		p.scale(at, change.Replicas)
	}
	p.settle(now)
}

// settle does what a ReplicaSet does: as many pods as are asked for.
func (p *plant) settle(now time.Time) {
	for failing := p.nextToFail(now); failing != nil; failing = p.nextToFail(now) {
		failing.failed = failing.created.Add(time.Duration(p.c.Pods.FailAt))
		p.fill(failing.failed)
	}
	p.fill(now)
	p.pods = slices.DeleteFunc(p.pods, func(x *pod) bool {
		gone := !x.deleted.IsZero() && !x.deleted.Add(time.Duration(p.c.Pods.Grace)).After(now)
		swept := !x.failed.IsZero() && !x.failed.Add(time.Duration(p.c.Pods.Kept)).After(now)
		return gone || swept
	})
	p.note(now)
}

// nextToFail is the pod that fails first until a moment, nil without one.
func (p *plant) nextToFail(now time.Time) *pod {
	var first *pod
	for _, x := range p.active() {
		fails := p.draw(ofFailing).hits(p.c.Pods.Failing, uint64(x.id))
		if fails && !x.created.Add(time.Duration(p.c.Pods.FailAt)).After(now) && (first == nil || x.created.Before(first.created)) {
			first = x
		}
	}
	return first
}

func (p *plant) active() []*pod {
	var active []*pod
	for _, x := range p.pods {
		if x.deleted.IsZero() && x.failed.IsZero() {
			active = append(active, x)
		}
	}
	return active
}

// fill creates or deletes pods; deleted are those first that take no work, and
// of the others the youngest.
func (p *plant) fill(now time.Time) {
	active := p.active()
	for range p.wanted() - len(active) {
		p.create(now)
	}
	slices.SortStableFunc(active, func(a, b *pod) int {
		serve := func(x *pod) int { return map[bool]int{false: 0, true: 1}[p.serves(x, now)] }
		return cmp.Or(cmp.Compare(serve(a), serve(b)), cmp.Compare(b.id, a.id))
	})
	for i := range len(active) - p.wanted() {
		active[i].deleted = now
	}
}

// wanted is how many pods there are to be; fixed ones are not of the plant.
func (p *plant) wanted() int {
	if p.c.Pods.Fixed != nil {
		return 0
	}
	return int(p.replicas)
}

// note keeps how many there are, for status.replicas.
func (p *plant) note(now time.Time) {
	active := int32(len(p.active()))
	if p.c.Pods.Fixed != nil {
		active = p.replicas
	}
	p.counts = append(p.counts, count{now, active})
}

func (p *plant) status(now time.Time) int32 {
	at := now.Add(-time.Duration(p.c.Pods.StatusLag))
	status := p.counts[0].active
	for _, c := range p.counts {
		if !c.at.After(at) {
			status = c.active
		}
	}
	return status
}

// view is what an autoscaler sees at a moment that the plant has been advanced to.
func (p *plant) view(now time.Time) view {
	v := view{now: now, replicas: p.replicas, status: p.status(now)}
	if p.c.Pods.Fixed != nil {
		return p.fixed(v)
	}
	for _, x := range p.pods {
		if !x.created.After(now) {
			v.pods = append(v.pods, p.seen(x, now))
		}
	}
	for i := range p.metrics {
		v.readings = append(v.readings, p.reading(i, now))
	}
	return v
}

func name(id int) string { return fmt.Sprintf("pod-%d", id) }

// serves says whether a pod is ready and is not going.
func (p *plant) serves(x *pod, now time.Time) bool {
	ready, _ := p.readiness(x, now)
	return ready && x.deleted.IsZero() && x.failed.IsZero()
}

// readiness is whether a pod is ready and since when it is or is not.
func (p *plant) readiness(x *pod, now time.Time) (ready bool, since time.Time) {
	const (
		cycle = 4 * time.Minute
		pause = 40 * time.Second
	)
	if p.draw(ofNeverReady).hits(p.c.Pods.NeverReady, uint64(x.id)) || x.ready.After(now) {
		return false, x.scheduled
	}
	if !p.draw(ofFlapping).hits(p.c.Pods.Flapping, uint64(x.id)) {
		return true, x.ready
	}
	began := x.ready.Add(now.Sub(x.ready).Truncate(cycle))
	if into := now.Sub(began); into < cycle-pause {
		return true, began
	}
	return false, began.Add(cycle - pause)
}

// seen is a pod as it is in the API at a moment.
func (p *plant) seen(x *pod, now time.Time) hpa.Pod {
	id := uint64(x.id)
	out := hpa.Pod{Name: name(x.id), Phase: hpa.Pending, Deleting: !x.deleted.IsZero(), Containers: p.containers(id)}
	switch {
	case !x.failed.IsZero():
		out.Phase = hpa.Failed
		if p.draw(ofCompleting).hits(p.c.Pods.Completing, id) {
			out.Phase = succeeded
		}
	case !x.scheduled.After(now):
		out.Phase = hpa.Running
	}
	if out.Phase == hpa.Pending {
		return out
	}
	if !p.draw(ofNoStartTime).hits(p.c.Pods.NoStartTime, id) {
		out.Started = x.scheduled
	}
	if p.draw(ofNoCondition).hits(p.c.Pods.NoCondition, id) {
		return out
	}
	ready, since := p.readiness(x, now)
	if !x.failed.IsZero() {
		ready, since = false, x.failed
	}
	// Half of the deleted pods are still ready: the kubelet is not always quick.
	if out.Deleting && p.draw(ofReady).hits(0.5, id) {
		ready, since = false, x.deleted
	}
	out.Ready, out.Changed = &ready, since
	return out
}

func (p *plant) containers(id uint64) []hpa.Container {
	out := plain(p.c.Pods.Containers)
	if p.draw(ofDoubled).hits(p.c.Pods.Doubled, id) {
		for i := range out {
			out[i].MilliCPU, out[i].MilliMemory = twice(out[i].MilliCPU), twice(out[i].MilliMemory)
		}
	}
	if n := len(out); n > 0 && p.draw(ofUnasked).hits(p.c.Pods.Unasked, id) {
		out[n-1].MilliCPU, out[n-1].MilliMemory = nil, nil
	}
	return out
}

func plain(in []Container) []hpa.Container {
	var out []hpa.Container
	for _, c := range in {
		out = append(out, hpa.Container{Name: c.Name, MilliCPU: c.MilliCPU, MilliMemory: c.MilliMemory})
	}
	return out
}

func twice(request *int64) *int64 {
	if request == nil {
		return nil
	}
	return new(2 * *request)
}
