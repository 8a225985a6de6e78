// Package template expands ${name} in request paths, headers and bodies.
// ${name} takes letters, digits, _, - and . ; $${ stands for a literal ${,
// and any other $ for itself.
package template

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Template is text with variables in it. The zero Template expands to "".
// Templates are immutable and may be used from many goroutines.
type Template struct {
	text  string
	parts []part
}

// A part is literal text followed by a variable, which only the last part lacks.
type part struct{ literal, name string }

// Parse reads a template. It refuses a ${ without its }, and what cannot be a
// name between the two; the error says at which character, counted from 1.
func Parse(text string) (Template, error) {
	t := Template{text: text}
	var literal strings.Builder
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "${")
		if !found {
			literal.WriteString(rest)
			break
		}
		if escaped, ok := strings.CutSuffix(before, "$"); ok {
			literal.WriteString(escaped + "${")
			rest = after
			continue
		}
		name, tail, closed := strings.Cut(after, "}")
		if err := valid(name, closed); err != nil {
			at := utf8.RuneCountInString(text[:len(text)-len(rest)+len(before)]) + 1
			return Template{}, fmt.Errorf("%w at character %d", err, at)
		}
		literal.WriteString(before)
		t.parts = append(t.parts, part{literal.String(), name})
		literal.Reset()
		rest = tail
	}
	if literal.Len() > 0 {
		t.parts = append(t.parts, part{literal: literal.String()})
	}
	return t, nil
}

// valid says what is wrong with the name of a variable.
func valid(name string, closed bool) error {
	switch {
	case !closed:
		return fmt.Errorf("${ without its closing brace")
	case name == "":
		return fmt.Errorf("${} names no variable")
	}
	for _, r := range name {
		if !nameRune(r) {
			return fmt.Errorf("${%s} is no variable: a name has only letters, digits and the signs . - and _", name)
		}
	}
	return nil
}

// ValidName reports whether a variable may have this name.
func ValidName(name string) bool { return valid(name, true) == nil }

func nameRune(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	}
	return r == '_' || r == '-' || r == '.'
}

// Names lists the variables in the order of their first use, each once.
func (t Template) Names() []string {
	var names []string
	seen := map[string]bool{}
	for _, p := range t.parts {
		if p.name != "" && !seen[p.name] {
			seen[p.name] = true
			names = append(names, p.name)
		}
	}
	return names
}

// String is the template as it was written.
func (t Template) String() string { return t.text }

// Expand replaces every variable by what lookup gives for it, calling lookup
// once for each place it stands in. The error names the first variable that
// has no value. Values are put in as they are: nothing is escaped, and ${ in a
// value is not expanded again.
func (t Template) Expand(lookup func(name string) (string, bool)) (string, error) {
	if len(t.parts) == 1 && t.parts[0].name == "" {
		return t.parts[0].literal, nil // the common case, without a copy
	}
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.literal)
		if p.name == "" {
			continue
		}
		value, ok := lookup(p.name)
		if !ok {
			return "", fmt.Errorf("variable %s has no value", p.name)
		}
		b.WriteString(value)
	}
	return b.String(), nil
}
