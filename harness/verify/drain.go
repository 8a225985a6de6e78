package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// drain judges how the instances of a service that were told to stop under
// traffic went: D1 what was in flight, D2 what arrived while they were still in
// the endpoint list, D3 what reached them afterwards, D4 whether clients were
// told to leave, D5 how they exited, D6 what became of work of a queue, D7
// whether the settings of the service allow all that. Without a port nothing is
// routed, and D1 to D4 are left out.
func (h *history) drain(c scenarios.DrainCheck) []Finding {
	stopped := h.stopped(c.Service)
	var findings []Finding
	if h.routed(c.Service) {
		findings = append(findings, h.inFlight(c.Service, stopped), h.endpointLag(c.Service, stopped), h.afterRemoval(c.Service, stopped))
		if f, ok := h.farewell(c.Service, stopped); ok {
			findings = append(findings, f)
		}
	}
	findings = append(findings, h.exits(c, stopped))
	for i := range findings {
		findings[i] = h.conclude(unlessNoneStopped(findings[i], stopped), func(i *instance) (from, to time.Duration, ok bool) {
			if !slices.Contains(stopped, i) {
				return 0, 0, false
			}
			return i.terminating.at, i.goneBy(h.window.to), true
		})
	}
	if c.Work != nil {
		findings = append(findings, h.work(c.Service, stopped))
	}
	return append(findings, h.settings(c.Service))
}

// routed tells whether a gateway routes to the instances of a service; of a
// service that the plan does not know it is assumed.
func (h *history) routed(service string) bool {
	s, known := h.plan.Services[service]
	return !known || s.Port > 0
}

// unlessNoneStopped takes every verdict back where no instance was told to stop.
func unlessNoneStopped(f Finding, stopped []*instance) Finding {
	if len(stopped) == 0 {
		f.Verdict, f.Measured = Inconclusive, "no instance was told to stop"
		f.Reason = "no instance of " + f.Service + " was told to stop while traffic flowed; let an action stop one, scale it down or release it"
	}
	return f
}

// goneBy is when an instance exited, or a moment if the record does not say.
func (i *instance) goneBy(otherwise time.Duration) time.Duration {
	if i.exited != nil {
		return i.exited.at
	}
	return max(otherwise, i.terminating.at)
}

