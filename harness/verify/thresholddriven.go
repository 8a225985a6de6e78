package verify

import (
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// driverDoubt is why figures of traffic may be the generator's doing: whatever they show,
// only when they are bad, only when they are good.
type driverDoubt struct {
	why, bad, good string
	evidence       []Evidence
	loops          []Evidence // closed loops that latencies were measured in
}

// drivenBy puts the generator to its tests for a journey and step, "" for all, in some
// stretches; limit is the time that response times are held to, where timed. The first
// journey of which it is not believed stands for all.
func (h *history) drivenBy(journey, step string, stretches []span, timed bool, limit time.Duration) driverDoubt {
	journeys := []string{journey}
	if journey == "" {
		journeys = h.sentJourneys()
	}
	var d driverDoubt
	for _, name := range journeys {
		aim := scenarios.SLOCheck{Journey: name, Step: step}
		s := h.sampleDuring(aim, func(i span) bool { return amid(i, stretches) })
		if s.ok+s.failed+s.unknown+s.own == 0 {
			continue
		}
		one := h.drivenSample(s, timed, limit)
		if timed {
			one.loops = h.loops(aim)
		}
		d.add(one)
	}
	if d.bad == "" {
		d.bad = h.anyGatewayDied()
	}
	return d
}

func (d *driverDoubt) add(o driverDoubt) {
	if d.why == "" {
		d.why = o.why
	}
	if d.bad == "" {
		d.bad = o.bad
	}
	if d.good == "" {
		d.good = o.good
	}
	for _, e := range o.evidence {
		if !slices.Contains(d.evidence, e) {
			d.evidence = append(d.evidence, e)
		}
	}
	d.loops = append(d.loops, o.loops...)
}

// drivenSample is what availability and percentiles of slo checks go by.
func (h *history) drivenSample(s sample, timed bool, limit time.Duration) driverDoubt {
	if timed {
		suspicion := s.generator.suspect(limit)
		why := h.unfit(s)
		if why == "" {
			why = suspicion.reason
		}
		return driverDoubt{why: why, evidence: suspicion.evidence}
	}
	exhausted, short, late := s.generator.exhausted(), s.generator.short(), s.blind(0)
	d := driverDoubt{why: h.window.cut, bad: late.reason, good: short.reason, evidence: slices.Concat(exhausted.evidence, short.evidence)}
	if d.why == "" {
		d.why = exhausted.reason
	}
	if late.reason != "" {
		d.evidence = append(d.evidence, late.evidence...)
	}
	return d
}

// believe takes a verdict back that the generator, or a gateway of the harness's own,
// may be to blame for.
func (h *history) believe(f Finding, d driverDoubt) Finding {
	f.Evidence = append(f.Evidence, d.evidence...)
	f = label(f, d.loops)
	switch {
	case d.why != "":
		return unknown(f, d.why)
	case f.Verdict == Fail && d.bad != "":
		return unknown(f, d.bad)
	case f.Verdict == Pass && d.good != "":
		return unknown(f, d.good)
	}
	return f
}

// sentJourneys are those of which requests were counted, in order of their names.
func (h *history) sentJourneys() []string {
	var names []string
	for _, t := range h.traffic {
		if t.body.Step != "" && !slices.Contains(names, t.body.Journey) {
			names = append(names, t.body.Journey)
		}
	}
	slices.Sort(names)
	return names
}
