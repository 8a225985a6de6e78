package reports

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// TextOptions say how text is laid out.
type TextOptions struct {
	// Color adds terminal colours; they never carry a meaning of their own.
	Color bool
	// Width is the number of columns to stay within, at least 40; 0 means 100.
	Width int
}

// topEvidence is how much evidence stands below a finding in a terminal.
const topEvidence = 3

// topJourneys is how many journeys a terminal shows as a whole.
const topJourneys = 6

// Text writes the verdict for a terminal of 100 columns; see TextWith.
func Text(w io.Writer, run Run, color bool) error {
	return TextWith(w, run, TextOptions{Color: color})
}

// TextWith writes the verdict table, what stands behind each check that did
// not pass, the totals, what was not proven, how to do it again, and the
// verdict as the last line. Nothing in the run can smuggle control sequences
// into it.
func TextWith(w io.Writer, run Run, opts TextOptions) error {
	if opts.Width == 0 {
		opts.Width = 100
	}
	t := &textWriter{out: bufio.NewWriter(w), color: opts.Color, width: max(opts.Width, 40)}
	win := windowOf(run.events())
	t.heading(clean(scenarioName(run)), subtitle(run, win))
	t.warn(partial(run))
	t.warn(spoiled(run))
	t.line("")
	t.checks(run.Result.Checks)
	scaling := scalingOf(run, win)
	faults := faultsOf(run)
	t.faults(faults)
	alerts := alertsOf(run)
	t.alerts(alerts)
	t.scaling(scaling)
	sums := run.sums()
	merged := timesOf(sums)
	t.requests(totalsOf(run, win, merged))
	t.sessions(breakdownsOf(run, sums).Journeys)
	t.services(scaling)
	t.called(faults)
	t.ruled(alerts)
	t.ledgers(ledgersOf(run))
	t.generator(generatorOf(run, sums, merged))
	t.summary(run)
	t.line("")
	t.wrapped(t.verdict(run.Result.Verdict)+": ", conclusion(run.Result)+troubled(run))
	return t.out.Flush()
}

// heading writes name and description on a line, or below each other where
// they do not fit.
func (t *textWriter) heading(name, about string) {
	if width(name)+2+width(about) <= t.width {
		t.line(t.paint(bold, name) + "  " + about)
		return
	}
	for _, l := range wrap(name, t.width) {
		t.line(t.paint(bold, l))
	}
	t.wrapped("  ", about)
}

// warn says above everything what is to be known of the run as a whole.
func (t *textWriter) warn(text string) {
	for _, l := range wrap(text, t.width) {
		if l != "" {
			t.line(t.paint(yellow, l))
		}
	}
}

// troubled is the end of the verdict line of a run that did not complete, or
// that was not meant to succeed.
func troubled(run Run) string {
	text := clean(after("", "; ", endingTrouble(run)))
	if control := controlOf(run); control != "" {
		text += "; spoiled on purpose by control " + control
	}
	return text
}

// textWriter writes lines; errors of the writer surface at Flush.
type textWriter struct {
	out   *bufio.Writer
	color bool
	width int
}

// The escape sequences in use.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[1;31m"
	green  = "\x1b[32m"
	yellow = "\x1b[1;33m"
	reset  = "\x1b[0m"
)

func (t *textWriter) paint(style, text string) string {
	if !t.color || text == "" {
		return text
	}
	return style + text + reset
}

func (t *textWriter) line(text string) {
	fmt.Fprintln(t.out, strings.TrimRight(text, " "))
}

// wrapped writes a text after a head, its further lines below its first.
func (t *textWriter) wrapped(head, text string) {
	indent := strings.Repeat(" ", width(plain(head)))
	for i, l := range wrap(clean(text), t.width-len(indent)) {
		if i == 0 {
			t.line(head + l)
			continue
		}
		t.line(indent + l)
	}
}

