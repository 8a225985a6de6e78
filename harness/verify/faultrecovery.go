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

const (
	// recoveryWindow is what objectives of recovery are judged over, sliding by an
	// interval of the driver's counts; windowSlack is what those may be short of it.
	recoveryWindow = 3 * time.Second
	windowSlack    = 100 * time.Millisecond
	// leastInWindow is how many requests a window must hold for its availability.
	leastInWindow = 20
)

// faultRecovery judges how soon a journey was well again after each fault, one
// finding each. Faults that overlap are one disturbance, judged from the last revert
// on under the name of the fault that the plan ends last. Permanent ones are left out:
// nobody recovers from what has not ended; one that was called off disturbed
// nobody, and has a finding of its own.
func (h *history) faultRecovery(c scenarios.RecoveryCheck) []Finding {
	chosen := h.faultsOf(c.Faults)
	var findings []Finding
	for _, group := range together(h.faults.runs) {
		judged := slices.DeleteFunc(slices.Clone(group), func(f *faultRun) bool { return !slices.Contains(chosen, f) })
		if len(judged) == 0 {
			continue
		}
		f := h.recoveredFrom(c, group, judged[len(judged)-1])
		findings = append(findings, h.blaming(f, group, c.Journey, c.Step, c.Objectives))
	}
	for _, f := range chosen {
		if !slices.Contains(h.faults.runs, f) || f.calledOff() && !f.permanent() {
			findings = append(findings, h.dependent(recoveryFinding(c, f.ID), []*faultRun{f}))
		}
	}
	if len(findings) == 0 {
		f := recoveryFinding(c, "none")
		f.Verdict, f.Reason = Inconclusive, "all faults are permanent, so there is nothing to recover from"
		findings = append(findings, h.dependent(f, chosen))
	}
	return findings
}

func recoveryFinding(c scenarios.RecoveryCheck, fault string) Finding {
	id := "recovery/" + c.Journey
	if c.Step != "" {
		id += "/" + c.Step
	}
	return Finding{ID: id + "/" + fault, Kind: "recovery", Verdict: Pass,
		Wanted: wanted(aimed(c.Journey, c.Step, c.Objectives)) + " again within " + latency(c.Within.Std())}
}

// together groups the faults of a plan that overlap by their planned times, each
// group in the order in which they end; permanent ones are in none.
func together(faults []*faultRun) [][]*faultRun {
	var groups [][]*faultRun
	var end scenarios.Duration
	for _, f := range faults { // in order of At
		if f.permanent() || f.calledOff() {
			continue
		}
		if n := len(groups); n > 0 && f.At < end {
			groups[n-1] = append(groups[n-1], f)
		} else {
			groups = append(groups, []*faultRun{f})
		}
		end = max(end, f.End)
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b *faultRun) int { return cmp.Compare(a.End, b.End) })
	}
	return groups
}

// recoveredFrom judges one disturbance; named is the fault that its finding is for.
func (h *history) recoveredFrom(c scenarios.RecoveryCheck, group []*faultRun, named *faultRun) Finding {
	f := recoveryFinding(c, named.ID)
	var healed time.Duration
	for _, r := range group {
		s, ok := r.lasted()
		if !ok {
			return unknown(f, "fault "+r.ID+" was never injected")
		}
		healed = max(healed, s.to)
		if r != named {
			f.Evidence = append(f.Evidence, Evidence{Text: "overlaps with fault " + r.ID, From: s.from, To: s.to})
		}
	}
	stretch := span{healed, h.loaded()}
	until := "traffic ended"
	for _, r := range h.faults.runs {
		if at := r.ordered(); !slices.Contains(group, r) && at >= healed && at < stretch.to {
			stretch.to, until = at, "fault "+r.ID+" began"
		}
	}
	f.Evidence = append(f.Evidence, Evidence{Text: "reverted, until " + until, From: stretch.from, To: max(stretch.from, stretch.to)})
	aim := aimed(c.Journey, c.Step, c.Objectives)
	f = h.windows(aim, stretch).judge(f, c.Within.Std(), stretch, until)
	lost := false
	if f.Verdict == Fail && aim.Availability != nil {
		alone := aim
		alone.P95, alone.P99 = nil, nil
		lost = h.windows(alone, stretch).judge(Finding{}, c.Within.Std(), stretch, until).Verdict == Fail
	}
	return h.doubted(f, aim, stretch, lost)
}

