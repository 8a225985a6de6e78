package docs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// schema is what the pages take from the schema of the language.
type schema struct {
	Definitions map[string]*definition `json:"definitions"`
}

type definition struct {
	Description string                 `json:"description"`
	Ref         string                 `json:"$ref"`
	Type        any                    `json:"type"`
	Properties  map[string]*definition `json:"properties"`
	Required    []string               `json:"required"`
	Enum        []any                  `json:"enum"`
	Examples    []any                  `json:"examples"`
	Minimum     json.Number            `json:"minimum"`
	Maximum     json.Number            `json:"maximum"`
	Items       *definition            `json:"items"`
	Additional  json.RawMessage        `json:"additionalProperties"`
	OneOf       []*definition          `json:"oneOf"`
}

// named follows references, and of short and long forms takes the long one.
func (s schema) named(d *definition) *definition {
	for d.Ref != "" {
		d = s.Definitions[strings.TrimPrefix(d.Ref, "#/definitions/")]
	}
	for _, form := range d.OneOf {
		if form.Properties != nil {
			return form
		}
	}
	return d
}

// fields is a line for each key, keys in keys with a path: "- `work.of.step` (text,
// required): ...". Open are the definitions that the path is in, for those that hold
// themselves.
func (s schema) fields(of *definition, path string, open []*definition) (lines []string) {
	open = append(open, of)
	for _, key := range slices.Sorted(maps.Keys(of.Properties)) {
		property := of.Properties[key]
		inner, suffix := s.named(property), ""
		if inner.Items != nil {
			inner, suffix = s.named(inner.Items), "[]"
		} else if values := s.values(inner); values != nil {
			inner, suffix = values, ".NAME"
		}
		about := []string{s.kind(property)}
		if slices.Contains(of.Required, key) {
			about = append(about, "required")
		}
		lines = append(lines, fmt.Sprintf("- `%s%s` (%s): %s", path, key, strings.Join(about, ", "), withoutKey(property.Description, key)))
		if len(inner.Properties) > 0 && !slices.Contains(open, inner) {
			lines = append(lines, s.fields(inner, path+key+suffix+".", open)...)
		}
	}
	return lines
}

// values is what a map with free keys holds, nil for all else.
func (s schema) values(d *definition) *definition {
	var values definition
	if len(d.Additional) == 0 || json.Unmarshal(d.Additional, &values) != nil || len(d.Properties) > 0 {
		return nil
	}
	return s.named(&values)
}

// kind is what a value may be, in words.
func (s schema) kind(d *definition) string {
	to := s.named(d)
	words := map[string]string{"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "array": "list", "object": "keys"}[fmt.Sprint(to.Type)]
	switch {
	case len(to.Enum) > 0:
		return "one of " + joined(to.Enum)
	case to.Items != nil:
		words = "list of " + s.kind(to.Items)
	case words == "" || len(to.Examples) > 0:
		words = "value"
	}
	if len(to.Examples) > 0 {
		words += " as " + joined(to.Examples)
	}
	switch {
	case to.Minimum != "" && to.Maximum != "":
		words += fmt.Sprintf(" from %s to %s", to.Minimum, to.Maximum)
	case to.Minimum != "":
		words += fmt.Sprintf(" of at least %s", to.Minimum)
	}
	return words
}

func joined(list []any) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

// withoutKey is a comment without the key that it begins with.
func withoutKey(comment, key string) string {
	rest := strings.TrimPrefix(comment, key+" ")
	for _, verb := range []string{"is ", "are "} {
		rest = strings.TrimPrefix(rest, verb)
	}
	return rest
}
