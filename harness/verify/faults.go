package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// faultFindings tells of every fault of the plan whether it was done to all of its
// targets and reverted. Anything else is inconclusive: a fault that did nothing
// in silence would let everything pass.
func (h *history) faultFindings() []Finding {
	var findings []Finding
	for _, r := range slices.Concat(h.faults.runs, h.faults.live) {
		f := Finding{ID: "faults/" + r.ID, Kind: "faults", Verdict: Pass, Wanted: "applied to all of its targets, and reverted"}
		if r.permanent() {
			f.Wanted = "applied to all of its targets"
		}
		if len(r.Services) == 1 {
			f.Service = r.Services[0]
		}
		f.Measured, f.Evidence = r.measured(), append(r.evidence(), h.answeredBy(r, slices.Sorted(maps.Keys(h.faults.calls)), shown)...)
		f.Evidence = append(f.Evidence, h.takenAway(r)...)
		if why := r.unproven(); why != "" {
			f.Verdict, f.Reason = Inconclusive, why
		}
		findings = append(findings, h.settled(f))
	}
	return findings
}

// stoppedEarly tells that a stop condition ended the run.
func (h *history) stoppedEarly() []Finding {
	if len(h.faults.stops) == 0 {
		return nil
	}
	f := Finding{ID: "run/stopped", Kind: "run", Verdict: Fail, Wanted: "no stop condition ends the run"}
	for _, s := range h.faults.stops {
		f.Measured = join(f.Measured, s.body.Measured)
		f.Reason = join(f.Reason, fmt.Sprintf("the run was stopped at %s: %s was missed for %s (%s)",
			offset(s.at), s.body.Condition, latency(s.body.For), s.body.Measured))
		f.Evidence = append(f.Evidence, Evidence{Text: s.body.Condition + ": " + s.body.Measured, From: max(0, s.at-s.body.For), To: s.at})
	}
	if f.Measured == "" {
		f.Measured = "missed"
	}
	return []Finding{f}
}

// endings are the reasons for the end of a fault that the plan knows of.
var endings = []string{"", "schedule", "at once", "end"}

// unproven says why nothing that depends on the fault is proven; "" when it was
// applied to all of its targets and reverted.
func (f *faultRun) unproven() string {
	name := "fault " + f.ID
	targets := f.targets()
	why := ""
	switch {
	case f.calledOff():
		return name + " was called off by hand before it began"
	case f.started == nil && len(f.states) == 0:
		return name + " was never injected"
	case f.started == nil:
		why = "the record does not say when " + name + " began"
	case len(targets) == 0:
		why = name + " was done to nothing" + after(": ", firstLine(f.started.body.Error))
	case f.started.body.Error != "":
		why = name + " did not come about on all of its targets: " + firstLine(f.started.body.Error)
	}
	why = join(why, f.ineffective(targets))
	switch {
	case f.permanent():
	case f.ended == nil:
		return join(why, "the record does not say that "+name+" was reverted")
	case f.byHand && slices.Contains([]string{"hand", "abort"}, f.ended.body.By):
	case !slices.Contains(endings, f.ended.body.By):
		why = join(why, name+" was ended before its time ("+f.ended.body.By+")")
	}
	if f.ended != nil && f.ended.body.Error != "" {
		why = join(why, name+" could not be reverted: "+firstLine(f.ended.body.Error))
	}
	return join(why, f.unreverted(targets))
}

// A hold is how a fault stood on one target.
type hold struct {
	target string
	effect *timed[journal.FaultState] // the last before the revert, nil for none
	end    *timed[journal.FaultState] // reverted or stuck
}

func (f *faultRun) hold(target string) hold {
	o := hold{target: target}
	for _, s := range f.states {
		if s.body.Target != target {
			continue
		}
		switch s.body.State {
		case journal.FaultReverted, journal.FaultStuck:
			o.end = &s
		default:
			o.effect = &s
		}
	}
	return o
}

