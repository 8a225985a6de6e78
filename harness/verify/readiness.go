package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// readiness judges how instances of a service came into the endpoint list: R1
// only when they had finished their initialization, R2 fast from their first
// request on, R3 in time, R4 to stay, R5 never out of it all at once, and R6
// whether they were unready soon after they were told to stop.
func (h *history) readiness(c scenarios.ReadinessCheck) []Finding {
	findings := []Finding{h.initialized(c.Service)}
	if c.FirstRequests != nil {
		findings = append(findings, h.firstRequests(c.Service, c.FirstRequests.Std()))
	}
	findings = append(findings, h.timeToReady(c), h.flaps(c))
	if f, ok := h.together(c); ok {
		findings = append(findings, f)
	}
	if c.UnreadyWithin != nil {
		findings = append(findings, h.unreadyAfterTerm(c.Service, c.UnreadyWithin.Std()))
	}
	for i := range findings {
		findings[i] = h.conclude(findings[i], func(i *instance) (from, to time.Duration, ok bool) {
			if len(i.added) == 0 || !i.early(i.added[0].at) {
				return 0, 0, false
			}
			if fit := i.fitness(); fit.at != nil {
				return i.added[0].at, *fit.at, true
			}
			return i.added[0].at, h.window.to, true
		})
	}
	return findings
}

func readinessFinding(service, rule, wanted string) Finding {
	return Finding{ID: "readiness/" + service + "/" + rule, Kind: "readiness", Service: service, Verdict: Pass, Wanted: wanted}
}

// initialized is R1: no request reaches an instance before it has declared its
// initialization complete, however ready its probe said it was, nor before its
// probe has ever passed. Any outcome counts: that a request went well was luck.
// An instance that was to declare it and said nothing proves nothing.
func (h *history) initialized(service string) Finding {
	f := readinessFinding(service, "R1-initialized", "no request before initialization is complete")
	marked := h.plan.Services[service].Initialized != ""
	unsaid := ""
	declared, byProbe, silent, underLoad, harmless, reached := 0, 0, 0, 0, 0, 0
	for _, i := range h.of(service) {
		if len(i.added) == 0 || i.added[0].at > h.window.to {
			continue
		}
		first := i.added[0]
		if h.window.holds(first.at) {
			underLoad++
		}
		switch mark := first.body.Initialized; {
		case i.early(first.at):
			l, fit := i.tooEarly(h.window), i.fitness()
			f.Evidence = append(f.Evidence, l.evidence(first.at, fit)...)
			if l.total == 0 {
				harmless++
				continue
			}
			f.Verdict, reached = Fail, reached+l.total
			f.Reason = join(f.Reason, l.reason(fit))
		case mark == nil && marked:
			silent++
			text := "did not say whether it was initialized when first routed to"
			f.Evidence = append(f.Evidence, Evidence{Text: text, Instance: i.name, From: first.at, To: first.at})
			unsaid = join(unsaid, i.name+" "+text)
		case mark == nil:
			byProbe++
			f.Evidence = append(f.Evidence, Evidence{Text: "routed to on the word of its probe", Instance: i.name, From: first.at, To: first.at})
		default:
			declared++
			f.Evidence = append(f.Evidence, Evidence{Text: "initialized when first routed to", Instance: i.name, From: first.at, To: first.at})
		}
	}
	f.Measured = measuredInitialized(declared, byProbe, silent, harmless, reached)
	if unsaid != "" && f.Verdict != Fail {
		f.Verdict, f.Reason = Inconclusive, unsaid
	}
	if underLoad == 0 && f.Verdict != Fail {
		f.Verdict = Inconclusive
		f.Reason = "no instance of " + service + " became ready while traffic flowed; let an action scale it up"
	}
	return f
}

// measuredInitialized is the table cell of R1.
func measuredInitialized(declared, byProbe, silent, harmless, reached int) string {
	var s string
	if reached > 0 {
		s = plural(reached, "request") + " too early"
	}
	if declared > 0 {
		s = join(s, plural(declared, "instance")+" initialized when first routed to")
	}
	if byProbe > 0 {
		s = join(s, plural(byProbe, "instance")+" judged by the probe alone, having no mark of their own")
	}
	if silent > 0 {
		s = join(s, plural(silent, "instance")+" that did not say")
	}
	if harmless > 0 {
		s = join(s, plural(harmless, "instance")+" routed to before that, but no request came")
	}
	if s == "" {
		return "no instance became ready"
	}
	return s
}

// tooEarly is the requests that reached an instance before its initialization
// was complete.
type tooEarly struct {
	instance      string
	total, failed int
	first, last   time.Duration // starts
}

func (i *instance) tooEarly(w window) tooEarly {
	l := tooEarly{instance: i.name}
	for _, x := range i.exchanges {
		if x.Start > w.to || !i.early(x.Start) {
			continue
		}
		if l.total == 0 {
			l.first = x.Start
		}
		l.last = x.Start
		l.total++
		if x.bad() {
			l.failed++
		}
	}
	return l
}

