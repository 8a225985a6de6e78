package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// lead is how long before the first byte of an account's heavy work the larger
// class was effective wherever that work may have gone; of several pieces of work
// the worst.
type lead struct {
	account string
	at      time.Duration // of the first byte
	before  time.Duration // negative: so much later
	never   bool          // it was not before the end of the run
	late    string        // the instance that was last, or why it never was
}

// effective is P1: the larger class is effective on every instance that may get
// the work before its first byte, and so much before as the check says. Accounts
// that were refused do their work without; that is what P5 is about.
func (h *history) effective(w workload) Finding {
	c := w.check
	f := prescaleFinding(c.Service, "P1-effective", "the larger class is effective before the first byte of "+c.Step)
	if c.Lead > 0 {
		f.Wanted = fmt.Sprintf("the larger class is effective %s before the first byte of %s", latency(c.Lead.Std()), c.Step)
	}
	if why := w.idle(); why != "" {
		return unknown(f, why)
	}
	var leads []lead
	refused := 0
	for _, a := range w.accounts {
		l, ok := h.leadOf(w, a)
		switch {
		case ok:
			leads = append(leads, l)
		case len(a.started) > 0:
			refused++
		}
	}
	if len(leads) == 0 {
		return unknown(f, fmt.Sprintf("all %s that did heavy work had been refused", plural(refused, "account")))
	}
	slices.SortStableFunc(leads, compareLeads)
	f.Measured = measuredLeads(leads, refused)
	for _, l := range leads[:min(len(leads), maxNamed)] {
		f.Evidence = append(f.Evidence, l.evidence())
	}
	late := slices.DeleteFunc(slices.Clone(leads), func(l lead) bool { return !l.never && l.before >= c.Lead.Std() })
	if len(late) == 0 {
		return f
	}
	f.Verdict = Fail
	f.Reason = join(w.unwilling(), tooLate(late, len(leads)))
	for _, l := range late[:min(len(late), keysInReason)] {
		f.Reason = join(f.Reason, l.words())
	}
	f.Reason = join(join(f.Reason, w.refusalText(largeClass)), h.unannounced(w))
	return f
}

// tooLate says for how many accounts the larger class was not there in time.
func tooLate(late []lead, all int) string {
	never := 0
	for _, l := range late {
		if l.never {
			never++
		}
	}
	what := "came too late"
	switch {
	case never == len(late):
		what = "never came"
	case never > 0:
		what += fmt.Sprintf(", or never (%s),", count(never))
	}
	return fmt.Sprintf("the larger class %s for %s of %s", what, count(len(late)), plural(all, "account"))
}

// unwilling says that the policy is one that gives nobody the larger class before
// the work; "" if it is not.
func (w workload) unwilling() string {
	switch w.spec.Policy {
	case scenarios.OffPolicy:
		return "the policy is off, which enlarges nothing"
	case scenarios.ReactivePolicy:
		return "the policy is reactive, which enlarges what is busy already"
	}
	return ""
}

// unannounced says that nobody asked for the larger class at all, and where that was
// to come by; "" if somebody did, or nobody had to.
func (h *history) unannounced(w workload) string {
	if w.spec.Policy != scenarios.ProactivePolicy {
		return ""
	}
	for _, a := range w.accounts {
		if len(a.signals)+len(a.claims) > 0 {
			return ""
		}
	}
	text := ""
	if p := w.spec.Webhook; p != nil {
		if n := h.announced(p.Service, "webhook"); n > 0 {
			text = fmt.Sprintf("%s posted to %s %s, but never for tier %s", p.Service, p.Variable, times(n), w.spec.Tier)
		} else {
			text = fmt.Sprintf("%s never posted to %s", p.Service, p.Variable)
		}
	}
	if p := w.spec.Header; p != nil {
		text = join(text, fmt.Sprintf("no request with %s: %s and an account in %s came by the gateway of %s", p.Tier, w.spec.Tier, p.Account, p.Service))
	}
	if text == "" {
		return "no session of tier " + w.spec.Tier + " was ever announced"
	}
	return text
}

// announced is how many signs of sessions of any tier a gateway was given.
func (h *history) announced(service, via string) int {
	n := 0
	for _, s := range h.scale.signals {
		if s.body.Service == service && s.body.Via == via {
			n++
		}
	}
	return n
}

