package scenarios

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A converter turns the parser's tree into nodes and collects what is wrong
// with it as YAML: duplicate keys, unknown aliases, tags.
type converter struct {
	src      *source
	anchors  map[string]ast.Node
	open     map[string]bool // aliases being resolved, against cycles
	values   int
	depth    int
	tooMuch  bool // the file was given up
	lax      bool // tags and duplicate keys are none of our business
	problems Problems
}

func newConverter(src *source) *converter {
	return &converter{src: src, anchors: map[string]ast.Node{}, open: map[string]bool{}}
}

func (c *converter) report(at place, path, message, suggestion string) {
	c.problems.add(c.src, at, path, message, suggestion)
}

// place of a node: where a reader would point to it.
func (c *converter) place(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return c.place(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return c.place(n.Key)
	case *ast.SequenceNode:
		if !n.IsFlowStyle && len(n.Values) > 0 && n.Start != nil {
			return placeOf(n.Start)
		}
	}
	return placeOf(n.GetToken())
}

// convert turns one value into a node; what has no meaning becomes null, with
// a problem.
func (c *converter) convert(n ast.Node, path string) *node {
	c.values++
	c.depth++
	defer func() { c.depth-- }()
	if n == nil {
		return &node{at: place{line: 1, column: 1}}
	}
	out := &node{at: c.place(n)}
	switch {
	case c.tooMuch:
		return out
	case c.values > mostValues:
		return c.giveUp(out, path, fmt.Sprintf("the file expands to more than %d values", mostValues), "do aliases multiply one another?")
	case c.depth > mostDepth:
		return c.giveUp(out, path, fmt.Sprintf("values are nested more than %d deep", mostDepth), "is it the right file?")
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		return c.anchor(n, path)
	case *ast.AliasNode:
		return c.alias(n, path)
	case *ast.TagNode:
		return c.tag(n, path)
	case *ast.MappingNode:
		return c.mapping(n.Values, path, out)
	case *ast.MappingValueNode:
		return c.mapping([]*ast.MappingValueNode{n}, path, out)
	case *ast.SequenceNode:
		out.kind = listKind
		for i, item := range n.Values {
			out.items = append(out.items, c.convert(item, out.element(path, i)))
		}
		return out
	}
	return c.scalar(n, path, out)
}

// giveUp reports what makes the file unreadable as the only problem; nothing
// is converted from then on.
func (c *converter) giveUp(out *node, path, message, suggestion string) *node {
	c.tooMuch = true
	c.problems = Problems{c.src.problem(out.at, path, message, suggestion)}
	return out
}

// scalar fills in a value without parts.
func (c *converter) scalar(n ast.Node, path string, out *node) *node {
	out.text = n.GetToken().Value
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		out.kind, out.text, out.value = textKind, n.Value, n.Value
	case *ast.LiteralNode:
		out.kind, out.text, out.value = textKind, n.Value.Value, n.Value.Value
	case *ast.BoolNode:
		out.kind, out.value = boolKind, n.Value
	case *ast.IntegerNode:
		out.kind, out.value = intKind, n.Value
	case *ast.FloatNode:
		out.kind, out.value = floatKind, n.Value
	case *ast.InfinityNode:
		out.kind, out.value = textKind, out.text
	case *ast.NanNode:
		out.kind, out.value = textKind, out.text
	default:
		out.broken = true
		c.report(out.at, path, fmt.Sprintf("a %s has no place here", strings.ToLower(n.Type().String())), "")
	}
	return out
}

func (c *converter) anchor(n *ast.AnchorNode, path string) *node {
	if n.Value == nil {
		return &node{at: c.place(n)}
	}
	out := c.convert(n.Value, path)
	c.anchors[n.Name.GetToken().Value] = n.Value
	return out
}

// alias converts the anchored value once more, so that an override of one
// place does not change the other.
func (c *converter) alias(n *ast.AliasNode, path string) *node {
	name := n.Value.GetToken().Value
	target, ok := c.anchors[name]
	if !ok || c.open[name] {
		names := make([]string, 0, len(c.anchors))
		for a := range c.anchors {
			names = append(names, a)
		}
		c.report(c.place(n), path, fmt.Sprintf("*%s refers to no anchor above", name), cmp.Or(didYouMean(name, names), fmt.Sprintf("write &%s before the value that it stands for, further up in the same document", name)))
		return &node{at: c.place(n), broken: true}
	}
	c.open[name] = true
	defer delete(c.open, name)
	return c.convert(target, path)
}

// tag takes the tags of YAML's own types as no news, and !!str as text.
func (c *converter) tag(n *ast.TagNode, path string) *node {
	if n.Value == nil {
		return &node{at: c.place(n)}
	}
	out := c.convert(n.Value, path)
	switch tag := n.Start.Value; {
	case tag == "!!str":
		if out.kind != listKind && out.kind != mapKind {
			out.kind, out.value = textKind, out.text
		}
	case strings.HasPrefix(tag, "!!"), c.lax:
	default:
		c.report(c.place(n), path, fmt.Sprintf("tag %s means nothing here", shorten(tag)), "remove it")
	}
	return out
}

// mapping converts the entries of a mapping; entries of its own win over
// those that a merge key (<<) brings in.
func (c *converter) mapping(values []*ast.MappingValueNode, path string, out *node) *node {
	out.kind = mapKind
	var merged []*node
	for _, v := range values {
		if v.Key.IsMergeKey() {
			merged = append(merged, c.merge(v.Value, path)...)
			continue
		}
		key, at := c.key(v.Key), c.place(v.Key)
		value := c.convert(v.Value, child(path, key))
		if value.kind == nullKind {
			value.at = at // an empty value has no place of its own
		}
		if earlier := out.field(key); earlier != nil {
			if !c.lax {
				c.report(at, path, fmt.Sprintf("%q is given twice, first in line %d", key, earlier.at.line), "keep one of the two")
			}
			continue
		}
		out.fields = append(out.fields, field{key, at, value})
	}
	for _, m := range merged {
		for _, f := range m.fields {
			if out.field(f.name) == nil {
				out.fields = append(out.fields, f)
			}
		}
	}
	return out
}

// key is the text of a mapping's key.
func (c *converter) key(n ast.MapKeyNode) string {
	switch k := n.(type) {
	case *ast.StringNode:
		return k.Value
	case *ast.MappingKeyNode:
		if k.Value != nil {
			return k.Value.GetToken().Value
		}
	}
	return n.GetToken().Value
}

// merge is what a merge key brings in: one mapping or several.
func (c *converter) merge(n ast.Node, path string) []*node {
	value := c.convert(n, path)
	mappings := value.items
	if value.kind == mapKind {
		mappings = []*node{value}
	}
	for _, m := range mappings {
		if m.kind != mapKind {
			mappings = nil
			break
		}
	}
	if mappings == nil && !value.broken {
		c.report(c.place(n), path, fmt.Sprintf("<< merges mappings, and this is %s", value.describe()), "write <<: *name of an anchored mapping")
	}
	return mappings
}
