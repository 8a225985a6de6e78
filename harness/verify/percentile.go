package verify

import (
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// percentile judges a limit on a percentile of the response times. Requests
// without a right answer have no response time and count as slower than any
// limit: half of the requests are answered within a p50, not half of the
// answers.
func (h *history) percentile(c scenarios.SLOCheck, s sample, name string, q float64, limit time.Duration) Finding {
	f := sloFinding(c, name, name+" <= "+latency(limit))
	r := s.read(q, limit)
	if r.n == 0 {
		f.Verdict, f.Measured, f.Reason = Inconclusive, "no response times", h.nothing(c)
		return f
	}
	f.Measured = r.words(name)
	suspicion := s.generator.suspect(limit)
	if r.sized || r.sure {
		f.Evidence = s.slowest(name, limit)
	}
	f.Evidence = append(f.Evidence, suspicion.evidence...)
	f.Evidence = append(f.Evidence, s.leftOut()...)
	why := h.unfit(s)
	if why == "" {
		why = suspicion.reason
	}
	switch {
	case why != "":
		f.Verdict, f.Reason = Inconclusive, why
	case r.n < r.needed && !r.sure:
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("%s needs at least %s to mean anything, there were %s; more traffic or a longer phase would do",
			name, plural(r.needed, s.noun), count(r.n))
	case !r.reached:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of the %ss of %s had no right answer (%s failed, %s unknown), so none is the %s",
			share(r.n-r.answered, r.n), s.noun, subject(c), count(s.failed), count(s.unknown), name)
	case r.exceeds:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of %s took %s, the limit is %s; %s (%s) took longer than that",
			name, subject(c), latency(r.value), latency(limit), plural(r.over, s.noun), share(r.over, r.n))
	}
	if f.Verdict == Fail && s.cut > 0 {
		if rest := s.finished().read(q, limit); rest.n == 0 || rest.reached && !rest.exceeds {
			f.Verdict, f.Reason = Inconclusive, s.unfinished()
		}
	}
	if f.Verdict != Inconclusive && r.sized && r.around.holds(limit) {
		f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("close: the limit of %s is within what chance allows (%s)", latency(limit), r.around)})
	}
	return f
}

// A reading is a percentile as the sample has it, next to a limit.
type reading struct {
	noun        string
	n, answered int
	needed      int           // how many a percentile needs to mean anything
	reached     bool          // else the percentile is among those without an answer
	value       time.Duration // if reached
	exceeds     bool          // value is above the limit
	over        int           // how many are above the limit or had no right answer
	sure        bool          // too many are, whatever missing requests had shown
	sized       bool          // around is known
	around      interval
}

// read takes a percentile, 0 < q < 100.
func (s sample) read(q float64, limit time.Duration) reading {
	bad := s.failed + s.unknown
	r := reading{noun: s.noun, answered: int(s.response.TotalCount()), needed: int(math.Round(10 / (1 - q/100)))}
	r.n = r.answered + bad
	r.over = above(s.response, limit) + bad
	r.sure = float64(r.over) > float64(r.needed)*(1-q/100)
	r.reached = float64(r.answered) >= q/100*float64(r.n)
	if r.reached && r.n > 0 {
		value := s.response.ValueAtPercentile(min(100, q*float64(r.n)/float64(r.answered)))
		r.value = time.Duration(value) * time.Microsecond
		r.exceeds = r.value > limit && !s.response.ValuesAreEquivalent(value, limit.Microseconds())
	}
	if r.reached && r.n >= r.needed {
		r.around, r.sized = intervalOf(s.response, r.n, q)
	}
	return r
}

// words are the reading for a table cell. Too few give no percentile, unless
// they are enough to say that it is above the limit.
func (r reading) words(name string) string {
	switch {
	case !r.reached:
		return fmt.Sprintf("no %s: %s of %s had no right answer", name, count(r.n-r.answered), plural(r.n, r.noun))
	case !r.sized && !r.sure:
		return fmt.Sprintf("%s, too few for a %s", plural(r.n, r.noun), name)
	case !r.sized:
		return fmt.Sprintf("%s %s of %s", name, latency(r.value), plural(r.n, r.noun))
	}
	return fmt.Sprintf("%s %s of %s (%s)", name, latency(r.value), plural(r.n, r.noun), r.around)
}

// leftOut says how many the generator could not send: they are in no figure.
func (s sample) leftOut() []Evidence {
	if s.own == 0 {
		return nil
	}
	return []Evidence{{Text: fmt.Sprintf("left out: %s that the generator could not send for want of something of its own", plural(s.own, s.noun)), Count: s.own}}
}

// above counts the values over a limit.
func above(h *hdrhistogram.Histogram, limit time.Duration) int {
	n, most := int(h.TotalCount()), limit.Microseconds()
	return n - sort.Search(n, func(k int) bool { // by rank: a list of all slots is 400 KB
		v := h.ValueAtPercentile(100 * float64(k+1) / float64(n))
		return v > most && !h.ValuesAreEquivalent(v, most)
	})
}

// unfit says why the response times of a sample tell nothing, whatever the
// generator did; "" when they do.
func (h *history) unfit(s sample) string {
	if h.window.cut != "" {
		return h.window.cut
	}
	if h.rec.Damaged > 0 {
		return h.damage()
	}
	if held := int(s.response.TotalCount()); held < s.ok {
		return fmt.Sprintf("the record holds %s of the %s response times that were taken", count(held), count(s.ok))
	}
	if s.generator.lag.TotalCount() == 0 {
		return "nothing recorded tells whether the generator kept its schedule"
	}
	return ""
}
