package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// recoveredShare is the share of requests of a second that have to succeed.
const recoveredShare = 0.99

// recovery is C2: the last second in which an objective is missed is not later
// than a limit after the rise of load.
func (h *history) recovery(c scenarios.ScalingCheck, d demand) Finding {
	r := *c.Recovery
	f := scalingFinding(c.Service, "C2-recovery", fmt.Sprintf("p95 of %s <= %s and 99%% succeed in every second, from %s after the rise of load on",
		aim(r), latency(r.P95.Std()), latency(r.Within.Std())))
	from := h.riseOf(c, d)
	if from.why != "" {
		return unknown(f, from.why)
	}
	f.Evidence = append(f.Evidence, Evidence{Text: from.text, From: from.at, To: from.at})
	all := h.moments(r, from.at)
	if len(all) == 0 {
		return unknown(f, "no request of "+aim(r)+" ended after the load rose")
	}
	missed := slices.DeleteFunc(slices.Clone(all), func(s tick) bool { return s.met(r.P95.Std()) })
	f = recovered(f, r, from, missed)
	had, waiting := h.window.to-from.at, h.waiting(r, all[len(all)-1].to)
	suspicion := h.sampleOf(latencyOf(r)).generator.suspect(r.P95.Std())
	f.Evidence = append(f.Evidence, suspicion.evidence...)
	switch {
	case suspicion.reason != "":
		return unknown(f, suspicion.reason)
	case f.Verdict == Fail && h.anyGatewayDied() != "":
		return unknown(f, h.anyGatewayDied())
	case f.Verdict == Pass && !all[len(all)-1].met(r.P95.Std()):
		f.Measured = "missed to the last"
		return unknown(f, "no request of "+aim(r)+" ended after the last second in which it was missed, so nothing shows that it was met again")
	case f.Verdict == Pass && waiting > 0:
		f.Measured = "not met to the end"
		return unknown(f, fmt.Sprintf("no request of %s ended after %s, although %s %s sent more than %s before the end of the last phase: they were slower than that, and what became of them is not known",
			aim(r), offset(all[len(all)-1].to), count(waiting), wasOrWere(waiting), latency(r.P95.Std())))
	case f.Verdict == Pass && had < r.Within.Std():
		return unknown(f, fmt.Sprintf("traffic ended %s after the load rose, before the limit of %s", offset(had), latency(r.Within.Std())))
	}
	return f
}

// latencyOf is the objective itself.
func latencyOf(r scenarios.Recovery) scenarios.SLOCheck {
	return scenarios.SLOCheck{Journey: r.Journey, Step: r.Step, P95: &r.P95}
}

// aim is what an objective is about, in words.
func aim(r scenarios.Recovery) string { return subject(latencyOf(r)) }

// recovered judges by the seconds in which the objective was missed.
func recovered(f Finding, r scenarios.Recovery, from rise, missed []tick) Finding {
	if len(missed) == 0 {
		f.Measured = "never missed"
		return f
	}
	last := missed[len(missed)-1]
	took := last.to - from.at
	f.Measured = fmt.Sprintf("met again after %s; missed in %s", offsetBeside(took, r.Within.Std()), plural(len(missed), "second"))
	for _, s := range worstSeconds(missed) {
		f.Evidence = append(f.Evidence, Evidence{Text: s.words(), From: s.from, To: s.to, Count: s.made()})
	}
	if took > r.Within.Std() {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s was still missed %s after the load rose, the limit is %s: %s", aim(r), offsetBeside(took, r.Within.Std()), latency(r.Within.Std()), last.words())
	}
	return f
}

// tick is an interval of the driver's counts, as a whole.
type tick struct {
	span
	tally
	p95 time.Duration // of the requests that succeeded
}

// met tells whether an objective was met in it.
func (s tick) met(p95 time.Duration) bool {
	return s.p95 <= p95 && float64(s.ok) >= recoveredShare*float64(s.ended())-tiny
}

