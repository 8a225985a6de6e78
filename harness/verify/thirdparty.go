package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// leastRequests is how many requests of users there must be for a figure of each,
// leastASecond how many in a second that says whether a breaker is open.
const (
	leastRequests = 20
	leastASecond  = 5
)

// thirdParty judges how a service is called while faults are done to it: T1 how often
// for each request of users, T2 with what pauses after failures, T3 whether those who
// are told to wait do, T4 whether a breaker opens and closes, T5 how many users see
// errors, T6 how long they wait. What is not asked for is not judged.
func (h *history) thirdParty(c scenarios.ThirdPartyCheck) []Finding {
	p := h.partyOf(c)
	var findings []Finding
	add := func(f Finding) {
		for _, r := range p.faults {
			f.Evidence = append(f.Evidence, h.answeredBy(r, []string{c.Service}, shown)...)
		}
		findings = append(findings, h.dependent(f, p.faults))
	}
	if c.Amplification != nil {
		add(p.amplification(float64(*c.Amplification)))
	}
	if c.Backoff != nil {
		add(p.backoff(*c.Backoff, h.keyHeader(c.Service)))
	}
	if c.RetryAfter {
		add(p.retryAfter())
	}
	if c.Breaker != nil {
		add(h.breaker(p, *c.Breaker))
	}
	if c.Errors != nil {
		add(h.seenErrors(p, *c.Errors))
	}
	if c.FailFast != nil {
		add(h.failFast(p, c.FailFast.Std()))
	}
	return findings
}

// party is a service, how it was called, and by whose requests.
type party struct {
	scenarios.ThirdPartyCheck
	faults   []*faultRun
	during   []span // in which faults lasted
	calls    callsTo
	requests rising
	aim      scenarios.SLOCheck // the step whose requests are counted
}

func (h *history) partyOf(c scenarios.ThirdPartyCheck) party {
	p := party{ThirdPartyCheck: c, calls: h.callsTo(c.Service), aim: scenarios.SLOCheck{Journey: c.Per.Journey, Step: c.Per.Step}}
	p.faults = h.faultsOf(c.Faults)
	if len(c.Faults) == 0 {
		aliases := h.plan.ThirdParties[c.Service].Aliases
		p.faults = slices.DeleteFunc(slices.Clone(p.faults), func(f *faultRun) bool { return !f.concerns(c.Service, aliases) })
	}
	p.during = spansOf(p.faults, shown)
	p.requests = h.requestsOf(selection{p.aim})
	return p
}

func (p party) finding(rule, wanted string) Finding {
	return Finding{ID: "third-party/" + p.Service + "/" + rule, Kind: "third_party", Service: p.Service, Verdict: Pass, Wanted: wanted}
}

// unseen says why calls to the service cannot be counted while its faults last; ""
// if they can. Where nobody gets through to where calls are counted, none at all
// looks like the best of behaviour.
func (p party) unseen() string {
	if len(p.calls.intervals) == 0 {
		return "calls to " + p.Service + " were not counted: the record has none"
	}
	for _, f := range p.faults {
		if way := unseenKind(f.Spec); way != "" {
			return fmt.Sprintf("while fault %s lasts (%s) callers do not get as far as where their calls are counted; a fault of HTTP, or an outage by status, reset or hang, would show them", f.ID, way)
		}
	}
	return ""
}

// unseenKind names a fault that keeps callers from getting through; "" for others.
func unseenKind(f scenarios.Fault) string {
	refused := func(as string) bool { return as == scenarios.OutageRefuse }
	switch {
	case f.Outage != nil && refused(f.Outage.As):
		return "outage, as refuse"
	case f.Flapping != nil && refused(f.Flapping.As):
		return "flapping, as refuse"
	}
	switch kind := f.Kind(); kind {
	case "kill", "stop", "pause", "crash_loop", "zone_loss", "reclaim", "partition", "loss", "reset", "connection_limit",
		"dns", "tls_reset", "tls_expired":
		return kind
	}
	return ""
}