// plain is a text without our own escape sequences.
func plain(text string) string {
	for _, sequence := range []string{bold, dim, red, green, yellow, reset} {
		text = strings.ReplaceAll(text, sequence, "")
	}
	return text
}

func (t *textWriter) verdict(v verify.Verdict) string {
	return t.paint(style(v), symbol(v)+" "+word(v))
}

func style(v verify.Verdict) string {
	switch v {
	case verify.Pass:
		return green
	case verify.Fail:
		return red
	default:
		return yellow
	}
}

// checks writes the table; the columns share what the verdicts leave.
func (t *textWriter) checks(findings []verify.Finding) {
	if len(findings) == 0 {
		t.line("  no checks were judged")
		t.line("")
		return
	}
	first := len("verdict")
	for _, f := range findings {
		first = max(first, width(word(f.Verdict))+2)
	}
	widths := columns(findings, t.width-2-first-6)
	t.row(t.paint(dim, pad("verdict", first)), widths, [3]string{"check", "wanted", "measured"}, dim)
	for _, f := range findings {
		head := t.verdict(f.Verdict) + strings.Repeat(" ", first-2-width(word(f.Verdict)))
		t.row(head, widths, [3]string{f.ID, f.Wanted, f.Measured}, "")
		if f.Verdict != verify.Pass {
			t.because(f)
		}
	}
	t.line("")
}

// columns finds the widths of id, wanted and measured within room: what they
// need if that fits, else the id its need up to two fifths, and the others what
// makes the table shortest, as near to shares by need as that allows.
func columns(findings []verify.Finding, room int) [3]int {
	need := [3]int{len("check"), len("wanted"), len("measured")}
	for _, f := range findings {
		for i, text := range []string{f.ID, f.Wanted, f.Measured} {
			need[i] = max(need[i], width(clean(text)))
		}
	}
	if need[0]+need[1]+need[2] <= room {
		return need
	}
	id := min(need[0], room*2/5)
	room -= id
	share, least := room*need[1]/(need[1]+need[2]), min(16, room/2)
	best, cost := least, [2]int{}
	for wanted := least; wanted <= room-least; wanted++ {
		next := [2]int{height(findings, wanted, room-wanted), max(share-wanted, wanted-share)}
		if wanted == least || slices.Compare(next[:], cost[:]) < 0 {
			best, cost = wanted, next
		}
	}
	return [3]int{id, best, room - best}
}

// height is how many lines the cells of a table take.
func height(findings []verify.Finding, wanted, measured int) (lines int) {
	for _, f := range findings {
		lines += max(len(wrap(clean(f.Wanted), wanted)), len(wrap(clean(f.Measured), measured)))
	}
	return lines
}

// row writes a line of the table, over several lines where cells wrap.
func (t *textWriter) row(head string, widths [3]int, cells [3]string, paint string) {
	var lines [3][]string
	tallest := 1
	for i, cell := range cells {
		lines[i] = wrap(clean(cell), widths[i])
		tallest = max(tallest, len(lines[i]))
	}
	blank := strings.Repeat(" ", width(plain(head)))
	for n := range tallest {
		if n > 0 {
			head = blank
		}
		text := "  " + head
		for i := range lines {
			cell := ""
			if n < len(lines[i]) {
				cell = lines[i][n]
			}
			text += "  " + t.paint(paint, cell) + strings.Repeat(" ", max(0, widths[i]-width(cell)))
		}
		t.line(text)
	}
}

// because writes the reason and the top evidence of a finding.
func (t *textWriter) because(f verify.Finding) {
	if f.Reason != "" {
		t.wrapped("      ", f.Reason)
	}
	for i, e := range f.Evidence {
		if i == topEvidence {
			t.wrapped("      · ", fmt.Sprintf("and %d more in the report", len(f.Evidence)-topEvidence))
			break
		}
		for n, l := range evidenceLines(e) {
			t.wrapped([]string{"      · ", "          "}[min(n, 1)], l)
		}
	}
}

