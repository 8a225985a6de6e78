// Package jsonpath finds one value in a decoded JSON document. It knows the
// part of JSONPath that names exactly one value: $, .name, ['name'], [n] and
// [-n]; no wildcards, slices or filters, so that a lookup either finds its
// value or does not.
package jsonpath

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Path leads from the root of a document to one value. The zero Path is the
// root itself. Paths are immutable and may be used from many goroutines.
type Path struct {
	text  string
	steps []step
}

// A step goes one level down: into an object by key, or, with a nil key, into
// an array by index, negative ones counted from the end.
type step struct {
	key   *string
	index int
}

// Compile reads a path such as $.items[0].id. The error says at which
// character, counted from 1, the path stops making sense.
func Compile(text string) (Path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return Path{}, fmt.Errorf("%q is not a JSON path: it starts with $, as in $.items[0].id", text)
	}
	path := Path{text: text}
	for rest != "" {
		s, after, err := next(rest)
		if err != nil {
			at := utf8.RuneCountInString(text[:len(text)-len(rest)]) + 1
			return Path{}, fmt.Errorf("%q is not a JSON path: %w at character %d", text, err, at)
		}
		path.steps = append(path.steps, s)
		rest = after
	}
	return path, nil
}

// next takes one step off the front of a path.
func next(text string) (step, string, error) {
	switch text[0] {
	case '.':
		return dotted(text[1:])
	case '[':
		return bracketed(text[1:])
	}
	return step{}, "", fmt.Errorf("expected . or [")
}

// dotted reads the name of a .name step, which goes up to the next . or [.
func dotted(text string) (step, string, error) {
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	name := text[:end]
	switch {
	case name == "":
		return step{}, "", fmt.Errorf("expected a name after the dot")
	case strings.ContainsAny(name, "*?@()]'\" \t\n"):
		return step{}, "", fmt.Errorf("%q cannot be a name without quotes, write ['...']", name)
	}
	return step{key: &name}, text[end:], nil
}

// bracketed reads what stands after the [ of ['name'], ["name"] or [n].
func bracketed(text string) (step, string, error) {
	if text != "" && (text[0] == '\'' || text[0] == '"') {
		return quoted(text[1:], text[0])
	}
	inside, rest, ok := strings.Cut(text, "]")
	if !ok {
		return step{}, "", fmt.Errorf("the bracket is not closed")
	}
	index, err := strconv.Atoi(inside)
	if err != nil || strings.HasPrefix(inside, "+") {
		return step{}, "", fmt.Errorf("expected an index or a quoted name in the brackets")
	}
	return step{index: index}, rest, nil
}

// quoted reads a name up to its closing quote and bracket; a backslash takes
// the next character as it is.
func quoted(text string, quote byte) (step, string, error) {
	var name strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			name.WriteByte(text[i])
		case text[i] != quote:
			name.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == ']':
			key := name.String()
			return step{key: &key}, text[i+2:], nil
		default:
			return step{}, "", fmt.Errorf("expected ] after the quoted name")
		}
	}
	return step{}, "", fmt.Errorf("the quote is not closed")
}

// String is the path as it was written.
func (p Path) String() string {
	if p.text == "" {
		return "$"
	}
	return p.text
}

// Lookup finds the value in a document as encoding/json decodes it into any
// (map[string]any, []any and scalars). The second result is false when there
// is none; a JSON null is found, as nil.
func (p Path) Lookup(document any) (any, bool) {
	value := document
	for _, s := range p.steps {
		var ok bool
		if value, ok = s.into(value); !ok {
			return nil, false
		}
	}
	return value, true
}

// into goes one level down.
func (s step) into(value any) (any, bool) {
	if s.key != nil {
		object, _ := value.(map[string]any)
		inner, ok := object[*s.key]
		return inner, ok
	}
	array, _ := value.([]any)
	i := s.index
	if i < 0 {
		i += len(array)
	}
	if i < 0 || i >= len(array) {
		return nil, false
	}
	return array[i], true
}
