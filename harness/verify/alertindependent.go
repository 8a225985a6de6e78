package verify

import (
	"fmt"
)

// independent is A5: the alert fired before the autoscaler of a service had changed
// anything. Where it had, nothing shows that the alert would have fired without.
func (a alarm) independent(fires Finding) Finding {
	f, is := a.unjudged(a.finding("A5-independent", fmt.Sprintf("fires within %s while the autoscaler of %s does nothing", latency(a.within), a.Independent)))
	if is {
		return f
	}
	until := a.from + a.within
	if e := a.announcement(); e != nil {
		f.Evidence = append(f.Evidence, e.evidence(a.until)...)
		until = min(until, *e.fired)
	}
	changes := a.h.scaledIn(a.Independent, span{a.first, until})
	idle := "the autoscaler changed nothing"
	if a.h.plan.Services[a.Independent].Autoscale == nil {
		idle = a.Independent + " has no autoscaler"
	}
	f.Measured = fires.Measured + "; " + idle
	if len(changes) > 0 {
		f.Evidence = append(f.Evidence, changes...)
		f.Measured = fires.Measured + "; " + plural(len(changes), "change") + " by the autoscaler before"
		return unknown(f, fmt.Sprintf("the autoscaler of %s acted first, at %s (%s), so nothing shows that the alert fires without it; pause it in that phase",
			a.Independent, offset(changes[0].From), changes[0].Text))
	}
	f.Verdict, f.Reason = fires.Verdict, fires.Reason
	return f
}

// scaledIn are the changes of the number of instances of a service by its autoscaler
// in a stretch, also those of which the record does not say what came of them.
func (h *history) scaledIn(service string, during span) []Evidence {
	var list []Evidence
	for _, d := range h.decisionsOf(service) {
		at := d.at
		if d.applied != nil {
			at = d.applied.at
		}
		if d.change() == 0 || d.Held != "" || d.applied != nil && d.applied.body.Error != "" || at < during.from || at > during.to {
			continue
		}
		list = append(list, Evidence{Text: fmt.Sprintf("%s: %d to %d instances of %s", d.Autoscaler, d.Current, d.Desired, service), From: at, To: at})
	}
	return list
}
