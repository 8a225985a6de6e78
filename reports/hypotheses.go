package reports

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// A Hypothesis is what was expected before the run, beside what the checks that it
// names say. One that names none is for people to judge: nothing is said of it here.
type Hypothesis struct {
	Text   string            `json:"text"`
	Checks []HypothesisCheck `json:"checks"` // those that failed first
}

// A HypothesisCheck is what a check says that a hypothesis names.
type HypothesisCheck struct {
	ID       string         `json:"id"`
	Verdict  verify.Verdict `json:"verdict"`
	Measured string         `json:"measured"`
}

// hypothesesOf puts beside each hypothesis the checks whose names it mentions.
func hypothesesOf(run Run) []Hypothesis {
	if run.Intent.Plan == nil {
		return nil
	}
	var list []Hypothesis
	for _, text := range run.Intent.Plan.Hypotheses {
		h := Hypothesis{Text: clean(text), Checks: []HypothesisCheck{}}
		for _, f := range bySeverity(run.Result.Checks) {
			if mentions(text, f.ID) {
				h.Checks = append(h.Checks, HypothesisCheck{clean(f.ID), f.Verdict, clean(f.Measured)})
			}
		}
		list = append(list, h)
	}
	return list
}

// An expectation is a hypothesis in words.
type expectation struct {
	Text   string
	Checks []string // a line each: symbol, id, verdict, measured
}

func expectationsOf(run Run) (list []expectation) {
	for _, h := range hypothesesOf(run) {
		list = append(list, expectation{h.Text, h.lines()})
	}
	return list
}

// lines are the checks of a hypothesis, a line each.
func (h Hypothesis) lines() (lines []string) {
	for _, c := range h.Checks {
		lines = append(lines, verdictLine(verify.Finding{ID: c.ID, Verdict: c.Verdict, Measured: c.Measured}))
	}
	return lines
}

// junitHypotheses are the hypotheses as properties of a suite, by their number.
func junitHypotheses(run Run) (list []junitProperty) {
	for i, e := range expectationsOf(run) {
		said := strings.Join(e.Checks, "; ")
		list = append(list, junitProperty{fmt.Sprintf("hypothesis %d", i+1), e.Text + " – " + cmp.Or(said, "no check is named: for people to say")})
	}
	return list
}

// mentions tells whether a text has the id of a check in it, or the name that the id
// ends with, as words of their own.
func mentions(text, id string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_/", r)
	})
	id = strings.ToLower(id)
	name := id[strings.LastIndex(id, "/")+1:]
	for _, w := range words {
		if w == id || w == name {
			return true
		}
	}
	return false
}

// verdictLine is a finding in a line.
func verdictLine(f verify.Finding) string {
	return after(symbol(f.Verdict)+" "+clean(f.ID)+": "+word(f.Verdict), ", ", clean(f.Measured))
}

// notesOf are the remarks that people made.
func notesOf(interventions []Intervention) []Intervention {
	var notes []Intervention
	for _, i := range interventions {
		if i.note() {
			notes = append(notes, i)
		}
	}
	return notes
}

// pageGameday is the page's section on what people expected and did; nil where they
// did neither.
type pageGameday struct {
	Expected []expectation
	People   []pagePerson
}

type pagePerson struct {
	At, By, Text string
	Note, Grave  bool
}

func pageGamedayOf(run Run) *pageGameday {
	g := pageGameday{Expected: expectationsOf(run)}
	for _, i := range interventionsOf(run.events()) {
		g.People = append(g.People, pagePerson{At: moment(i.T), By: i.By, Text: i.line(), Note: i.note(), Grave: i.Error != ""})
	}
	if len(g.Expected)+len(g.People) == 0 {
		return nil
	}
	return &g
}

// gamedayLines are the section's lines in text: what was expected, then what people
// did. Markdown escapes them.
func gamedayLines(run Run) (expected, people []string) {
	for _, e := range expectationsOf(run) {
		expected = append(expected, after(e.Text, " – ", strings.Join(e.Checks, "; ")))
	}
	for _, i := range interventionsOf(run.events()) {
		people = append(people, moment(i.T)+"  "+i.By+": "+i.line())
	}
	return expected, people
}

// gameday is a fold on what people expected and did.
func (m *markdownWriter) gameday(run Run) {
	expected, people := gamedayLines(run)
	var lines []string
	for _, l := range append(expected, people...) {
		lines = append(lines, "- "+escapeMarkdown(l))
	}
	m.fold("Hypotheses and notes", lines)
}
