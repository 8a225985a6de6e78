package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	// defaultStampedeSettle is when readings are to be as before where the check does
	// not say; settledTimes is what still counts as that.
	defaultStampedeSettle = 10 * time.Second
	settledTimes          = 2
	// leastReadings is how many readings make a mean.
	leastReadings = 3
)

// stampede judges what a service was asked for after the loss of a cache: M1 at the
// peak, M2 when all should be as before again, M3 what the cache had saved. M1 and M3
// are judged where the check asks for them, and M2 not after faults that are all
// permanent.
func (h *history) stampede(c scenarios.StampedeCheck) []Finding {
	m := h.stampedeOf(c)
	var findings []Finding
	if c.Peak != nil {
		findings = append(findings, h.dependent(m.peak(float64(*c.Peak)), m.faults))
	}
	gone := len(m.faults) > 0 && !slices.ContainsFunc(m.faults, func(f *faultRun) bool { return !f.permanent() })
	switch {
	case !gone:
		findings = append(findings, h.dependent(m.settled(h), m.faults))
	case c.Peak == nil && c.Saves == nil:
		f := unknown(m.finding("M2-settled", "as before again"), "all faults are permanent, so there is no time after them")
		findings = append(findings, h.dependent(f, m.faults))
	}
	if c.Saves != nil {
		findings = append(findings, h.dependent(m.saves(h), m.faults))
	}
	return findings
}

// rush is a metric beside the faults that a check is about.
type rush struct {
	scenarios.StampedeCheck
	series
	faults []*faultRun
	before span
	mean   float64
	n      int // readings before
	settle time.Duration
}

func (h *history) stampedeOf(c scenarios.StampedeCheck) rush {
	m := rush{StampedeCheck: c, series: h.seriesOf(c.Service, c.Metric), faults: h.faultsOf(c.Faults), settle: defaultStampedeSettle}
	if c.Settle != nil {
		m.settle = c.Settle.Std()
	}
	first := h.window.to
	for _, r := range h.faults.runs {
		first = min(first, r.ordered())
	}
	m.before = span{max(0, h.window.from), first}
	m.mean, m.n = m.meanIn(m.before)
	return m
}

// meanIn is the mean of the readings of a stretch. One tells of the time since the
// one before, so that the first may be about what was before the stretch.
func (s series) meanIn(during span) (mean float64, n int) {
	sum := 0.0
	for _, p := range s.points {
		if p.at-s.every >= during.from-s.every/2 && p.at <= during.to {
			sum, n = sum+p.value, n+1
		}
	}
	return sum / float64(max(1, n)), n
}

func (m rush) finding(rule, wanted string) Finding {
	return Finding{ID: "stampede/" + m.Service + "/" + rule, Kind: "stampede", Service: m.Service, Verdict: Pass, Wanted: wanted}
}

// usual says why nothing is known of the time before the first fault; "" if it is.
func (m rush) usual() string {
	switch {
	case len(m.points) == 0:
		return m.nothing(m.Service)
	case m.n < leastReadings:
		return fmt.Sprintf("%s of %s before the first fault, at least %d are needed", plural(m.n, "reading"), m.Metric, leastReadings)
	case m.mean <= 0:
		return fmt.Sprintf("%s was %s a second before the first fault, and a multiple of that says nothing", m.Metric, figure(m.mean))
	}
	return ""
}

func (m rush) base() Evidence {
	return Evidence{Text: fmt.Sprintf("%s: %s a second on average before the first fault", m.Metric, figure(m.mean)), From: m.before.from, To: m.before.to, Count: m.n}
}

// peak is M1: no reading from the beginning of a fault until it has settled is many
// times what was usual.
func (m rush) peak(most float64) Finding {
	f := m.finding("M1-peak", fmt.Sprintf("%s at most %s times the mean before", m.Metric, figure(most)))
	if why := m.usual(); why != "" {
		return unknown(f, why)
	}
	f.Evidence = append(f.Evidence, m.base())
	worst, blind := 0.0, ""
	for _, r := range m.faults {
		s, ok := r.lasted()
		if !ok {
			continue // it was never injected, and the finding says so
		}
		if s.to += m.settle; r.permanent() {
			s.to = min(s.to, r.until) // nothing settles after it
		}
		top, found := m.highest(s)
		if gap, is := m.blind(s); is || !found {
			blind = join(blind, m.blindness(gap))
		}
		if !found {
			continue
		}
		times := top.value / m.mean
		f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("highest from fault %s on: %s a second, %s times the mean", r.ID, figure(top.value), figure(times)), From: s.from, To: top.at})
		worst = max(worst, times)
		if times > most*(1+tiny) {
			f.Verdict, f.Reason = Fail, join(f.Reason, fmt.Sprintf("%s was %s a second at %s after fault %s began, %s times the %s before; the limit is %s times",
				m.Metric, figure(top.value), offset(top.at-s.from), r.ID, figure(times), figure(m.mean), figure(most)))
		}
	}
	if len(f.Evidence) > 1 {
		f.Measured = fmt.Sprintf("%s times the mean of %s a second", figure(worst), figure(m.mean))
	}
	if blind != "" && f.Verdict != Fail {
		return unknown(f, blind)
	}
	return f
}

