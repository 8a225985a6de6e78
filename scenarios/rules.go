package scenarios

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// rules are what a field's jsonschema tag demands of its value.
type rules struct {
	required         bool
	exactly, atLeast bool // one of a group: exactly one, at least one is given
	minimum, maximum *int
	above            *int // exclusively
	minItems         int
	maxItems         int // 0: as many as one likes
	enum             []string
	pattern          string
}

// rulesOf reads the tag. It panics on a tag it does not know, which the first
// test that decodes the type would show.
func rulesOf(f reflect.StructField) rules {
	var r rules
	for part := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "":
		case "required":
			r.required = true
		case "oneof_required":
			r.exactly = true
		case "anyof_required":
			r.atLeast = true
		case "minimum":
			r.minimum = number(value)
		case "maximum":
			r.maximum = number(value)
		case "exclusiveMinimum":
			r.above = number(value)
		case "minItems":
			r.minItems = *number(value)
		case "maxItems":
			r.maxItems = *number(value)
		case "enum":
			r.enum = append(r.enum, value)
		case "pattern":
			r.pattern = value
		default:
			panic("unknown rule " + part + " of field " + f.Name)
		}
	}
	return r
}

func number(text string) *int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return &n
}

// yamlFields are the fields of a struct by their YAML names, in order.
func yamlFields(t reflect.Type) (names []string, fields []reflect.StructField) {
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			names = append(names, name)
			fields = append(fields, t.Field(i))
		}
	}
	return names, fields
}

// checkFraction says what is wrong with a number that need not be whole.
func (r rules) checkFraction(n float64) (message, suggestion string) {
	if r.above != nil && n <= float64(*r.above) {
		return fmt.Sprintf("%g is too low", n), fmt.Sprintf("give a number above %d", *r.above)
	}
	return "", ""
}

// checkNumber says what is wrong with a whole number.
func (r rules) checkNumber(n int64) (message, suggestion string) {
	switch {
	case r.minimum != nil && r.maximum != nil && (n < int64(*r.minimum) || n > int64(*r.maximum)):
		return fmt.Sprintf("%d is out of range", n), fmt.Sprintf("give a number from %d to %d", *r.minimum, *r.maximum)
	case r.minimum != nil && n < int64(*r.minimum):
		return fmt.Sprintf("%d is too low", n), fmt.Sprintf("give %d or more", *r.minimum)
	}
	return "", ""
}

// checkText says what is wrong with a text.
func (r rules) checkText(text string) (message, suggestion string) {
	switch {
	case r.required && text == "":
		return "is empty", "give a value"
	case len(r.enum) > 0 && !contains(r.enum, text):
		return fmt.Sprintf("%q is not one of %s", shorten(text), enumerate(r.enum)), didYouMean(text, r.enum)
	case r.pattern == "" || regexp.MustCompile(r.pattern).MatchString(text):
		return "", ""
	case r.pattern == namePattern:
		return badName(text)
	case r.pattern == pathPattern:
		return fmt.Sprintf("%q is not a path", shorten(text)), fmt.Sprintf("write %q", "/"+shorten(text))
	case r.pattern == methodPattern:
		return fmt.Sprintf("%q is not a method", shorten(text)), didYouMean(text, methods)
	}
	return fmt.Sprintf("%q has the wrong form", shorten(text)), "the form is " + r.pattern
}

// The form of the paths of probes.
const pathPattern = "^/"

// The form of methods.
const methodPattern = "^[A-Z]+$"

// badName explains the form of names and offers the nearest one.
func badName(text string) (message, suggestion string) {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(shorten(text)))
	suggestion = "a name has lower-case letters, digits and dashes"
	if plain = strings.Trim(plain, "-"); plain != "" {
		suggestion += fmt.Sprintf("; write %q", plain)
	}
	return fmt.Sprintf("%q is not a name", shorten(text)), suggestion
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// wanted describes what a type looks like in YAML, for messages.
func wanted(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Duration]():
		return "a duration such as 250ms, 30s or 2m"
	case reflect.TypeFor[Rate]():
		return "a rate such as 40/s"
	case reflect.TypeFor[Percent]():
		return "a percentage such as 99.9%"
	case reflect.TypeFor[Factor]():
		return "a factor such as 5x"
	case reflect.TypeFor[Moment]():
		return "a moment such as surge + 30s"
	case reflect.TypeFor[Skew]():
		return "a skew such as zipf(1.1)"
	case reflect.TypeFor[Portion]():
		return "a number of instances or a percentage, such as 1 or 25%"
	case reflect.TypeFor[Cores]():
		return "a number of cores such as 0.5"
	case reflect.TypeFor[Bytes]():
		return "a size such as 512MiB"
	case reflect.TypeFor[Value]():
		return "a value such as 50, 70%, 40/s or 250ms"
	case reflect.TypeFor[Level]():
		return "a number such as 1000, 500ms or 90%"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		if t.NumField() == 0 {
			return "{}, for it has no parameters"
		}
	}
	return "a mapping"
}

// unit is what a bare number lacks to be a quantity.
func unit(t reflect.Type) string {
	return map[reflect.Type]string{
		reflect.TypeFor[Duration](): "s",
		reflect.TypeFor[Rate]():     "/s",
		reflect.TypeFor[Percent]():  "%",
		reflect.TypeFor[Factor]():   "x",
	}[t]
}

// isQuantity reports whether a type reads itself from text.
func isQuantity(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
