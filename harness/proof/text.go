package proof

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Text writes the matrix for a terminal: a table, what stands behind each row
// that is not as it should be, and the result as the last line.
func (d Defects) Text(w io.Writer, o TextOptions) error {
	out := bufio.NewWriter(w)
	t := table{head: []string{"defect", "platform", "caught by", "also fell", "FALSE ALARMS", "took"}}
	for _, trial := range d.Trials {
		t.rows = append(t.rows, row{paint: style(trial.Outcome), cells: []string{
			mark(trial.Outcome) + "\u00a0" + string(trial.Defect), trial.Platform, caughtBy(trial), dash(short(trial.AlsoFell)), dash(short(ids(trial.Alarms))), took(trial),
		}})
	}
	for _, trial := range d.Healthy {
		t.rows = append(t.rows, row{paint: style(trial.Outcome), cells: []string{
			mark(trial.Outcome) + "\u00a0healthy", trial.Platform, words(trial.Outcome), "-", dash(short(ids(trial.Alarms))), took(trial),
		}})
	}
	t.write(out, o)
	fmt.Fprintln(out)
	for _, trial := range slices.Concat(d.Trials, d.Healthy) {
		trial.explain(out, o)
	}
	fmt.Fprintf(out, "  runs  %s\n%s\n", d.Dir, o.paint(style(d.Verdict), mark(d.Verdict)+" "+d.Summary))
	return out.Flush()
}

// caughtBy is the cell of what caught a defect, or of what should have.
func caughtBy(t Trial) string {
	switch t.Outcome {
	case Caught:
		return short(t.CaughtBy)
	case Missed:
		return "MISSED by " + t.Meant
	}
	return words(t.Outcome)
}

func took(t Trial) string {
	text := t.Took.Round(time.Second).String()
	if t.Runs > 1 {
		text += fmt.Sprintf(" (%d runs)", t.Runs)
	}
	return text
}

// explain writes the reasons of a trial that is not as it should be.
func (t Trial) explain(w io.Writer, o TextOptions) {
	var lines []string
	add := func(what string, findings []verify.Finding) {
		for _, f := range findings {
			reason := f.Reason
			if reason == "" {
				reason = "measured " + f.Measured + ", wanted " + f.Wanted
			}
			lines = append(lines, fmt.Sprintf("%s: %s (%s): %s", what, f.ID, f.Verdict, reason))
		}
	}
	add("false alarm", t.Alarms)
	if t.Outcome == Missed {
		add("missed", t.Silent)
		if len(t.Silent) == 0 {
			lines = append(lines, "missed: the run has no finding of "+t.Meant)
		}
	}
	if t.Outcome == Inconclusive {
		add("inconclusive", t.Unclear)
	}
	if t.Outcome == Broken {
		lines = append(lines, "broken: "+t.Broken)
	}
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(w, "  "+o.paint(bold, t.Name))
	for _, line := range lines {
		paragraph(w, o, line)
	}
	fmt.Fprintf(w, "    %s\n\n", t.Dir)
}

// Text writes the proof for a terminal.
func (p Proof) Text(w io.Writer, o TextOptions) error {
	out := bufio.NewWriter(w)
	t := table{head: []string{"control", "what it does", "check meant", "verdict", "because"}}
	for _, g := range p.Gates {
		verdict, why := string(g.Verdict), printable(g.Reason)
		if g.Verdict == "" {
			verdict = words(g.Outcome)
		}
		if g.Outcome == NotApplicable {
			verdict, why = "not applicable", g.Reason
		}
		t.rows = append(t.rows, row{paint: style(g.Outcome), cells: []string{
			mark(g.Outcome) + "\u00a0" + string(g.Control), g.Does, dash(g.Check), verdict, dash(brief(why)),
		}})
	}
	t.write(out, o)
	fmt.Fprintf(out, "\n  runs  %s\n%s\n", p.Dir, o.paint(style(p.Verdict), mark(p.Verdict)+" "+printable(p.Summary)))
	return out.Flush()
}

// briefest is how much of a reason stands in a table; the run's report has all.
const briefest = 160

// brief cuts a text that is longer, between words where there are any.
func brief(text string) string {
	runes := []rune(text)
	if len(runes) <= briefest {
		return text
	}
	text = string(runes[:briefest])
	if runes[briefest] != ' ' {
		if space := strings.LastIndexByte(text, ' '); space > 0 {
			text = text[:space]
		}
	}
	return strings.TrimRight(text, " ;:,") + " …"
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// mark is the sign of an outcome: it is as it should be, it is not, or nobody
// knows.
func mark(o Outcome) string {
	switch o {
	case Caught, Passed, Red:
		return "✓"
	case Missed, Alarmed, Green, Broken:
		return "✗"
	case NotApplicable:
		return " "
	}
	return "?"
}

func style(o Outcome) string {
	switch mark(o) {
	case "✓":
		return green
	case "✗":
		return red
	case " ":
		return dim
	}
	return yellow
}
