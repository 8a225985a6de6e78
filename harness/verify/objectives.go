package verify

import (
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// aimed is an objective of a journey or step as the check of an SLO has it.
func aimed(journey, step string, o scenarios.Objectives) scenarios.SLOCheck {
	return scenarios.SLOCheck{Journey: journey, Step: step, P95: o.P95, P99: o.P99, Availability: o.Availability}
}

// wanted are objectives in words: "p95 <= 200ms, availability >= 99%".
func wanted(o scenarios.SLOCheck) string {
	text := ""
	add := func(s string) {
		if text != "" {
			text += ", "
		}
		text += s
	}
	if o.P95 != nil {
		add("p95 <= " + latency(o.P95.Std()))
	}
	if o.P99 != nil {
		add("p99 <= " + latency(o.P99.Std()))
	}
	if o.Availability != nil {
		add("availability >= " + o.Availability.String())
	}
	return text
}

// meets judges a sample by objectives, as slo does, in one finding: the worst
// verdict of them, with what was measured for each.
func (h *history) meets(f Finding, c scenarios.SLOCheck, s sample) Finding {
	var parts []Finding
	if c.P95 != nil {
		parts = append(parts, h.percentile(c, s, "p95", 95, c.P95.Std()))
	}
	if c.P99 != nil {
		parts = append(parts, h.percentile(c, s, "p99", 99, c.P99.Std()))
	}
	if c.Availability != nil {
		parts = append(parts, h.availability(c, s, float64(*c.Availability)))
	}
	if why := h.anyGatewayDied(); why != "" {
		excuse(parts, why)
	}
	f.Verdict = Combine(parts)
	var reasons []string
	for _, p := range parts {
		f.Measured = join(f.Measured, p.Measured)
		if p.Verdict == f.Verdict && p.Reason != "" && !slices.Contains(reasons, p.Reason) {
			reasons = append(reasons, p.Reason)
			f.Reason = join(f.Reason, p.Reason)
		}
		for _, e := range p.Evidence {
			if !slices.Contains(f.Evidence, e) {
				f.Evidence = append(f.Evidence, e)
			}
		}
	}
	return f
}

// sampleAmid collects what a check is about of some stretches of the run. What was
// under way at the end of each of them belongs to it, as far as the record tells,
// but for those that ended because a fault began: that is the fault's.
func (h *history) sampleAmid(c scenarios.SLOCheck, stretches []span) sample {
	s := h.sampleDuring(c, func(i span) bool { return amid(i, stretches) })
	for _, d := range stretches {
		if !slices.ContainsFunc(h.faults.runs, func(r *faultRun) bool { return r.ordered() == d.to }) {
			h.addLate(&s, selection{c}, d, stretches)
		}
	}
	return s
}

// addLate adds what began in a stretch and ended after it: answers that took longer
// than the time since its end, and no more failures than there were requests
// under way.
func (h *history) addLate(s *sample, chosen selection, d span, stretches []span) {
	late := func(i span) bool {
		return i.middle() >= d.to && i.from < d.to+s.generator.timeout && !amid(i, stretches)
	}
	failed := 0
	var begun tally
	for _, t := range h.traffic {
		b, i := t.body, span{t.at - t.body.For, t.at}
		if !chosen.sessions(b.Phase, b.Cohort, b.Tier, b.Journey) || !chosen.step(b.Step) {
			continue
		}
		lost := b.Failed - b.Own + b.Unknown
		if i.middle() < d.to {
			begun.add(b)
		} else if late(i) {
			failed += lost
		}
	}
	// Some drivers count what was sent when it is over. Sums alone can be compared:
	// of a single second either may be more.
	open := max(begun.sent, begun.intended) - begun.ok - begun.failed - begun.unknown
	s.failed += max(0, min(open, failed))
	one := journal.NewHistogram()
	for _, i := range h.rec.Latency {
		if i.Tag.Measure != journal.Response || !late(span{i.From, i.To}) || !chosen.step(i.Tag.Step) ||
			!chosen.sessions(i.Tag.Phase, i.Tag.Cohort, i.Tag.Tier, i.Tag.Journey) {
			continue
		}
		one.Reset()
		i.AddTo(one)
		for _, bar := range one.Distribution() {
			if bar.Count > 0 && time.Duration(bar.From)*time.Microsecond > i.To-d.to {
				_ = s.response.RecordValues(bar.To, bar.Count) // it comes from such a histogram
				s.ok += int(bar.Count)
			}
		}
	}
}
