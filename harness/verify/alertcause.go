package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A cause is what an alert is to announce: a fault or a phase, as it came about.
type cause struct {
	span                  // from when it was there in full to its end
	words   string        // "fault errors-payments", "phase surge"
	first   time.Duration // when something of it can have been felt; at most from
	endless bool          // nothing ends it before the run does
	faults  []*faultRun   // that it is; none where it is a phase
	why     string        // why it is not known when that was; "" if it is
}

func (h *history) causeOf(c scenarios.AlertCheck) cause {
	if c.Fault != "" {
		return h.faultAsCause(c.Fault)
	}
	s, ok := h.phaseLasted(c.Phase)
	w := cause{span: s, words: "phase " + c.Phase, first: s.from}
	if !ok {
		w.why = "the record does not say that " + w.words + " began"
	}
	return w
}

func (h *history) faultAsCause(name string) cause {
	r := h.faultsOf([]string{name})[0]
	s, ok := r.lasted()
	w := cause{span: s, words: "fault " + name, first: s.from, endless: r.permanent(), faults: []*faultRun{r}}
	if !ok {
		w.why = w.words + " was never injected"
		return w
	}
	w.first = min(s.from, r.ordered())
	return w
}

// phaseLasted is when a phase took place, by the record: to its end, or that of
// traffic. Where the record does not say when it began it did not.
func (h *history) phaseLasted(name string) (span, bool) {
	s, begun := span{}, false
	for _, e := range h.rec.Events {
		switch b := e.Body.(type) {
		case journal.PhaseStarted:
			if b.Phase == name && !begun {
				s, begun = span{e.T, h.window.to}, true
				if b.For > 0 {
					s.to = min(s.to, e.T+b.For)
				}
			}
		case journal.PhaseEnded:
			if b.Phase == name && begun {
				s.to = e.T
			}
		}
	}
	s.to = max(s.from, s.to)
	return s, begun
}

// since is how long after the beginning of the cause a moment is.
func (w cause) since(at time.Duration) time.Duration { return max(0, at-w.from) }

// rivals are the other faults that began after this cause had and before a moment,
// the first one first: what fires from then on may be due to them.
func (h *history) rivals(w cause, before time.Duration) []*faultRun {
	var list []*faultRun
	for _, r := range h.faults.runs {
		_, began := r.lasted()
		if at := r.ordered(); began && at > w.first && at < before && !slices.Contains(w.faults, r) {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b *faultRun) int { return cmp.Compare(a.ordered(), b.ordered()) })
	return list
}

// ended says that the run was over before the time for something was.
func (w cause) ended(until, since time.Duration, what string) string {
	return fmt.Sprintf("rules were evaluated for %s after %s %s, which is less than the time that it has", offset(max(0, until-since)), w.words, what)
}
