package scenarios

import (
	"reflect"
	"slices"
)

// normalize turns the short forms of the language into their full forms, so
// that everything after it knows one form only: a probe that is just a path,
// a value to extract that is just a JSON path, one arrival shape in place of a
// list, one status, one compose file, a size, a thinking time or a weight that
// is always the same, a number of items that is written as a number, a value that
// a variant sets and that is no text.
func normalize(n *node, t reflect.Type) *node {
	scalar := n.kind != nullKind && n.kind != listKind && n.kind != mapKind
	switch {
	case t == reflect.TypeFor[Probe]() && scalar:
		return inField(n, "path")
	case t == reflect.TypeFor[Selection]() && scalar:
		return inField(n, "service")
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
		return withField(n, "count", func(count *node) *node {
			if count.kind != intKind {
				return count
			}
			return asText(count)
		})
	case t == reflect.TypeFor[Variant]() && n.kind == mapKind:
		return withField(n, "set", func(set *node) *node {
			texts := *set
			texts.fields = slices.Clone(set.fields)
			for i, f := range texts.fields {
				texts.fields[i].value = asText(f.value)
			}
			return &texts
		})
	}
	return n
}

// withField is the mapping with another form of one field, if it is there.
func withField(n *node, name string, form func(*node) *node) *node {
	i := slices.IndexFunc(n.fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return n
	}
	mapping := *n
	mapping.fields = slices.Clone(n.fields)
	mapping.fields[i].value = form(n.fields[i].value)
	return &mapping
}

// asText is a number, true or false as the text that it was written as, and a
// list or a mapping as one that means the same.
func asText(n *node) *node {
	text := node{kind: textKind, at: n.at, text: n.text}
	switch n.kind {
	case textKind, nullKind:
		return n
	case listKind, mapKind:
		text.text = renderJSON(n.any())
	}
	text.value = text.text
	return &text
}

// inField is a mapping with the value as its only field.
func inField(n *node, name string) *node {
	return &node{kind: mapKind, at: n.at, fields: []field{{name, n.at, n}}}
}

// asList is a list with the value as its only item.
func asList(n *node) *node {
	return &node{kind: listKind, at: n.at, items: []*node{n}, single: true}
}
