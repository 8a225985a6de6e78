package scenarios

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSettings(t *testing.T) {
	have, problems := ParseSettings("f", []byte("# ours\nplatform: process\nprogress: plain\nstart_timeout: 90s\ndeadline: 20m\nfail_on: fail\nset: [seed=3, \"tempo=2x\"]\n"))
	want := Settings{Platform: "process", Progress: "plain", StartTimeout: Duration(90 * time.Second), Deadline: Duration(20 * time.Minute), FailOn: "fail", Set: []string{"seed=3", "tempo=2x"}}
	if len(problems) > 0 || !reflect.DeepEqual(have, want) {
		t.Errorf("%+v, %v", have, problems)
	}
	for _, empty := range []string{"", "\n", "# nothing yet\n  # here\n"} {
		if have, problems := ParseSettings("f", []byte(empty)); len(problems) > 0 || !reflect.DeepEqual(have, Settings{}) {
			t.Errorf("%q: %+v, %v", empty, have, problems)
		}
	}
}

func TestMistakesInSettings(t *testing.T) {
	for text, want := range map[string]string{
		"plattform: docker":           `f:1:1: unknown field "plattform"`,
		"progress: loud":              "f:1:11: progress:",
		"deadline: 20":                "has no unit",
		"set: seed=1\nplatform: {}":   "f:2:11: platform:",
		"platform: docker\n---\na: 1": "a second document",
		"- a":                         "is not",
		"platform: [":                 "f:1",
	} {
		if _, problems := ParseSettings("f", []byte(text)); !strings.Contains(problems.Error(), want) {
			t.Errorf("%q: %v; want %q in it", text, problems, want)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add("platform: docker\nset: [a=b]")
	f.Fuzz(func(t *testing.T, text string) { ParseSettings("f", []byte(text)) })
}
