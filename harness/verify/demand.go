package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// demandStep is over how long load is averaged. Requests that arrive at random
// come in numbers that differ from second to second although nothing changed;
// the steps begin anew with each phase, where loads are made to change.
const demandStep = 5 * time.Second

// A flow is a number of requests, or jobs, that came in a stretch of time.
type flow struct {
	span
	n float64
}

// A block is the mean load of a stretch, in requests or jobs a second.
type block struct {
	span
	rate float64
}

// load is what came to a service, in steps.
type load struct {
	noun   string // "request" or "job"
	blocks []block
	why    string // why it is not known, "" if it is
	none   bool   // nothing is on record of what would have been
}

// demand is how many instances a service needed.
type demand struct {
	load
	capacity float64
	asked    levels // by the load alone
	needed   levels
	why      string // why it is not known, "" if it is
	blind    string // why it is not known how many were busy, "" if it is
}

// demandOf counts the demand of a service: its load divided by what one instance
// carries, rounded up, and at least the least number of instances that it may have.
// An instance that is busy with a backlog is needed for as long as that takes.
func (h *history) demandOf(service string) demand {
	d := demand{load: h.loadOf(service)}
	a := h.plan.Services[service].Autoscale
	switch {
	case a == nil || a.Capacity <= 0:
		d.why = fmt.Sprintf("what one instance of %s carries is not known, so neither is how many it needed; give autoscale.capacity (shakedown calibrate measures it)", service)
		return d
	case d.load.why != "":
		d.why = d.load.why
		return d
	case d.idle(h.phases(nil)) && !h.piledUp(service, a.Queue):
		d.why = fmt.Sprintf("no %s of %s came while traffic flowed, so nothing was asked of it", d.noun, service)
		return d
	}
	d.capacity = float64(a.Capacity)
	for _, b := range d.blocks {
		d.asked = append(d.asked, level{b.from, d.ask(a.Min, b.rate)})
	}
	d.needed = d.asked
	if a.Queue != nil && len(d.asked) > 0 {
		backlog := h.seriesOf(service, a.Queue.Backlog)
		d.needed = h.keepBusy(service, backlog, d)
		if gap, blind := backlog.blind(h.controlled()); blind {
			d.blind = backlog.blindness(gap)
		}
	}
	return d
}

// unlessBlind takes a verdict on too many instances back where nobody knows how
// many of them were busy.
func (d demand) unlessBlind(f Finding) Finding {
	if d.blind != "" {
		return unknown(f, d.blind)
	}
	return f
}

// ask is how many instances a rate asks for. Where a service may have none, a
// load of nothing asks for none.
func (d demand) ask(least int, rate float64) int {
	return max(least, int(min(math.Ceil(rate/d.capacity-1e-9), 1<<20)))
}

// keepBusy raises the demand of a service that works on a queue: as many of the
// instances that are there are needed as the backlog keeps busy for a second, each
// of them with a job at least.
func (h *history) keepBusy(service string, backlog series, d demand) levels {
	there := h.serving(service)
	var waiting, raised levels
	for _, p := range backlog.points {
		jobs := int(min(math.Ceil(max(0, p.value)), 1<<20))
		waiting = append(waiting, level{p.at, min(jobs, d.ask(0, p.value))})
	}
	for _, at := range turnsOf(span{d.asked[0].At, h.controlled().to}, d.asked, there, waiting) {
		raised = append(raised, level{at, max(d.asked.At(at), min(there.At(at), waiting.At(at)))})
	}
	return raised
}

// words are a load and what it asks for: "95.2 requests a second ask for 5".
func (d demand) words(at time.Duration) string {
	rate, _ := d.rate(at)
	text := fmt.Sprintf("%s ask for %s", perSecond(rate, d.noun), plural(d.asked.At(at), "instance"))
	if n := d.needed.At(at); n > d.asked.At(at) {
		text += ", the backlog keeps " + count(n) + " busy"
	}
	return text
}

// rate is the load at a moment; false where it is not known.
func (l load) rate(at time.Duration) (float64, bool) {
	for _, b := range l.blocks {
		if at >= b.from && at < b.to {
			return b.rate, true
		}
	}
	return 0, false
}

// perSecond is a rate in words.
func perSecond(rate float64, noun string) string { return figure(rate) + " " + noun + "s a second" }

// loadOf is what came to a service: of one that journeys call, what was intended
// to be sent and what other services sent; of others, what their gateway saw; of
// those that nothing routes to, the jobs that were acknowledged.
func (h *history) loadOf(service string) load {
	l := load{noun: "request"}
	var flows []flow
	switch s := h.plan.Services[service]; {
	case !h.routed(service):
		l.noun = "job"
		flows, l.why = h.jobs(service)
	case s.Driven && !h.mixed(service):
		flows = append(h.intended(service), h.tallied(service, false)...)
	default:
		flows, l.why = h.tallied(service, true), h.gatewayDied(service)
	}
	if l.why == "" && len(flows) == 0 {
		l.none = true
		l.why = fmt.Sprintf("no %s of %s was recorded", l.noun, service)
	}
	if l.why == "" {
		l.blocks = blocksOf(flows, h.phases(nil))
	}
	return l
}