// requests writes the totals.
func (t *textWriter) requests(totals Totals) {
	if totals.Requests > 0 {
		t.labelled("requests", fmt.Sprintf("%s: %s ok, %s failed, %s unknown (%s ok)", count(totals.Requests),
			count(totals.OK), count(totals.Failed), count(totals.Unknown), percent(totals.OK, totals.Requests)))
	}
	if totals.Intended > 0 {
		t.labelled("rate", fmt.Sprintf("%s sent of %s intended", rate(totals.AchievedRate), rate(totals.IntendedRate)))
	}
	if totals.Max > 0 {
		text := fmt.Sprintf("p50 %s, p95 %s, p99 %s, max %s", span(totals.P50), span(totals.P95), span(totals.P99), span(totals.Max))
		if totals.OK < totals.Requests { // checks count the others as slower than all
			text += fmt.Sprintf(" of the %s that succeeded", count(totals.OK))
		}
		t.labelled("response", text)
	}
}

// ledgers writes what was acknowledged and what exists.
func (t *textWriter) ledgers(ledgers []Ledger) {
	for i, l := range ledgers {
		t.labelled(first(i, "ledgers"), l.String())
	}
}

// generator writes what the run tells of its generator, and whether that was
// good enough.
func (t *textWriter) generator(generator Generator) {
	if text := generator.words(); text != "" {
		t.labelled("generator", text)
		t.labelled("", generator.verdict())
	}
}

// summary writes attribution, files, what is not proven and the command.
func (t *textWriter) summary(run Run) {
	seen := t.groups(run)
	blames, _ := blamesOf(run.events())
	for i, b := range blames {
		if i == topEvidence {
			break
		}
		t.labelled(first(seen+i, "errors"), b.String())
	}
	caveats := 0
	for _, r := range remarksOf(run) {
		if r.finding || r.headed {
			continue // the table has it, or the head
		}
		t.labelled(first(caveats, "caveats"), r.text)
		caveats++
	}
	if run.Dir != "" {
		t.labelled("run", run.Dir)
		t.labelled("report", filepath.Join(run.Dir, "report.html"))
	}
	t.labelled("again", reproduce(run))
}

// groups writes what went wrong in the eyes of the driver, each with a sample,
// and returns for how much of it there was room.
func (t *textWriter) groups(run Run) int {
	groups := run.groups()
	for i, g := range groups {
		if i == topEvidence {
			t.labelled("", "and "+plural(len(groups)-i, "more kind")+" in the report")
			break
		}
		how := "failed"
		if g.Outcome == "unknown" {
			how = "unknown"
		}
		t.labelled(first(i, "errors"), fmt.Sprintf("%s %s at %s / %s: %s", count(g.Count), how, g.Journey, g.Step, cut(g.Message, maxLineError)))
		if g.Sample != "" {
			t.labelled("", "such as "+cut(strings.Join(strings.Fields(g.Sample), " "), maxLineSample))
		}
	}
	return min(len(groups), topEvidence)
}

// The most of an error and of its sample that stand in the text, in characters.
const (
	maxLineError  = 200
	maxLineSample = 320
)

// sessions writes a line for each journey as a whole.
func (t *textWriter) sessions(journeys []Part) {
	for i, p := range journeys {
		if i == topJourneys {
			t.labelled("", plural(len(journeys)-i, "more journey"))
			break
		}
		text := fmt.Sprintf("%s: %s, %s ok", p.Name, count(p.Count), percent(p.OK, p.Count))
		if p.Max > 0 {
			text += fmt.Sprintf(", p50 %s, p95 %s, p99 %s", span(p.P50), span(p.P95), span(p.P99))
		}
		t.labelled(first(i, "sessions"), text)
	}
}

// first is a label for the first line of a list only.
func first(i int, label string) string {
	if i > 0 {
		return ""
	}
	return label
}

func (t *textWriter) labelled(label, text string) {
	t.wrapped("  "+t.paint(dim, pad(label, 9))+"  ", text)
}
