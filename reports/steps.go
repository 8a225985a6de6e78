package reports

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A row is what one step of a journey did in one phase; Step "" is the
// journey as a whole, Phase "" all phases together.
type row struct {
	phase, journey, step string
	ok, failed, unknown  int
	p50, p95, p99, most  time.Duration
}

func (r row) requests() int { return r.ok + r.failed + r.unknown }

// A section is the rows of one phase.
type section struct {
	phase string
	rows  []row
}

// cell is what a row is counted under.
type cell struct{ phase, journey, step string }

// sectionsOf sums the driver's counts by phase, journey and step, cohorts
// together. Phases stand in the order of play, steps in that of their journey;
// the whole run comes last if there is more than one phase.
func sectionsOf(run Run, merged times) []section {
	rows, order := map[cell]*row{}, []cell{}
	for _, e := range run.events() {
		t, ok := e.Body.(journal.Traffic)
		if !ok {
			continue
		}
		for _, c := range cells(t.Phase, t.Journey, t.Step) {
			r := rows[c]
			if r == nil {
				r = &row{phase: c.phase, journey: c.journey, step: c.step}
				rows[c], order = r, append(order, c)
			}
			r.ok, r.failed, r.unknown = r.ok+t.OK, r.failed+t.Failed, r.unknown+t.Unknown
			r.most = max(r.most, t.Max)
		}
	}
	measure(rows, merged)
	return group(rows, order, placeOf(run))
}

// cells are what an interval of a phase counts for: the phase and the whole run.
func cells(phase, journey, step string) [2]cell {
	return [2]cell{{phase, journey, step}, {"", journey, step}}
}

// measure sets the quantiles of each row.
func measure(rows map[cell]*row, merged times) {
	for c, r := range rows {
		h := merged.sum(func(k timeKey) bool {
			return k.measure == journal.Response && k.journey == c.journey && k.step == c.step && (c.phase == "" || k.phase == c.phase)
		})
		if h.TotalCount() > 0 {
			r.p50, r.p95, r.p99, r.most = carried(h)
		}
	}
}

// placeOf tells the place of a step in its journey: as planned, and the
// journey as a whole after all its steps.
func placeOf(run Run) func(row) int {
	places := map[[2]string]int{}
	if run.Intent.Plan != nil {
		for journey, steps := range run.Intent.Plan.Journeys {
			for i, step := range scenarios.Requests(steps) {
				places[[2]string{journey, step.Name}] = i
			}
		}
	}
	return func(r row) int {
		if r.step == "" {
			return math.MaxInt
		}
		return places[[2]string{r.journey, r.step}]
	}
}

// group orders the rows into sections.
func group(rows map[cell]*row, order []cell, placed func(row) int) []section {
	var sections []section
	place := map[string]int{}
	for _, c := range order {
		i, ok := place[c.phase]
		if !ok {
			i = len(sections)
			place[c.phase] = i
			sections = append(sections, section{phase: c.phase})
		}
		sections[i].rows = append(sections[i].rows, *rows[c])
	}
	for _, s := range sections {
		slices.SortStableFunc(s.rows, func(a, b row) int {
			return cmp.Or(cmp.Compare(a.journey, b.journey), cmp.Compare(placed(a), placed(b)))
		})
	}
	slices.SortStableFunc(sections, func(a, b section) int { return cmp.Compare(whole(a), whole(b)) })
	if len(sections) == 2 { // one phase: the whole run says the same again
		return sections[:1]
	}
	return sections
}

func whole(s section) int {
	if s.phase == "" {
		return 1
	}
	return 0
}

// maxGroups bounds how many error groups a report lists; the rest is counted.
const maxGroups = 20

// groupsOf are the largest of the error groups; rest and restCount are what did not
// make the list.
func groupsOf(all []journal.ErrorGroup) (groups []journal.ErrorGroup, rest, restCount int) {
	groups = all
	if len(groups) <= maxGroups {
		return groups, 0, 0
	}
	for _, g := range groups[maxGroups:] {
		restCount += g.Count
	}
	return groups[:maxGroups], len(groups) - maxGroups, restCount
}

// allGroups merges the error groups by journey, step, outcome and message,
// the largest first.
func allGroups(events []journal.Event) (groups []journal.ErrorGroup) {
	type key struct{ journey, step, outcome, message string }
	index := map[key]int{}
	for _, e := range events {
		g, ok := e.Body.(journal.ErrorGroup)
		if !ok {
			continue
		}
		k := key{g.Journey, g.Step, g.Outcome, g.Message}
		i, ok := index[k]
		if !ok {
			index[k], groups = len(groups), append(groups, g)
			continue
		}
		groups[i].Count += g.Count
		groups[i].First, groups[i].Last = min(groups[i].First, g.First), max(groups[i].Last, g.Last)
	}
	slices.SortStableFunc(groups, func(a, b journal.ErrorGroup) int { return cmp.Compare(b.Count, a.Count) })
	return groups
}
