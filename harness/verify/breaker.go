package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A breaker is open in a second with at most one call for five requests of users,
// and closed in one with at least four for five.
const (
	openShare   = 0.2
	closedShare = 0.8
)

// breaker is T4: calls cease soon after a fault begins, and are made again soon
// after it was reverted.
func (h *history) breaker(p party, c scenarios.BreakerWanted) Finding {
	f := p.finding("T4-breaker", fmt.Sprintf("open within %s of a fault, closed within %s of its end", latency(c.OpensWithin.Std()), latency(c.ClosesWithin.Std())))
	if why := p.unseen(); why != "" {
		return unknown(f, why)
	}
	doubt := ""
	for _, r := range p.faults {
		s, ok := r.felt(shown)
		if !ok {
			continue // it was never injected, and the finding says so
		}
		opens := p.turn(s, c.OpensWithin.Std(), func(calls, requests float64) bool { return calls <= openShare*requests })
		f = opens.tell(f, "open", "fault "+r.ID+" began")
		doubt = join(doubt, opens.doubt("fault "+r.ID+" began", "its end"))
		if r.permanent() || !opens.found {
			continue
		}
		closes := p.turn(span{s.to, h.nextFault(s.to)}, c.ClosesWithin.Std(), func(calls, requests float64) bool { return calls >= closedShare*requests })
		f = closes.tell(f, "closed", "fault "+r.ID+" was reverted")
		doubt = join(doubt, closes.doubt("fault "+r.ID+" was reverted", "the next fault or the end"))
	}
	if f.Verdict != Fail && doubt != "" {
		return unknown(f, doubt)
	}
	return f
}

// nextFault is until when no other fault begins, from a moment on.
func (h *history) nextFault(from time.Duration) time.Duration {
	to := h.loaded()
	for _, r := range h.faults.runs {
		if at := r.ordered(); at >= from {
			to = min(to, at)
		}
	}
	return max(from, to)
}

// A shift is the first second from a moment on in which a breaker was seen to have
// turned.
type shift struct {
	found           bool
	took            time.Duration
	within, had     time.Duration
	judged, quiet   int // seconds with enough requests, and without
	at              span
	calls, requests float64
}

// turn looks for the first second of a stretch in which a condition holds for the
// calls and requests of it.
func (p party) turn(s span, within time.Duration, holds func(calls, requests float64) bool) shift {
	t := shift{within: within, had: max(0, s.to-s.from)}
	for k := 0; secondOf(s, k).to <= s.to; k++ {
		at := secondOf(s, k)
		calls, requests := p.calls.in(at), p.requests.in(at)
		if requests < leastASecond {
			t.quiet++
			continue
		}
		t.judged++
		t.at, t.calls, t.requests = at, calls, requests
		if holds(calls, requests) {
			t.found, t.took = true, at.from-s.from
			return t
		}
	}
	return t
}

// tell adds what was seen to a finding: that the breaker was open, or closed, since
// when.
func (t shift) tell(f Finding, what, since string) Finding {
	seen := fmt.Sprintf("%s calls for %s requests in a second", figure(t.calls), figure(t.requests))
	switch {
	case t.found:
		f.Measured = join(f.Measured, what+" "+offset(t.took)+" after "+since)
		f.Evidence = append(f.Evidence, Evidence{Text: what + ": " + seen, From: t.at.from, To: t.at.to, Count: int(t.calls + 0.5)})
		if t.took > t.within {
			f.Verdict, f.Reason = Fail, join(f.Reason, fmt.Sprintf("%s only %s after %s, the limit is %s", what, offset(t.took), since, latency(t.within)))
		}
	case t.judged > 0 && t.quiet == 0 && t.had >= t.within+time.Second:
		f.Measured = join(f.Measured, "never "+what)
		f.Evidence = append(f.Evidence, Evidence{Text: "at last " + seen, From: t.at.from, To: t.at.to, Count: int(t.calls + 0.5)})
		f.Verdict, f.Reason = Fail, join(f.Reason, fmt.Sprintf("not %s in %s after %s; at last there were %s", what, offset(t.had), since, seen))
	}
	return f
}

// doubt says why nothing is known of a turn; "" if something is.
func (t shift) doubt(since, until string) string {
	switch {
	case t.found && t.took <= t.within && t.quiet == 0:
		return ""
	case t.quiet > 0 && t.took <= t.within:
		return fmt.Sprintf("fewer than %d requests a second were sent in %s after %s", leastASecond, plural(t.quiet, "second"), since)
	case !t.found && t.had < t.within+time.Second:
		return fmt.Sprintf("only %s passed after %s until %s, too short for the limit of %s", offset(t.had), since, until, latency(t.within))
	}
	return ""
}
