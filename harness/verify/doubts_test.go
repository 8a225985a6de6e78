package verify

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestDoubts(t *testing.T) {
	for name, want := range map[string]string{ // with the limits of the plan, without any
		"healthy":                  "|",
		"generator-late":           "late itself|late itself",
		"generator-short":          "load was not the one|load was not the one",
		"generator-thread-late":    "own thread|own thread",
		"generator-little":         "contradicts|contradicts",
		"generator-ports":          "for want of ports|for want of ports",
		"generator-busy-elsewhere": "at its limit|late itself", // 40 ms are tolerable for a limit of 1.5 s only
		"generator-thread-in-time": "|",
		"scaling-generator-late":   "late itself|late itself", // a recovery has a limit too
	} {
		file := "testdata/" + name + ".txtar"
		if name == "generator-late" || name == "generator-short" {
			file = "testdata/slo-" + name + ".txtar"
		}
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rec, plan := readCase(t, archive)
		limited, free, _ := strings.Cut(want, "|")
		unlimited := *plan
		unlimited.Checks = nil
		for _, test := range []struct {
			plan *scenarios.Plan
			want string
		}{{plan, limited}, {&unlimited, free}} {
			have := strings.Join(Doubts(rec, test.plan), "; ")
			if (have == "") != (test.want == "") || !strings.Contains(have, test.want) {
				t.Errorf("%s with %d checks: %q, want %q", name, len(test.plan.Checks), have, test.want)
			}
		}
	}
	if have := append(Doubts(nil, nil), Doubts(&journal.Record{}, everyCheck())...); len(have) > 0 {
		t.Errorf("nothing at all: %q", have)
	}
}
