package template

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestExpand(t *testing.T) {
	values := map[string]string{"id": "7", "token": "t${id}", "a.b-c_D9": "odd", "empty": ""}
	tests := []struct {
		text, want string
		names      []string
	}{
		{"", "", nil},
		{"plain", "plain", nil},
		{"v1/orders/${id}", "v1/orders/7", []string{"id"}},
		{"${id}${id}-${token}", "77-t${id}", []string{"id", "token"}}, // values are not expanded again
		{"${a.b-c_D9}!", "odd!", []string{"a.b-c_D9"}},
		{"<${empty}>", "<>", []string{"empty"}},
		{"$${id}", "${id}", nil},   // escaped
		{"$$${id}", "$${id}", nil}, // a dollar, then escaped
		{"cost $5 $$ {x}", "cost $5 $$ {x}", nil},
		{"end $", "end $", nil},
	}
	for _, tt := range tests {
		template, err := Parse(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		got, err := template.Expand(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
		if err != nil || got != tt.want {
			t.Errorf("%q: got %q, %v; want %q", tt.text, got, err, tt.want)
		}
		if names := template.Names(); !reflect.DeepEqual(names, tt.names) {
			t.Errorf("%q: names %v, want %v", tt.text, names, tt.names)
		}
		if template.String() != tt.text {
			t.Errorf("%q: String is %q", tt.text, template)
		}
	}
}

func TestExpandNamesTheVariableWithoutValue(t *testing.T) {
	template, err := Parse("${here} ${gone}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = template.Expand(func(name string) (string, bool) { return "x", name == "here" })
	if err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{"orders/${id", "closing brace"},
		{"orders/${}", "names no variable at character 8"},
		{"${a b}", "${a b} is no variable"},
		{"ä${${x}}", "at character 2"},
	}
	for _, tt := range tests {
		if _, err := Parse(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.text, err, tt.want)
		}
	}
}

// Any text with every ${ escaped expands to itself.
func TestEscapedTextIsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("ab${}x ä"))).Draw(t, "text")
		template, err := Parse(strings.ReplaceAll(text, "${", "$${"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := template.Expand(func(string) (string, bool) { return "", false })
		if err != nil || got != text {
			t.Fatalf("got %q, %v; want %q", got, err, text)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "${a}", "$${a}", "${", "${}", "a${b}c$", "$$${x}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := Parse(text)
		if err != nil {
			return
		}
		names := template.Names()
		if _, err := template.Expand(func(name string) (string, bool) { return "v", ValidName(name) }); err != nil {
			t.Errorf("%q with %v: %v", text, names, err)
		}
	})
}
