package reports

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// A comparedRow is a figure of all runs, as every format shows it.
type comparedRow struct {
	name  string
	cells []string
}

// heads are what the runs are called above their columns: by their variants
// where that tells them apart, else by their directories, else by numbers.
func (c Comparison) heads() []string {
	for _, name := range []func(ComparedRun) string{
		func(r ComparedRun) string { return r.Variant },
		func(r ComparedRun) string { return filepath.Base(r.Dir) },
	} {
		var names []string
		for _, r := range c.Runs {
			if n := name(r); n != "" && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		if len(names) == len(c.Runs) {
			return names
		}
	}
	var names []string
	for i := range c.Runs {
		names = append(names, fmt.Sprintf("run %d", i+1))
	}
	return names
}

// located are the rows, below the directories of the runs.
func (c Comparison) located() []comparedRow {
	t := comparedTable{runs: c.Runs}
	t.row("run", func(r ComparedRun) string { return r.Dir })
	return append(t.rows, c.rows()...)
}

// rows are the figures, one row each. What says nothing of any run is left out.
func (c Comparison) rows() []comparedRow {
	t := comparedTable{runs: c.Runs}
	t.row("scenario", func(r ComparedRun) string { return r.Scenario })
	t.row("variant", func(r ComparedRun) string { return dashed(r.Variant) })
	t.row("platform", func(r ComparedRun) string { return dashed(r.Platform) })
	t.row("seed", func(r ComparedRun) string { return fmt.Sprint(r.Seed) })
	t.row("verdict", func(r ComparedRun) string { return symbol(r.Verdict) + " " + word(r.Verdict) })
	t.row("checks failed", func(r ComparedRun) string { return r.having(verify.Fail) })
	t.row("checks inconclusive", func(r ComparedRun) string { return r.having(verify.Inconclusive) })
	for _, journey := range namesOf(c.Runs, func(r ComparedRun) []ComparedJourney { return r.Journeys }, func(j ComparedJourney) string { return j.Journey }) {
		t.journey(journey)
	}
	for _, work := range namesOf(c.Runs, func(r ComparedRun) []ComparedWork { return r.Work }, ComparedWork.name) {
		t.work(work)
	}
	t.row("requests ok", func(r ComparedRun) string { return shareText(r.OK, r.Requests) })
	t.number("out of memory", func(r ComparedRun) int { return r.OOMKills })
	t.number("exits unasked", func(r ComparedRun) int { return r.Exits })
	t.number("resizes", func(r ComparedRun) int { return r.Resizes })
	t.number("resizes that failed", func(r ComparedRun) int { return r.FailedResizes })
	t.number("claims rejected", func(r ComparedRun) int { return r.Refused })
	for _, service := range namesOf(c.Runs, func(r ComparedRun) []ScaledService { return r.Services }, func(s ScaledService) string { return s.Service }) {
		t.service(service)
	}
	return t.rows
}

// findings are the verdicts on what did not pass in every run, one row each.
func (c Comparison) findings() []comparedRow {
	t := comparedTable{runs: c.Runs}
	bad := map[string]bool{}
	for _, r := range c.Runs {
		for id, v := range r.Checks {
			bad[id] = bad[id] || v != verify.Pass
		}
	}
	for _, id := range sortedNames(bad) {
		if bad[id] {
			t.row(id, func(r ComparedRun) string {
				v, judged := r.Checks[id]
				if !judged {
					return "–"
				}
				return symbol(v) + " " + word(v)
			})
		}
	}
	return t.rows
}

// comparedTable is a table under way.
type comparedTable struct {
	runs []ComparedRun
	rows []comparedRow
}

// row adds a row, unless it has nothing but dashes.
func (t *comparedTable) row(name string, cell func(ComparedRun) string) {
	row := comparedRow{name: name}
	says := false
	for _, r := range t.runs {
		text := cell(r)
		says = says || text != "–"
		row.cells = append(row.cells, text)
	}
	if says {
		t.rows = append(t.rows, row)
	}
}

// number adds a row of numbers.
func (t *comparedTable) number(name string, of func(ComparedRun) int) {
	t.row(name, func(r ComparedRun) string { return count(of(r)) })
}

func (t *comparedTable) journey(name string) {
	of := func(cell func(ComparedJourney) string) func(ComparedRun) string {
		return func(r ComparedRun) string {
			if i := slices.IndexFunc(r.Journeys, func(j ComparedJourney) bool { return j.Journey == name }); i >= 0 {
				return cell(r.Journeys[i])
			}
			return "–"
		}
	}
	t.row(name+": sessions completed", of(func(j ComparedJourney) string { return shareText(j.OK, j.Intended) }))
	t.row(name+": session p50", of(func(j ComparedJourney) string { return timeOf(j.P50, rankOf(50, j.Intended) > j.OK) }))
	t.row(name+": session p95", of(func(j ComparedJourney) string { return timeOf(j.P95, rankOf(95, j.Intended) > j.OK) }))
}

// name is what the work is called: "import, upload to wait".
func (w ComparedWork) name() string {
	if w.Step == w.Done {
		return w.Journey + ", " + w.Step
	}
	return w.Journey + ", " + w.Step + " to " + w.Done
}

func (t *comparedTable) work(name string) {
	of := func(cell func(ComparedWork) string) func(ComparedRun) string {
		return func(r ComparedRun) string {
			if i := slices.IndexFunc(r.Work, func(w ComparedWork) bool { return w.name() == name }); i >= 0 {
				return cell(r.Work[i])
			}
			return "–"
		}
	}
	t.row(name+": completed", of(func(w ComparedWork) string { return shareText(w.Completed, w.Intended) }))
	t.row(name+": p50", of(func(w ComparedWork) string { return timeOf(w.P50, rankOf(50, w.Begun) > w.Completed) }))
	t.row(name+": p95", of(func(w ComparedWork) string { return timeOf(w.P95, rankOf(95, w.Begun) > w.Completed) }))
	t.row(name+": lead p50", of(func(w ComparedWork) string { return w.leadText(w.LeadP50) }))
	t.row(name+": lead at least", of(func(w ComparedWork) string { return w.leadText(w.LeadMin) }))
	t.row(name+": accounts too late", of(func(w ComparedWork) string { return shareText(w.Late, w.Leads) }))
}

// leadText is how long before the work the class was there.
func (w ComparedWork) leadText(lead *time.Duration) string {
	switch {
	case lead != nil && *lead < 0:
		return span(-*lead) + " late"
	case lead != nil:
		return length(*lead)
	case w.Leads > 0:
		return "never"
	}
	return "–"
}

func (t *comparedTable) service(name string) {
	of := func(cell func(ScaledService) string) func(ComparedRun) string {
		return func(r ComparedRun) string {
			if i := slices.IndexFunc(r.Services, func(s ScaledService) bool { return s.Service == name }); i >= 0 {
				return cell(r.Services[i])
			}
			return "–"
		}
	}
	t.row(name+": instances at most", of(func(s ScaledService) string { return count(s.Most) }))
	t.row(name+": replica-seconds", of(func(s ScaledService) string { return summed(s.ReplicaSeconds) }))
	t.row(name+": CPU-seconds", of(func(s ScaledService) string {
		if s.CPUSeconds == nil {
			return "–"
		}
		return summed(*s.CPUSeconds)
	}))
}

// having is how many findings have a verdict.
func (r ComparedRun) having(v verify.Verdict) string {
	n := 0
	for _, verdict := range r.Checks {
		if verdict == v {
			n++
		}
	}
	return fmt.Sprintf("%d of %d", n, len(r.Checks))
}

// shareText is "11 of 12 (91.67 %)".
func shareText(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%s of %s (%s)", count(part), count(whole), percent(part, whole))
}

// timeOf is a time, "never" of what did not come to its end, a dash of what
// nothing is known of.
func timeOf(t *time.Duration, never bool) string {
	switch {
	case t != nil:
		return length(*t)
	case never:
		return "never"
	}
	return "–"
}

func dashed(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// namesOf are the names of things of all runs, in order of appearance.
func namesOf[T any](runs []ComparedRun, list func(ComparedRun) []T, name func(T) string) (names []string) {
	for _, r := range runs {
		for _, item := range list(r) {
			if n := name(item); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}
