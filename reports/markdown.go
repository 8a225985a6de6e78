package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// markdownLimit is the most that GitHub takes as a step summary; a larger one
// is refused whole.
const markdownLimit = 1 << 20

// Markdown writes the verdict for a pull request or a step summary: the
// verdict as a heading, the checks as a table, and behind folds the evidence,
// the errors and what was not proven. It never exceeds 1 MiB and says so
// where it had to stop.
func Markdown(w io.Writer, run Run) error { return MarkdownWithin(w, run, markdownLimit) }

// MarkdownWithin is Markdown of at most so many bytes, for a place that has something
// in it already. Below what the remark on the cut takes it writes nothing.
func MarkdownWithin(w io.Writer, run Run, most int) error {
	m := &markdownWriter{left: min(most, markdownLimit) - len(markdownCut)}
	if m.left < 0 {
		return nil
	}
	win := windowOf(run.events())
	v := run.Result.Verdict
	m.block(fmt.Sprintf("### %s %s: %s\n\n", symbol(v), escapeMarkdown(scenarioName(run)), word(v)))
	m.block(escapeMarkdown(conclusion(run.Result)+troubled(run)) + after("", " · ", escapeMarkdown(subtitle(run, win))) + "\n\n")
	for _, text := range []string{partial(run), spoiled(run)} {
		if text != "" {
			m.block("> [!CAUTION]\n> **" + escapeMarkdown(text) + "**\n\n")
		}
	}
	m.checks(run.Result.Checks)
	sums := run.sums()
	merged := timesOf(sums)
	generator := generatorOf(run, sums, merged)
	m.totals(totalsOf(run, win, merged), generator)
	m.details(run)
	m.faults(faultsOf(run))
	m.alerts(alertsOf(run))
	m.scaling(scalingOf(run, win))
	m.ledgers(ledgersOf(run))
	m.breakdowns(breakdownsOf(run, sums))
	m.generator(generator)
	m.gameday(run)
	m.fold("Not proven by this run, and assumed", remarkLines(run))
	m.again(run)
	if m.cut {
		m.text.WriteString(markdownCut)
	}
	_, err := io.WriteString(w, m.text.String())
	return err
}

// markdownCut is the remark at the end of a summary that was too long.
const markdownCut = "\n> [!NOTE]\n> This summary was cut to stay below the 1 MiB that a step summary may have; the whole is in `report.html` and `verdict.json` of the run directory.\n"

// markdownWriter collects blocks until the limit; what comes after the first
// block that does not fit is dropped.
type markdownWriter struct {
	text strings.Builder
	left int
	cut  bool
}

func (m *markdownWriter) block(text string) bool {
	if m.cut || len(text) > m.left {
		m.cut = true
		return false
	}
	m.left -= len(text)
	m.text.WriteString(text)
	return true
}

// enclosed writes lines between an opening and a closing, which is written
// whatever the limit does to the lines, so that no fold stays open.
func (m *markdownWriter) enclosed(opening string, lines []string, closing string) {
	if len(lines) == 0 || m.cut || len(opening)+len(closing) > m.left {
		m.cut = m.cut || len(lines) > 0
		return
	}
	m.left -= len(opening) + len(closing)
	m.text.WriteString(opening)
	for _, l := range lines {
		if !m.block(l + "\n") {
			break
		}
	}
	m.text.WriteString(closing)
}

func (m *markdownWriter) fold(title string, lines []string) {
	m.enclosed("<details><summary>"+title+"</summary>\n\n", lines, "\n</details>\n\n")
}

func (m *markdownWriter) checks(findings []verify.Finding) {
	lines := make([]string, 0, len(findings))
	for _, f := range bySeverity(findings) {
		lines = append(lines, fmt.Sprintf("| %s %s | %s | %s | %s |", symbol(f.Verdict), strong(f.Verdict),
			escapeMarkdown(f.ID), escapeMarkdown(f.Wanted), escapeMarkdown(f.Measured)))
	}
	m.enclosed("| verdict | check | wanted | measured |\n| :-- | :-- | :-- | :-- |\n", lines, "\n")
}

// strong is the word of a verdict, bold unless it is a pass.
func strong(v verify.Verdict) string {
	if v == verify.Pass {
		return word(v)
	}
	return "**" + word(v) + "**"
}

func (m *markdownWriter) totals(t Totals, g Generator) {
	if t.Requests == 0 {
		return
	}
	text := fmt.Sprintf("%s requests: %s ok, %s failed, %s unknown · %s sent of %s intended", count(t.Requests),
		count(t.OK), count(t.Failed), count(t.Unknown), rate(t.AchievedRate), rate(t.IntendedRate))
	if t.Max > 0 {
		text += fmt.Sprintf(" · p50 %s, p95 %s, p99 %s", span(t.P50), span(t.P95), span(t.P99))
	}
	m.block(escapeMarkdown(text) + "\n\n")
	m.block(escapeMarkdown(after(after("Generator", ": ", g.words()), "; ", g.verdict())) + "\n\n")
}

