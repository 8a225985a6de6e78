package verify

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A breach is a stretch in which an objective of an slo check was missed second
// after second.
type breach struct {
	span
	objective string // "p95 of step pay of journey shop <= 200ms"
	worst     string // what was measured in its worst second
	badness   float64
	doubt     string // why it may be the generator's doing, "" if it is not
}

// breachesIn is what can be told of the breaches of a plan's objectives.
type breachesIn struct {
	list       []breach // in the order of the checks, those of each in order of time
	objectives int
	requests   int
	doubts     []string // why there may be others, or fewer
}

// breaches finds those of all slo checks that lasted for some time. A second without
// requests neither makes one nor ends it, and two with less than that time between
// them are one.
func (h *history) breaches(patience time.Duration) breachesIn {
	var all breachesIn
	for _, c := range h.plan.Checks {
		if c.SLO == nil {
			continue
		}
		ticks := h.intervalsOf(selection{*c.SLO}, span{0, forever})
		s := h.sampleOf(*c.SLO)
		all.requests += s.ok + s.failed + s.unknown
		for _, o := range boundsOf(*c.SLO) {
			all.objectives++
			found, blind := o.missedIn(ticks, patience)
			doubt := h.untold(*c.SLO, s, o, len(found) == 0, blind)
			for i := range found {
				found[i].doubt = doubt
			}
			all.list = append(all.list, found...)
			if doubt != "" && !slices.Contains(all.doubts, doubt) {
				all.doubts = append(all.doubts, doubt)
			}
		}
	}
	return all
}

// A bound is one objective of an slo check.
type bound struct {
	name     string
	of       string        // whose it is
	quantile float64       // in percent, 0 of availability
	limit    time.Duration // of latencies
	wanted   float64       // of availability, in percent
}

func boundsOf(c scenarios.SLOCheck) []bound {
	var list []bound
	of := subject(c)
	for _, o := range []struct {
		name     string
		quantile float64
		limit    *scenarios.Duration
	}{{"p50", 50, c.P50}, {"p95", 95, c.P95}, {"p99", 99, c.P99}} {
		if o.limit != nil {
			list = append(list, bound{name: o.name, of: of, quantile: o.quantile, limit: o.limit.Std()})
		}
	}
	if c.Availability != nil {
		list = append(list, bound{name: "availability", of: of, wanted: float64(*c.Availability)})
	}
	return list
}

func (b bound) String() string {
	if b.quantile == 0 {
		return fmt.Sprintf("%s of %s >= %s", b.name, b.of, scenarios.Percent(b.wanted))
	}
	return fmt.Sprintf("%s of %s <= %s", b.name, b.of, latency(b.limit))
}

// missedIn are the breaches of the bound, and how many seconds nothing is known of.
func (b bound) missedIn(ticks []*driven, patience time.Duration) (list []breach, blind int) {
	var now breach
	var missed time.Duration
	end := func() {
		if missed > 0 && missed >= patience {
			list = append(list, now)
		}
		missed = 0
	}
	all := journal.NewHistogram() // one for all: it is large
	for _, t := range ticks {
		s := sample{noun: "request", response: all, tally: t.tally}
		s.failed -= min(s.own, s.failed)
		all.Reset()
		for _, i := range t.times {
			i.AddTo(all)
		}
		switch state, measured, badness := b.in(s); state {
		case tickBlind:
			blind++
		case tickMet:
			end()
		case tickMissed:
			if missed == 0 {
				now = breach{span: t.span, objective: b.String(), badness: -1}
			}
			now.to = t.to
			if badness > now.badness {
				now.badness, now.worst = badness, measured
			}
			missed += t.length()
		}
	}
	end()
	return merged(list, patience), blind
}

// A tickState is how an interval of the driver's counts stands to an objective.
type tickState int

const (
	tickEmpty tickState = iota // nothing was asked
	tickBlind                  // the record has not all of its times
	tickMet
	tickMissed
)

// in judges one interval, and says how bad it was.
func (b bound) in(s sample) (state tickState, measured string, badness float64) {
	n := s.ok + s.failed + s.unknown
	if n == 0 {
		return tickEmpty, "", 0
	}
	if b.quantile == 0 {
		lost := s.failed + s.unknown
		if float64(lost)*100 <= (100-b.wanted)*float64(n)+tiny {
			return tickMet, "", 0
		}
		return tickMissed, share(s.ok, n) + " of " + plural(n, "request"), float64(lost) / float64(n)
	}
	r := s.read(b.quantile, b.limit)
	switch {
	case !r.reached:
		return tickMissed, fmt.Sprintf("%s of %s had no right answer", count(n-r.answered), plural(n, "request")), math.Inf(1)
	case int(s.response.TotalCount()) < s.ok:
		return tickBlind, "", 0
	case r.exceeds:
		return tickMissed, latency(r.value), r.value.Seconds()
	}
	return tickMet, "", 0
}

// merged makes one of breaches with less than a time between them.
func merged(list []breach, apart time.Duration) []breach {
	var out []breach
	for _, b := range list {
		if n := len(out); n > 0 && b.from-out[n-1].to < apart {
			if b.badness > out[n-1].badness {
				out[n-1].badness, out[n-1].worst = b.badness, b.worst
			}
			out[n-1].to = b.to
			continue
		}
		out = append(out, b)
	}
	return out
}

// untold says why the breaches of an objective, or that there is none, may not be
// the system's doing; "" if they are.
func (h *history) untold(c scenarios.SLOCheck, s sample, b bound, none bool, blind int) string {
	limit := b.limit
	if b.quantile == 0 {
		limit = s.generator.timeout // an answer has to be missed to count as lost
	}
	n := s.ok + s.failed + s.unknown
	switch {
	case n == 0:
		return h.nothing(c)
	case h.anyGatewayDied() != "":
		return h.anyGatewayDied()
	case h.rec.Damaged > 0:
		return h.damage()
	case s.generator.lag.TotalCount() == 0:
		return "nothing recorded tells whether the generator kept its schedule"
	}
	if why := s.generator.suspect(limit).reason; why != "" {
		return why
	}
	switch needed := b.needs(); {
	case blind > 0:
		return fmt.Sprintf("the record has not all response times of %s of %s", plural(blind, "second"), b.of)
	case none && n < needed:
		return fmt.Sprintf("%s needs at least %s to mean anything, there were %s of %s", b.name, plural(needed, "request"), count(n), b.of)
	}
	return ""
}

// needs is how many requests the objective needs to mean anything.
func (b bound) needs() int {
	if b.quantile > 0 {
		return int(math.Round(10 / (1 - b.quantile/100)))
	}
	if b.wanted >= 100 {
		return 100
	}
	return int(math.Ceil(100/(100-b.wanted) - tiny))
}
