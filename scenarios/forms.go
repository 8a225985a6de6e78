package scenarios

import (
	"reflect"
	"slices"
)

// normalize turns the short forms of the language into their full forms, so
// that everything after it knows one form only: a probe that is just a path,
// a value to extract that is just a JSON path, one arrival shape in place of a
// list, one status, one compose file, a size, a thinking time or a weight that
// is always the same, a number of items that is written as a number.
func normalize(n *node, t reflect.Type) *node {
	scalar := n.kind != nullKind && n.kind != listKind && n.kind != mapKind
	switch {
	case t == reflect.TypeFor[Probe]() && scalar:
		return inField(n, "path")
	case t == reflect.TypeFor[Extract]() && scalar:
		return inField(n, "json")
	case t == reflect.TypeFor[Think](), t == reflect.TypeFor[Size]():
		if scalar {
			return inField(n, "constant")
		}
	case t == reflect.TypeFor[Weights]() && scalar:
		return inField(n, "")
	case t == reflect.TypeFor[Arrivals]() && n.kind == mapKind:
		return asList(n)
	case t == reflect.TypeFor[[]int]() && scalar:
		return asList(n)
	case t == reflect.TypeFor[Payload]() && n.kind == mapKind:
		return withText(n, "count")
	}
	return n
}

// withText is the mapping with one field as text where it is a whole number.
func withText(n *node, name string) *node {
	i := slices.IndexFunc(n.fields, func(f field) bool { return f.name == name && f.value.kind == intKind })
	if i < 0 {
		return n
	}
	text, mapping := *n.fields[i].value, *n
	text.kind, text.value = textKind, text.text
	mapping.fields = slices.Clone(n.fields)
	mapping.fields[i].value = &text
	return &mapping
}

// inField is a mapping with the value as its only field.
func inField(n *node, name string) *node {
	return &node{kind: mapKind, at: n.at, fields: []field{{name, n.at, n}}}
}

// asList is a list with the value as its only item.
func asList(n *node) *node {
	return &node{kind: listKind, at: n.at, items: []*node{n}, single: true}
}
