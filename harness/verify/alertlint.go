package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// leastScrapes is how many scrapes a range must hold: a rate needs two samples, and
// one may be late and one missing.
const leastScrapes = 4

// alertLint judges rules by what this rehearsal has for them: N1 each alert can fire
// in it, N2 what they name is exported, N3 their ranges hold enough scrapes, N4 they
// can be evaluated. Alerts that are ignored are left out, and the findings say so.
func (h *history) alertLint(c scenarios.AlertLintCheck) []Finding {
	l := lint{alertRecord: h.alertRecord(), h: h, ignored: c.Ignore, scrape: metricEvery}
	if m := h.plan.Metrics; m != nil && m.Every > 0 {
		l.scrape = m.Every.Std()
	}
	var findings []Finding
	for _, r := range []struct {
		rule, wanted string
		judge        func(Finding) Finding
	}{
		{"N1-can-fire", "every alert can fire in this rehearsal", l.canFire},
		{"N2-exported", "something exports every metric that rules name", l.exports},
		{"N3-ranges", fmt.Sprintf("no range is shorter than %d scrapes (%s)", leastScrapes, latency(leastScrapes*l.scrape)), l.ranges},
		{"N4-evaluated", "every rule can be evaluated", l.evaluated},
	} {
		f := Finding{ID: "alert-lint/" + r.rule, Kind: "alert_lint", Verdict: Pass, Wanted: r.wanted}
		if why := l.unloaded(); why != "" {
			f = unknown(f, why)
		} else {
			f = r.judge(f)
		}
		if len(c.Ignore) > 0 {
			f.Evidence = append(f.Evidence, Evidence{Text: "ignored: " + strings.Join(c.Ignore, ", "), Count: len(c.Ignore)})
		}
		findings = append(findings, h.whole(f))
	}
	return findings
}

// lint is the rules of a run beside its plan.
type lint struct {
	alertRecord
	h       *history
	ignored []string
	scrape  time.Duration // the time between two
}

// judged are the rules that are not ignored, in the order of their files.
func (l lint) judged() []journal.Rule {
	return slices.DeleteFunc(slices.Clone(l.rules()), func(r journal.Rule) bool { return r.Alert != "" && slices.Contains(l.ignored, r.Alert) })
}

// called is a rule as people find it: its group and its name.
func called(r journal.Rule) string { return r.Group + "/" + cmp.Or(r.Alert, r.Record) }

// blamed makes a failure of a list of what is wrong, one line each; a pass of none.
func blamed(f Finding, wrong []string, noun string) Finding {
	for n, text := range wrong {
		if n < maxRows {
			f.Evidence = append(f.Evidence, Evidence{Text: text})
		}
	}
	if len(wrong) == 0 {
		return f
	}
	f.Verdict, f.Measured = Fail, plural(len(wrong), noun)
	f.Reason = strings.Join(wrong[:min(len(wrong), keysInReason)], "; ") + andMore(len(wrong)-keysInReason, noun)
	return f
}

// An occasion is something in a plan that an alert may have to announce.
type occasion struct {
	words  string
	length time.Duration
	// quiet tells that nothing is to be announced. What is asked then is only whether the
	// alert could have fired: the silence of one that could not proves nothing.
	quiet bool
}

// takes is how long an alert takes that is to fire on the occasion: for certain, or, where
// nothing is to make it fire, at its quickest.
func (o occasion) takes(d detection) time.Duration {
	if o.quiet {
		return d.soonest()
	}
	return d.enough()
}

// beside says how long an alert takes and how long the occasion lasts.
func (o occasion) beside(d detection) string {
	if o.quiet {
		return fmt.Sprintf("%s at its quickest (%s), and the longest phase, %s, lasts %s", latency(d.soonest()), d.words(), cmp.Or(o.words, "none"), latency(o.length))
	}
	return fmt.Sprintf("%s %s (%s), and the longest cause, %s, lasts %s", map[bool]string{true: "at least", false: "up to"}[d.told],
		latency(d.enough()), d.words(), cmp.Or(o.words, "none"), latency(o.length))
}

// longestCause is that of the causes which alert checks name for an alert, or else of
// all faults, and of all phases in which no check wants it to be silent. Where no check
// names a cause and there is no fault it is the longest phase, silent or not.
func (l lint) longestCause(alert string) occasion {
	var best occasion
	add := func(words string, length time.Duration) {
		if length > best.length {
			best.words, best.length = words, length
		}
	}
	var silent []string
	wanted := map[string]bool{}
	for _, c := range l.h.plan.Checks {
		if c.Alert == nil || c.Alert.Alert != alert {
			continue
		}
		silent = append(silent, l.h.alarmOf(*c.Alert).silentPhases()...)
		for _, name := range []string{"fault " + c.Alert.Fault, "phase " + c.Alert.Phase} {
			wanted[name] = true
		}
	}
	delete(wanted, "fault ")
	delete(wanted, "phase ")
	best.quiet = len(wanted) == 0 && len(l.h.plan.Faults) == 0
	for _, f := range l.h.plan.Faults {
		if name := "fault " + f.ID; len(wanted) == 0 || wanted[name] {
			add(name, max((f.End-f.At).Std(), map[bool]time.Duration{true: shown}[f.AtOnce()]))
		}
	}
	for _, p := range l.h.plan.Phases {
		if name := "phase " + p.Name; best.quiet || len(wanted) == 0 && !slices.Contains(silent, p.Name) || wanted[name] {
			add(name, (p.End - p.Start).Std())
		}
	}
	return best
}

