package scenarios

import "reflect"

// normalize turns the short forms of the language into their full forms, so
// that everything after it knows one form only: a probe that is just a path,
// a value to extract that is just a JSON path, one arrival shape in place of a
// list, one status, one compose file, a size, a thinking time or a weight that
// is always the same.
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
	}
	return n
}

// inField is a mapping with the value as its only field.
func inField(n *node, name string) *node {
	return &node{kind: mapKind, at: n.at, fields: []field{{name, n.at, n}}}
}

// asList is a list with the value as its only item.
func asList(n *node) *node {
	return &node{kind: listKind, at: n.at, items: []*node{n}, single: true}
}