// doubted takes a verdict on recovery back that may be the generator's doing. Where
// requests that were lost are enough to fail it, what counts is not by how much
// answers were late but whether any can have been missed: a generator would have to
// be behind by a good part of the time that a request may take.
func (h *history) doubted(f Finding, aim scenarios.SLOCheck, stretch span, lost bool) Finding {
	s := h.sampleDuring(aim, func(i span) bool { return inside(i, []span{stretch}) })
	if limit, ok := strictest(&aim); ok {
		f = label(f, h.loops(aim))
		if lost {
			limit = max(limit, s.generator.timeout)
		}
		suspicion := s.generator.suspect(limit)
		f.Evidence = append(f.Evidence, suspicion.evidence...)
		if suspicion.reason != "" {
			return unknown(f, suspicion.reason)
		}
	}
	if why := h.anyGatewayDied(); why != "" && f.Verdict == Fail {
		return unknown(f, why)
	}
	return f
}

// windowed is a window of a few seconds beside objectives.
type windowed struct {
	span
	tally
	missed string // what was missed, in words; "" if nothing was
	few    string // why it shows nothing, "" if it does
}

// windowedAll are the windows of a stretch, in order of time.
type windowedAll []windowed

// windows are those of a stretch after a fault: from each interval of the driver's
// counts on, as many as make three seconds.
func (h *history) windows(aim scenarios.SLOCheck, stretch span) windowedAll {
	ticks := h.intervalsOf(selection{aim}, stretch)
	all := journal.NewHistogram()
	var list windowedAll
	for from := range ticks {
		to := from
		for to < len(ticks) && ticks[to].to-ticks[from].from < recoveryWindow-windowSlack {
			to++
		}
		if to == len(ticks) {
			break
		}
		w := windowed{span: span{ticks[from].from, ticks[to].to}}
		all.Reset()
		for _, t := range ticks[from : to+1] {
			w.ok, w.failed, w.unknown, w.own, w.sent = w.ok+t.ok, w.failed+t.failed, w.unknown+t.unknown, w.own+t.own, w.sent+t.sent
			for _, i := range t.times {
				i.AddTo(all)
			}
		}
		w.failed -= min(w.own, w.failed)
		w.against(aim, sample{noun: "request", response: all, tally: w.tally})
		list = append(list, w)
	}
	return list
}

// driven is an interval of the driver's counts with its response times.
type driven struct {
	span
	tally
	times []journal.Interval
}

// intervalsOf are the intervals that lie wholly in a stretch, all that end at the
// same moment as one.
func (h *history) intervalsOf(chosen selection, stretch span) []*driven {
	byEnd := map[time.Duration]*driven{}
	var list []*driven
	for _, t := range h.traffic {
		b, i := t.body, span{t.at - t.body.For, t.at}
		if !inside(i, []span{stretch}) || !chosen.sessions(b.Phase, b.Cohort, b.Tier, b.Journey) || !chosen.step(b.Step) {
			continue
		}
		d := byEnd[t.at]
		if d == nil {
			d = &driven{span: i}
			byEnd[t.at] = d
			list = append(list, d)
		}
		d.add(b)
	}
	for _, i := range h.rec.Latency {
		if d := byEnd[i.To]; d != nil && i.Tag.Measure == journal.Response && chosen.step(i.Tag.Step) &&
			chosen.sessions(i.Tag.Phase, i.Tag.Cohort, i.Tag.Tier, i.Tag.Journey) {
			d.times = append(d.times, i)
		}
	}
	slices.SortFunc(list, func(a, b *driven) int { return cmp.Compare(a.to, b.to) })
	return list
}

