package verify

import (
	"fmt"
	"slices"
	"time"
)

// The first requests of an instance are the first 20, of which it must have got
// 10 to be judged and answered 9 in 10 in time.
const (
	firstMany  = 20
	firstLeast = 10
)

// firstRequests is R2: an instance that became ready under traffic answers its
// first requests as fast as any. Each is judged by itself, so that one cold
// instance shows among many warm ones. Times are those between gateway and
// instance: waiting for a turn is not in them.
func (h *history) firstRequests(service string, limit time.Duration) Finding {
	f := readinessFinding(service, "R2-first-requests", "9 in 10 of an instance's first 20 requests answered within "+latency(limit))
	var worst *warmup
	judged := 0
	for _, i := range h.of(service) {
		if len(i.added) == 0 || !h.window.holds(i.added[0].at) {
			continue
		}
		w := i.warmup(limit)
		f.Evidence = append(f.Evidence, w.evidence(limit))
		if w.total < firstLeast {
			continue
		}
		judged++
		if worst == nil || w.inTime*worst.total < worst.inTime*w.total {
			worst = &w
		}
		if w.inTime*10 < w.total*9 {
			f.Verdict, f.Reason = Fail, join(f.Reason, fmt.Sprintf("%s: only %s", i.name, w.words(limit)))
		}
	}
	if worst == nil {
		f.Verdict, f.Measured = Inconclusive, "no first requests to judge"
		f.Reason = fmt.Sprintf("no instance of %s got %d requests after it became ready under traffic; let an action scale it up, or send more", service, firstLeast)
		return f
	}
	f.Measured = fmt.Sprintf("%s of %s within %s (%s, the worst of %s)", count(worst.inTime), count(worst.total), latency(limit),
		worst.instance.name, plural(judged, "instance"))
	return f
}

// warmup is what became of the first requests of one instance.
type warmup struct {
	instance      *instance
	total, inTime int
	failed        int
	answers       []time.Duration // of those that were answered, in order
	from, to      time.Duration   // first start and last end
}

// warmup looks at the first requests of an instance. Left out is what reached it
// too early, what failed when it was being stopped, and what the client gave up
// before the limit: nobody knows when that would have been answered.
func (i *instance) warmup(limit time.Duration) warmup {
	w := warmup{instance: i, from: i.added[0].at, to: i.added[0].at}
	for _, x := range i.exchanges {
		stopping := i.terminating != nil && x.end >= i.terminating.at
		took := x.end - x.Start
		switch {
		case x.Nth < 1 || x.Nth > firstMany || i.early(x.Start), x.bad() && stopping, x.abandoned() && took <= limit:
			continue
		case x.bad():
			w.failed++
		case x.abandoned():
		default:
			w.answers = append(w.answers, took)
			if took <= limit {
				w.inTime++
			}
		}
		w.total++
		w.to = max(w.to, x.end)
	}
	slices.Sort(w.answers)
	return w
}

// words says how the first requests went, against the limit.
func (w warmup) words(limit time.Duration) string {
	s := fmt.Sprintf("%s of its first %s answered within %s", count(w.inTime), plural(w.total, "request"), latency(limit))
	if n := len(w.answers); n > 0 {
		s += fmt.Sprintf(" (median %s, slowest %s)", latency(w.answers[(n-1)/2]), latency(w.answers[n-1]))
	}
	if w.failed > 0 {
		s += fmt.Sprintf(", %s failed", count(w.failed))
	}
	return s
}

func (w warmup) evidence(limit time.Duration) Evidence {
	e := Evidence{Text: w.words(limit), Instance: w.instance.name, From: w.from, To: w.to, Count: w.total}
	if w.total < firstLeast {
		e.Text = fmt.Sprintf("got %s of its first %d, too few to judge it", plural(w.total, "request"), firstMany)
	}
	return e
}