// passedBy tells of a target that came while the fault lasted and was gone again
// before it was done to it.
func (o hold) passedBy(f *faultRun) bool {
	return o.end != nil && o.end.body.State == journal.FaultReverted && f.started != nil && !slices.Contains(f.started.body.Targets, o.target)
}

func (o hold) applied() bool { return o.effect != nil && o.effect.body.State == journal.FaultApplied }

// ineffective says on which targets the fault was not in force to its end.
func (f *faultRun) ineffective(targets []string) string {
	replaced := f.reapplied()
	var bad []string
	for _, target := range targets {
		o := f.hold(target)
		if o.effect == nil {
			if o.passedBy(f) {
				continue
			}
			bad = append(bad, "nothing tells whether it took effect on "+target)
			continue
		}
		if o.applied() {
			continue
		}
		if o.effect.body.State == journal.FaultLost && replaced > 0 {
			replaced--
			continue
		}
		bad = append(bad, f.how(o))
	}
	if len(bad) == 0 {
		return ""
	}
	return "fault " + f.ID + ": " + strings.Join(bad[:min(len(bad), keysInReason)], "; ") + andMore(len(bad)-keysInReason, "target")
}

// how says what is wrong with a fault on a target.
func (f *faultRun) how(o hold) string {
	text := map[string]string{
		journal.FaultPartial:  "was in force only in part on " + o.target,
		journal.FaultNoEffect: "had no effect on " + o.target,
		journal.FaultLost:     "was lost on " + o.target + " at " + offset(o.effect.at) + " and not applied again",
	}[o.effect.body.State]
	if text == "" {
		text = fmt.Sprintf("is in a state on %s that this version does not know (%q)", o.target, o.effect.body.State)
	}
	return text + after(": ", firstLine(o.effect.body.Reason))
}

// reapplied is how many targets that were not there at the beginning the fault was
// done to later: each stands for one that was lost.
func (f *faultRun) reapplied() int {
	n := 0
	for _, target := range f.targets() {
		if f.started != nil && !slices.Contains(f.started.body.Targets, target) && f.hold(target).applied() {
			n++
		}
	}
	return n
}

// unreverted says on which targets the fault is still there, for all that is known.
func (f *faultRun) unreverted(targets []string) string {
	if f.permanent() {
		return ""
	}
	var bad []string
	for _, target := range targets {
		o := f.hold(target)
		lost := o.effect != nil && o.effect.body.State == journal.FaultLost
		switch {
		case o.end != nil && o.end.body.State == journal.FaultReverted:
		case o.end != nil:
			bad = append(bad, "stuck on "+target+after(": ", firstLine(o.end.body.Reason)))
		case !lost:
			bad = append(bad, "nothing shows that its effect on "+target+" is over")
		}
	}
	if len(bad) == 0 {
		return ""
	}
	return "fault " + f.ID + ": " + strings.Join(bad[:min(len(bad), keysInReason)], "; ") + andMore(len(bad)-keysInReason, "target")
}

// stuck tells that the fault may still have been there when the run was over.
func (f *faultRun) stuck() bool {
	return f.started != nil && !f.permanent() && (f.ended == nil || f.ended.body.Error != "" || f.unreverted(f.targets()) != "")
}

// andMore is what is not listed; "" if all is.
func andMore(n int, noun string) string {
	if n <= 0 {
		return ""
	}
	return " (and " + count(n) + " more " + noun + map[bool]string{true: "s"}[n > 1] + ")"
}

// measured is the table cell.
func (f *faultRun) measured() string {
	targets := f.targets()
	switch {
	case f.calledOff():
		return "called off at " + offset(f.ended.at)
	case len(targets) == 0:
		return "never applied"
	}
	applied, reverted := 0, 0
	for _, target := range targets {
		o := f.hold(target)
		if o.applied() {
			applied++
		}
		if o.end != nil && o.end.body.State == journal.FaultReverted {
			reverted++
		}
	}
	s := fmt.Sprintf("applied to %d of %d, reverted on %d", applied, len(targets), reverted)
	if f.permanent() {
		s = fmt.Sprintf("applied to %d of %d, for good", applied, len(targets))
	}
	return join(s, f.counted())
}