// settled is M2: some time after the revert readings are about what they were.
func (m rush) settled(h *history) Finding {
	f := m.finding("M2-settled", fmt.Sprintf("%s at most twice the mean before, from %s after the revert on", m.Metric, latency(m.settle)))
	if why := m.usual(); why != "" {
		return unknown(f, why)
	}
	f.Evidence = append(f.Evidence, m.base())
	doubt, worst := "", 0.0
	for _, r := range m.faults {
		s, ok := r.lasted()
		if !ok || r.permanent() {
			continue
		}
		s = span{s.to + m.settle, h.nextFault(s.to)}
		rest := slices.DeleteFunc(slices.Clone(m.points), func(p point) bool { return p.at-m.every < s.from || p.at > s.to })
		if len(rest) < leastReadings {
			doubt = join(doubt, fmt.Sprintf("%s from %s after the revert of fault %s until the next fault or the end, at least %d are needed",
				plural(len(rest), "reading"), latency(m.settle), r.ID, leastReadings))
			continue
		}
		top := slices.MaxFunc(rest, func(a, b point) int { return compareFloats(a.value, b.value) })
		worst = max(worst, top.value/m.mean)
		f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("highest once fault %s had settled: %s a second", r.ID, figure(top.value)), From: s.from, To: top.at, Count: len(rest)})
		if top.value > settledTimes*m.mean*(1+tiny) {
			f.Verdict, f.Reason = Fail, join(f.Reason, fmt.Sprintf("%s was still %s a second at %s after the revert of fault %s, more than twice the %s before",
				m.Metric, figure(top.value), offset(top.at-(s.from-m.settle)), r.ID, figure(m.mean)))
		} else if gap, is := m.blind(s); is {
			doubt = join(doubt, m.blindness(gap))
		}
	}
	if len(f.Evidence) > 1 {
		f.Measured = fmt.Sprintf("%s times the mean of %s a second", figure(worst), figure(m.mean))
	}
	if doubt != "" && f.Verdict != Fail {
		return unknown(f, doubt)
	}
	return f
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// saves is M3: with the cache there are fewer reads for a request of users than
// without it.
func (m rush) saves(h *history) Finding {
	least := float64(*m.Saves) / 100
	f := m.finding("M3-saves", fmt.Sprintf("the cache saves at least %s of %s for a request", m.Saves.String(), m.Metric))
	if m.Per == nil {
		return unknown(f, "the check does not say whose requests are to be counted (per)")
	}
	if why := m.usual(); why != "" {
		return unknown(f, why)
	}
	requests := h.requestsOf(selection{scenarios.SLOCheck{Journey: m.Per.Journey, Step: m.Per.Step}})
	with, ok := perRequest(m.mean, requests, m.before)
	if !ok {
		return unknown(f, "too few requests of "+m.Per.Step+" were sent before the first fault")
	}
	f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("%s for a request with the cache", figure(with)), From: m.before.from, To: m.before.to, Count: m.n})
	doubt := ""
	for _, r := range m.faults {
		s, lasted := r.lasted()
		if !lasted {
			continue // it was never injected, and the finding says so
		}
		mean, n := m.meanIn(s)
		without, many := perRequest(mean, requests, s)
		if n < leastReadings || !many {
			doubt = join(doubt, fmt.Sprintf("%s of %s and %s requests of %s while fault %s lasted are too few to tell what it was without the cache",
				plural(n, "reading"), m.Metric, figure(requests.in(s)), m.Per.Step, r.ID))
			continue
		}
		less := saved(with, without)
		f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("%s for a request without it (fault %s)", figure(without), r.ID), From: s.from, To: s.to, Count: n})
		f.Measured = join(f.Measured, percent(less)+" saved: "+figure(with)+" for a request, "+figure(without)+" without the cache")
		if less < least-tiny {
			f.Verdict, f.Reason = Fail, join(f.Reason, fmt.Sprintf("%s for a request was %s with the cache and %s without it (fault %s): it saves %s, wanted are %s",
				m.Metric, figure(with), figure(without), r.ID, percent(less), m.Saves.String()))
		}
	}
	if doubt != "" && f.Verdict != Fail {
		return unknown(f, doubt)
	}
	return f
}

// perRequest is a rate for each request of a stretch; false where they are too few.
func perRequest(rate float64, requests rising, during span) (float64, bool) {
	n := requests.in(during)
	if n < leastRequests || during.length() <= 0 {
		return 0, false
	}
	return rate * during.length().Seconds() / n, true
}

// saved is the share that is less with something than without it; 0 where there is
// nothing to be saved.
func saved(with, without float64) float64 {
	if without <= 0 {
		return 0
	}
	return (without - with) / without
}
