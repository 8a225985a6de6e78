package reports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// steeredRun is the run with faults as a game day: with hypotheses and with people.
func steeredRun(t *testing.T) Run {
	t.Helper()
	run := storedRuns["faults"].read(t)
	plan := *run.Intent.Plan
	plan.Hypotheses = []string{"The api survives the loss of an instance.", "Recovery is over within ten seconds (" + run.Result.Checks[0].ID + ")."}
	run.Intent.Plan = &plan
	record := *run.Record
	var events []journal.Event
	for _, e := range record.Events {
		events = append(events, e)
		if _, ok := e.Body.(journal.TrafficStarted); !ok {
			continue
		}
		for i, b := range []journal.Steered{
			{By: "ada", Verb: "note", Detail: "All set."},
			{By: "ada", Verb: "inject", Detail: "kill api-1"},
			{By: "bob", Verb: "scale", Detail: "scale api to 99", Error: "there is room for 8"},
			{By: "bob", Verb: "note", Detail: "Why did | checkout *stall*?"},
		} {
			events = append(events, journal.Event{T: e.T + time.Duration(i+1)*100*time.Millisecond, Body: b})
		}
	}
	record.Events = events
	run.Record = &record
	return run
}

func TestWriteupIsAsItWas(t *testing.T) {
	have := render(t, steeredRun(t), Writeup)
	path := filepath.Join("testdata", "golden-writeup", "writeup.md")
	if *update {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(have), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if have != string(want) {
		t.Errorf("the write-up has changed; look at the difference, then: go test ./reports -run Writeup -update\n%s", have)
	}
}

func TestWriteupHasWhatPeopleSaid(t *testing.T) {
	have := render(t, steeredRun(t), Writeup)
	for _, want := range []string{
		"- ada: 1 intervention, 1 note", "- bob: 1 intervention, 1 note", "Held / did not hold:", "not carried out: there is room for 8",
		`Why did \| checkout \*stall\*?`, "(no check speaks of it by name)", "## Follow-ups", "- [ ]",
	} {
		if !strings.Contains(have, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	_, questions, _ := strings.Cut(have, "## Open questions")
	if !strings.Contains(questions, "stall") || strings.Contains(questions, "All set") {
		t.Errorf("the open questions are %s", questions)
	}
}

func TestWriteupOfRunsWithLittleInThem(t *testing.T) {
	if WantsWriteup(Run{}) || WantsWriteup(storedRuns["drain"].read(t)) || !WantsWriteup(steeredRun(t)) {
		t.Error("a draft is for runs with people in them, or with hypotheses")
	}
	if have := render(t, Run{}, Writeup); !strings.Contains(have, "Nobody had a hand") || !strings.Contains(have, "Nothing was written down before") {
		t.Error(have)
	}
}

func TestMentions(t *testing.T) {
	for _, test := range []struct {
		text, id string
		want     bool
	}{
		{"Every order is there once (orders).", "integrity/orders", true},
		{"Integrity/Orders holds.", "integrity/orders", true},
		{"Reorders are fine.", "integrity/orders", false},
		{"", "integrity/orders", false},
		{"recovery, within 5 s", "recovery", true},
	} {
		if have := mentions(test.text, test.id); have != test.want {
			t.Errorf("%q mentions %s: %v", test.text, test.id, have)
		}
	}
}
