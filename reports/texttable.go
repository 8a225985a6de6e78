package reports

import "strings"

// gutter stands between the columns of a table.
const gutter = 2

// A textTable is a table for a terminal. Its cells are plain text.
type textTable struct {
	head []string
	rows [][]string
	// notes stand below the row of the same number, "" for none; there may be fewer.
	notes []string
	// right are the columns that stand on the right, as figures do.
	right map[int]bool
}

// table writes a table, each line after indent; cells wrap where there is no
// room for them.
func (t *textWriter) table(indent string, table textTable) {
	widths := table.widths(t.width - width(indent))
	t.cells(indent, table.head, widths, table.right, dim)
	for i, row := range table.rows {
		t.cells(indent, row, widths, table.right, "")
		if i < len(table.notes) && table.notes[i] != "" {
			t.wrapped(indent+"    ", table.notes[i])
		}
	}
}

// widths are those of the columns within room: what they need if that fits, else
// the widest give way, those first whose words need not be broken for it.
func (t textTable) widths(room int) []int {
	widths, words := make([]int, len(t.head)), make([]int, len(t.head))
	sum := gutter * (len(t.head) - 1)
	for i := range t.head {
		for _, row := range append([][]string{t.head}, t.rows...) {
			widths[i] = max(widths[i], width(clean(row[i])), 1)
			for _, word := range strings.Fields(clean(row[i])) {
				words[i] = max(words[i], width(word))
			}
		}
		sum += widths[i]
	}
	for ; sum > room; sum-- {
		at := widest(widths, words)
		if at < 0 {
			at = widest(widths, make([]int, len(widths)))
		}
		if widths[at] == 1 {
			break
		}
		widths[at]--
	}
	return widths
}

// widest is the widest column that is wider than it has to be, -1 for none.
func widest(widths, least []int) int {
	at := -1
	for i := range widths {
		if widths[i] > least[i] && (at < 0 || widths[i] > widths[at]) {
			at = i
		}
	}
	return at
}

// cells writes a row, over several lines where cells wrap.
func (t *textWriter) cells(indent string, row []string, widths []int, right map[int]bool, style string) {
	lines := make([][]string, len(row))
	tallest := 0
	for i, cell := range row {
		lines[i] = wrap(clean(cell), widths[i])
		tallest = max(tallest, len(lines[i]))
	}
	for n := range tallest {
		text := indent
		for i := range lines {
			cell := ""
			if n < len(lines[i]) {
				cell = lines[i][n]
			}
			room := strings.Repeat(" ", max(0, widths[i]-width(cell)))
			if i > 0 {
				text += strings.Repeat(" ", gutter)
			}
			if right[i] {
				text += room + t.paint(style, cell)
			} else {
				text += t.paint(style, cell) + room
			}
		}
		t.line(text)
	}
}
