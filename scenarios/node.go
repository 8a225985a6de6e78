package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// A kind is what a YAML value is.
type kind int

const (
	nullKind kind = iota
	textKind
	boolKind
	intKind
	floatKind
	listKind
	mapKind
)

// String is the kind as a message names it.
func (k kind) String() string {
	return [...]string{"nothing", "text", "true or false", "a whole number", "a number", "a list", "a mapping"}[k]
}

// A node is one YAML value with its place: aliases and merge keys are
// resolved, so that a tree of nodes is plain data. Overrides change it.
type node struct {
	kind   kind
	at     place
	text   string // of a scalar, as written
	value  any    // of a scalar: nil, string, bool, int64, uint64 or float64
	fields []field
	items  []*node
	single bool // a list that was written as its only item
	broken bool // could not be read; that has been reported
}

// A field is one entry of a mapping.
type field struct {
	name  string
	at    place // of the key
	value *node
}

// get is the value of a field, nil when it is not there.
func (n *node) get(name string) *node {
	if f := n.field(name); f != nil {
		return f.value
	}
	return nil
}

func (n *node) field(name string) *field {
	if n == nil {
		return nil
	}
	for i := range n.fields {
		if n.fields[i].name == name {
			return &n.fields[i]
		}
	}
	return nil
}

// with is a copy of a mapping in which a field has another value.
func (n *node) with(name string, value *node) *node {
	other := *n
	other.fields = slices.Clone(n.fields)
	if f := other.field(name); f != nil {
		f.value = value
	}
	return &other
}

// move gives a value, and all that is in it, another place.
func (n *node) move(to place) {
	n.at = to
	for i := range n.fields {
		n.fields[i].at = to
		n.fields[i].value.move(to)
	}
	for _, item := range n.items {
		item.move(to)
	}
}

// describe says what a value is, for messages: a scalar with its text.
func (n *node) describe() string {
	switch n.kind {
	case textKind:
		return fmt.Sprintf("%q", shorten(n.text))
	case boolKind, intKind, floatKind:
		return shorten(n.text)
	}
	return n.kind.String()
}

// shorten keeps a message on one line.
func shorten(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return text
}

// any is the value as encoding/json would decode it, except that whole
// numbers stay whole.
func (n *node) any() any {
	switch n.kind {
	case mapKind:
		m := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			m[f.name] = f.value.any()
		}
		return m
	case listKind:
		l := make([]any, len(n.items))
		for i, item := range n.items {
			l[i] = item.any()
		}
		return l
	}
	return n.value
}

// child is the path of a mapping's field; the name "" stands for all others and
// has none.
func child(path, name string) string {
	plain := name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
	switch {
	case name == "":
		return path
	case !plain:
		return path + "[" + name + "]"
	case path == "":
		return name
	}
	return path + "." + name
}

// element is the path of a list's item.
func (n *node) element(path string, i int) string {
	if n.single {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}
