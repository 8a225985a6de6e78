package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Problem is one mistake in a scenario or compose file. It marshals to JSON
// for `validate --json`.
type Problem struct {
	// File is the file as it was named by the caller, or the flag
	// "--set path=value" that brought the mistake in; then Line is 0.
	File string `json:"file"`
	// Line and Column count from 1; columns count characters, not bytes.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Path leads to the value inside the file, such as traffic.phases[0].for;
	// empty for the file as a whole.
	Path string `json:"path,omitempty"`
	// Message says what is wrong, Suggestion what to do about it.
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"`
	// Excerpt shows the line before, the line, and a caret below the column.
	Excerpt string `json:"excerpt,omitempty"`
}

// String is the problem as a person reads it, over several lines.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.File != "" {
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message + "\n")
	b.WriteString(p.Excerpt)
	if p.Suggestion != "" {
		b.WriteString("  " + p.Suggestion + "\n")
	}
	return b.String()
}

// Problems are all mistakes that were found, in the order of the file. It is
// an error; a nil or empty value means none, so test its length before it is
// returned as one.
type Problems []Problem

// Error is every problem, separated by empty lines.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.String()
	}
	return strings.TrimRight(strings.Join(texts, "\n"), "\n")
}

// sorted puts problems in the order of file, line and column, what came in by
// flags first, and drops repetitions.
func (ps Problems) sorted() Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(min(a.Line, 1), min(b.Line, 1)),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Clip(slices.Compact(out))
}

// The most problems that one stage of reading reports: a broken file that is
// large, or has its mistake in an anchor that many aliases repeat, must not
// bury the reader.
const mostProblems = 100

// add makes a problem, unless the same was said of the same place already.
func (ps *Problems) add(src *source, at place, path, message, suggestion string) {
	if len(*ps) >= mostProblems {
		return
	}
	p := src.bare(at, path, message, suggestion)
	for _, q := range *ps {
		if q.File == p.File && q.Line == p.Line && q.Column == p.Column && q.Message == p.Message {
			return
		}
	}
	*ps = append(*ps, src.problem(at, path, message, suggestion))
}

// move gives the problems inside of a value another path.
func (ps Problems) move(from, to string) {
	for i, p := range ps {
		if rest, inside := strings.CutPrefix(p.Path, from); inside && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			ps[i].Path = to + rest
		}
	}
}

// A place is where a value stands: in the file, or in the flag that set it.
type place struct {
	line, column int
	flag         string
}

// A source is a file in which problems are found.
type source struct {
	file  string
	lines []string
}

// newSource counts lines as YAML does, which ends them at a lone \r as well.
func newSource(file string, text []byte) *source {
	lines := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text))
	return &source{file: file, lines: strings.Split(lines, "\n")}
}

// line is one of the source, from 1, "" where there is none.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// problem makes a Problem for a place in the source.
func (s *source) problem(at place, path, message, suggestion string) Problem {
	p := s.bare(at, path, message, suggestion)
	p.Excerpt = s.excerpt(p.Line, p.Column)
	return p
}

// bare is a problem without its excerpt.
func (s *source) bare(at place, path, message, suggestion string) Problem {
	if at.flag != "" {
		return Problem{File: at.flag, Path: path, Message: message, Suggestion: suggestion}
	}
	return Problem{File: s.file, Line: at.line, Column: at.column, Path: path, Message: message, Suggestion: suggestion}
}

// An excerpt shows this many characters of a line at most, so that one long
// line does not bury the message.
const excerptWidth = 110

// excerpt is the line before, the line, and a caret below the column.
func (s *source) excerpt(line, column int) string {
	if line < 1 || line > len(s.lines) {
		return ""
	}
	var b strings.Builder
	from := max(0, column-excerptWidth+20)
	if line > 1 && strings.TrimSpace(s.lines[line-2]) != "" {
		fmt.Fprintf(&b, "%5d | %s\n", line-1, clip(s.lines[line-2], from))
	}
	fmt.Fprintf(&b, "%5d | %s\n", line, clip(s.lines[line-1], from))
	fmt.Fprintf(&b, "      | %s^\n", strings.Repeat(" ", max(0, column-1-from)))
	return b.String()
}

// clip is the part of a line that an excerpt shows, safe for a terminal: one
// cell a character as far as that can be known, no control characters.
func clip(line string, from int) string {
	runes := []rune(line)
	if from >= len(runes) {
		return ""
	}
	runes = slices.Clone(runes[from:min(len(runes), from+excerptWidth)])
	for i, r := range runes {
		switch {
		case r == '\t':
			runes[i] = ' '
		case !unicode.IsPrint(r):
			runes[i] = '·'
		}
	}
	return strings.TrimRight(string(runes), " ")
}
