package reports

import (
	"bufio"
	"fmt"
	"io"
	"slices"

	"github.com/shakedown-dev/shakedown/harness/stats"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Repeated is what a series of runs of one scenario came to. As JSON it is a contract like
// Document.
type Repeated struct {
	Version  int              `json:"version"`
	Runs     []RepeatedRun    `json:"runs"`
	Verdict  verify.Verdict   `json:"verdict"` // the worst
	Metrics  []RepeatedMetric `json:"metrics"`
	LeftOut  []string         `json:"left_out"` // runs that are in no figure, and why
	Scenario string           `json:"scenario"`
}

// A RepeatedRun is one of a series.
type RepeatedRun struct {
	Dir     string         `json:"dir"`
	Seed    int64          `json:"seed"`
	Verdict verify.Verdict `json:"verdict"`
}

// A RepeatedMetric is one figure of all runs of a series.
type RepeatedMetric struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Values []float64 `json:"values"`
	Median float64   `json:"median"`
	Least  float64   `json:"least"`
	Most   float64   `json:"most"`
	// Spread is the distance of the two as a share of the median, null where that is 0.
	Spread *float64 `json:"spread"`
}

// Repeat sums a series of runs up.
func Repeat(runs []Run) Repeated {
	r := Repeated{Version: JSONVersion, Runs: []RepeatedRun{}, Metrics: []RepeatedMetric{}, LeftOut: []string{}}
	var all []comparedFigures
	var verdicts []verify.Finding
	for _, run := range runs {
		one := RepeatedRun{Dir: clean(run.Dir), Verdict: run.Result.Verdict}
		if run.Intent.Plan != nil {
			one.Seed = run.Intent.Plan.Seed
		}
		r.Runs, r.Scenario = append(r.Runs, one), clean(scenarioName(run))
		verdicts = append(verdicts, verify.Finding{Verdict: run.Result.Verdict})
		if why := endingTrouble(run); why != "" {
			r.LeftOut = append(r.LeftOut, clean(run.Dir+": "+why))
			continue
		}
		all = append(all, figuresOf(run))
	}
	r.Verdict = verify.Combine(verdicts)
	for _, f := range figuresIn(all) {
		r.Metrics = append(r.Metrics, repeatedOf(f, valuesOf(all, f.name)))
	}
	return r
}

func repeatedOf(f comparedFigure, values []float64) RepeatedMetric {
	m := RepeatedMetric{Name: clean(f.name), Unit: f.unit, Values: values, Median: stats.Median(values), Least: slices.Min(values), Most: slices.Max(values)}
	if m.Median != 0 {
		spread := (m.Most - m.Least) / m.Median
		m.Spread = &spread
	}
	return m
}

// JSON writes the series as one indented JSON object and a newline.
func (r Repeated) JSON(w io.Writer) error { return indented(w, r) }

// Text writes the series for a terminal: median and spread of each figure, then verdicts.
func (r Repeated) Text(w io.Writer, opts TextOptions) error {
	if opts.Width == 0 {
		opts.Width = 100
	}
	t := &textWriter{out: bufio.NewWriter(w), color: opts.Color, width: max(opts.Width, 40)}
	t.wrapped("", fmt.Sprintf("%s of %s", plural(len(r.Runs), "run"), r.Scenario))
	table := textTable{head: []string{"metric", "median", "least", "most", "spread", "runs"}, right: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true}}
	for _, m := range r.Metrics {
		spread := "–"
		if m.Spread != nil {
			spread = percentOf(round(*m.Spread, 3))
		}
		table.rows = append(table.rows, []string{m.Name, figureText(m.Unit, m.Median), figureText(m.Unit, m.Least), figureText(m.Unit, m.Most), spread, count(len(m.Values))})
	}
	if len(table.rows) > 0 {
		t.table("", table)
	}
	t.line("")
	for _, l := range r.LeftOut {
		t.wrapped("  · ", "left out: "+l)
	}
	for _, run := range r.Runs {
		t.wrapped("  "+symbol(run.Verdict)+" ", fmt.Sprintf("%s  %s, seed %d", word(run.Verdict), run.Dir, run.Seed))
	}
	return t.out.Flush()
}
