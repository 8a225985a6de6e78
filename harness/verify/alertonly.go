package verify

import (
	"fmt"
)

// only is A6: no other alert begins to fire from the beginning of the cause until a
// time after its end, or until another fault begins. What fired before it is not for
// this cause.
func (a alarm) only() Finding {
	after := a.within
	if a.Resolves != nil {
		after = a.Resolves.Std()
	}
	f, is := a.unjudged(a.finding("A6-only", fmt.Sprintf("no other alert fires until %s after the end of %s", latency(after), a.words)))
	if is {
		return f
	}
	stretch, doubt := span{a.first, a.to + after}, ""
	if rivals := a.h.rivals(a.cause, stretch.to); len(rivals) > 0 {
		r := rivals[0]
		stretch.to = r.ordered()
		f.Evidence = append(f.Evidence, Evidence{Text: "until fault " + r.ID + " began", From: stretch.from, To: stretch.to})
		if stretch.to < a.to {
			doubt = fmt.Sprintf("fault %s began %s before the end of %s: what fired from then on may be due to either", r.ID, offset(a.to-stretch.to), a.words)
		}
	}
	others := map[string]bool{}
	for _, e := range a.firings("") {
		if e.alert == a.Alert || *e.fired < stretch.from || *e.fired >= stretch.to {
			continue
		}
		if !others[e.alert] {
			others[e.alert] = true
			f.Reason = join(f.Reason, fmt.Sprintf("%s fired as well, %s after %s began", e.alert, offset(a.since(*e.fired)), a.words))
		}
		if len(others) <= maxNamed {
			f.Evidence = append(f.Evidence, e.evidence(a.until)...)
		}
	}
	if f.Measured = "no other"; len(others) > 0 {
		f.Verdict, f.Measured = Fail, plural(len(others), "other alert")
		return f
	}
	switch {
	case doubt != "":
	case a.until < stretch.to && !a.endless:
		doubt = a.ended(a.until, a.to, "ended")
	default:
		doubt = a.failure("", stretch.to)
	}
	if doubt != "" {
		return unknown(f, doubt)
	}
	return f
}