// stopped lists the instances that were told to stop under traffic, in that
// order. One that had exited before is not among them, nor one that a fault killed
// in the middle of it.
func (h *history) stopped(service string) []*instance {
	var list []*instance
	for _, i := range h.of(service) {
		if i.terminating != nil && h.window.holds(i.terminating.at) && (i.exited == nil || i.exited.at >= i.terminating.at) && !i.cutDown() {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(a, b *instance) int { return cmp.Compare(a.terminating.at, b.terminating.at) })
	return list
}

// cutDown tells whether a fault killed the instance, as no termination does. The
// notice of a reclaim is one.
func (i *instance) cutDown() bool { return i.taken != nil && i.taken.Spec.Reclaim == nil }

func drainFinding(service, rule, wanted string) Finding {
	return Finding{ID: "drain/" + service + "/" + rule, Kind: "drain", Service: service, Verdict: Pass, Wanted: wanted}
}

// listedAtStop tells whether the instance was in the endpoint list when it
// was told to stop. A gateway lists no instance that it knows to be
// terminating, so one that it added after that moment, and before it dropped it
// for that reason, was listed when the word reached the gateway.
func (i *instance) listedAtStop() bool {
	n := 0
	for _, a := range i.added {
		if a.at <= i.terminating.at {
			n++
		} else if !i.dropped(a.at) {
			return true
		}
	}
	for _, r := range i.removed {
		if r.at < i.terminating.at && r.body.Reason != "terminating" {
			n--
		}
	}
	return n > 0
}

// dropped tells whether the gateway had taken the instance from its list before
// a moment because it was terminating.
func (i *instance) dropped(at time.Duration) bool {
	return slices.ContainsFunc(i.removed, func(r timed[journal.EndpointRemoved]) bool {
		return r.body.Reason == "terminating" && r.at < at
	})
}

// unlisted is when the gateway took a terminating instance from its list for
// the last time; false if the record does not say. Two processes tell the two
// times, so with no lag the removal may seem to come first.
func (i *instance) unlisted() (time.Duration, bool) {
	for _, r := range slices.Backward(i.removed) {
		if r.body.Reason == "terminating" || r.at >= i.terminating.at {
			return r.at, true
		}
	}
	return 0, false
}

// zero is the moment that times of a termination count from: the stop signal,
// or the start of the sequence if the signal never came, and its name.
func (i *instance) zero() (time.Duration, string) {
	if at, name, ok := i.stopSignal(); ok {
		return at, name
	}
	return i.terminating.at, "the start of its termination"
}

// stopSignalOf names the signal by which instances of a service are told to
// stop: all get the same.
func stopSignalOf(stopped []*instance) string {
	for _, i := range stopped {
		if _, name, ok := i.stopSignal(); ok {
			return name
		}
	}
	return "SIGTERM"
}

// inFlight is D1: every request in flight at the stop signal completes. Those
// of a pre-stop period that are still under way count as well.
func (h *history) inFlight(service string, stopped []*instance) Finding {
	signal := stopSignalOf(stopped)
	f := drainFinding(service, "D1-in-flight", "every request in flight at "+signal+" completes")
	var all losses
	for _, i := range stopped {
		at, name, ok := i.stopSignal()
		if !ok {
			continue
		}
		l := i.losses(at, name, func(x exchange) bool { return x.Start < at && x.end > at })
		f.Evidence = append(f.Evidence, l.evidence("in flight at "+name)...)
		if l.failed > 0 {
			f.Reason = join(f.Reason, l.reason(" in flight"))
		}
		all.merge(l)
	}
	f.Measured = all.measured("in flight at " + signal)
	return all.judge(f, "no request was in flight at "+signal+", so nothing shows that one would have completed; more traffic or longer requests would")
}

// endpointLag is D2: requests that reach an instance after it was told to stop,
// while it is still in the endpoint list, succeed. Those that D1 counts are
// left to it.
func (h *history) endpointLag(service string, stopped []*instance) Finding {
	f := drainFinding(service, "D2-endpoint-lag", "every request until removal from the endpoint list succeeds")
	var all losses
	raced := false
	for _, i := range stopped {
		raced = raced || i.raced()
		zero, name := i.zero()
		l := i.losses(zero, name, i.inLag)
		f.Evidence = append(f.Evidence, l.evidence("before removal from the endpoint list")...)
		if l.failed > 0 {
			f.Reason = join(f.Reason, l.reason(""))
		}
		all.merge(l)
	}
	f.Measured = all.measured("before removal")
	f = all.judge(f, "no request arrived between "+stopSignalOf(stopped)+" and removal from the endpoint list, so nothing shows that one would have succeeded; a longer endpoint_lag or more traffic would")
	if f.Verdict == Pass && !raced {
		f.Verdict = Inconclusive
		f.Reason = "no request arrived after " + stopSignalOf(stopped) + " had been delivered for certain and before removal from the endpoint list, so nothing shows that one would have succeeded; the engine took its time, or the lag is too short"
	}
	return f
}

// raced tells whether the race that D2 is about took place: a request began
// while the instance was still listed and had heard its stop signal. Where the
// signal is meant to come after the removal, there is none to be had.
func (i *instance) raced() bool {
	t := i.terminating.body
	at, _, ok := i.stopSignal()
	if !ok || t.PreStop >= t.Lag {
		return true
	}
	heard := i.delivered(at)
	return slices.ContainsFunc(i.exchanges, func(x exchange) bool { return x.Start >= heard && i.inLag(x) })
}

// inLag tells whether an exchange began while the instance was terminating and
// listed, and does not count as in flight at the stop signal.
func (i *instance) inLag(x exchange) bool {
	if signal, _, ok := i.stopSignal(); ok && x.Start < signal && x.end > signal {
		return false
	}
	end, ok := i.unlisted()
	return i.listedAtStop() && x.Start >= i.terminating.at && (!ok || x.Start <= end)
}

// afterRemoval is D3: nothing is routed to an instance once it has left the
// endpoint list. Where a client connection stays with its instance, requests
// on it may go on as long as they succeed.
func (h *history) afterRemoval(service string, stopped []*instance) Finding {
	pinned := h.plan.Services[service].Balance == "connection"
	f := drainFinding(service, "D3-after-removal", "nothing is routed after removal from the endpoint list")
	if pinned {
		f.Wanted = "no new connection and no failed request after removal from the endpoint list"
	}
	var all losses
	seen := 0
	for _, i := range stopped {
		end, event, ok := i.outOfList()
		if !ok {
			continue
		}
		if i.listedAtStop() {
			seen++
		}
		l := i.losses(end, event, func(x exchange) bool { return x.Start > end })
		f.Evidence = append(f.Evidence, l.evidence("after removal from the endpoint list")...)
		if strays := i.losses(end, event, func(x exchange) bool {
			return x.Start > end && (!pinned || !x.Reused || x.bad())
		}); strays.total > 0 {
			f.Verdict, f.Reason = Fail, join(f.Reason, strays.strays())
		}
		all.merge(l)
	}
	f.Measured = all.measured("after removal")
	if seen == 0 && f.Verdict != Fail {
		f.Verdict, f.Reason = Inconclusive, "no instance was in the endpoint list when it was told to stop"
	}
	return f
}

// outOfList is the moment, and its name, from which nothing may be routed to a
// terminating instance; false if the record does not say when that was.
func (i *instance) outOfList() (time.Duration, string, bool) {
	if !i.listedAtStop() {
		return i.terminating.at, "the start of its termination", true
	}
	at, ok := i.unlisted()
	return at, "removal", ok
}

// judge turns losses into a verdict; without a request whose outcome is known
// there is none.
func (l losses) judge(f Finding, none string) Finding {
	switch {
	case l.failed > 0:
		f.Verdict = Fail
	case l.spoiled > 0:
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("%s failed while fault %s lasted, so nobody knows whether they would have without it", plural(l.spoiled, "request"), l.fault)
	case l.total == 0:
		f.Verdict, f.Reason = Inconclusive, none
	case l.total == l.abandoned:
		f.Verdict, f.Reason = Inconclusive, "the clients gave up every one of these requests, so nobody knows how they would have ended"
	}
	return f
}