// faults is what was broken on purpose, and what is known of it.
func (m *markdownWriter) faults(f *Faults) {
	if f == nil {
		return
	}
	var lines []string
	if f.Stopped != nil {
		lines = append(lines, "- "+escapeMarkdown(f.Stopped.line()))
	}
	for _, c := range f.Calls {
		lines = append(lines, "- "+escapeMarkdown(c.line()))
	}
	var rows [][]string
	for _, r := range firstOf(f.Faults, maxParts) {
		rows = append(rows, r.cells())
	}
	m.enclosed("**Faults**\n\n", lines, "\n")
	m.table("What was broken on purpose, and how that is known", faultHead, rows, len(f.Faults))
}

// alerts is what alert rules did.
func (m *markdownWriter) alerts(a *Alerts) {
	if a == nil {
		return
	}
	lines := []string{"- " + escapeMarkdown(a.line())}
	for _, trouble := range firstOf(a.Troubles, maxParts) {
		lines = append(lines, "- "+escapeMarkdown(trouble))
	}
	var rows [][]string
	for _, e := range firstOf(a.Episodes, maxParts) {
		rows = append(rows, e.cells())
	}
	m.enclosed("**Alerts**\n\n", lines, "\n")
	m.table("What fired", alertHead, rows, len(a.Episodes))
}

// scaling is what scaled services had and used, and as folds who decided what on
// them, and how accounts fared that need more resources.
func (m *markdownWriter) scaling(s *Scaling) {
	if s == nil {
		return
	}
	var lines []string
	for _, service := range s.Services {
		lines = append(lines, "- "+escapeMarkdown(service.line()))
	}
	for _, i := range firstOf(s.Interruptions, maxParts) {
		lines = append(lines, "- "+escapeMarkdown("notice at "+i.line()))
	}
	m.enclosed("**Scaling**\n\n", lines, "\n")
	decisions := s.shown()
	var rows [][]string
	for _, d := range firstOf(decisions, maxParts) {
		cells := s.decisionCells(d)
		cells[4] = d.why()
		rows = append(rows, cells)
	}
	m.table("Decisions of autoscalers", decisionHead, rows, len(decisions))
	rows = nil
	for _, c := range firstOf(s.Instances, maxParts) {
		rows = append(rows, c.cells())
	}
	m.table("Instances added, removed and lost", changeHead, rows, len(s.Instances))
	refused := s.refusedResizes()
	rows = nil
	for _, r := range firstOf(refused, maxParts) {
		rows = append(rows, r.cells())
	}
	m.table("Resizes that were refused", resizeHead, rows, len(refused))
	rows = nil
	for _, a := range firstOf(s.Accounts, maxParts) {
		cells := a.cells()
		cells[3] = after(cells[3], ": ", a.Reason)
		rows = append(rows, cells)
	}
	m.table("Accounts that need more resources", accountHead, rows, len(s.Accounts))
}

// table is a fold with a table, and how many rows it leaves out of all.
func (m *markdownWriter) table(title string, head []string, rows [][]string, all int) {
	lines := make([]string, 0, len(rows)+1)
	for _, row := range rows {
		lines = append(lines, markdownRow(row))
	}
	if more := all - len(rows); more > 0 {
		lines = append(lines, "| "+count(more)+" more |"+strings.Repeat(" |", len(head)-1))
	}
	m.enclosed("<details><summary>"+title+"</summary>\n\n"+markdownRow(head)+"\n|"+strings.Repeat(" :-- |", len(head))+"\n", lines, "\n</details>\n\n")
}

// markdownRow is a row of a table.
func markdownRow(cells []string) string {
	escaped := make([]string, len(cells))
	for i, cell := range cells {
		escaped[i] = escapeMarkdown(cell)
	}
	return "| " + strings.Join(escaped, " | ") + " |"
}

// ledgers is a table of what was acknowledged and what exists.
func (m *markdownWriter) ledgers(ledgers []Ledger) {
	lines := make([]string, 0, len(ledgers))
	for _, l := range ledgers {
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s |", escapeMarkdown(l.ID), escapeMarkdown(l.wants()),
			l.acknowledged(), l.found(), l.missing(), l.repeated(), l.reading(), escapeMarkdown(l.remark())))
	}
	m.enclosed("**What was acknowledged and what exists**\n\n| ledger | wanted | acknowledged | found | missing | twice | read | |\n| :-- | :-- | --: | --: | --: | --: | :-- | :-- |\n", lines, "\n")
}