// counted is what whoever did it has counted, on all targets together: "1,204
// requests, 1,190 injected".
func (f *faultRun) counted() string {
	sum := map[string]int64{}
	for _, c := range f.counters {
		for name, n := range c.body.Counters {
			sum[name] += n
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(sum)) {
		parts = append(parts, count(int(sum[name]))+" "+counter(name, sum[name]))
	}
	return strings.Join(parts, ", ")
}

// counter is the name of a counter beside its figure: "1 query", "2 queries".
func counter(name string, n int64) string {
	if n != 1 {
		return name
	}
	if stem, ok := strings.CutSuffix(name, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(name, "s")
}

// evidence is when it lasted, how it stood on each target, and what its probes saw.
func (f *faultRun) evidence() []Evidence {
	var list []Evidence
	if f.calledOff() {
		text := fmt.Sprintf("%s: called off, it was to begin at %s", f.Kind, offset(f.origin+f.At.Std()))
		list = append(list, Evidence{Text: text, From: f.ended.at, To: f.ended.at})
	}
	if s, ok := f.lasted(); ok {
		text := f.Kind + ": " + f.started.body.Detail
		text += fmt.Sprintf("; %s after its time, by %s", latency(f.started.body.Late), orUnknown(f.started.body.Backend))
		if f.ended != nil && !f.AtOnce() {
			when := latency(f.ended.body.Late) + " after its time"
			if f.ended.body.Late < 0 {
				when = latency(-f.ended.body.Late) + " before its time"
			}
			text += fmt.Sprintf("; reverted %s (%s)", when, orUnknown(f.ended.body.By))
		}
		list = append(list, Evidence{Text: text, From: s.from, To: s.to, Count: len(f.targets())})
	}
	for n, s := range f.states {
		if n == maxNamed {
			list = append(list, Evidence{Text: plural(len(f.states)-n, "more change"), From: s.at, To: f.states[len(f.states)-1].at})
			break
		}
		list = append(list, Evidence{Text: s.body.State + after(": ", capped(s.body.Reason)), Instance: s.body.Target, From: s.at, To: s.at})
	}
	for n, p := range f.probes {
		if n == maxNamed {
			break
		}
		list = append(list, Evidence{Text: p.body.Stage + ": " + p.body.What + ": " + probed(p.body), Instance: p.body.Target, From: p.at, To: p.at})
	}
	return list
}

// probed is what a probe saw, in words.
func probed(p journal.FaultProbe) string {
	switch {
	case p.Error != "":
		return firstLine(p.Error)
	case p.Unit == "s":
		return latency(seconds(p.Value)) + after(", ", p.Detail)
	}
	return figure(p.Value) + p.Unit + after(", ", p.Detail)
}

func orUnknown(word string) string {
	if word == "" {
		return "not known"
	}
	return word
}

// answeredBy says how many of the calls to some services that failed while a fault
// lasted it had answered itself.
func (h *history) answeredBy(f *faultRun, services []string, settle time.Duration) []Evidence {
	s, ok := f.felt(settle)
	if !ok {
		return nil
	}
	var list []Evidence
	for _, service := range services {
		if failed, its := h.failedCalls(service, s, f.ID); its > 0 {
			list = append(list, Evidence{Text: fmt.Sprintf("%s of %s to %s were answered by fault %s",
				count(its), plural(failed, "failed call"), service, f.ID), From: s.from, To: s.to, Count: its})
		}
	}
	return list
}

// failedCalls is how many calls to a service, of those written down one by one,
// began in a stretch and failed, and to how many of them a fault had been done.
func (h *history) failedCalls(service string, during span, fault string) (failed, its int) {
	for _, c := range h.faults.calls[service] {
		for _, call := range c.body.Calls {
			if call.At < during.from || call.At > during.to || !failing(call) {
				continue
			}
			failed++
			if call.Fault == fault {
				its++
			}
		}
	}
	return failed, its
}

// failing tells whether a call failed, as callers see it.
func failing(c journal.Call) bool { return c.Status == 0 || c.Status == 429 || c.Status >= 500 }
