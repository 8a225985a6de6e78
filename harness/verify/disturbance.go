package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// disturbance is something that happened to a service that others depend on.
type disturbance struct {
	at   time.Duration
	text string
}

// disturbances are what an action or an exit did to a service under traffic. In a
// run that carries no action out, by its control, the word of one is nothing.
func (h *history) disturbances(service string) []disturbance {
	var list []disturbance
	add := func(at time.Duration, text string) {
		if h.window.holds(at) {
			list = append(list, disturbance{at, text})
		}
	}
	for _, a := range h.actionsStarted {
		if a.body.Service == service && h.plan.Control != scenarios.ControlFrozen {
			add(a.at, a.body.Detail)
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
	slices.SortStableFunc(list, func(a, b disturbance) int { return cmp.Compare(a.at, b.at) })
	return list
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