// breakdowns is a fold with the run by journey, step, cohort, tier and instance.
func (m *markdownWriter) breakdowns(b Breakdowns) {
	list := b.tables()
	if len(b.Steps) > 0 {
		list = slices.Insert(list, min(1, len(list)), breakdown{"Requests by step", b.Steps, true})
	}
	var lines []string
	for _, table := range list {
		for i, p := range table.parts {
			if i == maxParts {
				lines = append(lines, fmt.Sprintf("| %s | %s more | | | | | |", table.title, count(len(table.parts)-i)))
				break
			}
			ok := "–"
			if table.outcomes {
				ok = percent(p.OK, p.Count)
			}
			lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |", table.title, escapeMarkdown(p.label()),
				count(p.Count), ok, span(p.P50), span(p.P95), span(p.P99)))
		}
	}
	m.enclosed("<details><summary>Sessions, steps, cohorts, tiers and instances</summary>\n\n| of | | count | ok | p50 | p95 | p99 |\n| :-- | :-- | --: | --: | --: | --: | --: |\n",
		lines, "\n</details>\n\n")
}

// generator is a fold on the generator itself, which a run without one lacks.
func (m *markdownWriter) generator(g Generator) {
	if g.words() == "" {
		return
	}
	lines := []string{escapeMarkdown("The generator was " + g.verdict() + "."), ""}
	for _, e := range g.Engines {
		lines = append(lines, "- "+escapeMarkdown(e.words()))
	}
	for _, f := range g.facts() {
		lines = append(lines, "- "+escapeMarkdown(f.name+": "+f.value))
	}
	m.fold("Generator", lines)
}

// details are the folds: a finding's evidence, whose errors, and error groups.
func (m *markdownWriter) details(run Run) {
	for _, f := range bySeverity(run.Result.Checks) {
		if f.Verdict == verify.Pass {
			continue
		}
		var lines []string
		if f.Reason != "" {
			lines = append(lines, escapeMarkdown(f.Reason), "")
		}
		for _, e := range f.Evidence {
			quoted := evidenceLines(e)
			for i := range quoted {
				quoted[i] = escapeMarkdown(quoted[i])
			}
			lines = append(lines, "- "+strings.Join(quoted, "<br>"))
		}
		m.fold(symbol(f.Verdict)+" "+escapeMarkdown(f.ID), lines)
	}
	blames, suppressed := blamesOf(run.events())
	lines := make([]string, 0, len(blames)+1)
	for _, b := range blames {
		lines = append(lines, "- "+escapeMarkdown(b.String()))
	}
	if suppressed > 0 {
		lines = append(lines, "- "+suppressedText(suppressed))
	}
	m.fold("Failures by instance", lines)
	m.groups(run)
}

// suppressedText says that the journal's cap hid the particulars of some.
func suppressedText(n int) string {
	return plural(n, "more exchange") + " beyond the journal's limit were counted without particulars"
}

func (m *markdownWriter) groups(run Run) {
	groups, rest, restCount := groupsOf(run.groups())
	lines := make([]string, 0, len(groups)+1)
	for _, g := range groups {
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s |", count(g.Count), escapeMarkdown(g.Outcome),
			escapeMarkdown(g.Journey+" / "+g.Step), escapeMarkdown(cut(g.Message, 300)), moment(g.First)+" to "+moment(g.Last)))
	}
	if rest > 0 {
		lines = append(lines, fmt.Sprintf("| %s | | | %s | |", count(restCount), "in "+plural(rest, "more group")))
	}
	m.enclosed("<details><summary>Errors the driver saw</summary>\n\n| count | outcome | step | message | when |\n| --: | :-- | :-- | :-- | :-- |\n",
		lines, "\n</details>\n\n")
}

func remarkLines(run Run) []string {
	remarks := remarksOf(run)
	lines := make([]string, 0, len(remarks))
	for _, r := range remarks {
		lines = append(lines, "- "+escapeMarkdown(r.text))
	}
	return lines
}

func (m *markdownWriter) again(run Run) {
	lines := []string{"<pre>" + strings.ReplaceAll(escapeHTML(reproduce(run)), "@", "&#64;") + "</pre>", ""}
	for _, f := range factsOf(run) {
		lines = append(lines, "- "+f.name+": "+escapeMarkdown(f.value))
	}
	m.fold("Run it again", lines)
}

var markdownEscapes = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`,
	"[", `\[`, "]", `\]`, "~", `\~`, "#", `\#`, "$", `\$`,
	"@", "@<!-- -->", // keeps a text of the run from notifying people
)

// escapeMarkdown makes a text of the run safe for a line or table cell.
func escapeMarkdown(text string) string { return markdownEscapes.Replace(clean(text)) }
