package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// requestEvents are the requests of a journey or step. Those without a right answer are
// bad, and with a limit on the time so are those that took longer, by the histograms
// of the same seconds.
func (h *history) requestEvents(s scenarios.PlannedSLO, stretches []span) events {
	e := events{noun: "request"}
	e.driven = h.drivenBy(s.Journey, s.Step, stretches, s.Latency > 0, s.Latency.Std())
	one := journal.NewHistogram() // one for all: it is large
	for _, b := range h.beats(s.Journey, s.Step, stretches, s.Latency > 0) {
		of := spell{b.span, float64(b.ok), float64(b.lost)}
		for _, i := range b.times {
			one.Reset()
			i.AddTo(one)
			slow := float64(above(one, s.Latency.Std()))
			of.good, of.bad = of.good-slow, of.bad+slow
		}
		e.spells = append(e.spells, of)
	}
	return e
}

// answeredEvents are those that the expressions of an SLO count, or the shares of bad
// ones that they give.
func (h *history) answeredEvents(s scenarios.PlannedSLO, stretches []span) events {
	good, asked := s.Bad == "", scenarios.PlannedQuery{ID: s.BadID(), Expr: s.Bad}
	if good {
		asked = scenarios.PlannedQuery{ID: s.GoodID(), Expr: s.Good}
	}
	counted, why := h.answerTo(asked)
	if why != "" {
		return events{why: why}
	}
	if s.Ratio {
		return sharesOf(counted, good, stretches)
	}
	total, why := h.answerTo(scenarios.PlannedQuery{ID: s.TotalID(), Expr: s.Total})
	if why != "" {
		return events{why: why}
	}
	return countsOf(counted, total, good, stretches)
}

// sharesOf are shares over time; several series weigh the same.
func sharesOf(r journal.QueryResult, good bool, stretches []span) events {
	e := events{doubt: leftWords(r)}
	tracks, _ := tracksOf(r, stretches)
	if len(tracks) == 0 {
		e.why = "no data: the query " + r.ID + " gave no value"
		return e
	}
	e.doubt = join(e.doubt, dumb(tracks, stretches, 0))
	for _, t := range tracks {
		for _, m := range t.marks {
			bad := min(1, max(0, m.value))
			if good {
				bad = 1 - bad
			}
			weight := t.every.Seconds() / float64(len(tracks))
			e.spells = append(e.spells, spell{span{m.to - t.every, m.to}, weight * (1 - bad), weight * bad})
		}
	}
	slices.SortStableFunc(e.spells, func(a, b spell) int { return cmp.Compare(a.to, b.to) })
	return e
}

// countsOf are the events by which counters grew. No series of bad events at all are
// none of them: many exporters have no series for what never happened. No series of good
// ones, or of all, are no data.
func countsOf(counted, total journal.QueryResult, good bool, stretches []span) events {
	e := events{noun: "event", doubt: join(leftWords(counted), leftWords(total))}
	all, falls := growth(total, span{})
	first := bounds(spansOfSpells(all))
	some, fallen := growth(counted, first)
	switch {
	case len(all) == 0:
		e.why = "no data: the query " + total.ID + " gave too few values to count by"
		return e
	case len(some) == 0 && good:
		e.why = "no data: the query " + counted.ID + " gave too few values to count by"
		return e
	case len(some) == 0:
		e.evidence = append(e.evidence, Evidence{Text: "the query " + counted.ID + " gave nothing, which was taken as no bad event; see that it does when there is one"})
	}
	if falls+fallen > 0 {
		e.evidence = append(e.evidence, Evidence{Text: fmt.Sprintf("counters went down %s: what was counted in those steps is not known", plural(falls+fallen, "time")), Count: falls + fallen})
	}
	known, _ := tracksOf(total, stretches)
	e.doubt = join(e.doubt, dumb(known, stretches, 0))
	grew := map[time.Duration]float64{}
	for _, s := range some {
		grew[s.to] = s.good
	}
	for _, s := range all {
		if !amid(s.span, stretches) {
			continue
		}
		n := min(s.good, grew[s.to])
		if good {
			s.good, s.bad = n, s.good-n
		} else {
			s.good, s.bad = s.good-n, n
		}
		e.spells = append(e.spells, s)
	}
	return e
}

// rounding is how much, as a share, a count that Prometheus extrapolates may go down
// without a reason.
const rounding = 0.01

// growth is by how much counters grew from one value to the next, summed over series.
// A series that begins later than known does began at 0: exporters make a series when
// the first thing happens that it counts. Where a counter goes down, an instance was
// restarted, or is no longer in the sum: nothing is counted, and falls says how often.
func growth(r journal.QueryResult, known span) (spells []spell, falls int) {
	byEnd := map[time.Duration]*spell{}
	every := r.Step
	if every <= 0 {
		every = metricEvery
	}
	add := func(s span, by float64) {
		if byEnd[s.to] == nil {
			byEnd[s.to] = &spell{span: s}
		}
		of := byEnd[s.to]
		of.from, of.good = min(of.from, s.from), of.good+by
	}
	begin := known.from
	for n, s := range r.Series {
		if len(s.At) > 0 && known == (span{}) && (n == 0 || s.At[0] < begin) {
			begin = s.At[0]
		}
	}
	for _, s := range r.Series {
		for n := range min(len(s.At), len(s.Values)) {
			switch {
			case n > 0 && s.Values[n] < s.Values[n-1]:
				if s.Values[n] < (1-rounding)*s.Values[n-1] {
					falls++
				}
				add(span{s.At[n-1], s.At[n]}, 0)
			case n > 0:
				add(span{s.At[n-1], s.At[n]}, s.Values[n]-s.Values[n-1])
			case s.At[0] > begin:
				add(span{s.At[0] - every, s.At[0]}, s.Values[0])
			}
		}
	}
	for _, s := range byEnd {
		spells = append(spells, *s)
	}
	slices.SortFunc(spells, func(a, b spell) int { return cmp.Compare(a.to, b.to) })
	return spells, falls
}

func spansOfSpells(list []spell) []span {
	spans := make([]span, len(list))
	for i, s := range list {
		spans[i] = s.span
	}
	return spans
}

// leftWords says that an answer is not whole.
func leftWords(r journal.QueryResult) string {
	if r.Left == 0 {
		return ""
	}
	return fmt.Sprintf("%s more series of the query %s were not kept; aggregate, so that there are fewer", count(r.Left), r.ID)
}