// fitness is when an instance that was routed to too early became fit for
// requests, nil for never, and what it lacked until then.
type fitness struct {
	at            *time.Duration
	before, never string
}

// fitness is about what came last, if an instance lacked two things.
func (i *instance) fitness() fitness {
	mark := fitness{i.initialized, "before it was initialized", "it never declared its initialization complete"}
	probe := fitness{i.passed, "before its readiness probe first passed", "its readiness probe never passed"}
	switch {
	case !i.blind:
		return mark
	case !i.uninitialized():
		return probe
	case mark.at != nil && (probe.at == nil || *probe.at > *mark.at):
		return probe
	}
	return mark
}

func (l tooEarly) reason(fit fitness) string {
	when := "and " + fit.never
	if fit.at != nil {
		when = between(*fit.at-l.last, *fit.at-l.first) + " " + fit.before
	}
	return fmt.Sprintf("%s: %s reached it %s; %s of %s failed", l.instance, plural(l.total, "request"), when, count(l.failed), count(l.total))
}

func (l tooEarly) evidence(added time.Duration, fit fitness) []Evidence {
	e := Evidence{Text: "routed to although " + fit.never, Instance: l.instance, From: added, To: added, Count: l.total}
	if fit.at != nil {
		e.Text, e.To = "routed to "+offset(*fit.at-added)+" "+fit.before, *fit.at
	}
	if l.total == 0 {
		e.Text += "; no request came"
		return []Evidence{e}
	}
	e.Text += fmt.Sprintf("; %s, %s failed", plural(l.total, "request"), count(l.failed))
	return []Evidence{e}
}

// flaps is R4: an instance that is neither stopping nor gone does not lose its
// readiness more often than allowed. One that exits under traffic although
// nobody asked it to loses it for good, which no number allows. What it loses to a
// fault that is done to itself does not count.
func (h *history) flaps(c scenarios.ReadinessCheck) Finding {
	f := readinessFinding(c.Service, "R4-flaps", "no instance loses its readiness")
	if c.Flaps > 0 {
		f.Wanted = fmt.Sprintf("no instance loses its readiness more than %s", plural(c.Flaps, "time"))
	}
	seen, worst, name, crashed := 0, 0, "", 0
	for _, i := range h.of(c.Service) {
		if len(i.added) == 0 || i.added[0].at > h.window.to {
			continue
		}
		seen++
		n := 0
		for _, r := range i.removed {
			if r.body.Reason == "unready" && r.at <= h.window.to && !i.leftBy(r.at) {
				if fault := h.excused(i, r.at); fault != "" {
					f.Evidence = append(f.Evidence, Evidence{Text: "lost its readiness while fault " + fault + " was done to it", Instance: i.name, From: r.at, To: i.backAt(r.at)})
					continue
				}
				n++
				f.Evidence = append(f.Evidence, Evidence{Text: "lost its readiness", Instance: i.name, From: r.at, To: i.backAt(r.at)})
			}
		}
		if i.crashed(h.window) {
			crashed++
			e := i.exited
			text := fmt.Sprintf("exited with code %d at %s, which nobody had asked for", e.body.Code, offset(e.at))
			f.Verdict, f.Reason = Fail, join(f.Reason, i.name+" "+text)
			f.Evidence = append(f.Evidence, Evidence{Text: text, Instance: i.name, From: e.at, To: e.at})
		}
		if n > worst {
			worst, name = n, i.name
		}
		if n > c.Flaps {
			f.Verdict, f.Reason = Fail, join(f.Reason, fmt.Sprintf("%s lost its readiness %s", i.name, plural(n, "time")))
		}
	}
	switch {
	case seen == 0:
		f.Verdict, f.Measured, f.Reason = Inconclusive, "no instance became ready", "no instance of "+c.Service+" became ready"
	case worst == 0 && crashed > 0:
		f.Measured = plural(seen, "instance")
	case worst == 0:
		f.Measured = plural(seen, "instance") + ", none lost its readiness"
	default:
		f.Measured = fmt.Sprintf("%s at most (%s) of %s", plural(worst, "time"), name, plural(seen, "instance"))
	}
	if crashed > 0 {
		f.Measured = fmt.Sprintf("%s, %s exited unasked", f.Measured, count(crashed))
	}
	return f
}

// leftBy tells whether the instance was stopping or gone by then, as the run
// had asked. An exit that nobody asked for excuses nothing.
func (i *instance) leftBy(at time.Duration) bool {
	return i.terminating != nil && i.terminating.at <= at || i.exited != nil && i.exited.body.Wanted && i.exited.at <= at
}

// backAt is when the instance was in the list again, or the same moment.
func (i *instance) backAt(at time.Duration) time.Duration {
	for _, a := range i.added {
		if a.at > at {
			return a.at
		}
	}
	return at
}