// canFire is N1. What did fire can.
func (l lint) canFire(f Finding) Finding {
	var never, unsure []string
	judged, possible := 0, 0
	for _, r := range l.judged() {
		if r.Alert == "" {
			continue
		}
		judged++
		if n := len(l.firings(r.Alert)); n > 0 {
			possible++
			f.Evidence = append(f.Evidence, Evidence{Text: called(r) + ": it fired", Count: n})
			continue
		}
		cause := l.longestCause(r.Alert)
		all := l.detections(r, l.scrape)
		quickest := slices.MinFunc(all, func(a, b detection) int { return cmp.Compare(cause.takes(a), cause.takes(b)) })
		text := called(r) + " takes " + cause.beside(quickest)
		switch {
		case cause.takes(quickest) <= cause.length:
			possible++
			f.Evidence = append(f.Evidence, Evidence{Text: text})
		case !slices.ContainsFunc(all, func(d detection) bool { return !d.never(cause.length) }):
			never = append(never, text+": it cannot fire; "+l.remedy(cause, quickest))
		default:
			unsure = append(unsure, text+": it may not fire; "+l.remedy(cause, quickest))
		}
	}
	if f = blamed(f, never, "alert"); f.Verdict == Fail {
		f.Measured = fmt.Sprintf("%s of %s cannot fire", count(len(never)), plural(judged, "alert"))
	} else {
		f.Measured = fmt.Sprintf("%s of %s can fire", count(possible), plural(judged, "alert"))
	}
	for _, text := range unsure[:min(len(unsure), maxRows)] {
		f.Evidence = append(f.Evidence, Evidence{Text: text})
	}
	switch {
	case f.Verdict == Fail:
	case judged == 0:
		return unknown(f, "no rule is an alert that is to be judged")
	case len(unsure) > 0:
		return unknown(f, strings.Join(unsure[:min(len(unsure), keysInReason)], "; ")+andMore(len(unsure)-keysInReason, "alert"))
	}
	return f
}

// words are what the time is made of.
func (d detection) words() string {
	var parts []string
	switch {
	case d.window > 0 && d.told:
		parts = append(parts, fmt.Sprintf("%s of a range of %s", percent(d.share), latency(d.window)))
	case d.window > 0:
		parts = append(parts, "range "+latency(d.window))
	}
	if d.hold > 0 {
		parts = append(parts, "for "+latency(d.hold))
	}
	return strings.Join(append(parts, "interval "+latency(d.interval), "scrape "+latency(d.scrape)), ", ")
}

// remedy is what would make an alert fire.
func (l lint) remedy(o occasion, d detection) string {
	text := fmt.Sprintf("a fault or a phase of %s would do", latency(o.takes(d)))
	if o.quiet {
		text = fmt.Sprintf("a phase of %s would do", latency(o.takes(d)))
	}
	if tempo := l.h.tempo(); tempo > 1 && l.loaded.Scale == 1 {
		d.window, d.hold, d.interval = divided(d.window, tempo), divided(d.hold, tempo), divided(d.interval, tempo)
		text += fmt.Sprintf(", or rule_tempo: scaled, with which it takes %s", latency(o.takes(d)))
	}
	return text
}

func divided(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) / by) }

// ranges is N3.
func (l lint) ranges(f Finding) Finding {
	var wrong []string
	looked := 0
	for _, r := range l.judged() {
		for _, one := range r.Ranges {
			if looked++; one < leastScrapes*l.scrape {
				wrong = append(wrong, fmt.Sprintf("%s looks back over %s, which is %s of %s; take %s or more", called(r), latency(one),
					figure(one.Seconds()/l.scrape.Seconds())+" scrapes", latency(l.scrape), latency(leastScrapes*l.scrape)))
			}
		}
	}
	f.Measured = fmt.Sprintf("%s in %s", plural(looked, "range"), plural(len(l.judged()), "rule"))
	return blamed(f, wrong, "range")
}

// evaluated is N4.
func (l lint) evaluated(f Finding) Finding {
	f.Measured = plural(len(l.judged()), "rule") + " evaluated"
	messages, failed := 0, map[string]bool{}
	for _, b := range l.failed {
		if slices.Contains(l.ignored, b.body.Rule) {
			continue
		}
		name := b.body.Group + "/" + b.body.Rule
		failed[name] = true
		if messages++; messages <= keysInReason {
			f.Reason = join(f.Reason, fmt.Sprintf("%s could not be evaluated at %s: %s", name, offset(b.at), firstLine(b.body.Error)))
		}
		if messages <= maxRows {
			f.Evidence = append(f.Evidence, Evidence{Text: name + ": " + capped(b.body.Error), From: b.at, To: b.at})
		}
	}
	if messages == 0 {
		return f
	}
	f.Verdict, f.Measured = Fail, plural(len(failed), "rule")+" failed"
	f.Reason += andMore(messages-keysInReason, "message")
	return f
}
