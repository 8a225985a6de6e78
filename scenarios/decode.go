package scenarios

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// A decoder fills Go values from nodes. It goes on after a mistake, so that
// all of them are reported, and leaves a value it cannot read as it was.
type decoder struct {
	src      *source
	problems Problems
}

func (d *decoder) report(at place, path, message, suggestion string) {
	d.problems.add(d.src, at, path, message, suggestion)
}

// decode reads a node into v. Fields that the node does not name keep their
// values; what v points to is copied before it is changed.
func (d *decoder) decode(n *node, v reflect.Value, path string, r rules) {
	n = normalize(n, v.Type())
	switch {
	case n.broken:
	case n.kind == nullKind:
		d.report(n.at, path, "is empty", "give "+wanted(v.Type())+", or leave the key out")
	case v.Kind() == reflect.Interface:
		v.Set(reflect.ValueOf(n.any()))
	case v.Kind() == reflect.Pointer:
		d.pointer(n, v, path, r)
	case isQuantity(v.Type()):
		d.quantity(n, v, path)
	case v.Kind() == reflect.Struct && d.expect(n, mapKind, v, path):
		d.object(n, v, path)
	case v.Kind() == reflect.Map && d.expect(n, mapKind, v, path):
		d.mapping(n, v, path, r)
	case v.Kind() == reflect.Slice && d.expect(n, listKind, v, path):
		d.list(n, v, path, r)
	case v.Kind() == reflect.String && d.expect(n, textKind, v, path):
		v.SetString(n.text)
		d.rule(n, path, r.checkText)
	case v.Kind() == reflect.Bool && d.expect(n, boolKind, v, path):
		v.SetBool(n.value.(bool))
	case v.CanFloat() && (n.kind == intKind || d.expect(n, floatKind, v, path)):
		d.fraction(n, v, path, r)
	case v.CanInt() && d.expect(n, intKind, v, path):
		d.whole(n, v, path, r)
	}
}

// expect reports a value of the wrong kind.
func (d *decoder) expect(n *node, want kind, v reflect.Value, path string) bool {
	if n.kind == want {
		return true
	}
	suggestion := ""
	switch {
	case want == textKind && n.kind != listKind && n.kind != mapKind:
		suggestion = fmt.Sprintf("put it in quotes: %q", shorten(n.text))
	case want == listKind && v.Type().Elem().Kind() == reflect.String && n.kind != mapKind:
		suggestion = fmt.Sprintf("write [%s]", shorten(n.text))
	case want == listKind:
		suggestion = "put a dash before each item"
	case (want == intKind || want == floatKind) && n.kind == textKind:
		suggestion = "write the number without quotes or unit"
	case want == mapKind && v.Kind() == reflect.Struct:
		if names, _ := yamlFields(v.Type()); len(names) > 0 {
			suggestion = "it has the keys " + enumerate(names)
		}
	}
	d.report(n.at, path, fmt.Sprintf("%s is not %s", n.describe(), wanted(v.Type())), suggestion)
	return false
}

func (d *decoder) rule(n *node, path string, check func(string) (string, string)) {
	if message, suggestion := check(n.text); message != "" {
		d.report(n.at, path, message, suggestion)
	}
}

// pointer decodes into a copy of what v points to.
func (d *decoder) pointer(n *node, v reflect.Value, path string, r rules) {
	fresh := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		fresh.Elem().Set(v.Elem())
	}
	d.decode(n, fresh.Elem(), path, r)
	v.Set(fresh)
}

// quantity reads a type that reads itself from text.
func (d *decoder) quantity(n *node, v reflect.Value, path string) {
	if n.kind == listKind || n.kind == mapKind || n.kind == boolKind {
		d.report(n.at, path, fmt.Sprintf("%s is not %s", n.describe(), wanted(v.Type())), "")
		return
	}
	err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text))
	var bad *formError
	switch u := unit(v.Type()); {
	case err == nil:
	case u != "" && (n.kind == intKind || n.kind == floatKind):
		d.report(n.at, path, fmt.Sprintf("%s has no unit", n.describe()), fmt.Sprintf("write %s%s if that is what you mean", n.text, u))
	case errors.As(err, &bad):
		d.report(n.at, path, bad.message, bad.hint)
	default:
		d.report(n.at, path, err.Error(), "")
	}
}

// fraction reads a number that need not be whole; one that is not finite is none.
func (d *decoder) fraction(n *node, v reflect.Value, path string, r rules) {
	f, err := parseNumber(strings.ReplaceAll(n.text, "_", ""))
	if err != nil || math.IsInf(f, 0) {
		d.report(n.at, path, fmt.Sprintf("%s is not a number", n.describe()), "write it like 14.4")
		return
	}
	if message, suggestion := r.checkFraction(f); message != "" {
		d.report(n.at, path, message, suggestion)
		return
	}
	v.SetFloat(f)
}