// against judges a window. What is missed in one that holds few requests may be
// chance, and so may be that nothing was.
func (w *windowed) against(aim scenarios.SLOCheck, s sample) {
	n, least := s.ok+s.failed+s.unknown, leastInWindow
	for _, o := range []struct {
		name     string
		quantile float64
		limit    *scenarios.Duration
	}{{"p95", 95, aim.P95}, {"p99", 99, aim.P99}} {
		if o.limit == nil {
			continue
		}
		least = max(least, int(math.Round(1/(1-o.quantile/100))))
		switch r := s.read(o.quantile, o.limit.Std()); {
		case n == 0:
		case !r.reached:
			w.missed = join(w.missed, fmt.Sprintf("%s of %s had no right answer, so none is the %s", count(n-r.answered), plural(n, "request"), o.name))
		case r.exceeds:
			w.missed = join(w.missed, fmt.Sprintf("%s %s of %s", o.name, latency(r.value), plural(n, "request")))
		}
		if held := int(s.response.TotalCount()); held < s.ok {
			w.few = fmt.Sprintf("the record holds %s of %s response times", count(held), count(s.ok))
		}
	}
	if lost := s.failed + s.unknown; aim.Availability != nil && float64(lost)*100 > (100-float64(*aim.Availability))*float64(n)+tiny {
		w.missed = join(w.missed, fmt.Sprintf("%s of %s succeeded", share(s.ok, n), plural(n, "request")))
	}
	if n < least {
		w.few = fmt.Sprintf("%s in three seconds, where %s are needed", plural(n, "request"), count(least))
	}
}

// judge finds the first window from which on all are within the objectives.
func (l windowedAll) judge(f Finding, within time.Duration, stretch span, until string) Finding {
	had := max(0, stretch.length())
	if len(l) == 0 {
		return unknown(f, fmt.Sprintf("%s %s after the revert, and no window of three seconds with requests lies between", until, offset(had)))
	}
	last, missed := -1, 0 // the last window that was missed for certain
	for n, w := range l {
		if w.missed != "" && w.few == "" {
			last, missed = n, missed+1
			if missed == 1 {
				f.Evidence = append(f.Evidence, w.evidence())
			}
		}
	}
	if missed > 1 {
		f.Evidence = append(f.Evidence, l[last].evidence())
	}
	took := time.Duration(0)
	if last >= 0 {
		took = l[min(last+1, len(l)-1)].from - stretch.from
	}
	blind := slices.IndexFunc(l[last+1:], func(w windowed) bool { return w.few != "" })
	switch {
	case last == len(l)-1 && took <= within && had < within+recoveryWindow:
		f.Measured = "not yet again: " + l[last].missed
		return unknown(f, fmt.Sprintf("%s %s after the revert, before it could have shown that it was within its objectives again", until, offset(had)))
	case last == len(l)-1:
		f.Verdict, f.Measured = Fail, "never again: "+l[last].missed
		f.Reason = fmt.Sprintf("not within its objectives again when %s, %s after the revert; last measured: %s", until, offset(had), l[last].missed)
	case took > within:
		f.Verdict, f.Measured = Fail, "after "+offset(took)
		f.Reason = fmt.Sprintf("within its objectives again only %s after the revert, the limit is %s; last before: %s", offset(took), latency(within), l[last].missed)
	case blind >= 0:
		return unknown(f, "too little was recorded after the revert: "+l[last+1+blind].few)
	case last < 0:
		f.Measured = "at once, in all " + plural(len(l), "window") + " of three seconds"
	default:
		f.Measured = "after " + offset(took)
	}
	return f
}

func (w windowed) evidence() Evidence {
	return Evidence{Text: "missed: " + w.missed, From: w.from, To: w.to, Count: w.ended()}
}

// ended is how many came to an end.
func (w windowed) ended() int { return w.ok + w.failed + w.unknown }
