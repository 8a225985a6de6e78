package scenarios

import (
	"reflect"
	"strings"
	"testing"
)

// tree reads YAML to plain data, with the problems of reading it.
func tree(t *testing.T, text string) (any, Problems) {
	t.Helper()
	src := newSource("s.yaml", []byte(text))
	documents, problem := readYAML(src, []byte(text))
	if problem != nil {
		t.Fatalf("%q: %v", text, problem)
	}
	c := newConverter(src)
	return c.convert(documents[0], "").any(), c.problems
}

func TestConvert(t *testing.T) {
	tests := []struct {
		text string
		want any
	}{
		{"a: !!str 5", object{"a": "5"}},
		{"a: !!int 5", object{"a": uint64(5)}},
		{"a: |\n  two\n  lines\n", object{"a": "two\nlines\n"}},
		{"a: 'single'\nb: \"do\\u0075ble\"", object{"a": "single", "b": "double"}},
		{"? a\n: 1", object{"a": uint64(1)}},
		{"5: x\ntrue: y", object{"5": "x", "true": "y"}},
		{"a: .inf\nb: .nan\nc: 1.5\nd: -3\ne: true\nf: ~", object{"a": ".inf", "b": ".nan", "c": 1.5, "d": int64(-3), "e": true, "f": nil}},
		{"a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}", object{"a": object{"k": uint64(1), "l": uint64(2)}, "b": object{"k": uint64(3), "l": uint64(2)}}},
		{"a: &x {k: 1}\nb: &y {k: 2, l: 2}\nc: {<<: [*x, *y]}", object{"a": object{"k": uint64(1)}, "b": object{"k": uint64(2), "l": uint64(2)}, "c": object{"k": uint64(1), "l": uint64(2)}}},
		{"\ufeffa: 1", object{"a": uint64(1)}},
	}
	for _, tt := range tests {
		got, problems := tree(t, tt.text)
		if len(problems) > 0 || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: got %#v, want %#v, %v", tt.text, got, tt.want, problems)
		}
	}
}

func TestConvertReports(t *testing.T) {
	tests := []struct {
		text, want string
		at         place
	}{
		{"a: 1\nb: 2\na: 3", `"a" is given twice, first in line 1`, place{line: 3, column: 1}},
		{"a: *x", "refers to no anchor", place{line: 1, column: 4}},
		{"a: &x [*x]", "refers to no anchor", place{line: 1, column: 8}},
		{"a: {<<: 5}", "<< merges mappings", place{line: 1, column: 9}},
		{"a: &x 5\nb: {<<: [*x]}", "<< merges mappings", place{line: 2, column: 9}},
		{"a: !secret x", "tag !secret means nothing here", place{line: 1, column: 4}},
	}
	for _, tt := range tests {
		_, problems := tree(t, tt.text)
		if len(problems) != 1 || !strings.Contains(problems[0].Message, tt.want) {
			t.Errorf("%q: got %v", tt.text, problems)
			continue
		}
		if p := problems[0]; p.Line != tt.at.line || p.Column != tt.at.column {
			t.Errorf("%q: at %d:%d, want %v", tt.text, p.Line, p.Column, tt.at)
		}
	}
}

// One mistake in an anchor that many aliases repeat is one problem.
func TestRepeatedMistakesAreReportedOnce(t *testing.T) {
	text := "a: &x [*nope]\nb: [" + strings.Repeat("*x, ", 500) + "*x]"
	if _, problems := tree(t, text); len(problems) != 1 {
		t.Errorf("got %d problems", len(problems))
	}
	text = "name: x\n"
	for i := range 300 {
		text += "unknown" + strings.Repeat("y", i) + ": 1\n"
	}
	if _, problems := Parse("s.yaml", []byte(text), Options{}); len(problems) > mostProblems+10 {
		t.Errorf("got %d problems", len(problems))
	}
}