// whole reads a whole number.
func (d *decoder) whole(n *node, v reflect.Value, path string, r rules) {
	var i int64
	switch value := n.value.(type) {
	case int64:
		i = value
	case uint64:
		i = int64(value)
		if value > 1<<63-1 {
			d.report(n.at, path, fmt.Sprintf("%s is too large", n.describe()), "")
			return
		}
	}
	if message, suggestion := r.checkNumber(i); message != "" {
		d.report(n.at, path, message, suggestion)
		return
	}
	v.SetInt(i)
}

// list reads a list; what stood in v is replaced.
func (d *decoder) list(n *node, v reflect.Value, path string, r rules) {
	switch {
	case len(n.items) >= r.minItems:
	case len(n.items) == 0 && r.minItems == 1:
		d.report(n.at, path, "the list is empty", "give at least one item")
	default:
		d.report(n.at, path, fmt.Sprintf("the list has fewer than %d items", r.minItems), "give some more")
	}
	if r.maxItems > 0 && len(n.items) > r.maxItems {
		d.report(n.at, path, fmt.Sprintf("the list has %d items, more than %d", len(n.items), r.maxItems), "leave some out")
	}
	items := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.decode(item, items.Index(i), n.element(path, i), rules{})
	}
	v.Set(items)
}

// mapping reads a map; what stood in v under other keys is kept.
func (d *decoder) mapping(n *node, v reflect.Value, path string, r rules) {
	if r.required && len(n.fields) == 0 {
		d.report(n.at, path, "is empty", "give at least one entry")
	}
	entries := reflect.MakeMap(v.Type())
	for _, key := range v.MapKeys() {
		entries.SetMapIndex(key, v.MapIndex(key))
	}
	for _, f := range n.fields {
		value, key := reflect.New(v.Type().Elem()).Elem(), reflect.ValueOf(f.name)
		if old := entries.MapIndex(key); old.IsValid() {
			value.Set(old)
		}
		d.decode(f.value, value, child(path, f.name), rules{})
		entries.SetMapIndex(key, value)
	}
	v.Set(entries)
}

// object reads a struct: known fields, no others, and what its rules demand.
func (d *decoder) object(n *node, v reflect.Value, path string) {
	names, fields := yamlFields(v.Type())
	given := d.unknown(n, names, path)
	var exactly, atLeast []string
	for i, f := range fields {
		r, value := rulesOf(f), n.get(names[i])
		if r.exactly {
			exactly = append(exactly, names[i])
		}
		if r.atLeast {
			atLeast = append(atLeast, names[i])
		}
		switch {
		case value != nil:
			given = append(given, names[i])
			d.decode(value, v.FieldByIndex(f.Index), child(path, names[i]), r)
		case r.required && !contains(given, names[i]):
			d.report(n.at, path, fmt.Sprintf("%q is missing", names[i]), "add "+names[i]+": "+sample(f.Type))
		}
	}
	d.groups(n, path, given, exactly, atLeast)
}

// unknown reports fields that a mapping cannot have, and returns those that
// were probably meant: they are not missing as well.
func (d *decoder) unknown(n *node, allowed []string, path string) (meant []string) {
	for _, f := range n.fields {
		if contains(allowed, f.name) {
			continue
		}
		d.report(f.at, path, fmt.Sprintf("unknown field %q", shorten(f.name)), didYouMean(f.name, allowed))
		if name := nearest(f.name, allowed); name != "" && n.field(name) == nil {
			meant = append(meant, name)
		}
	}
	return meant
}

// sample is what a missing field might look like.
func sample(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Duration]():
		return "30s"
	case t == reflect.TypeFor[Rate]():
		return "40/s"
	case t == reflect.TypeFor[Moment]():
		return "surge + 30s"
	case t.Kind() == reflect.Int:
		return "1"
	}
	return "..."
}

// mostGroup is how many fields of a group are all named where one is missing.
const mostGroup = 20

// groups checks the fields of which one, or at least one, must be given.
func (d *decoder) groups(n *node, path string, given, exactly, atLeast []string) {
	chosen := intersect(given, exactly)
	switch {
	case len(exactly) == 1 && len(chosen) == 0:
		d.report(n.at, path, fmt.Sprintf("%q is missing", exactly[0]), "add "+exactly[0])
	case len(exactly) > mostGroup && len(chosen) == 0:
		d.report(n.at, path, "does not say what it does", fmt.Sprintf("give exactly one of %d: %s, ...", len(exactly), strings.Join(exactly[:mostListed], ", ")))
	case len(exactly) > 0 && len(chosen) == 0:
		d.report(n.at, path, "names none of "+enumerate(exactly), "give exactly one of them")
	case len(chosen) > 1:
		at := n.at
		if second := n.field(chosen[1]); second != nil {
			at = second.at
		}
		d.report(at, path, enumerate(chosen)+" exclude one another", "keep exactly one of them")
	}
	if len(atLeast) > 0 && len(intersect(given, atLeast)) == 0 {
		d.report(n.at, path, "names none of "+enumerate(atLeast), "give at least one of them")
	}
}

func intersect(a, b []string) []string {
	var both []string
	for _, name := range a {
		if contains(b, name) {
			both = append(both, name)
		}
	}
	return both
}
