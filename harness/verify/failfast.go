package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// failFastShare is the share of requests that must be over in time.
const failFastShare = 0.95

// failFast is T6: users have an answer soon while faults last, a failure included.
// Where the record does not tell how long failed requests took, the finding says
// what is sure whichever way: too slow although all of them were fast, or in time
// although none of them was.
func (h *history) failFast(p party, limit time.Duration) Finding {
	f := p.finding("T6-fail-fast", fmt.Sprintf("95%% of the requests of %s are over within %s while faults last, failed ones included", p.Per.Step, latency(limit)))
	s := h.sampleAmid(p.aim, p.during)
	quick, slow, blank := h.failuresBy(p, limit, s.failed+s.unknown)
	n := s.ok + s.failed + s.unknown
	over := above(s.response, limit)
	most := (1-failFastShare)*float64(n) + tiny
	f.Measured = fmt.Sprintf("%s of %s took longer", count(over+slow), plural(n, "request"))
	if blank > 0 {
		f.Measured += fmt.Sprintf("; of %s that failed it is not known", count(blank))
	}
	suspicion := s.generator.suspect(limit)
	f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("%s succeeded, %s of them took longer; %s failed, %s of them fast for certain, %s slow for certain",
		count(s.ok), count(over), count(s.failed+s.unknown), count(quick), count(slow)),
		From: bounds(p.during).from, To: bounds(p.during).to, Count: n})
	f.Evidence = append(f.Evidence, suspicion.evidence...)
	switch why := h.unfit(s); {
	case n == 0 && h.window.cut == "":
		return unknown(f, "no request of "+subject(p.aim)+" ended while faults lasted")
	case why != "":
		return unknown(f, why)
	case suspicion.reason != "":
		return unknown(f, suspicion.reason)
	case float64(n) < 10/(1-failFastShare)-tiny:
		return unknown(f, fmt.Sprintf("95%% needs at least 200 requests to mean anything, there were %s", count(n)))
	case float64(over+slow) > most:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of %s of %s took longer than %s (%s)", count(over+slow), plural(n, "request"), p.Per.Step, latency(limit), share(over+slow, n))
	case float64(over+slow+blank) > most:
		return unknown(f, fmt.Sprintf("the record does not tell how long %s took that failed; when all of them were over at once 95%% were in time, else not", plural(blank, "request")))
	}
	if f.Verdict == Fail && h.anyGatewayDied() != "" {
		return unknown(f, h.anyGatewayDied())
	}
	return f
}

// failuresBy takes the requests that failed apart: over within a limit, later, and
// not known. One cannot have taken longer than it may.
func (h *history) failuresBy(p party, limit time.Duration, failed int) (quick, slow, blank int) {
	if limit >= longestTimeout(h.plan, p.Per.Journey) {
		return failed, 0, 0
	}
	all := journal.NewHistogram()
	h.failures(p, func(i span) bool { return amid(i, p.during) }, func(i journal.Interval) { i.AddTo(all) })
	slow = min(above(all, limit), failed)
	quick = min(int(all.TotalCount())-slow, failed-slow)
	fast, late := h.failedLater(p, limit, failed-quick-slow)
	quick, slow = quick+fast, slow+late
	return quick, slow, failed - quick - slow
}

// failedLater takes apart n requests that were under way when a stretch ended, and
// failed after it. Which of those that failed then they are is known of those that took
// longer than the time since; of the others, how many at most were late.
func (h *history) failedLater(p party, limit time.Duration, n int) (quick, slow int) {
	longest := longestTimeout(h.plan, p.Per.Journey)
	all, late := 0, 0
	for _, d := range p.during {
		h.failures(p, func(i span) bool {
			return i.middle() >= d.to && i.from < d.to+longest && !amid(i, p.during)
		}, func(i journal.Interval) {
			one := journal.NewHistogram()
			i.AddTo(one)
			all, late, slow = all+int(one.TotalCount()), late+above(one, limit), slow+above(one, max(limit, i.To-d.to))
		})
	}
	slow = min(slow, n)
	return max(0, min(n, all)-max(late, slow)), slow
}

// failures visits how long requests took that failed, in some intervals.
func (h *history) failures(p party, holds func(span) bool, visit func(journal.Interval)) {
	chosen := selection{p.aim}
	for _, i := range h.rec.Latency {
		if i.Tag.Measure == journal.Failed && chosen.step(i.Tag.Step) && holds(span{i.From, i.To}) &&
			chosen.sessions(i.Tag.Phase, i.Tag.Cohort, i.Tag.Tier, i.Tag.Journey) {
			visit(i)
		}
	}
}
