package alerts

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// at is a place in a file; line and column count from 1.
type at struct{ line, column int }

func of(n *yaml.Node) at { return at{n.Line, n.Column} }

// an entry is one field of a mapping.
type entry struct{ key, value *yaml.Node }

// entries are the fields of a mapping, none for anything else.
func entries(n *yaml.Node) []entry {
	n = resolved(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var out []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		out = append(out, entry{n.Content[i], resolved(n.Content[i+1])})
	}
	return out
}

// field is a field of a mapping; its nodes are nil where there is none.
func field(n *yaml.Node, name string) entry {
	for _, e := range entries(n) {
		if e.key.Value == name {
			return e
		}
	}
	return entry{}
}

// items are those of a list, none for anything else.
func items(n *yaml.Node) []*yaml.Node {
	n = resolved(n)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// resolved is what an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// null tells that nothing was written for a value.
func null(n *yaml.Node) bool {
	n = resolved(n)
	return n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// inside is the place of a byte of the text of a scalar, which may be folded over
// several lines. It reports false where the text is not in the file as it is: an
// escape in quotes.
func inside(lines []string, n *yaml.Node, offset int) (at, bool) {
	line, column := n.Line-1, n.Column-1 // from 0; the column in characters
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		line, column = line+1, 0
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		column++
	}
	value := n.Value[:min(offset, len(n.Value))]
	for {
		value = strings.TrimLeft(value, " \t\n")
		if line < 0 || line >= len(lines) {
			return at{}, false
		}
		rest := from(lines[line], column)
		trimmed := strings.TrimLeft(rest, " \t\r")
		column += utf8.RuneCountInString(rest) - utf8.RuneCountInString(trimmed)
		if value == "" && (trimmed != "" || offset >= len(n.Value)) {
			return at{line + 1, column + 1}, true
		}
		if trimmed == "" {
			line, column = line+1, 0
			continue
		}
		same := common(value, trimmed)
		if same == 0 {
			return at{}, false
		}
		value = value[same:]
		column += utf8.RuneCountInString(trimmed[:same])
		if value == "" && offset >= len(n.Value) {
			return at{line + 1, column + 1}, true
		}
	}
}

// from is what a line has from a column on, counted in characters.
func from(line string, column int) string {
	for i := range line {
		if column == 0 {
			return line[i:]
		}
		column--
	}
	return ""
}

// common is how many bytes two texts begin with alike, up to the first white space.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] && !strings.ContainsRune(" \t\n\r", rune(a[n])) {
		n++
	}
	return n
}
