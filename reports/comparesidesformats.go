package reports

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// sidesHead are the columns of the table of metrics.
func (s *Sides) head() []string {
	test := "p, runs"
	if s.Paired {
		test = "p, pairs"
	}
	return []string{"metric", s.Base.Name, s.New.Name, "change", "with 95 % confidence", test, "verdict"}
}

// cells are a metric as a row of that table.
func (s *Sides) cells(m ComparedMetric) []string {
	runs := fmt.Sprintf("%d+%d", len(m.Base), len(m.New))
	if s.Paired || len(m.Base) == len(m.New) {
		runs = fmt.Sprint(len(m.New))
	}
	return []string{
		m.Name, medianText(m.Unit, m.BaseMedian, len(m.Base)), medianText(m.Unit, m.NewMedian, len(m.New)),
		m.changeText(), m.rangeText(), fmt.Sprintf("p=%.3f n=%s", m.P, runs), m.verdictText(),
	}
}

func medianText(unit string, v float64, n int) string {
	if n == 0 {
		return "–"
	}
	return figureText(unit, v)
}

// verdictText has a sign besides, so that no colour is needed to see it.
func (m ComparedMetric) verdictText() string {
	switch m.Verdict {
	case Better:
		return "▲ better"
	case Worse:
		return "▼ worse"
	case TooFewRuns:
		return "? too few runs"
	}
	return "= no difference"
}

// about says what is compared, in a sentence.
func (s *Sides) about() string {
	base, changed := plural(len(s.Base.Runs), "run"), plural(len(s.New.Runs), "run")
	if s.Paired {
		return fmt.Sprintf("Experiment, same seed, paired: %s of %s against %s of %s. Figures are medians; a change is the centre of the differences within pairs (Wilcoxon's signed-rank test).",
			changed, s.New.Name, base, s.Base.Name)
	}
	return fmt.Sprintf("%s of %s against %s of %s. Figures are medians; a change is the median of the differences between runs of the sides (Mann and Whitney's test).",
		changed, s.New.Name, base, s.Base.Name)
}

// sides writes the metrics for a terminal.
func (t *textWriter) sides(s *Sides) {
	t.wrapped("", s.about())
	for _, l := range s.LeftOut {
		t.wrapped("  · ", "left out: "+l)
	}
	t.line("")
	table := textTable{head: s.head(), right: map[int]bool{1: true, 2: true, 3: true}}
	for _, m := range s.Metrics {
		table.rows = append(table.rows, s.cells(m))
	}
	if len(table.rows) > 0 {
		t.table("", table)
		t.line("")
	}
	for _, l := range s.Limits {
		t.wrapped("  "+symbol(l.Verdict)+" ", "limit "+l.Limit+": "+l.Reason)
	}
	for _, r := range s.Remarks {
		t.wrapped("  · ", r)
	}
	if len(s.Limits) > 0 {
		t.wrapped(t.verdict(s.Verdict)+": ", limitsConclusion(s.Limits))
	}
	t.line("")
}

func limitsConclusion(limits []JudgedLimit) string {
	var findings []verify.Finding
	for _, l := range limits {
		findings = append(findings, verify.Finding{Verdict: l.Verdict})
	}
	failed, open, passed := split(findings)
	return fmt.Sprintf("%d past its limit, %d not to be told, %d within", len(failed), len(open), len(passed))
}

// sides writes the metrics for a pull request.
func (m *markdownWriter) sides(s *Sides) {
	m.block(escapeMarkdown(s.about()) + "\n\n")
	var lines []string
	for _, metric := range s.Metrics {
		lines = append(lines, markdownRow(s.cells(metric)))
	}
	m.enclosed(markdownRow(s.head())+"\n| :-- | --: | --: | --: | --: | --: | :-- |\n", lines, "\n")
	for _, l := range s.Limits {
		m.block("- " + symbol(l.Verdict) + " " + escapeMarkdown("limit "+l.Limit+": "+l.Reason) + "\n")
	}
	for _, l := range s.LeftOut {
		m.block("- " + escapeMarkdown("left out: "+l) + "\n")
	}
	for _, r := range s.Remarks {
		m.block("- " + escapeMarkdown(r) + "\n")
	}
	m.block("\n")
}

// pageSides is what the page shows of two sides.
type pageSides struct {
	About   string
	Heads   []string
	Rows    []pageMetric
	Limits  []pageLimit
	Notes   []string
	Verdict string // of the limits, "" without any
	Class   string
	Strips  template.HTML
	Curves  template.HTML
}

type pageMetric struct {
	Cells  []string // without the first and the last
	Name   string
	Word   string
	Class  string
	Reason string
}

type pageLimit struct{ Sign, Text string }

func (c Comparison) pageSides() *pageSides {
	s := c.Sides
	if s == nil {
		return nil
	}
	p := &pageSides{About: s.about(), Heads: s.head(), Strips: c.strips(), Curves: c.curveChart()}
	for _, m := range s.Metrics {
		cells := s.cells(m)
		class := map[string]string{Better: "is-better", Worse: "is-worse", TooFewRuns: "is-open"}[m.Verdict]
		p.Rows = append(p.Rows, pageMetric{cells[1 : len(cells)-1], m.Name, m.verdictText(), class, m.Reason})
	}
	for _, l := range s.Limits {
		p.Limits = append(p.Limits, pageLimit{symbol(l.Verdict), "limit " + l.Limit + ": " + l.Reason})
	}
	if len(s.Limits) > 0 {
		p.Verdict = symbol(s.Verdict) + " " + word(s.Verdict)
		p.Class = map[verify.Verdict]string{verify.Pass: "pass", verify.Fail: "fail"}[s.Verdict]
		if p.Class == "" {
			p.Class = "open"
		}
	}
	for _, l := range s.LeftOut {
		p.Notes = append(p.Notes, "left out: "+l)
	}
	p.Notes = append(p.Notes, s.Remarks...)
	return p
}

// named is how the sides are called in a title.
func (s *Sides) named() string { return strings.Join([]string{s.New.Name, s.Base.Name}, " against ") }
