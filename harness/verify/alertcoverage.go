package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	// defaultBreach is how long an objective must be missed to be a breach where the
	// check does not say.
	defaultBreach = 5 * time.Second
	// maxRows bounds a table of breaches or of alerts.
	maxRows = 200
)

// alertCoverage judges alerts by what went wrong: V1 every breach of an objective was
// announced by an alert, V2 every alert announced a breach or a fault. Evidence is a
// table: a line for each breach, and one for each alert.
func (h *history) alertCoverage(c scenarios.AlertCoverageCheck) []Finding {
	v := coverage{alertRecord: h.alertRecord(), h: h, within: defaultWithin, patience: defaultBreach}
	if c.Within != nil {
		v.within = c.Within.Std()
	}
	if c.For != nil {
		v.patience = c.For.Std()
	}
	v.breachesIn = h.breaches(v.patience)
	for _, e := range v.firings("") {
		if !slices.Contains(c.Ignore, e.alert) {
			v.fired = append(v.fired, e)
		}
	}
	return []Finding{h.whole(v.leftOut(v.announced(), c.Ignore)), h.whole(v.leftOut(v.meant(), c.Ignore))}
}

// coverage is the breaches of a run beside its alerts.
type coverage struct {
	alertRecord
	breachesIn
	h                *history
	within, patience time.Duration
	fired            []*episode // but for those that are ignored, in order of when they fired
}

func coverageFinding(rule, wanted string) Finding {
	return Finding{ID: "alert-coverage/" + rule, Kind: "alert_coverage", Verdict: Pass, Wanted: wanted}
}

// leftOut names the alerts that are ignored.
func (v coverage) leftOut(f Finding, ignored []string) Finding {
	if len(ignored) > 0 {
		f.Evidence = append(f.Evidence, Evidence{Text: "ignored: " + strings.Join(ignored, ", "), Count: len(ignored)})
	}
	return f
}

// announced is V1.
func (v coverage) announced() Finding {
	f := coverageFinding("V1-announced", fmt.Sprintf("every breach of an objective for %s is announced within %s", latency(v.patience), latency(v.within)))
	switch why := v.unloaded(); {
	case why != "":
		return unknown(f, why)
	case v.objectives == 0:
		return unknown(f, "the scenario has no slo check, whose objectives could be missed")
	}
	missed, doubts := 0, slices.Clone(v.doubts)
	for n, b := range v.list {
		how, ok, unsure := v.announcement(b)
		if n < maxRows {
			f.Evidence = append(f.Evidence, Evidence{Text: "breach: " + b.objective + ", worst " + b.worst + ": " + map[bool]string{false: "missed, "}[ok] + how, From: b.from, To: b.to})
		}
		switch {
		case ok:
		case unsure != "":
			missed++
			if !slices.Contains(doubts, unsure) {
				doubts = append(doubts, unsure)
			}
		default:
			missed++
			f.Verdict = Fail
			f.Reason = join(f.Reason, fmt.Sprintf("%s was missed from %s to %s, worst %s: %s", b.objective, offset(b.from), offset(b.to), b.worst, how))
		}
	}
	f.Measured = fmt.Sprintf("%s, %s announced", breachCount(len(v.list)), count(len(v.list)-missed))
	if len(v.list) == 0 {
		f.Measured = "no breach in " + plural(v.requests, "request")
	}
	if f.Verdict != Fail && len(doubts) > 0 {
		return unknown(f, strings.Join(doubts, "; "))
	}
	return f
}

// announcement says how a breach was announced, and whether it was; where it was
// not, why that may be otherwise.
func (v coverage) announcement(b breach) (how string, ok bool, unsure string) {
	late := ""
	for _, e := range v.fired {
		took := *e.fired - b.from
		switch {
		case took <= 0 && e.over > b.from && v.foretold(e, b):
			return fmt.Sprintf("%s was firing already, since %s", e.alert, offset(*e.fired)), true, ""
		case took <= 0 && e.over > b.from && late == "":
			late = fmt.Sprintf(" for it; %s had been firing for something else, since %s", e.alert, offset(*e.fired))
		case took > 0 && took <= v.within:
			return fmt.Sprintf("announced by %s after %s", e.alert, offset(took)), true, ""
		case took > v.within && *e.fired < b.to && late == "":
			late = fmt.Sprintf(" in time; %s fired only after %s", e.alert, offset(took))
		}
	}
	how = "no alert fired" + late
	switch deadline := b.from + v.within; {
	case b.doubt != "":
		return how, false, b.doubt
	case v.until < deadline:
		return how, false, fmt.Sprintf("rules were evaluated for %s after %s was missed first, which is less than the time that an alert has", offset(v.until-b.from), b.objective)
	default:
		return how, false, v.failure("", deadline)
	}
}

