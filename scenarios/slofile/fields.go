package slofile

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// fields are those of a mapping, read one by one; what nobody has asked for in the
// end is unknown. One that is no mapping has none.
type fields struct {
	r      *reader
	at     Path
	values map[string]any
	asked  []string
}

// A reader collects the mistakes of one document.
type reader struct {
	doc      int
	problems []Problem
}

func (r *reader) report(at Path, message, suggestion string) {
	r.problems = append(r.problems, Problem{Doc: r.doc, Path: at, Message: message, Suggestion: suggestion})
}

// object begins to read a mapping.
func (r *reader) object(value any, at Path) *fields {
	values, ok := value.(map[string]any)
	if !ok {
		r.report(at, describe(value)+" is not a mapping", "")
	}
	return &fields{r: r, at: at, values: values}
}

// end reports the fields that nobody has asked for.
func (f *fields) end() {
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if !slices.Contains(f.asked, name) {
			f.r.problems = append(f.r.problems, Problem{
				Doc: f.r.doc, Path: f.at.to(name), Message: fmt.Sprintf("unknown field %q", shorten(name)), Key: true, Known: slices.Compact(slices.Sorted(slices.Values(f.asked))),
			})
		}
	}
}

// get is the value of a field; false where it is not there, or empty.
func (f *fields) get(name string) (any, bool) {
	f.pass(name)
	value := f.values[name]
	return value, value != nil
}

// pass takes fields for known that do not matter here.
func (f *fields) pass(names ...string) { f.asked = append(f.asked, names...) }

// missing reports a field that has to be there.
func (f *fields) missing(name, example string) {
	if f.values != nil {
		f.r.report(f.at, fmt.Sprintf("%q is missing", name), "add "+name+": "+example)
	}
}

// text is a field of text, "" where it is not there or is none.
func (f *fields) text(name string) string {
	value, ok := f.get(name)
	if !ok {
		return ""
	}
	text, isText := value.(string)
	if !isText {
		f.r.report(f.at.to(name), describe(value)+" is not text", "put it in quotes")
	}
	return text
}

// wanted is a field of text that has to be there.
func (f *fields) wanted(name, example string) string {
	_, there := f.get(name)
	text := f.text(name)
	switch {
	case !there:
		f.missing(name, example)
	case text == "" && f.values[name] == "":
		f.r.report(f.at.to(name), "is empty", "give a value, as "+example)
	}
	return text
}

// number is a field with a number; false where it is not there or is none.
func (f *fields) number(name string) (float64, bool) {
	value, ok := f.get(name)
	if !ok {
		return 0, false
	}
	n, ok := toFloat(value)
	if !ok {
		f.r.report(f.at.to(name), describe(value)+" is not a number", "write the number without quotes or unit")
	}
	return n, ok
}

// within is a field with a number above a least value, and below a most one or equal
// to it.
func (f *fields) within(name string, above, most float64) (float64, bool) {
	n, ok := f.number(name)
	if ok && !(n > above && n <= most) {
		f.r.report(f.at.to(name), fmt.Sprintf("%g is out of range", n), fmt.Sprintf("give a number above %g and up to %g", above, most))
		return 0, false
	}
	return n, ok
}

// flag is a field that is true or false; the second result is false where it is not
// there.
func (f *fields) flag(name string) (value, given bool) {
	v, ok := f.get(name)
	if !ok {
		return false, false
	}
	value, isBool := v.(bool)
	if !isBool {
		f.r.report(f.at.to(name), describe(v)+" is not true or false", "")
	}
	return value, isBool
}

// object is a field with a mapping, nil where it is not there.
func (f *fields) object(name string) *fields {
	value, ok := f.get(name)
	if !ok {
		return nil
	}
	return f.r.object(value, f.at.to(name))
}

// list is a field with a list.
func (f *fields) list(name string) []any {
	value, ok := f.get(name)
	if !ok {
		return nil
	}
	items, isList := value.([]any)
	if !isList {
		f.r.report(f.at.to(name), describe(value)+" is not a list", "put a dash before each item")
	}
	return items
}

// toFloat is a number as YAML has it; those that are not finite are none.
func toFloat(value any) (float64, bool) {
	switch v := value.(type) {
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, !math.IsInf(v, 0) && !math.IsNaN(v)
	}
	return 0, false
}

// describe says what a value is, for messages: a scalar with its text.
func describe(value any) string {
	switch v := value.(type) {
	case string:
		return fmt.Sprintf("%q", shorten(v))
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case nil:
		return "nothing"
	}
	return shorten(fmt.Sprint(value))
}

// shorten keeps a message on one line.
func shorten(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return text
}
