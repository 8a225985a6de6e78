package scenarios

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestParseRefusesFilesThatAreNoScenario(t *testing.T) {
	tests := []struct {
		name, text, want string
		at               place
	}{
		{"huge", strings.Repeat("#", mostBytes+1), "more than the 1048576", place{line: 1, column: 1}},
		{"binary", "name: x\n\xff\xfe", "not UTF-8", place{line: 2, column: 1}},
		{"brackets", "a: " + strings.Repeat("[", 200), "more than 100 deep", place{line: 1, column: 104}},
		{"dashes", strings.Repeat("- ", 300), "more than 100 deep", place{line: 1, column: 201}},
		{"tokens", strings.Repeat("- 1\n", 30_000), "more than 40000", place{line: 20001, column: 1}},
		{"only a directive", "%YAML 1.2\n---\n", "empty", place{line: 1, column: 1}},
	}
	for _, tt := range tests {
		begin := time.Now()
		d, problems := Parse("s.yaml", []byte(tt.text), Options{})
		if d != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, tt.want) {
			t.Errorf("%s: got %v", tt.name, problems)
			continue
		}
		if p := problems[0]; p.Line != tt.at.line || p.Column != tt.at.column {
			t.Errorf("%s: at %d:%d", tt.name, p.Line, p.Column)
		}
		t.Logf("%s took %s", tt.name, time.Since(begin))
	}
}

// Lists whose product makes a plan are bounded, however short aliases make the
// file.
func TestParseRefusesPlansWithoutEnd(t *testing.T) {
	many := strings.Repeat(", *a", mostItems)
	for what, change := range map[string][2]string{
		"phases":  {"[{name: all, for: 10s}]", "[&a {name: all, for: 10s}" + many + "]"},
		"cohorts": {"[{name: users, journey: ping, arrivals: {constant: 1/s}}]", "[&a {name: users, journey: ping, arrivals: {constant: 1/s}}" + many + "]"},
		"checks":  {"[{slo: {journey: ping, p50: 100ms}}]", "[&a {slo: {journey: ping, p50: 100ms}}" + many + "]"},
		"actions": {"checks:", "actions: [&a {at: all, scale: {service: api, to: 1}}" + many + "]\nchecks:"},
		"shapes":  {"arrivals: {constant: 1/s}", "arrivals: [&a {constant: 1/s}" + many + "]"},
	} {
		text := strings.Replace(string(read(t, "testdata/valid/least.yaml")), change[0], change[1], 1)
		_, problems := Parse("s.yaml", []byte(text), Options{})
		if len(problems) != 1 || !strings.Contains(problems[0].Message, "there are 1001 "+what) {
			t.Errorf("%s: got %v", what, problems)
		}
	}
}

// Columns count characters and carets stand below them, whatever the line
// endings and however wide or long the line is.
func TestExcerpts(t *testing.T) {
	tests := []struct{ text, want string }{
		{"näme: x\r\n", "    1 | näme: x\n      | ^\n"},
		{"{\"ä\": 1}\n", "    1 | {\"ä\": 1}\n      |  ^\n"},
		{"# \x1b[31mred\nfoo: 1\n", "    1 | # ·[31mred\n    2 | foo: 1\n      | ^\n"},
	}
	for _, tt := range tests {
		_, problems := Parse("s.yaml", []byte(tt.text), Options{})
		if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Excerpt == tt.want }) {
			t.Errorf("%q: got\n%v", tt.text, problems)
		}
	}
	long := "{" + strings.Repeat("x: 1, ", 100) + "}"
	src := newSource("s.yaml", []byte(long))
	if got := src.excerpt(1, 300); !strings.Contains(got, strings.Repeat(" ", 89)+"^") || len(got) > 260 {
		t.Errorf("got\n%s", got)
	}
}

func TestEditDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"api", "api", 0}, {"api", "aip", 1}, {"phases", "fases", 2}, {"kitten", "sitting", 3}, {"ä", "a", 1},
	} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q to %q: got %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

// Whatever happens to a valid file, Parse and Compile answer without a panic,
// with a plan or with problems that point into the file.
func TestParseSurvivesMutations(t *testing.T) {
	var texts [][]byte
	for _, file := range append(files(t, "testdata/valid/*.yaml"), files(t, "library/*.yaml")...) {
		texts = append(texts, read(t, file))
	}
	rapid.Check(t, func(t *rapid.T) {
		text := slices.Clone(rapid.SampledFrom(texts).Draw(t, "file"))
		lines := bytes.SplitAfter(text, []byte("\n"))
		for range rapid.IntRange(1, 4).Draw(t, "mutations") {
			i := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				lines[i] = nil
			case 1:
				lines[i] = append(slices.Clone(lines[i]), lines[i]...)
			case 2:
				j := rapid.IntRange(0, len(lines)-1).Draw(t, "other")
				lines[i], lines[j] = lines[j], lines[i]
			case 3:
				lines[i] = append([]byte("  "), lines[i]...)
			case 4:
				if at := rapid.IntRange(0, max(0, len(lines[i])-1)).Draw(t, "at"); at < len(lines[i]) {
					line := slices.Clone(lines[i])
					line[at] = rapid.SampledFrom([]byte("{}[]:-,*&!|>'\"% 0azX$\t")).Draw(t, "byte")
					lines[i] = line
				}
			}
		}
		inspect(t, bytes.Join(lines, nil))
	})
}

// inspect checks what must hold for any input.
func inspect(t interface{ Fatalf(string, ...any) }, text []byte) {
	plan, problems := all("s.yaml", text, Options{})
	if (plan == nil) != (len(problems) > 0) {
		t.Fatalf("plan %v with problems %v", plan, problems)
	}
	count := len(newSource("", text).lines)
	for _, p := range problems {
		here := p.File == "s.yaml" // others are manifests that it names
		if p.Line < 1 || here && p.Line > count || p.Column < 1 || p.Message == "" || !utf8.ValidString(fmt.Sprint(p)) {
			t.Fatalf("bad problem %+v in %q", p, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/valid/*.yaml", "testdata/mistakes/*.yaml", "library/*.yaml"} {
		for _, file := range files(f, pattern) {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4096 {
			return // size has a test of its own
		}
		inspect(t, text)
		DecodeExtensions("compose.yaml", text)
	})
}
