package reports

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
)

// columnRoom is the least that a run's column of a comparison takes.
const columnRoom = 18

// mostBeside is how many runs of two sides a terminal sets beside each other.
const mostBeside = 4

// notTheSame is said above a comparison of runs whose traffic differs.
const notTheSame = "NOT THE SAME TRAFFIC: the figures do not tell the stacks apart"

// Text writes the comparison for a terminal; runs that there is no room for
// beside the others stand in a table below.
func (c Comparison) Text(w io.Writer, opts TextOptions) error {
	if opts.Width == 0 {
		opts.Width = 100
	}
	t := &textWriter{out: bufio.NewWriter(w), color: opts.Color, width: max(opts.Width, 40)}
	if !c.SameTraffic {
		for _, l := range wrap(notTheSame, t.width) {
			t.line(t.paint(red, l))
		}
		for _, d := range c.Differences {
			t.wrapped("  · ", d)
		}
		t.line("")
	}
	if c.Sides != nil {
		t.sides(c.Sides)
	}
	if len(c.Runs) > mostBeside && c.Sides != nil {
		return t.out.Flush() // of so many the medians tell more; the other formats have them all
	}
	t.compared("", c.heads(), c.rows())
	t.compared("check", c.heads(), c.findings())
	for _, r := range c.Remarks {
		t.wrapped("  · ", r)
	}
	for i, head := range c.heads() { // below, because a column has no room for a path
		t.wrapped("  · ", head+": "+c.Runs[i].Dir)
	}
	return t.out.Flush()
}

// compared writes a table of runs, so many of them beside each other as there is
// room for.
func (t *textWriter) compared(corner string, heads []string, rows []comparedRow) {
	if len(rows) == 0 {
		return
	}
	names := width(corner)
	for _, row := range rows {
		names = max(names, width(clean(row.name)))
	}
	beside := max(1, (t.width-min(names, t.width/2))/columnRoom)
	for from := 0; from < len(heads); from += beside {
		to := min(from+beside, len(heads))
		table := textTable{head: append([]string{corner}, heads[from:to]...)}
		for _, row := range rows {
			table.rows = append(table.rows, append([]string{row.name}, row.cells[from:to]...))
		}
		t.table("", table)
		t.line("")
	}
}

// JSON writes the comparison as one indented JSON object and a newline.
func (c Comparison) JSON(w io.Writer) error { return indented(w, c) }

// indented writes a value as one JSON object for people as well.
func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Markdown writes the comparison for a pull request or a step summary.
func (c Comparison) Markdown(w io.Writer) error {
	m := &markdownWriter{left: markdownLimit - len(markdownCut)}
	m.block("### " + escapeMarkdown(c.title()) + "\n\n")
	if !c.SameTraffic {
		text := "> [!CAUTION]\n> **" + escapeMarkdown(notTheSame) + "**\n"
		for _, d := range c.Differences {
			text += "> - " + escapeMarkdown(d) + "\n"
		}
		m.block(text + "\n")
	}
	if c.Sides != nil {
		m.sides(c.Sides)
	}
	m.comparedTable(c.heads(), c.located())
	m.comparedTable(c.heads(), c.findings())
	for _, r := range c.Remarks {
		m.block("- " + escapeMarkdown(r) + "\n")
	}
	if m.cut {
		m.text.WriteString(markdownCut)
	}
	_, err := io.WriteString(w, m.text.String())
	return err
}

func (m *markdownWriter) comparedTable(heads []string, rows []comparedRow) {
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		lines = append(lines, markdownRow(append([]string{row.name}, row.cells...)))
	}
	m.enclosed(markdownRow(append([]string{""}, heads...))+"\n| :-- |"+strings.Repeat(" --: |", len(heads))+"\n", lines, "\n")
}

var (
	//go:embed compare.html.tmpl
	compareSource string

	compareTemplate = template.Must(template.New("compare").Parse(compareSource))
)

// comparePolicy forbids the page every request and every script: it has none.
const comparePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

// comparePage is what the template of a comparison shows.
type comparePage struct {
	Policy      string
	Style       template.CSS
	Title       string
	Warning     string
	Differences []string
	Figures     pageTable
	Findings    pageTable
	Remarks     []string
	Sides       *pageSides
}

// pageTable is a table of runs.
type pageTable struct {
	Label string
	Heads []string
	Rows  []pageCompared
}

type pageCompared struct {
	Name  string
	Cells []string
}

// title names what is compared.
func (c Comparison) title() string {
	if c.Sides != nil && len(c.Runs) > 2 {
		return c.Sides.named()
	}
	return strings.Join(c.heads(), " · ")
}

// HTML writes the comparison as one page that needs nothing else.
func (c Comparison) HTML(w io.Writer) error {
	p := comparePage{
		Policy: comparePolicy, Style: template.CSS(pageStyle), //nolint:gosec // our own file
		Title: c.title(), Sides: c.pageSides(), Differences: c.Differences, Remarks: c.Remarks,
		Figures:  pageTable{"Table of figures", c.heads(), pageComparedOf(c.located())},
		Findings: pageTable{"Table of checks", c.heads(), pageComparedOf(c.findings())},
	}
	if !c.SameTraffic {
		p.Warning = notTheSame
	}
	out := bufio.NewWriter(w)
	if err := compareTemplate.Execute(out, p); err != nil {
		return fmt.Errorf("render the page: %w", err)
	}
	return out.Flush()
}

func pageComparedOf(rows []comparedRow) (list []pageCompared) {
	for _, row := range rows {
		list = append(list, pageCompared{row.name, row.cells})
	}
	return list
}
