package reports

import (
	"strings"
	"unicode"
)

// wide are the blocks whose characters take two columns of a terminal: East
// Asian wide and full-width forms, and emoji.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, {Lo: 0x231a, Hi: 0x231b, Stride: 1},
		{Lo: 0x23e9, Hi: 0x23ec, Stride: 1}, {Lo: 0x2614, Hi: 0x2615, Stride: 1},
		{Lo: 0x2705, Hi: 0x2705, Stride: 1}, {Lo: 0x274c, Hi: 0x274c, Stride: 1},
		{Lo: 0x2e80, Hi: 0x303e, Stride: 1}, {Lo: 0x3041, Hi: 0x33ff, Stride: 1},
		{Lo: 0x3400, Hi: 0x4dbf, Stride: 1}, {Lo: 0x4e00, Hi: 0x9fff, Stride: 1},
		{Lo: 0xa000, Hi: 0xa4cf, Stride: 1}, {Lo: 0xac00, Hi: 0xd7a3, Stride: 1},
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1}, {Lo: 0xfe30, Hi: 0xfe6f, Stride: 1},
		{Lo: 0xff00, Hi: 0xff60, Stride: 1}, {Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1}, {Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1},
		{Lo: 0x1f900, Hi: 0x1f9ff, Stride: 1}, {Lo: 0x20000, Hi: 0x3fffd, Stride: 1},
	},
}

// width is the number of terminal columns a text takes.
func width(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc):
		case unicode.Is(wide, r):
			n += 2
		default:
			n++
		}
	}
	return n
}

// pad fills a text with spaces on the right up to a width.
func pad(text string, to int) string {
	return text + strings.Repeat(" ", max(0, to-width(text)))
}

// wrap breaks a text into lines of at most columns, between words where it
// can and inside a word where it must. It returns at least one line.
func wrap(text string, columns int) []string {
	columns = max(columns, 1)
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		for _, piece := range pieces(w, columns) {
			switch {
			case line == "":
				line = piece
			case width(line)+1+width(piece) <= columns:
				line += " " + piece
			default:
				lines, line = append(lines, line), piece
			}
		}
	}
	return append(lines, line)
}

// pieces breaks a word that is wider than a line, after a separator if there
// is one, so that identifiers break at their joints.
func pieces(word string, columns int) []string {
	var parts []string
	for width(word) > columns {
		n, joint := 0, 0
		for i, r := range word {
			size := len(string(r))
			if width(word[:i+size]) > columns && i > 0 {
				break
			}
			n = i + size
			if strings.ContainsRune("/-_.,=&?", r) {
				joint = n
			}
		}
		if joint > 0 {
			n = joint
		}
		parts, word = append(parts, word[:n]), word[n:]
	}
	if word == "" {
		return parts
	}
	return append(parts, word)
}
