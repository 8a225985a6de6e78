package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// strict compares plain values with the types that they are to be read into. The
// decoder that the API server uses ends at the first value of the wrong type and
// does not say where it stands; this finds all of them.
type strict struct{ problems []Problem }

func (s *strict) report(at Path, message, suggestion string) {
	s.problems = append(s.problems, Problem{Path: at, Message: message, Suggestion: suggestion})
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// value checks one value and returns what of it can be read into the type; the
// second result is false where nothing can.
func (s *strict) value(value any, t reflect.Type, at Path) (any, bool) {
	switch {
	case value == nil: // null leaves a field as it is
		return nil, true
	case t.Kind() == reflect.Pointer:
		return s.value(value, t.Elem(), at)
	case reflect.PointerTo(t).Implements(unmarshaler):
		return value, s.own(value, t, at)
	case t.Kind() == reflect.Struct:
		return s.object(value, t, at)
	case t.Kind() == reflect.Map:
		return s.mapping(value, t, at)
	case t.Kind() == reflect.Slice:
		return s.list(value, t, at)
	}
	return value, s.scalar(value, t, at)
}

// own checks a value of a type that reads itself.
func (s *strict) own(value any, t reflect.Type, at Path) bool {
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, reflect.New(t).Interface())
	}
	if err == nil {
		return true
	}
	message, suggestion := fmt.Sprintf("%s cannot be read: %v", describe(value), err), "leave it out: a rehearsal does not need it"
	if t.Name() == "Quantity" {
		message, suggestion = describe(value)+" is not a quantity", "write it like 100m, 2, 1500 or 64Mi"
	}
	s.report(at, message, suggestion)
	return false
}

// object checks the fields of a struct.
func (s *strict) object(value any, t reflect.Type, at Path) (any, bool) {
	fields, ok := value.(map[string]any)
	if !ok {
		s.report(at, describe(value)+" is not a mapping", "write fields below it, each as name: value")
		return nil, false
	}
	known := fieldsOf(t)
	clean := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		inner, ok := known[name]
		if !ok {
			s.problems = append(s.problems, Problem{
				Path: at.to(name), Message: fmt.Sprintf("unknown field %q", shorten(name)), Key: true, Known: slices.Sorted(maps.Keys(known)),
			})
			continue
		}
		if right, ok := s.value(fields[name], inner, at.to(name)); ok {
			clean[name] = right
		}
	}
	return clean, true
}

// fieldsOf are the fields of a struct by their names in JSON, those of what is
// embedded in it as its own.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(fields, fieldsOf(f.Type))
		case name != "" && name != "-":
			fields[name] = f.Type
		}
	}
	return fields
}

func (s *strict) mapping(value any, t reflect.Type, at Path) (any, bool) {
	fields, ok := value.(map[string]any)
	if !ok {
		s.report(at, describe(value)+" is not a mapping", "write fields below it, each as name: value")
		return nil, false
	}
	clean := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if right, ok := s.value(fields[name], t.Elem(), at.to(name)); ok {
			clean[name] = right
		}
	}
	return clean, true
}

func (s *strict) list(value any, t reflect.Type, at Path) (any, bool) {
	items, ok := value.([]any)
	if !ok {
		s.report(at, describe(value)+" is not a list", "put a dash before each item")
		return nil, false
	}
	clean := make([]any, len(items))
	for i, item := range items {
		clean[i], _ = s.value(item, t.Elem(), at.to(i)) // one that cannot be read is empty: the others keep their numbers
	}
	return clean, true
}

func (s *strict) scalar(value any, t reflect.Type, at Path) bool {
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	switch {
	case t.Kind() == reflect.String:
		if !isText {
			s.report(at, describe(value)+" is not text", "put it in quotes")
		}
		return isText
	case t.Kind() == reflect.Bool:
		_, isBool := value.(bool)
		if !isBool {
			s.report(at, describe(value)+" is not true or false", "write true or false, without quotes")
		}
		return isBool
	case isText:
		s.report(at, fmt.Sprintf("%q is not a whole number", shorten(text)), "write the number without quotes or unit")
	case !isNumber:
		s.report(at, describe(value)+" is not a whole number", "write a number, without a fraction or unit")
	default:
		_, err := strconv.ParseInt(number.String(), 10, t.Bits())
		if err != nil {
			s.report(at, fmt.Sprintf("%s is not a whole number of %d bits", shorten(number.String()), t.Bits()), "write one without a fraction or exponent, and small enough")
		}
		return err == nil
	}
	return false
}

// others are the problems of a validation that do not only follow from what was
// found here: those that are not inside of a value that could not be read, nor
// beside a field that could not.
func (s *strict) others(found []Problem) []Problem {
	return slices.DeleteFunc(found, func(p Problem) bool {
		return slices.ContainsFunc(s.problems, func(q Problem) bool {
			inside := len(p.Path) >= len(q.Path) && slices.Equal(p.Path[:len(q.Path)], q.Path)
			return inside || slices.Equal(p.Path.parent(), q.Path.parent())
		})
	})
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