// ended is how many requests came to an end, those aside that could not be sent
// for want of something of the generator's.
func (s tick) ended() int { return s.ok + s.failed - s.own + s.unknown }

func (s tick) words() string {
	return fmt.Sprintf("p95 %s, %s of %s succeeded", latency(s.p95), count(s.ok), plural(s.ended(), "request"))
}

// worstSeconds are the first and the last of those that were missed, and the
// slowest of them.
func worstSeconds(missed []tick) []tick {
	slowest := slices.MaxFunc(missed, func(a, b tick) int { return int(min(1, max(-1, a.p95-b.p95))) })
	var list []tick
	for _, s := range []tick{missed[0], slowest, missed[len(missed)-1]} {
		if !slices.ContainsFunc(list, func(o tick) bool { return o.span == s.span }) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b tick) int { return int(min(1, max(-1, a.to-b.to))) })
	return list
}

// moments are the intervals after a moment in which requests of an objective
// ended. The generator writes down all of an interval with the same end. Those
// after the last phase are left out: what still ends then is what took longest.
func (h *history) moments(r scenarios.Recovery, after time.Duration) []tick {
	chosen := selection{latencyOf(r)}
	byEnd := map[time.Duration]*tick{}
	end := h.controlled().to
	for _, t := range h.traffic {
		b := t.body
		if t.at <= after || t.at-b.For >= end || !h.window.holds(t.at) || !chosen.sessions(b.Phase, b.Cohort, b.Tier, b.Journey) || !chosen.step(b.Step) {
			continue
		}
		s := byEnd[t.at]
		if s == nil {
			s = &tick{span: span{t.at - b.For, t.at}}
			byEnd[t.at] = s
		}
		s.add(b)
		s.p95 = max(s.p95, b.P95) // where no response times are on record
	}
	h.p95s(chosen, byEnd)
	var list []tick
	for _, s := range byEnd {
		if s.ended() > 0 {
			list = append(list, *s)
		}
	}
	slices.SortFunc(list, func(a, b tick) int { return int(min(1, max(-1, a.to-b.to))) })
	return list
}

// waiting is how many requests of an objective were sent in intervals after the last
// in which any ended, early enough to have been in time before the end of the last
// phase: what hangs is seen by that alone.
func (h *history) waiting(r scenarios.Recovery, last time.Duration) int {
	chosen := selection{latencyOf(r)}
	n := 0
	for _, t := range h.traffic {
		b := t.body
		if t.at-b.For >= last && t.at+r.P95.Std() < h.controlled().to && chosen.sessions(b.Phase, b.Cohort, b.Tier, b.Journey) && chosen.step(b.Step) {
			n += b.Sent
		}
	}
	return n
}

// p95s takes the percentiles of intervals from the response times on record: those
// of several steps or cohorts cannot be told from theirs.
func (h *history) p95s(chosen selection, byEnd map[time.Duration]*tick) {
	held := map[time.Duration][]journal.Interval{}
	for _, i := range h.rec.Latency {
		if byEnd[i.To] != nil && i.Tag.Measure == journal.Response && chosen.step(i.Tag.Step) &&
			chosen.sessions(i.Tag.Phase, i.Tag.Cohort, i.Tag.Tier, i.Tag.Journey) {
			held[i.To] = append(held[i.To], i)
		}
	}
	all := journal.NewHistogram()
	for to, intervals := range held {
		byEnd[to].p95 = quantileOf(all, intervals, 95)
	}
}

// quantileOf is a percentile of several intervals; the histogram is one to work with.
func quantileOf(h *hdrhistogram.Histogram, intervals []journal.Interval, percentile float64) time.Duration {
	h.Reset()
	for _, i := range intervals {
		i.AddTo(h)
	}
	return time.Duration(h.ValueAtPercentile(percentile)) * time.Microsecond
}
