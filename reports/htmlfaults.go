package reports

import (
	"cmp"
	"slices"
	"strings"
)

// pageFaults is the section on what was broken on purpose.
type pageFaults struct {
	Rows    []pageFault
	More    int
	Calls   []string
	Stopped string
}

type pageFault struct {
	Cells                                 []string
	Means, Timing, Counted, Detail, Looks string
	Grave                                 bool
}

// maxFaults bounds the table of faults.
const maxFaults = 200

// pageFaultsOf is nil for a run in which nothing is broken.
func pageFaultsOf(f *Faults) *pageFaults {
	if f == nil {
		return nil
	}
	p := &pageFaults{More: max(0, len(f.Faults)-maxFaults)}
	for _, r := range firstOf(f.Faults, maxFaults) {
		var looks []string
		for _, t := range r.On {
			looks = append(looks, t.looks()...)
		}
		p.Rows = append(p.Rows, pageFault{
			Cells: r.cells(), Means: r.means(), Timing: r.timing(), Counted: r.counted(), Detail: r.Detail,
			Looks: strings.Join(firstOf(looks, maxParts), "\n"), Grave: !r.sound(),
		})
	}
	for _, c := range f.Calls {
		p.Calls = append(p.Calls, c.line())
	}
	if f.Stopped != nil {
		p.Stopped = f.Stopped.line()
	}
	return p
}

// pageEffect is what a fault did to requests, a group of rows of its table.
type pageEffect struct {
	Fault, When, Recovery string
	Lasting               bool // it was not seen to recover
	Rows                  []pageStretch
}

// pageStretch is a row: one journey before, during or after the fault.
type pageStretch struct {
	Journey, Name, When, OK, Failed, Unknown, P50, P95, P99 string
	Count                                                   int
	Bad                                                     bool // more failed than before
}

const (
	maxEffects        = 30 // faults
	maxEffectJourneys = 5  // of each
)

// pageEffectsOf groups the effects by fault, the journeys with most requests first.
func pageEffectsOf(effects []FaultEffect) (groups []pageEffect, more int) {
	byFault := map[string][]FaultEffect{}
	var order []string
	for _, e := range effects {
		if byFault[e.Fault] == nil {
			order = append(order, e.Fault)
		}
		byFault[e.Fault] = append(byFault[e.Fault], e)
	}
	for _, fault := range firstOf(order, maxEffects) {
		journeys := byFault[fault]
		slices.SortStableFunc(journeys, func(a, b FaultEffect) int { return cmp.Compare(b.requests(), a.requests()) })
		groups = append(groups, effectGroup(fault, journeys))
	}
	return groups, max(0, len(order)-maxEffects)
}

// requests are those of all three stretches.
func (e FaultEffect) requests() int { return e.Before.Count + e.During.Count + e.After.Count }

func effectGroup(fault string, journeys []FaultEffect) pageEffect {
	g := pageEffect{Fault: fault}
	var words []string
	for _, e := range firstOf(journeys, maxEffectJourneys) {
		name := e.Journey + " "
		if len(journeys) == 1 {
			name = ""
		}
		words = append(words, name+e.recovered())
		g.Lasting = g.Lasting || e.Recovery == nil
		for _, s := range []struct {
			name string
			Stretch
		}{{"before", e.Before}, {"during", e.During}, {"after", e.After}} {
			g.Rows = append(g.Rows, s.row(e.Journey, s.name, e.Before))
		}
	}
	if n := len(journeys) - maxEffectJourneys; n > 0 {
		words = append(words, plural(n, "more journey")+" in the JSON")
	}
	g.Recovery = strings.Join(words, "; ")
	return g
}

// recovered is the recovery in words.
func (e FaultEffect) recovered() string {
	switch {
	case e.Recovery == nil:
		return "recovery not seen: " + e.Why
	case *e.Recovery == 0:
		return "recovered at once"
	}
	return "recovered " + span(*e.Recovery) + " after its revert"
}

func (s Stretch) row(journey, name string, before Stretch) pageStretch {
	r := pageStretch{Journey: journey, Name: name, When: "–", OK: percent(s.OK, s.Count), Failed: percent(s.Failed, s.Count), Unknown: percent(s.Unknown, s.Count),
		P50: span(s.P50), P95: span(s.P95), P99: span(s.P99), Count: s.Count}
	if s.To > s.From {
		r.When = moment(s.From) + " to " + moment(s.To)
	}
	r.Bad = s.Failed*max(before.Count, 1) > before.Failed*s.Count
	return r
}