// piledUp tells whether there ever was a backlog: jobs that came from elsewhere, or
// before the run, have to be done too.
func (h *history) piledUp(service string, q *scenarios.QueueScaling) bool {
	if q == nil {
		return false
	}
	return slices.ContainsFunc(h.seriesOf(service, q.Backlog).points, func(p point) bool { return p.value > 0 })
}

// idle tells whether nothing came in some stretches.
func (l load) idle(during []span) bool {
	return !slices.ContainsFunc(l.blocks, func(b block) bool {
		return b.rate > 0 && slices.ContainsFunc(during, func(s span) bool { return s.overlap(b.span) > 0 })
	})
}

// unasked tells whether it is known that nothing came to a service in some phases.
func (h *history) unasked(service string, phases []string) bool {
	l := h.loadOf(service)
	return l.none || l.why == "" && l.idle(h.phases(phases))
}

// blocksOf averages flows over steps of phases. What a stretch that goes beyond a
// step brought is shared out by time.
func blocksOf(flows []flow, phases []span) []block {
	var list []block
	for _, p := range phases {
		for from := p.from; from < p.to; from += demandStep {
			s := span{from, min(from+demandStep, p.to)}
			if rest := p.to - s.to; rest < demandStep/2 { // too short to be a step of its own
				s.to = p.to
			}
			list = append(list, block{span: s})
			if s.to == p.to {
				break
			}
		}
	}
	slices.SortFunc(list, func(a, b block) int { return cmp.Compare(a.from, b.from) })
	for _, f := range flows {
		first, _ := slices.BinarySearchFunc(list, f.from, func(b block, at time.Duration) int { return cmp.Compare(b.to, at) })
		for i := first; i < len(list) && list[i].from < f.to; i++ {
			list[i].rate += f.n * float64(f.overlap(list[i].span)) / float64(f.length())
		}
	}
	for i := range list {
		list[i].rate /= list[i].length().Seconds()
	}
	return list
}

// intended are the requests to a service that the driver was to send.
func (h *history) intended(service string) []flow {
	type step struct{ journey, name string }
	calls := map[step]bool{}
	for journey, steps := range h.plan.Journeys {
		for _, s := range scenarios.Requests(steps) {
			if s.Service == service {
				calls[step{journey, s.Name}] = true
			}
		}
	}
	for _, l := range h.plan.Load {
		if r := l.Replay; r != nil && !r.Times && r.Service == service {
			calls[step{l.Journey, replayedStep}] = true
		}
	}
	var list []flow
	for _, t := range h.traffic {
		if b := t.body; calls[step{b.Journey, b.Step}] && b.For > 0 {
			list = append(list, flow{span{t.at - b.For, t.at}, float64(b.Intended)})
		}
	}
	return list
}

// replayedStep is the only step of a replay of requests.
const replayedStep = "replay"

// mixed tells whether a recording is sent to several services, this one among
// them: the driver's counts do not tell them apart.
func (h *history) mixed(service string) bool {
	for _, l := range h.plan.Load {
		if l.Replay == nil {
			continue
		}
		for _, s := range l.Replay.Hosts {
			if s == service {
				return true
			}
		}
	}
	return false
}

// tallied are the requests that the gateway of a service saw: all of them, or
// those that the driver did not send.
func (h *history) tallied(service string, all bool) []flow {
	var list []flow
	add := func(t timed[journal.Tally]) {
		n := t.body.Total
		if !all {
			n -= t.body.Driven
		}
		if n > 0 && t.body.For > 0 {
			list = append(list, flow{span{t.at - t.body.For, t.at}, float64(n)})
		}
	}
	for _, i := range h.of(service) {
		for _, t := range i.tallies {
			add(t)
		}
	}
	for _, t := range h.unserved {
		if t.body.Service == service {
			add(t)
		}
	}
	return list
}

// jobs are the jobs of a queue that were acknowledged to those who asked for
// them, as a check on the service's work tells which those are.
func (h *history) jobs(service string) (list []flow, why string) {
	of := h.workOf(service)
	if of == nil {
		return nil, fmt.Sprintf("how many jobs came is not known; let the queue check of %s say which step brings them (work.of)", service)
	}
	for _, t := range h.traffic {
		if b := t.body; b.Journey == of.Journey && b.Step == of.Step && b.For > 0 {
			list = append(list, flow{span{t.at - b.For, t.at}, float64(b.OK)})
		}
	}
	return list, ""
}

// acknowledged tells whether any request of a step was.
func (h *history) acknowledged(of scenarios.Acknowledged) bool {
	return slices.ContainsFunc(h.traffic, func(t timed[journal.Traffic]) bool {
		return t.body.Journey == of.Journey && t.body.Step == of.Step && t.body.OK > 0
	})
}

// workOf is the step that brings a service its jobs; nil if no check tells.
func (h *history) workOf(service string) *scenarios.Acknowledged {
	for _, c := range h.plan.Checks {
		switch {
		case c.Queue != nil && c.Queue.Service == service && c.Queue.Work != nil:
			return &c.Queue.Work.Of
		case c.Drain != nil && c.Drain.Service == service && c.Drain.Work != nil:
			return &c.Drain.Work.Of
		}
	}
	return nil
}