// foretold tells whether an alert that was firing already when a breach began is about the
// same trouble. It is when it began shortly before, as that on a queue does which is
// felt a little later, or when what it announced by then, a fault or another breach, was
// still going on or had only just ended: alerts do not fire twice for what comes back.
// What fires all the time, or since before traffic flowed, tells nobody
// that something has begun; it would announce every breach there is.
func (v coverage) foretold(e *episode, b breach) bool {
	if *e.fired < v.h.window.from {
		return false
	}
	if b.from-*e.fired <= v.within {
		return true
	}
	lasting := func(s span) bool { return s.from <= *e.fired && *e.fired <= s.from+v.within && s.to+v.within >= b.from }
	for _, o := range v.list {
		if lasting(o.span) {
			return true
		}
	}
	for _, f := range v.h.faults.runs {
		if s, ok := f.felt(shown); ok && lasting(s) {
			return true
		}
	}
	return false
}

// A reported is an alert from when the first of its series fired to when none did.
type reported struct {
	span
	alert  string
	series int
}

// reports are the alerts that fired, series that overlap as one, in order of time.
func (v coverage) reports() []reported {
	byName := map[string][]span{}
	var names []string
	for _, e := range v.fired {
		if byName[e.alert] == nil {
			names = append(names, e.alert)
		}
		byName[e.alert] = append(byName[e.alert], span{*e.fired, e.over})
	}
	var list []reported
	for _, name := range names {
		for _, s := range united(byName[name]) {
			r := reported{span: s, alert: name}
			for _, one := range byName[name] {
				if inside(one, []span{s}) {
					r.series++
				}
			}
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b reported) int { return cmp.Compare(a.from, b.from) })
	return list
}

// meant is V2.
func (v coverage) meant() Finding {
	f := coverageFinding("V2-meant", fmt.Sprintf("every alert fires within %s of a breach or a fault", latency(v.within)))
	if why := v.unloaded(); why != "" {
		return unknown(f, why)
	}
	reports, none, doubt := v.reports(), 0, ""
	for n, r := range reports {
		what := v.announces(r)
		if what == "" {
			none++
			what = "false: no breach, no fault"
			f.Reason = join(f.Reason, fmt.Sprintf("%s fired at %s, although no objective was missed and no fault was under way", r.alert, offset(r.from)))
		}
		if n < maxRows {
			f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("alert: %s (%s): %s", r.alert, seriesCount(r.series), what), From: r.from, To: min(r.to, max(r.from, v.until)), Count: r.series})
		}
	}
	f.Measured = fmt.Sprintf("%s, %s false", plural(len(reports), "alert"), orNone(none))
	if len(reports) == 0 {
		f.Measured = "no alert fired"
	}
	switch {
	case none > 0 && v.objectives == 0:
		doubt = "the scenario has no slo check, so nobody knows whether something was wrong"
	case none > 0:
		doubt = strings.Join(v.doubts, "; ")
	default:
		doubt = v.failure("", v.until)
	}
	switch {
	case doubt != "":
		return unknown(f, join(f.Reason, doubt))
	case none > 0:
		f.Verdict = Fail
	}
	return f
}

func breachCount(n int) string {
	if n == 1 {
		return "1 breach"
	}
	return count(n) + " breaches"
}

func seriesCount(n int) string {
	if n == 1 {
		return "1 series"
	}
	return count(n) + " series"
}

// announces is the first breach, or else the first fault, that was under way while an
// alert fired, or not long before or after; "" for none.
func (v coverage) announces(r reported) string {
	near := func(s span) bool {
		return r.from <= s.to+v.within && (r.to == forever || r.to >= s.from-v.within)
	}
	for _, b := range v.list {
		if near(b.span) {
			return "announces " + b.objective + " (" + between(b.from, b.to) + ")"
		}
	}
	for _, f := range v.h.faults.runs {
		if s, ok := f.felt(shown); ok && near(s) {
			return "announces fault " + f.ID
		}
	}
	return ""
}
