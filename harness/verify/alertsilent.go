package verify

import (
	"fmt"
	"slices"
	"strings"
)

// quietPhase is the phase in which alerts are silent where a check does not say.
const quietPhase = "baseline"

// silentPhases are those in which the alert must not fire.
func (a alarm) silentPhases() []string {
	if len(a.Silent) > 0 {
		return a.Silent
	}
	if a.Phase == quietPhase {
		return nil
	}
	for _, r := range a.faults {
		if r.Phase == quietPhase {
			return nil
		}
	}
	for _, p := range a.h.plan.Phases {
		if p.Name == quietPhase {
			return []string{quietPhase}
		}
	}
	return nil
}

// silent is A4. What hangs over from an earlier phase fires all the same.
func (a alarm) silent(names []string) Finding {
	f, is := a.missing(a.finding("A4-silent", "silent in "+strings.Join(names, ", ")))
	if is {
		return f
	}
	doubt, times := "", 0
	for _, name := range names {
		s, ok := a.h.phaseLasted(name)
		if !ok {
			doubt = join(doubt, "the record does not say that phase "+name+" began")
			continue
		}
		f.Evidence = append(f.Evidence, Evidence{Text: "phase " + name, From: s.from, To: s.to})
		during := slices.DeleteFunc(slices.Clone(a.fired), func(e *episode) bool { return !e.firing(s) })
		for n, e := range during {
			if times++; n == maxNamed {
				break
			}
			f.Evidence = append(f.Evidence, e.evidence(a.until)...)
		}
		if len(during) > 0 {
			f.Verdict, f.Reason = Fail, join(f.Reason, a.heard(name, s, during[0]))
		} else if a.until < s.to {
			doubt = join(doubt, fmt.Sprintf("rules were evaluated to %s, and phase %s lasted until %s", offset(a.until), name, offset(s.to)))
		} else if why := a.failure(a.Alert, s.to); why != "" {
			doubt = join(doubt, why)
		}
	}
	f.Measured = "silent"
	if f.Verdict == Fail {
		f.Measured = "fired " + plural(times, "time")
		return f
	}
	if doubt != "" {
		return unknown(f, doubt)
	}
	return f
}

// heard says how it fired in a phase.
func (a alarm) heard(name string, phase span, e *episode) string {
	if *e.fired < phase.from {
		return fmt.Sprintf("it was still firing in %s, for %s of it: it had begun at %s, %s before the phase", name, offset(phase.overlap(span{*e.fired, min(e.over, a.until)})),
			offset(*e.fired), offset(phase.from-*e.fired))
	}
	return fmt.Sprintf("it fired in %s, at %s", name, offset(*e.fired))
}
