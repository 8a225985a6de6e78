package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// An overrider walks the path of one override through the tree and the types
// beside it, so that a key that is not in the file can still be set and one that
// the language does not have is refused.
type overrider struct {
	src *source
	at  place  // of the override: the flag, or a line of a variant
	how string // to write it, for suggestions
}

// overrideByFlag applies one "path=value" of --set to the tree.
func overrideByFlag(src *source, root *node, setting string) *Problem {
	o := &overrider{src, place{flag: "--set " + setting}, "write --set path=value, as in --set traffic.phases[0].for=10s"}
	path, text, ok := strings.Cut(setting, "=")
	if !ok {
		return o.problem("", "there is no = in it", o.how)
	}
	return o.override(root, path, text)
}

// override sets the value at a path of the tree.
func (o *overrider) override(root *node, path, text string) *Problem {
	steps, err := splitPath(strings.TrimSpace(path))
	if err != nil {
		return o.problem("", err.Error(), o.how)
	}
	value, problem := o.parse(text)
	if problem != nil {
		return problem
	}
	return o.put(root, reflect.TypeFor[Scenario](), "", steps, value)
}

func (o *overrider) problem(path, message, suggestion string) *Problem {
	p := o.src.problem(o.at, path, message, suggestion)
	return &p
}

// parse reads the value as YAML; nothing is null.
func (o *overrider) parse(text string) (*node, *Problem) {
	if strings.TrimSpace(text) == "" {
		return &node{at: o.at}, nil
	}
	documents, problem := readYAML(newSource("", []byte(text)), []byte(text))
	switch {
	case problem != nil:
		return nil, o.problem("", problem.Message, "quote the value if it is text")
	case len(documents) > 1:
		return nil, o.problem("", "the value is more than one YAML document", "")
	}
	c := newConverter(o.src)
	value := c.convert(documents[0], "")
	if len(c.problems) > 0 {
		p := c.problems[0]
		return nil, o.problem(p.Path, p.Message, p.Suggestion)
	}
	value.move(o.at)
	return value, nil
}

// splitPath takes a path such as a.b[0][name] apart.
func splitPath(path string) ([]string, error) {
	var steps []string
	for rest := path; rest != ""; {
		var step string
		if inside, ok := strings.CutPrefix(rest, "["); ok {
			if step, rest, ok = strings.Cut(inside, "]"); !ok {
				return nil, fmt.Errorf("the bracket in path %q is not closed", path)
			}
		} else {
			if len(steps) > 0 {
				rest = strings.TrimPrefix(rest, ".")
			}
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			step, rest = rest[:end], rest[end:]
		}
		if step == "" || rest == "." {
			return nil, fmt.Errorf("path %q has an empty part", path)
		}
		steps = append(steps, step)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("there is no path")
	}
	return steps, nil
}

// put sets the value at the end of the steps below n, which is to become a t.
func (o *overrider) put(n *node, t reflect.Type, path string, steps []string, value *node) *Problem {
	if len(steps) == 0 {
		*n = *value
		return nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	n.complete(t)
	switch n.kind {
	case listKind:
		return o.putItem(n, t, path, steps, value)
	case mapKind:
		return o.putField(n, t, path, steps, value)
	}
	return o.problem(path, fmt.Sprintf("a single value has nothing inside, yet the path goes on with %q", shorten(steps[0])), "end the path before that")
}

// complete brings a node into the full form of its type, in place; a value
// that is not there yet becomes an empty mapping or list.
func (n *node) complete(t reflect.Type) {
	if n.kind == nullKind {
		switch t.Kind() {
		case reflect.Struct, reflect.Map, reflect.Interface:
			n.kind = mapKind
		case reflect.Slice:
			n.kind = listKind
		}
		return
	}
	inner := *n
	*n = *normalize(&inner, t)
}

// putField goes on into a mapping, making the entry when it is not there.
func (o *overrider) putField(n *node, t reflect.Type, path string, steps []string, value *node) *Problem {
	name := steps[0]
	switch t.Kind() {
	case reflect.Struct:
		names, fields := yamlFields(t)
		f := slices.Index(names, name)
		if f < 0 {
			return o.problem(path, fmt.Sprintf("unknown field %q", shorten(name)), didYouMean(name, names))
		}
		t = fields[f].Type
	case reflect.Map:
		t = t.Elem()
	}
	if len(steps) == 1 && value.kind == nullKind {
		n.fields = slices.DeleteFunc(n.fields, func(f field) bool { return f.name == name })
		return nil
	}
	if inner := n.get(name); inner != nil {
		return o.put(inner, t, child(path, name), steps[1:], value)
	}
	inner := &node{at: o.at}
	problem := o.put(inner, t, child(path, name), steps[1:], value)
	if problem == nil {
		n.fields = append(n.fields, field{name, inner.at, inner})
	}
	return problem
}

// putItem goes on into a list, by index or by the name of an item. A list
// that was written as its only item is looked through.
func (o *overrider) putItem(n *node, t reflect.Type, path string, steps []string, value *node) *Problem {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	i, err := strconv.Atoi(steps[0])
	if n.single && err != nil {
		return o.put(n.items[0], t, path, steps, value)
	}
	if err != nil {
		i = slices.IndexFunc(n.items, func(item *node) bool { return item.called() == steps[0] })
	}
	if i < 0 || i >= len(n.items) {
		return o.problem(path, fmt.Sprintf("has no item %q", shorten(steps[0])), suggestItem(n, steps[0]))
	}
	if len(steps) == 1 && value.kind == nullKind {
		return o.problem(path, "an item cannot be taken out of a list", "set the whole list")
	}
	return o.put(n.items[i], t, n.element(path, i), steps[1:], value)
}

// called is the name by which an item of a list can be addressed: its name,
// the phase of an arrival shape, the kind of a fault, the only kind of a check;
// empty without one.
func (n *node) called() string {
	for _, key := range []string{"name", "phase"} {
		if name := n.get(key); name != nil {
			return name.text
		}
	}
	if len(n.fields) == 1 {
		return n.fields[0].name
	}
	if n.get("target") != nil {
		for _, f := range n.fields {
			if contains(faultKinds, f.name) {
				return f.name
			}
		}
	}
	return ""
}

// suggestItem tells what a list offers in place of an item it does not have.
func suggestItem(n *node, wrong string) string {
	var names []string
	for _, item := range n.items {
		if name := item.called(); name != "" {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return didYouMean(wrong, names)
	}
	return fmt.Sprintf("it has %d items, counted from 0", len(n.items))
}
