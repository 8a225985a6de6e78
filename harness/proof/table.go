package proof

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// TextOptions say how text is laid out.
type TextOptions struct {
	Color bool // terminal colours; they never carry a meaning of their own
	Width int  // columns to stay within; 0 means 100
}

// The escape sequences in use, those of the reports.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[1;31m"
	green  = "\x1b[32m"
	yellow = "\x1b[1;33m"
	reset  = "\x1b[0m"
)

// A table has cells that wrap where the columns do not fit.
type table struct {
	head []string
	rows []row
}

// A row is cells, the first of which may have a colour.
type row struct {
	paint string
	cells []string
}

// write writes the table within a width.
func (t table) write(w io.Writer, o TextOptions) {
	widths := t.widths(o.width())
	t.line(w, o, row{paint: dim, cells: t.head}, widths, true)
	for _, r := range t.rows {
		t.line(w, o, r, widths, false)
	}
}

func (o TextOptions) width() int {
	if o.Width == 0 {
		return 100
	}
	return max(o.Width, 40)
}

// paint colours a text.
func (o TextOptions) paint(style, text string) string {
	if !o.Color || style == "" || strings.TrimSpace(text) == "" {
		return text
	}
	return style + text + reset
}

// widths are what the columns need, or less where that does not fit: the
// widest gives first, and none becomes narrower than its longest word.
func (t table) widths(room int) []int {
	widths, least := make([]int, len(t.head)), make([]int, len(t.head))
	for _, r := range append([]row{{cells: t.head}}, t.rows...) {
		for i, cell := range r.cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			for _, word := range split(cell) {
				least[i] = max(least[i], utf8.RuneCountInString(word))
			}
		}
	}
	for {
		sum, widest := 2*len(widths), -1
		for i, n := range widths {
			sum += n
			if n > least[i] && (widest < 0 || n > widths[widest]) {
				widest = i
			}
		}
		if sum <= room || widest < 0 {
			return widths
		}
		widths[widest]--
	}
}

// line writes a row, over several lines where its cells wrap.
func (t table) line(w io.Writer, o TextOptions, r row, widths []int, whole bool) {
	cells := make([][]string, len(r.cells))
	tallest := 1
	for i, cell := range r.cells {
		cells[i] = wrap(cell, widths[i])
		tallest = max(tallest, len(cells[i]))
	}
	for n := range tallest {
		text := ""
		for i, lines := range cells {
			cell := ""
			if n < len(lines) {
				cell = lines[n]
			}
			padded := cell + strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			if i == 0 || whole {
				padded = o.paint(r.paint, padded)
			}
			text += "  " + padded
		}
		fmt.Fprintln(w, strings.TrimRight(text, " "))
	}
}

// wrap breaks a text between words into lines of so many columns; a word that
// is longer stands out.
func wrap(text string, columns int) []string {
	var lines []string
	line := ""
	for _, word := range split(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// split is the words of a text; those that a no-break space joins stay together.
func split(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' })
}

// paragraph writes a text wrapped and indented.
func paragraph(w io.Writer, o TextOptions, text string) {
	for _, line := range wrap(printable(text), o.width()-4) {
		fmt.Fprintln(w, "    "+line)
	}
}

// printable takes control characters out of what a run has said.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
