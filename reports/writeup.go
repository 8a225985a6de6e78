package reports

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Writeup writes the draft of what people write after a game day, in Markdown: who took
// part, what they expected beside what happened, the timeline, notes, findings, impact,
// and what is open. Places to fill in are empty lines and boxes.
func Writeup(w io.Writer, run Run) error {
	d := &draft{out: bufio.NewWriter(w), run: run, people: interventionsOf(run.events())}
	d.summary()
	d.participants()
	d.expectations()
	d.timeline()
	d.notes()
	d.findings()
	d.impact()
	d.questions()
	d.section("Follow-ups")
	for range 3 {
		d.line("- [ ] (what) – (who), (by when)")
	}
	return d.out.Flush()
}

// writeupFormat is the name of the draft, which is no report: it leaves to the reports
// what people need not write about.
const writeupFormat = "writeup"

// Documents lists the names that Write takes: the formats of the report, and writeup.
func Documents() []string { return append(Formats(), writeupFormat) }

// WantsWriteup tells whether people had a hand in the run or said before what they
// expected.
func WantsWriteup(run Run) bool {
	return len(interventionsOf(run.events())) > 0 || (run.Intent.Plan != nil && len(run.Intent.Plan.Hypotheses) > 0)
}

// draft writes the parts; the writer keeps its first error for Flush.
type draft struct {
	out    *bufio.Writer
	run    Run
	people []Intervention
}

func (d *draft) line(text string)     { _, _ = d.out.WriteString(text + "\n") }
func (d *draft) section(title string) { d.line("\n## " + title + "\n") }

// list writes a line for each, or says that there is none.
func (d *draft) list(lines []string, none string) {
	for _, l := range lines {
		d.line("- " + l)
	}
	if len(lines) == 0 {
		d.line(none)
	}
}

func (d *draft) table(head []string, rows [][]string) {
	d.line("| " + strings.Join(head, " | ") + " |")
	d.line("|" + strings.Repeat(" :-- |", len(head)))
	for _, row := range rows {
		d.line(markdownRow(row))
	}
}

func (d *draft) summary() {
	w := windowOf(d.run.events())
	d.line("# Game day: " + escapeMarkdown(scenarioName(d.run)))
	if !d.run.Intent.Started.IsZero() {
		d.line("\n" + d.run.Intent.Started.Format("Monday, 2 January 2006, 15:04 MST") + " · " + escapeMarkdown(subtitle(d.run, w)))
	}
	if text := spoiled(d.run); text != "" {
		d.line("\n**" + escapeMarkdown(text) + "**")
	}
	d.section("Summary")
	if p := d.run.Intent.Plan; p != nil && p.Summary != "" {
		d.line(escapeMarkdown(p.Summary) + "\n")
	}
	d.line(fmt.Sprintf("**%s %s**: %s.", symbol(d.run.Result.Verdict), word(d.run.Result.Verdict), escapeMarkdown(conclusion(d.run.Result)+troubled(d.run))))
	t := totalsOf(d.run, w, timesOf(d.run.sums()))
	if t.Requests > 0 {
		d.line(fmt.Sprintf("%s requests, of which %s failed and of %s nobody knows.", count(t.Requests), count(t.Failed), count(t.Unknown)))
	}
	d.line("Charts and evidence are in [report.html](report.html) of the run directory, the record in journal.ndjson.")
	d.line("\n(What happened, in three sentences for who was not there.)")
}

// participants are who asked for something, with how often.
func (d *draft) participants() {
	d.section("Who took part")
	type share struct{ done, notes, refused int }
	shares := map[string]share{}
	for _, i := range d.people {
		s := shares[i.By]
		switch {
		case i.Error != "":
			s.refused++
		case i.note():
			s.notes++
		default:
			s.done++
		}
		shares[i.By] = s
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(shares)) {
		s := shares[name]
		line := fmt.Sprintf("%s: %s, %s", escapeMarkdown(name), plural(s.done, "intervention"), plural(s.notes, "note"))
		if s.refused > 0 {
			line += fmt.Sprintf(", %d refused", s.refused)
		}
		lines = append(lines, line)
	}
	d.list(lines, "Nobody had a hand in the run.")
}

