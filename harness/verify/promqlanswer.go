package verify

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// answerTo is what the record holds as the answer to a query; else why there is none.
// Queries of the same name are told apart by their expressions.
func (h *history) answerTo(q scenarios.PlannedQuery) (answer journal.QueryResult, why string) {
	var named []journal.QueryResult
	for _, e := range h.rec.Events {
		r, is := e.Body.(journal.QueryResult)
		switch {
		case !is || r.ID != q.ID:
		case r.Expr == q.Expr:
			return r, refused(r)
		default:
			named = append(named, r)
		}
	}
	if len(named) == 1 { // an expression may be written in another way than it was asked in
		return named[0], refused(named[0])
	}
	return journal.QueryResult{}, "the record has no answer to the query " + q.ID
}

// refused says why an answer is none; "" if it is one.
func refused(r journal.QueryResult) string {
	if r.Error != "" {
		return "the query " + r.ID + " failed: " + firstLine(r.Error)
	}
	return ""
}

// tracksOf are the series of an answer in some stretches; not counts the values of it
// that are no numbers, wherever they are.
func tracksOf(r journal.QueryResult, stretches []span) (tracks []track, not int) {
	for _, s := range r.Series {
		line := track{name: labelWords(s.Labels), instance: s.Labels["instance"], every: r.Step}
		if line.every <= 0 {
			line.every = metricEvery
		}
		not += s.Not
		for n, at := range s.At {
			within := func(d span) bool { return d.from <= at && at <= d.to }
			if n < len(s.Values) && slices.ContainsFunc(stretches, within) {
				line.marks = append(line.marks, mark{span{at, at}, s.Values[n]})
			}
		}
		if len(line.marks) > 0 {
			tracks = append(tracks, line)
		}
	}
	slices.SortStableFunc(tracks, func(a, b track) int { return strings.Compare(a.name, b.name) })
	return tracks, not
}

// labelWords are labels as PromQL writes them: {service="api"}; "" without any.
func labelWords(labels map[string]string) string {
	if len(labels) == 0 {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+strconv.Quote(labels[name]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// gatherAnswer reads the answer to a query. No data is no knowledge: neither where
// there is none at all nor where there is none for longer than something could hide in.
func (h *history) gatherAnswer(q scenarios.PlannedQuery, stretches []span, long time.Duration) gathered {
	var g gathered
	r, why := h.answerTo(q)
	if why != "" {
		g.why = why
		return g
	}
	tracks, not := tracksOf(r, stretches)
	if not > 0 {
		g.remarks = append(g.remarks, Evidence{Text: "left out: " + plural(not, "value") + " that were no finite numbers", Count: not})
	}
	switch {
	case len(tracks) == 0 && not > 0:
		g.why = "no data: the query " + q.ID + " gave nothing but values that are no finite numbers"
		return g
	case len(tracks) == 0:
		g.why = "no data: the query " + q.ID + " gave no value in that time"
		return g
	}
	g.tracks = tracks
	if r.Left > 0 {
		g.doubt = count(r.Left) + " more series" + " of the answer were not kept; aggregate, so that there are fewer"
	}
	g.doubt = join(g.doubt, dumb(tracks, stretches, long))
	return g
}

// leastDumb is up to how long an answer may have no value at all: a new series has none
// until it was read twice.
const leastDumb = 5 * time.Second

// dumb says that an answer had no value for longer than a time; "" if it always had.
func dumb(tracks []track, stretches []span, long time.Duration) string {
	for _, s := range stretches {
		if gap, is := mute(tracks, s, max(long, leastDumb)); is {
			return fmt.Sprintf("no data from %s to %s, so nobody knows what the value was then", offset(gap.from), offset(gap.to))
		}
	}
	return ""
}
