package scenarios

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios/slofile"
)

// The defaults of SLOs.
const (
	defaultBudgetWindow = Duration(720 * time.Hour)
	// The least number of scrapes that a rate needs to look back over.
	scrapesOfRate = 4
	// What a window that is to hold all of a run is longer than its traffic.
	beforeTraffic = Duration(10 * time.Minute)
)

// slos are those of the scenario and of its files, in their order.
func (c *compiler) slos(end Duration) []PlannedSLO {
	var all []PlannedSLO
	for i, s := range c.doc.Scenario.SLOs {
		if s.fileKey() == "" {
			all = append(all, PlannedSLO{
				Name: s.Name, Objective: *s.Objective, Window: cmp.Or(s.Window, defaultBudgetWindow),
				Journey: s.Journey, Step: s.Step, Latency: s.Latency,
			})
			continue
		}
		for _, filed := range c.filed[i] {
			planned := sloOfFile(filed, c.scrapeEvery(), end)
			planned.From = filepath.ToSlash(s.file())
			all = append(all, planned)
		}
	}
	return all
}

// sloOfFile is an SLO of a file as a run can judge it, whose instances are scraped
// once in every, and whose traffic ends at end. See PlannedSLO for what becomes of its
// expressions.
func sloOfFile(s slofile.SLO, every, end Duration) PlannedSLO {
	p := PlannedSLO{
		Name: s.Name, Objective: Percent(s.Objective), Window: Duration(s.Window),
		Slice: Duration(s.Slice), SliceTarget: Percent(s.SliceTarget),
	}
	short := max(scrapesOfRate*every, Duration(5*time.Second))
	slices := s.Slice > 0 && s.SliceTarget == 0 // that count by their share
	if slices {
		short, p.Slice = max(short, p.Slice), 0
	}
	switch {
	case s.Means == slofile.Share:
		p.Ratio, p.Bad = true, badShare(slofile.WithWindow(s.Good, inSeconds(short)), slofile.WithWindow(s.Bad, inSeconds(short)), "")
	case s.Means == slofile.Windows && !slices && p.count(s, wholeSeconds(end+beforeTraffic)):
	case s.Means == slofile.Windows:
		window := func(query string) string { return slofile.WithWindow(query, inSeconds(short)) }
		p.Ratio, p.Bad = true, badShare(window(s.Good), window(s.Bad), window(s.Total))
	case s.Means == slofile.Counters && slices:
		p.Ratio, p.Bad = true, badShare(growth(s.Good, short), growth(s.Bad, short), growth(s.Total, short))
	case s.Means == slofile.Gauges:
		p.Ratio, p.Bad = true, badShare(s.Good, s.Bad, s.Total)
	default:
		p.Good, p.Bad, p.Total = s.Good, s.Bad, s.Total
	}
	return p
}

// count takes over expressions with {{.window}} as such that count events up to now, for
// a window that holds all of the run; false where they do not.
func (p *PlannedSLO) count(s slofile.SLO, window Duration) bool {
	if _, same := counted(s.Good+s.Bad+" + "+s.Total, window); !same {
		return false
	}
	p.Good, _ = counted(s.Good, window)
	p.Bad, _ = counted(s.Bad, window)
	p.Total, _ = counted(s.Total, window)
	return true
}

// badShare is the expression of the share that is bad. Without a total it is the
// share already. Where there are events and none of the kind that is counted, the
// series of that kind may not be there at all: it is none then.
func badShare(good, bad, total string) string {
	switch {
	case total == "" && good != "":
		return fmt.Sprintf("1 - (%s)", good)
	case total == "":
		return bad
	case good != "":
		return fmt.Sprintf("1 - ((%s) or (%s) * 0) / (%s)", good, total, total)
	}
	return fmt.Sprintf("((%s) or (%s) * 0) / (%s)", bad, total, total)
}

// growth is how much a counter grew within a time, "" for none.
func growth(query string, within Duration) string {
	if query == "" {
		return ""
	}
	return fmt.Sprintf("increase((%s)[%s:1s])", query, inSeconds(within))
}

// windowCall is a function of the last {{.window}} of a series.
var windowCall = regexp.MustCompile(`(\w+)(\s*\(\s*[a-zA-Z_:][a-zA-Z0-9_:]*\s*(?:\{(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^}"'])*\})?\s*\[\s*\{\{-?\s*\.window\s*-?\}\}\s*\])`)

// countable are the functions whose windows, made as long as the run, count events up
// to now, and what stands for them then. The highest value of a counter is how many it
// has counted, also when its instance is gone; a rate over so long would be stretched
// beyond the first and the last value.
var countable = map[string]string{
	"rate": "max_over_time", "increase": "max_over_time", "sum_over_time": "sum_over_time", "count_over_time": "count_over_time",
}

// counted is a query as the number of its events up to now, for a window that holds all
// of the run; false where that cannot be told.
func counted(query string, window Duration) (string, bool) {
	calls := windowCall.FindAllStringSubmatch(query, -1)
	for _, call := range calls {
		if countable[call[1]] == "" || call[1] != calls[0][1] {
			return "", false
		}
	}
	text := windowCall.ReplaceAllStringFunc(query, func(call string) string {
		parts := windowCall.FindStringSubmatch(call)
		return countable[parts[1]] + parts[2]
	})
	return slofile.WithWindow(text, inSeconds(window)), len(calls) == slofile.Windowed(query)
}

// inSeconds is a time as PromQL writes it, in whole seconds.
func inSeconds(d Duration) string {
	return fmt.Sprintf("%ds", int64(wholeSeconds(d).Std().Seconds()))
}

// wholeSeconds rounds up.
func wholeSeconds(d Duration) Duration {
	return (d + Duration(time.Second) - 1) / Duration(time.Second) * Duration(time.Second)
}