func (d *draft) expectations() {
	d.section("What was expected, and what happened")
	var rows [][]string
	for _, e := range expectationsOf(d.run) {
		beside := strings.Join(e.Checks, "; ")
		if beside == "" {
			beside = "(no check speaks of it by name)"
		}
		rows = append(rows, []string{e.Text, beside, ""})
	}
	if len(rows) == 0 {
		d.line("Nothing was written down before the run.")
		return
	}
	d.table([]string{"expected", "the checks", "Held / did not hold:"}, rows)
	var lines []string
	for _, f := range bySeverity(d.run.Result.Checks) {
		lines = append(lines, escapeMarkdown(verdictLine(f)))
	}
	d.line("\nAll checks:\n")
	d.list(lines, "Nothing was judged.")
}

// told are the kinds of entries that a timeline of a game day is made of.
var told = map[string]bool{"phase": true, "action": true, "fault": true, "alert": true, "scaling": true, "resize": true, "notice": true, "run": true, "person": true, "note": true}

func (d *draft) timeline() {
	d.section("Timeline")
	d.line("Times count from the start of the run; faults stand with the evidence for their effect.\n")
	entries, more := chronicleOf(d.run.events())
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	var rows [][]string
	for _, e := range entries {
		if !told[e.kind] {
			continue
		}
		mark := ""
		if e.grave {
			mark = "▲ "
		}
		rows = append(rows, []string{moment(e.at), d.wall(e), e.kind, e.subject, mark + e.text})
	}
	d.table([]string{"time", "clock", "kind", "", "what happened"}, rows)
	if more > 0 {
		d.line("\n" + plural(more, "later event") + " did not fit; journal.ndjson has them.")
	}
}

// wall is the time of day of an entry, "" where nobody knows.
func (d *draft) wall(e entry) string {
	if d.run.Intent.Started.IsZero() {
		return ""
	}
	return d.run.Intent.Started.Add(e.at).Format("15:04:05")
}

func (d *draft) notes() {
	d.section("Notes")
	var lines []string
	for _, n := range notesOf(d.people) {
		lines = append(lines, fmt.Sprintf("%s, %s: %s", moment(n.T), escapeMarkdown(n.By), escapeMarkdown(n.Text)))
	}
	d.list(lines, "Nobody wrote a note.")
}

// maxDraftEvidence bounds the evidence of a finding in the draft; the report has all.
const maxDraftEvidence = 5

func (d *draft) findings() {
	d.section("Findings")
	failed, open, _ := split(d.run.Result.Checks)
	for _, f := range slices.Concat(failed, open) {
		d.line("### " + escapeMarkdown(symbol(f.Verdict)+" "+f.ID) + "\n")
		d.line("Wanted " + escapeMarkdown(f.Wanted) + "; measured " + escapeMarkdown(f.Measured) + ". " + escapeMarkdown(f.Reason) + "\n")
		for _, e := range firstOf(f.Evidence, maxDraftEvidence) {
			d.line("- " + escapeMarkdown(strings.Join(evidenceLines(e), " ")))
		}
		if more := len(f.Evidence) - maxDraftEvidence; more > 0 {
			d.line("- and " + count(more) + " more in the report")
		}
		d.line("")
	}
	if len(failed)+len(open) == 0 {
		d.line("Every check passed.")
	}
}

func (d *draft) questions() {
	d.section("Open questions")
	var lines []string
	for _, n := range notesOf(d.people) {
		if strings.HasSuffix(strings.TrimSpace(n.Text), "?") {
			lines = append(lines, escapeMarkdown(n.Text)+" ("+escapeMarkdown(n.By)+", "+moment(n.T)+")")
		}
	}
	for _, f := range d.run.Result.Checks {
		if f.Verdict == verify.Inconclusive && f.ID != "run/steered" { // that people steer a game day is no question
			lines = append(lines, escapeMarkdown(f.ID)+" is inconclusive: "+escapeMarkdown(f.Reason))
		}
	}
	for _, r := range remarksOf(d.run) {
		if !r.finding {
			lines = append(lines, "Not proven: "+escapeMarkdown(r.text))
		}
	}
	d.list(lines, "None that the record shows.")
}

// writeWriteup stores the draft of the write-up of a game day. One that is there stays: people
// write on in it, and what is rendered again must not take that away.
func writeWriteup(run Run) error {
	if !WantsWriteup(run) {
		return nil
	}
	var content bytes.Buffer
	if err := Writeup(&content, run); err != nil {
		return fmt.Errorf("render the write-up: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(run.Dir, "writeup.md"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store the write-up: %w", err)
	}
	_, err = file.Write(content.Bytes())
	return errors.Join(err, file.Close())
}
