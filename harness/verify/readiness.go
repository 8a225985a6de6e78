package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// defaultTimeToReady is the limit from start to ready when the check does not
// say.
const defaultTimeToReady = 30 * time.Second

// readiness judges how instances of a service came into the endpoint list: R1
// only when they had finished their initialization, R3 in time, R4 to stay.
func (h *history) readiness(c scenarios.ReadinessCheck) []Finding {
	findings := []Finding{h.initialized(c.Service), h.timeToReady(c), h.flaps(c)}
	for i := range findings {
		findings[i] = h.conclude(findings[i], func(i *instance) (from, to time.Duration, ok bool) {
			if len(i.added) == 0 || !i.early(i.added[0].at) {
				return 0, 0, false
			}
			if i.initialized != nil {
				return i.added[0].at, *i.initialized, true
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
// initialization complete, however ready its probe said it was. Any outcome
// counts: that a request went well was luck. An instance that was to declare it
// and said nothing proves nothing.
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
		case mark == nil && marked:
			silent++
			text := "did not say whether it was initialized when first routed to"
			f.Evidence = append(f.Evidence, Evidence{Text: text, Instance: i.name, From: first.at, To: first.at})
			unsaid = join(unsaid, i.name+" "+text)
		case mark == nil:
			byProbe++
			f.Evidence = append(f.Evidence, Evidence{Text: "routed to on the word of its probe", Instance: i.name, From: first.at, To: first.at})
		case *mark:
			declared++
			f.Evidence = append(f.Evidence, Evidence{Text: "initialized when first routed to", Instance: i.name, From: first.at, To: first.at})
		default:
			l := i.tooEarly(h.window)
			f.Evidence = append(f.Evidence, l.evidence(first.at, i.initialized)...)
			if l.total == 0 {
				harmless++
				continue
			}
			f.Verdict, reached = Fail, reached+l.total
			f.Reason = join(f.Reason, l.reason(i.initialized))
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

func (l tooEarly) reason(done *time.Duration) string {
	when := "and it never declared its initialization complete"
	if done != nil {
		when = between(*done-l.last, *done-l.first) + " before it was initialized"
	}
	return fmt.Sprintf("%s: %s reached it %s; %s of %s failed", l.instance, plural(l.total, "request"), when, count(l.failed), count(l.total))
}

func (l tooEarly) evidence(added time.Duration, done *time.Duration) []Evidence {
	e := Evidence{Text: "routed to although it never declared its initialization complete", Instance: l.instance, From: added, To: added, Count: l.total}
	if done != nil {
		e.Text, e.To = "routed to "+offset(*done-added)+" before it was initialized", *done
	}
	if l.total == 0 {
		e.Text += "; no request came"
		return []Evidence{e}
	}
	e.Text += fmt.Sprintf("; %s, %s failed", plural(l.total, "request"), count(l.failed))
	return []Evidence{e}
}

// timeToReady is R3: every instance is ready within a limit from its start.
func (h *history) timeToReady(c scenarios.ReadinessCheck) Finding {
	limit := defaultTimeToReady
	if c.TimeToReady != nil {
		limit = c.TimeToReady.Std()
	}
	f := readinessFinding(c.Service, "R3-time-to-ready", "ready within "+latency(limit)+" of its start")
	ready, slowest, name := 0, time.Duration(-1), ""
	for _, i := range h.of(c.Service) {
		if i.started == nil || *i.started > h.window.to {
			continue
		}
		took, ok := i.took()
		switch {
		case ok && took > slowest:
			slowest, name = took, i.name
			fallthrough
		case ok:
			ready++
			f.Evidence = append(f.Evidence, Evidence{Text: "ready " + offset(took) + " after its start", Instance: i.name, From: *i.started, To: *i.started + took})
			if took > limit {
				f.Verdict, f.Reason = Fail, join(f.Reason, i.name+": ready only "+offset(took)+" after its start")
			}
		default:
			if why, e := i.neverReady(h.window, limit); why != "" {
				f.Verdict, f.Reason = Fail, join(f.Reason, i.name+": "+why)
				f.Evidence = append(f.Evidence, e)
			}
		}
	}
	f.Measured = "no instance became ready"
	if ready > 0 {
		f.Measured = fmt.Sprintf("slowest %s (%s) of %s", offset(slowest), name, plural(ready, "instance"))
	} else if f.Verdict == Pass {
		f.Verdict, f.Reason = Inconclusive, "no instance of "+c.Service+" became ready, and none had the time to"
	}
	return f
}

// took is the time from start to the endpoint list. The two are told by
// different processes, so it may come out slightly below zero.
func (i *instance) took() (time.Duration, bool) {
	if len(i.added) == 0 {
		return 0, false
	}
	return max(0, i.added[0].at-*i.started), true
}

// neverReady judges an instance that was started and never got into the
// endpoint list: it had its time, or it exited on its own. One that was told to
// stop before its time was up is nobody's fault.
func (i *instance) neverReady(w window, limit time.Duration) (string, Evidence) {
	end := w.to
	if i.terminating != nil {
		end = min(end, i.terminating.at)
	}
	if e := i.exited; e != nil && e.at <= end {
		text := fmt.Sprintf("exited with code %d before it was ready", e.body.Code)
		return text, Evidence{Text: text, Instance: i.name, From: *i.started, To: e.at}
	}
	if had := end - *i.started; had > limit {
		text := "not ready " + offset(had) + " after its start"
		return text, Evidence{Text: text, Instance: i.name, From: *i.started, To: end}
	}
	return "", Evidence{}
}

// flaps is R4: an instance that is neither stopping nor gone does not lose its
// readiness more often than allowed. One that exits under traffic although
// nobody asked it to loses it for good, which no number allows.
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
