package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// defaultWithin is the time that an alert has where the check does not say.
const defaultWithin = 30 * time.Second

// alert judges one alert: A1 it announces its cause in time, A2 it is over in time
// after it, A3 it has its labels, A4 it is silent where nothing is wrong, A5 it does
// not depend on the autoscaler, A6 no other fires for the cause. A1, A3, A5 and A6
// are judged where the check names a cause, and all but A1 and A4 where it asks for
// them. What is about a fault is inconclusive unless that was what it was meant to be.
func (h *history) alert(c scenarios.AlertCheck) []Finding {
	a := h.alarmOf(c)
	var findings []Finding
	if c.Fault != "" || c.Phase != "" {
		fires := a.fires()
		findings = append(findings, a.caused(fires))
		if c.Resolves != nil {
			findings = append(findings, a.caused(a.resolves(c.Resolves.Std())))
		}
		if len(c.Labels) > 0 {
			findings = append(findings, a.caused(a.labels()))
		}
		if c.Independent != "" {
			findings = append(findings, a.caused(a.independent(fires)))
		}
		if c.Only {
			findings = append(findings, a.caused(a.only()))
		}
	}
	if names := a.silentPhases(); len(names) > 0 {
		findings = append(findings, h.whole(a.silent(names)))
	}
	if len(findings) == 0 {
		f := a.finding("A1-fires", "announces a cause")
		findings = append(findings, h.whole(unknown(f, "the check names neither a cause nor a phase in which the alert is silent")))
	}
	return findings
}

// An alarm is an alert beside the cause that it is to announce.
type alarm struct {
	scenarios.AlertCheck
	alertRecord
	cause
	h      *history
	within time.Duration
	fired  []*episode // of this alert, in order of when they fired
}

func (h *history) alarmOf(c scenarios.AlertCheck) alarm {
	a := alarm{AlertCheck: c, alertRecord: h.alertRecord(), h: h, within: defaultWithin}
	if c.Within != nil {
		a.within = c.Within.Std()
	}
	if c.Fault != "" || c.Phase != "" {
		a.cause = h.causeOf(c)
	}
	a.fired = a.firings(c.Alert)
	return a
}

func (a alarm) finding(rule, wanted string) Finding {
	return Finding{ID: "alert/" + a.Alert + "/" + rule, Kind: "alert", Verdict: Pass, Wanted: wanted}
}

// missing judges what has nothing to be judged by: no rules, or none of that name,
// which is a failure whatever happened. It tells whether that is so.
func (a alarm) missing(f Finding) (Finding, bool) {
	if why := a.unloaded(); why != "" {
		return unknown(f, why), true
	}
	if len(a.named(a.Alert)) > 0 {
		return f, false
	}
	f.Verdict, f.Measured = Fail, "there is no such alert"
	f.Reason = "no rule is called " + a.Alert + instead(a.Alert, a.alerts())
	return f, true
}

// unjudged is missing for what depends on the cause.
func (a alarm) unjudged(f Finding) (Finding, bool) {
	if f, is := a.missing(f); is {
		return f, true
	}
	if a.why != "" {
		return unknown(f, a.why), true
	}
	f.Evidence = append(f.Evidence, Evidence{Text: a.words, From: a.from, To: a.to})
	return f, false
}

// caused takes a verdict back that the cause does not bear out.
func (a alarm) caused(f Finding) Finding {
	if _, is := a.missing(Finding{}); is || len(a.faults) == 0 {
		return a.h.whole(f)
	}
	return a.h.dependent(f, a.faults)
}

// unseen says why what the record does not show up to a moment may have been all
// the same; "" where it was not.
func (a alarm) unseen(before time.Duration) string {
	if why := a.failure(a.Alert, before); why != "" {
		return why
	}
	if a.h.rec.Damaged > 0 {
		return a.h.damage()
	}
	return ""
}

// announcement is the episode that announced the cause: the first that fired once it had
// begun; nil for none.
func (a alarm) announcement() *episode {
	for _, e := range a.fired {
		if *e.fired >= a.first {
			return e
		}
	}
	return nil
}

// already is an episode that fired before the cause had begun, and still did then,
// with the labels that are wanted; nil for none.
func (a alarm) already() *episode {
	for _, e := range a.fired {
		if *e.fired < a.first && e.over > a.first && e.has(a.Labels) {
			return e
		}
	}
	return nil
}

// fires is A1.
func (a alarm) fires() Finding {
	f, is := a.unjudged(a.finding("A1-fires", fmt.Sprintf("fires within %s of %s", latency(a.within), a.words)))
	if is {
		return f
	}
	if e := a.already(); e != nil {
		f.Evidence = append(f.Evidence, e.evidence(a.until)...)
		f.Verdict, f.Measured = Fail, "fired before"
		f.Reason = fmt.Sprintf("it had been firing since %s, %s before %s began, so it announces nothing", offset(*e.fired), offset(a.first-*e.fired), a.words)
		return f
	}
	e := a.announcement()
	if e == nil {
		return a.neverFired(f)
	}
	f.Evidence = append(f.Evidence, e.evidence(a.until)...)
	took := a.since(*e.fired)
	f.Measured = fmt.Sprintf("after %s: %s", offset(took), a.parts(e))
	if took <= a.within {
		return f
	}
	if why := a.unseen(a.from + a.within); why != "" {
		return unknown(f, why)
	}
	f.Verdict = Fail
	f.Reason = fmt.Sprintf("it fired only %s after %s began, the limit is %s: %s", offset(took), a.words, latency(a.within), a.parts(e))
	f.Evidence = append(f.Evidence, a.unread(span{a.first, *e.fired})...)
	return f
}

// parts are the time from the cause until the alert was pending, and from then
// until it fired.
func (a alarm) parts(e *episode) string {
	switch {
	case e.pending == *e.fired:
		return "firing as soon as it was true"
	case e.pending < a.first:
		return fmt.Sprintf("pending since %s before, firing %s later", offset(a.first-e.pending), offset(*e.fired-e.pending))
	}
	return fmt.Sprintf("pending after %s, firing %s later", offset(a.since(e.pending)), offset(*e.fired-e.pending))
}

// neverFired is A1 where the alert did not fire from the cause on.
func (a alarm) neverFired(f Finding) Finding {
	deadline := a.from + a.within
	f.Measured = "did not fire"
	if a.until < deadline {
		return unknown(f, a.ended(a.until, a.from, "began"))
	}
	if why := a.unseen(deadline); why != "" {
		return unknown(f, why)
	}
	f.Verdict, f.Reason = Fail, fmt.Sprintf("it did not fire after %s began, although rules were evaluated for %s more", a.words, offset(a.until-a.from))
	for _, e := range a.episodes {
		if e.alert == a.Alert && e.fired == nil && e.over > a.first {
			f.Evidence = append(f.Evidence, e.evidence(a.until)...)
			f.Reason += fmt.Sprintf("; it was pending for %s (for: %s)", offset(min(e.over, a.until)-e.pending), latency(a.longestFor()))
			break
		}
	}
	unread := a.unread(span{a.first, max(a.to, deadline)})
	if len(unread) > 0 {
		f.Reason += "; from " + offset(unread[0].From) + " on " + unread[0].Text
	}
	f.Evidence = append(f.Evidence, unread...)
	return f
}

// longestFor is how long the alert has to be pending, of several rules the longest.
func (a alarm) longestFor() time.Duration {
	var longest time.Duration
	for _, l := range a.named(a.Alert) {
		longest = max(longest, l.For)
	}
	return longest
}
