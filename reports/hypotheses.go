package reports

import (
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// An Expectation is a hypothesis written before the run, beside what the checks that
// speak of it say.
type Expectation struct {
	Text   string   `json:"text"`
	Checks []string `json:"checks"` // a line each: symbol, id, verdict, measured
}

// expectationsOf puts beside each hypothesis the checks whose names it mentions; where
// it mentions none there is nothing beside it, because only people can say what it
// means.
func expectationsOf(run Run) []Expectation {
	if run.Intent.Plan == nil {
		return nil
	}
	var list []Expectation
	for _, text := range run.Intent.Plan.Hypotheses {
		e := Expectation{Text: clean(text), Checks: []string{}}
		for _, f := range bySeverity(run.Result.Checks) {
			if mentions(text, f.ID) {
				e.Checks = append(e.Checks, verdictLine(f))
			}
		}
		list = append(list, e)
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
	Expected []Expectation
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
