package jsonpath

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const sample = `{
	"id": "p-7", "none": null, "deep": {"a": {"b": 3}}, "odd key": 1, "it's": 2, "": 5,
	"items": [{"id": "x"}, {"id": "y"}, [10, 20]]
}`

func TestLookup(t *testing.T) {
	tests := []struct {
		path  string
		want  any
		found bool
	}{
		{"$.id", "p-7", true},
		{"$.none", nil, true}, // a null is a value
		{"$.deep.a.b", 3.0, true},
		{"$['deep'].a[\"b\"]", 3.0, true},
		{"$['odd key']", 1.0, true},
		{`$['it\'s']`, 2.0, true},
		{`$["it's"]`, 2.0, true},
		{"$['']", 5.0, true},
		{"$.items[0].id", "x", true},
		{"$.items[-1][-2]", 10.0, true},
		{"$.items[2][1]", 20.0, true},
		{"$.items[3]", nil, false},  // past the end
		{"$.items[-4]", nil, false}, // before the start
		{"$.missing", nil, false},
		{"$.id.deeper", nil, false}, // into a scalar
		{"$.items.id", nil, false},  // name into an array
		{"$.deep[0]", nil, false},   // index into an object
	}
	var document any
	if err := json.Unmarshal([]byte(sample), &document); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		path, err := Compile(tt.path)
		if err != nil {
			t.Errorf("%s: %v", tt.path, err)
			continue
		}
		got, found := path.Lookup(document)
		if found != tt.found || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, %v; want %v, %v", tt.path, got, found, tt.want, tt.found)
		}
		if path.String() != tt.path {
			t.Errorf("%s: String is %s", tt.path, path)
		}
	}
}

func TestRoot(t *testing.T) {
	path, err := Compile("$")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Path{path, {}} {
		if got, ok := p.Lookup("scalar"); !ok || got != "scalar" || p.String() != "$" {
			t.Errorf("%s: got %v, %v", p, got, ok)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	tests := []struct{ path, want string }{
		{"", "starts with $"},
		{"id", "starts with $"},
		{"$id", "expected . or [ at character 2"},
		{"$.", "expected a name after the dot at character 2"},
		{"$..id", "expected a name after the dot at character 2"},
		{"$.items[", "not closed at character 8"},
		{"$.items[x]", "expected an index or a quoted name"},
		{"$.items[*]", "expected an index or a quoted name"},
		{"$.items[+1]", "expected an index or a quoted name"},
		{"$.items[]", "expected an index or a quoted name"},
		{"$.*", "cannot be a name without quotes"},
		{"$['a", "the quote is not closed"},
		{"$['a'", "expected ] after the quoted name"},
		{"$.ä[", "at character 4"},
	}
	for _, tt := range tests {
		_, err := Compile(tt.path)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.path, err, tt.want)
		}
	}
}

// A path written with brackets to a value finds that value.
func TestPathToAnyValueFindsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := any("leaf")
		text := ""
		for range rapid.IntRange(0, 6).Draw(t, "depth") {
			if rapid.Bool().Draw(t, "object") {
				key := rapid.String().Draw(t, "key")
				value = map[string]any{key: value}
				text = "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(key) + "']" + text
				continue
			}
			before := rapid.IntRange(0, 3).Draw(t, "before")
			value = append(make([]any, before), value)
			text = fmt.Sprintf("[%d]", rapid.SampledFrom([]int{before, -1}).Draw(t, "index")) + text
		}
		path, err := Compile("$" + text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := path.Lookup(value); !ok || got != "leaf" {
			t.Fatalf("%s in %v: got %v, %v", path, value, got, ok)
		}
	})
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"$", "$.a.b", "$['a'][0]", `$["\""]`, "$[-1]", "$..", "$[", "$['"} {
		f.Add(seed)
	}
	var document any
	if err := json.Unmarshal([]byte(sample), &document); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := Compile(text)
		if err != nil {
			return
		}
		if path.String() != text {
			t.Errorf("%q: String is %q", text, path)
		}
		path.Lookup(document)
	})
}
