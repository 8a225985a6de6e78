package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// disturbance is something that happened to a service that others depend on.
type disturbance struct {
	at   time.Duration
	text string
}

// disturbances are the instances that a service lost under traffic, and the faults
// that were done to it and are proven, long enough
// before its end for probes with some patience to fail. That an action was to
// disturb it is not enough: one that adds instances takes nothing away.
func (h *history) disturbances(service string, patience time.Duration) []disturbance {
	var list []disturbance
	add := func(at time.Duration, text string) {
		if h.window.holds(at) && at+patience <= h.window.to {
			list = append(list, disturbance{at, text})
		}
	}
	for _, i := range h.of(service) {
		if i.terminating != nil {
			add(i.terminating.at, i.name+" was told to stop")
		}
		if i.exited != nil {
			add(i.exited.at, fmt.Sprintf("%s exited with code %d", i.name, i.exited.body.Code))
		}
	}
	for _, f := range h.faults.runs {
		if s, ok := f.lasted(); ok && f.Spec.CacheFlush == nil && slices.Contains(f.Services, service) && f.unproven() == "" {
			add(s.from, "fault "+f.ID+" began")
		}
	}
	slices.SortStableFunc(list, func(a, b disturbance) int { return cmp.Compare(a.at, b.at) })
	return list
}

// patience is how long the readiness probes of a service take at most to notice
// something: several must fail, and each may take its whole timeout to.
func (h *history) patience(service string) time.Duration {
	p := h.plan.Services[service].Ready
	return time.Duration(max(1, p.Failure)) * max(p.Period.Std(), p.Timeout.Std())
}

// stayedReady says how many instances of a service that were listed when a
// disturbance began kept their readiness from then on; false if fewer than
// several were.
func (h *history) stayedReady(service string, d disturbance) (Evidence, bool) {
	before, stayed := 0, 0
	for _, i := range h.of(service) {
		if left, leaves := i.leaves(); i.standingAt(d.at) != listed || leaves && left <= d.at {
			continue
		}
		before++
		if !i.lostReadiness(d.at, h.window.to) {
			stayed++
		}
	}
	text := fmt.Sprintf("%s; from then on %s of %s of %s stayed ready", d.text, count(stayed), plural(before, "instance"), service)
	return Evidence{Text: text, From: d.at, To: max(d.at, h.window.to), Count: stayed}, before >= several
}

// lostReadiness tells whether an instance became unready, or exited unasked,
// between two moments.
func (i *instance) lostReadiness(from, to time.Duration) bool {
	if e := i.exited; e != nil && !e.body.Wanted && e.at > from && e.at <= to {
		return true
	}
	return slices.ContainsFunc(i.turns(), func(t turn) bool { return t.to == unready && t.at > from && t.at <= to })
}
