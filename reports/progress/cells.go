package progress

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// ellipsis ends a text that was cut.
const ellipsis = "…"

// cells is how many columns of a terminal a rune takes: none for what is put onto the
// one before, two for East Asian wide forms and emoji.
func cells(r rune) int {
	switch {
	case r < 0x7f && r >= ' ':
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// columns is how many columns of a terminal a text takes.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += cells(r)
	}
	return n
}

// cut shortens a text to at most so many columns; what was cut is told by an ellipsis.
func cut(text string, most int) string {
	if columns(text) <= most {
		return text
	}
	if most < 1 {
		return ""
	}
	used := 0
	for i, r := range text {
		if used+cells(r) > most-1 { // the ellipsis needs one
			return strings.TrimRight(text[:i], " ") + ellipsis
		}
		used += cells(r)
	}
	return text
}

// pad fills a text up to so many columns.
func pad(text string, to int) string { return text + strings.Repeat(" ", max(0, to-columns(text))) }

// printable takes out what would move the cursor or change colours: a log line of a
// system under test must not draw on the user's terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == unicode.ReplacementChar:
			return '·'
		case unicode.In(r, unicode.Bidi_Control):
			return -1
		}
		return r
	}, text)
}
