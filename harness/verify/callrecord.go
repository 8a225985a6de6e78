package verify

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A rising is a number that only grows, as it was at some moments.
type rising []grown

type grown struct {
	at time.Duration
	n  float64
}

// by is the number at a moment: between two that are known it grows evenly.
func (r rising) by(at time.Duration) float64 {
	i := sort.Search(len(r), func(i int) bool { return r[i].at >= at })
	switch {
	case len(r) == 0 || i == 0:
		return 0
	case i == len(r):
		return r[i-1].n
	}
	a, b := r[i-1], r[i]
	if b.at <= a.at {
		return b.n
	}
	return a.n + (b.n-a.n)*float64(at-a.at)/float64(b.at-a.at)
}

// in is by how much it grew in a stretch.
func (r rising) in(s span) float64 { return max(0, r.by(s.to)-r.by(s.from)) }

// grow adds an interval of the record and what the number was at its end. Between
// two intervals it stays what it was.
func (r *rising) grow(interval span, n float64) {
	last := grown{at: interval.from}
	if len(*r) > 0 {
		last = (*r)[len(*r)-1]
	}
	if len(*r) == 0 || last.at < interval.from {
		*r = append(*r, grown{interval.from, last.n})
	}
	*r = append(*r, grown{interval.to, max(n, last.n)})
}

// callsTo is what the record says of the calls to a service.
type callsTo struct {
	single     []journal.Call // by their beginning
	begun      rising         // all of them, the single ones or not
	intervals  []timed[journal.Calls]
	incomplete bool // not all of them are among the single ones
	suppressed int
}

func (h *history) callsTo(service string) callsTo {
	c := callsTo{intervals: h.faults.calls[service]}
	ended := 0
	for _, i := range c.intervals {
		ended += i.body.Total
		c.begun.grow(span{i.at - i.body.For, i.at}, float64(ended+i.body.InFlight))
		c.single = append(c.single, i.body.Calls...)
		c.suppressed += i.body.Suppressed
		c.incomplete = c.incomplete || len(i.body.Calls) < i.body.Total
	}
	slices.SortStableFunc(c.single, compareCalls)
	return c
}

// compareCalls is a total order as far as anyone can tell two apart.
func compareCalls(a, b journal.Call) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Took, b.Took), cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Fault, b.Fault), cmp.Compare(a.Wait, b.Wait))
}

// in is how many calls began in a stretch: exactly where each is on record, else
// as many as ended, with those under way at its end and without those at its
// beginning.
func (c callsTo) in(s span) float64 {
	if c.incomplete {
		return c.begun.in(s)
	}
	from := sort.Search(len(c.single), func(i int) bool { return c.single[i].At >= s.from })
	to := sort.Search(len(c.single), func(i int) bool { return c.single[i].At >= s.to })
	return float64(max(0, to-from))
}

// told is how many calls that ended in some stretches were told to wait, and how
// many came before the end of that.
func (c callsTo) told(during []span) (told, early int) {
	for _, i := range c.intervals {
		if amid(span{i.at - i.body.For, i.at}, during) {
			told, early = told+i.body.Told, early+i.body.Early
		}
	}
	return told, early
}

// requestsOf is how many requests of a step had begun by a moment: they count as
// intended when they are due, and as sent only when they are over, which says
// nothing about when calls for them are to be expected.
func (h *history) requestsOf(chosen selection) rising {
	byEnd := map[time.Duration]int{}
	var intervals []span
	for _, t := range h.traffic {
		b := t.body
		if !chosen.sessions(b.Phase, b.Cohort, b.Tier, b.Journey) || !chosen.step(b.Step) {
			continue
		}
		if _, known := byEnd[t.at]; !known {
			intervals = append(intervals, span{t.at - b.For, t.at})
		}
		byEnd[t.at] += b.Intended - b.Own
	}
	slices.SortFunc(intervals, func(a, b span) int { return cmp.Compare(a.to, b.to) })
	var begun rising
	sum := 0
	for _, i := range intervals {
		sum += byEnd[i.to]
		begun.grow(i, float64(sum))
	}
	return begun
}
