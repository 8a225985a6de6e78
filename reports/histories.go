package reports

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/baseline"
	"github.com/shakedown-dev/shakedown/harness/stats"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A HistoryList is the history of baselines. As JSON it is a contract like Document.
type HistoryList struct {
	Version   int       `json:"version"`
	Baselines []History `json:"baselines"`
}

// A History is what the runs of one baseline were, over time.
type History struct {
	Scenario string          `json:"scenario"`
	Class    string          `json:"class"`
	Machine  string          `json:"machine"`
	Name     string          `json:"name"`
	Runs     []HistoryRun    `json:"runs"` // the oldest first
	Metrics  []MetricHistory `json:"metrics"`
}

// A HistoryRun is one run of a baseline.
type HistoryRun struct {
	Run     string    `json:"run"`
	Started time.Time `json:"started"`
	Traffic string    `json:"traffic"` // its digest
}

// A MetricHistory is one figure over the runs that have it.
type MetricHistory struct {
	Name   string    `json:"name"`
	Runs   []string  `json:"runs"`
	Values []float64 `json:"values"`
	Median float64   `json:"median"`
	Least  float64   `json:"least"`
	Most   float64   `json:"most"`
	// Changes are where the level changed (E-Divisive with means).
	Changes []LevelChange `json:"changes"`

	unit string
}

// A LevelChange is where a figure moved to another level.
type LevelChange struct {
	Run    string  `json:"run"` // the first of the new level
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	P      float64 `json:"p"`
}

// Histories are those of baselines, in their order.
func Histories(files []baseline.File) HistoryList {
	list := HistoryList{Version: JSONVersion, Baselines: []History{}}
	for _, f := range files {
		h := History{Scenario: clean(f.Scenario), Class: clean(f.Class), Machine: clean(f.Machine), Name: clean(f.Name), Runs: []HistoryRun{}, Metrics: []MetricHistory{}}
		names := map[string]bool{}
		for _, r := range f.Runs {
			h.Runs = append(h.Runs, HistoryRun{clean(r.Run), r.Started, clean(r.Traffic)})
			for name := range r.Figures {
				names[name] = true
			}
		}
		for _, name := range slices.SortedFunc(maps.Keys(names), compareFigures) {
			h.Metrics = append(h.Metrics, historyOf(f.Runs, name))
		}
		list.Baselines = append(list.Baselines, h)
	}
	return list
}

// compareFigures puts journeys by name, and their metrics in the order of the language.
func compareFigures(a, b string) int {
	journeyA, metricA, _ := strings.Cut(a, "/")
	journeyB, metricB, _ := strings.Cut(b, "/")
	if d := strings.Compare(journeyA, journeyB); d != 0 {
		return d
	}
	metrics := scenarios.RegressionMetrics()
	if d := slices.Index(metrics, metricA) - slices.Index(metrics, metricB); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

func historyOf(runs []baseline.Run, name string) MetricHistory {
	m := MetricHistory{Name: clean(name), Changes: []LevelChange{}, unit: unitSeconds}
	switch _, metric, _ := strings.Cut(name, "/"); metric {
	case "availability":
		m.unit = unitShare
	case "rate":
		m.unit = unitRate
	}
	for _, r := range runs {
		if v, ok := r.Figures[name]; ok {
			m.Runs, m.Values = append(m.Runs, clean(r.Run)), append(m.Values, v)
		}
	}
	m.Median, m.Least, m.Most = stats.Median(m.Values), slices.Min(m.Values), slices.Max(m.Values)
	for _, p := range stats.ChangePoints(m.Values, stats.Hunter) {
		m.Changes = append(m.Changes, LevelChange{m.Runs[p.Index], p.Before, p.After, p.P})
	}
	return m
}

// JSON writes the histories as one indented JSON object and a newline.
func (l HistoryList) JSON(w io.Writer) error { return indented(w, l) }

// Text writes the histories for a terminal.
func (l HistoryList) Text(w io.Writer, opts TextOptions) error {
	if opts.Width == 0 {
		opts.Width = 100
	}
	t := &textWriter{out: bufio.NewWriter(w), color: opts.Color, width: max(opts.Width, 40)}
	for i, h := range l.Baselines {
		if i > 0 {
			t.line("")
		}
		t.history(h)
	}
	return t.out.Flush()
}

func (t *textWriter) history(h History) {
	t.wrapped("", fmt.Sprintf("%s, baseline %s: %s", h.Scenario, h.Name, plural(len(h.Runs), "run")))
	t.wrapped("  ", h.Machine)
	if len(h.Runs) > 0 {
		t.wrapped("  ", fmt.Sprintf("from %s to %s", h.Runs[0].Started.Format(time.DateOnly), h.Runs[len(h.Runs)-1].Started.Format(time.DateOnly)))
	}
	table := textTable{head: []string{"metric", "median", "least", "most", "history"}, right: map[int]bool{1: true, 2: true, 3: true}}
	for _, m := range h.Metrics {
		table.rows = append(table.rows, []string{m.Name, figureText(m.unit, m.Median), figureText(m.unit, m.Least), figureText(m.unit, m.Most), m.spark()})
		var notes []string
		for _, c := range m.Changes {
			notes = append(notes, c.words(m.unit))
		}
		table.notes = append(table.notes, strings.Join(notes, "; "))
	}
	if len(table.rows) > 0 {
		t.table("  ", table)
	}
	if n := len(trafficsOf(h)); n > 1 {
		t.wrapped("  · ", fmt.Sprintf("the runs met %d different plans of traffic; a run is held to those of its own", n))
	}
}

// words are "changed at run X: 212 ms -> 251 ms (+18 %)".
func (c LevelChange) words(unit string) string {
	by := ""
	switch {
	case unit == unitShare:
		by = " (" + points(c.After-c.Before) + ")"
	case c.Before != 0:
		by = " (" + relative(round(c.After/c.Before-1, 3)) + ")"
	}
	return fmt.Sprintf("changed at run %s: %s -> %s%s", c.Run, figureText(unit, c.Before), figureText(unit, c.After), by)
}

// spark draws the values from the least to the most, which is not from 0: what differs has
// to be seen.
func (m MetricHistory) spark() string {
	span := m.Most - m.Least
	if !(span > 0) {
		return strings.Repeat("▄", len(m.Values))
	}
	heights := make([]float64, len(m.Values))
	for i, v := range m.Values {
		heights[i] = 1 + 7*(v-m.Least)/span
	}
	return spark(heights, 8)
}

// trafficsOf are the digests of traffic that the runs of a baseline met.
func trafficsOf(h History) map[string]bool {
	seen := map[string]bool{}
	for _, r := range h.Runs {
		seen[r.Traffic] = true
	}
	return seen
}

// Findings writes findings that are no whole run's verdict for a terminal.
func Findings(w io.Writer, result verify.Result, opts TextOptions) error {
	if opts.Width == 0 {
		opts.Width = 100
	}
	t := &textWriter{out: bufio.NewWriter(w), color: opts.Color, width: max(opts.Width, 40)}
	t.checks(result.Checks)
	t.wrapped(t.verdict(result.Verdict)+": ", conclusion(result))
	return t.out.Flush()
}
