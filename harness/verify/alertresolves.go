package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// resolves is A2: a time after the end of the cause nothing of the alert fires that
// did for it. Another fault that lasts longer may be what it goes on for.
func (a alarm) resolves(within time.Duration) Finding {
	f, is := a.unjudged(a.finding("A2-resolves", fmt.Sprintf("is over within %s of the end of %s", latency(within), a.words)))
	if is {
		return f
	}
	if a.endless {
		return unknown(f, a.words+" is permanent, so there is no time after it")
	}
	deadline := a.to + within
	own := span{a.first, deadline}
	later := slices.DeleteFunc(a.h.rivals(a.cause, deadline), func(r *faultRun) bool { s, _ := r.lasted(); return s.to <= a.to })
	if len(later) > 0 {
		own.to = later[0].ordered()
	}
	fired := slices.DeleteFunc(slices.Clone(a.fired), func(e *episode) bool {
		return !e.firing(own) || *e.fired < a.first && !e.has(a.Labels)
	})
	if len(fired) == 0 {
		return unknown(f, "it did not fire for "+a.words+", so there was nothing that could be over")
	}
	last := slices.MaxFunc(fired, func(x, y *episode) int { return cmp.Compare(x.over, y.over) })
	f.Evidence = append(f.Evidence, last.evidence(a.until)...)
	f.Measured = a.overAfter(last)
	if last.over <= deadline {
		return f
	}
	if a.until < deadline {
		return unknown(f, a.ended(a.until, a.to, "ended"))
	}
	if len(later) > 0 {
		return unknown(f, fmt.Sprintf("it was still firing when fault %s had begun at %s, which it may announce as well as %s", later[0].ID, offset(own.to), a.words))
	}
	if why := a.unseen(deadline); why != "" {
		return unknown(f, why)
	}
	f.Verdict = Fail
	f.Reason = fmt.Sprintf("it was over only %s after the end of %s, the limit is %s", offset(last.over-a.to), a.words, latency(within))
	if last.over == forever {
		f.Reason = fmt.Sprintf("it was still firing when the run ended, %s after the end of %s; the limit is %s", offset(a.until-a.to), a.words, latency(within))
	}
	return f
}

// overAfter is when an episode was over, beside the end of the cause.
func (a alarm) overAfter(e *episode) string {
	switch {
	case e.over <= a.to:
		return fmt.Sprintf("over %s before the end", offset(a.to-e.over))
	case e.over < forever:
		return fmt.Sprintf("over %s after the end", offset(e.over-a.to))
	}
	return "fired to the end of the run"
}