// leadOf is the worst of the leads of an account's pieces of work that were not
// refused; false if all were.
func (h *history) leadOf(w workload, a *account) (lead, bool) {
	var worst *lead
	for _, m := range a.started {
		if w.refused(a, m.at) {
			continue
		}
		if l := h.leadAt(w, a, m.at); worst == nil || compareLeads(l, *worst) < 0 {
			worst = &l
		}
	}
	if worst == nil {
		return lead{}, false
	}
	return *worst, true
}

// leadAt looks at the work that an account began at a moment.
func (h *history) leadAt(w workload, a *account, at time.Duration) lead {
	l := lead{account: a.name, at: at, before: forever}
	targets := h.targets(w, a, at)
	if len(targets) == 0 {
		l.never, l.late = true, "no instance took work"
	}
	for _, i := range targets {
		since, ok := w.largeSince(i, at)
		switch {
		case !ok:
			l.never, l.late = true, "not on "+i.name
		case !l.never && at-since < l.before:
			l.before, l.late = at-since, i.name
		}
	}
	return l
}

// targets are the instances that may get the work that an account begins at a
// moment: those that take work then, or the one that the account was given.
func (h *history) targets(w workload, a *account, at time.Duration) []*instance {
	if w.spec.Instances == "one" {
		if i := h.byName[a.claimAt(at).Instance]; i != nil {
			return []*instance{i}
		}
	}
	return slices.DeleteFunc(h.of(w.check.Service), func(i *instance) bool { return i.job || !h.takingWork(i, at) })
}

// takingWork tells whether an instance takes work at a moment.
func (h *history) takingWork(i *instance, at time.Duration) bool {
	if h.routed(i.service) {
		return i.listedAt(at)
	}
	left, leaves := i.leaves()
	return i.started != nil && *i.started <= at && (!leaves || left > at)
}

// listedAt tells whether an instance was in the endpoint list at a moment.
func (i *instance) listedAt(at time.Duration) bool {
	last, in := time.Duration(-1), false
	for _, a := range i.added {
		if a.at <= at {
			last, in = a.at, true
		}
	}
	for _, r := range i.removed {
		if r.at <= at && r.at >= last {
			last, in = r.at, false
		}
	}
	return in
}

// largeSince is since when an instance has had the larger class at a moment, or
// when it got it afterwards; false for never.
func (w workload) largeSince(i *instance, at time.Duration) (time.Duration, bool) {
	since, large := time.Duration(0), false
	for _, r := range w.resized {
		is := r.body.Class == largeClass
		switch {
		case r.body.Instance != i.name || r.body.Error != "":
			continue
		case r.at > at && large:
			return since, true
		case r.at > at && is:
			return r.at, true
		case is && !large:
			since = r.at
		}
		large = is
	}
	return since, large
}

// compareLeads puts the worst first.
func compareLeads(a, b lead) int {
	if a.never != b.never {
		if a.never {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.before, b.before)
}

// words say how an account fared.
func (l lead) words() string {
	switch {
	case l.never:
		return l.account + ": " + l.late
	case l.before < 0:
		return fmt.Sprintf("%s: %s too late (%s)", l.account, offset(-l.before), l.late)
	}
	return fmt.Sprintf("%s: %s before (%s)", l.account, offset(l.before), l.late)
}

func (l lead) evidence() Evidence {
	e := Evidence{Text: l.words(), From: l.at, To: l.at}
	switch {
	case l.never:
	case l.before < 0:
		e.To = l.at - l.before
	default:
		e.From = l.at - l.before
	}
	return e
}

// measuredLeads is the table cell; leads are in ascending order, those that never
// were first.
func measuredLeads(leads []lead, refused int) string {
	text := ""
	never := slices.IndexFunc(leads, func(l lead) bool { return !l.never })
	if never < 0 {
		never = len(leads)
	}
	if never > 0 {
		text = fmt.Sprintf("not effective for %s of %s", count(never), plural(len(leads), "account"))
	}
	if rest := leads[never:]; len(rest) > 0 {
		text = join(text, fmt.Sprintf("lead %s at least, %s in the middle, of %s", rest[0].text(), rest[(len(rest)-1)/2].text(), plural(len(rest), "account")))
	}
	if refused > 0 {
		text = join(text, count(refused)+" refused")
	}
	return text
}

func (l lead) text() string {
	if l.before < 0 {
		return "-" + offset(-l.before)
	}
	return offset(l.before)
}