// amplification is T1: how many calls there are for a request of users, in each of the
// stretches in which faults last.
func (p party) amplification(most float64) Finding {
	f := p.finding("T1-amplification", fmt.Sprintf("at most %s calls for a request of %s while faults last", figure(most), p.Per.Step))
	if why := p.unseen(); why != "" {
		return unknown(f, why)
	}
	worst, judged, few := -1.0, 0, span{}
	var all float64
	for _, d := range p.during {
		calls, requests := p.calls.in(d), p.requests.in(d)
		all += calls
		if requests < leastRequests {
			few = d
			continue
		}
		judged++
		ratio := amplified(calls, requests)
		f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("%s for %s", plural(int(calls+0.5), "call"), plural(int(requests+0.5), "request")),
			From: d.from, To: d.to, Count: int(calls + 0.5)})
		if ratio > worst {
			worst = ratio
			f.Measured = figure(ratio) + " calls for a request"
		}
		if ratio > most*(1+tiny) {
			f.Verdict = Fail
			f.Reason = join(f.Reason, fmt.Sprintf("%s was called %s times for each request of %s from %s to %s, the limit is %s",
				p.Service, figure(ratio), p.Per.Step, offset(d.from), offset(d.to), figure(most)))
		}
	}
	switch {
	case f.Verdict == Fail:
	case judged == 0 || few != (span{}):
		return unknown(f, fmt.Sprintf("fewer than %d requests of %s were sent while a fault lasted", leastRequests, p.Per.Step))
	case all == 0:
		return unknown(f, p.Service+" was not called while faults lasted")
	}
	return f
}

// amplified is how many calls there are for each request.
func amplified(calls, requests float64) float64 { return calls / requests }

// retryAfter is T3: of those who are told to wait at most 1 in 100 comes too early.
func (p party) retryAfter() Finding {
	f := p.finding("T3-retry-after", "at most 1 call too early for 100 that are told to wait")
	told, early := p.calls.told(p.during)
	f.Measured = fmt.Sprintf("%s told to wait, %s too early", plural(told, "call"), orNone(early))
	named := 0
	for _, c := range p.calls.single {
		if c.Early && inside(span{c.At, c.At}, p.during) && named < keysInReason {
			named++
			text := "too early: " + strings.TrimSpace(c.Method+" "+c.Path) + after(", key ", c.Key) + after(", by ", c.Caller)
			f.Evidence = append(f.Evidence, Evidence{Text: text, From: c.At, To: c.At + c.Took, Count: 1})
		}
	}
	switch {
	case len(p.calls.intervals) == 0:
		return unknown(f, "calls to "+p.Service+" were not counted: the record has none")
	case told < leastRequests:
		return unknown(f, fmt.Sprintf("%s to %s told to wait, at least %d are needed to show that it is honoured", plural(told, "call"), p.Service, leastRequests))
	case early*100 > told:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s came to %s before the time that their caller, or their key, had been told to wait was over; %s were told to wait",
			plural(early, "call"), p.Service, count(told))
	}
	return f
}

// keyHeader is the header that tells pieces of work apart at a service.
func (h *history) keyHeader(service string) string {
	if t, ok := h.plan.ThirdParties[service]; ok && t.KeyHeader != "" {
		return t.KeyHeader
	}
	if i := h.plan.Services[service].Interposed; i != nil && i.KeyHeader != "" {
		return i.KeyHeader
	}
	return scenarios.DefaultKeyHeader
}

// seenErrors is T5: users see few errors while faults last.
func (h *history) seenErrors(p party, most scenarios.Percent) Finding {
	aim := p.aim
	least := 100 - most
	aim.Availability = &least
	f := p.finding("T5-errors", "at most "+most.String()+" of the requests of "+p.Per.Step+" fail while faults last")
	s := h.sampleAmid(aim, p.during)
	f = h.judged(f, aim, s, "while faults lasted", p.during)
	if n := s.ok + s.failed + s.unknown; n > 0 {
		f.Measured = fmt.Sprintf("%s of %s failed (%s failed, %s unknown)", share(s.failed+s.unknown, n), plural(n, "request"), count(s.failed), count(s.unknown))
	}
	return f
}

// second is the k-th second of a stretch.
func secondOf(s span, k int) span {
	from := s.from + time.Duration(k)*time.Second
	return span{from, from + time.Second}
}
