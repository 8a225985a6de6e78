package reports

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
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

// That people had a hand in the run is what a game day is: the findings say so, and nobody has to
// look into it.
func TestSteeringIsNoOpenQuestion(t *testing.T) {
	run := steeredRun(t)
	run.Result.Checks = []verify.Finding{
		{ID: "run/steered", Kind: "run", Verdict: verify.Inconclusive, Reason: "steered by hand"},
		{ID: "faults/odd", Kind: "faults", Verdict: verify.Inconclusive, Reason: "nothing tells"},
	}
	findings, questions, _ := strings.Cut(render(t, run, Writeup), "## Open questions")
	if !strings.Contains(findings, "run/steered") || strings.Contains(questions, "run/steered") || !strings.Contains(questions, "faults/odd") {
		t.Errorf("the open questions are %s", questions)
	}
}

func TestWriteupHasWhatPeopleSaid(t *testing.T) {
	have := render(t, steeredRun(t), Writeup)
	for _, want := range []string{
		"- ada: 1 intervention, 1 note", "- bob: 0 interventions, 1 note, 1 refused\n", "Held / did not hold:", "not carried out: there is room for 8",
		`Why did \| checkout \*stall\*?`, "(no check speaks of it by name)", "## Follow-ups", "- [ ]",
	} {
		if !strings.Contains(have, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if !strings.Contains(have, "[report.html](report.html)") {
		t.Error("it does not lead to the report")
	}
	_, questions, _ := strings.Cut(have, "## Open questions")
	if !strings.Contains(questions, "stall") || strings.Contains(questions, "All set") {
		t.Errorf("the open questions are %s", questions)
	}
}

// What people have written into the draft stays when the reports are rendered again.
func TestWriteupIsWrittenOnce(t *testing.T) {
	run := steeredRun(t)
	run.Dir = t.TempDir()
	path := filepath.Join(run.Dir, "writeup.md")
	must(t, writeWriteup(run))
	if draft, err := os.ReadFile(path); err != nil || !strings.Contains(string(draft), "## Follow-ups") {
		t.Fatalf("%v: %.80q", err, draft)
	}
	must(t, os.WriteFile(path, []byte("what we have learned"), 0o600))
	must(t, writeWriteup(run))
	if have, err := os.ReadFile(path); err != nil || string(have) != "what we have learned" {
		t.Errorf("%v: %.80q", err, have)
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

// Hypotheses stand in what programs read too, beside the checks that they name.
func TestHypothesesAreInJSONAndJUnit(t *testing.T) {
	run := steeredRun(t)
	var document Document
	must(t, json.Unmarshal([]byte(render(t, run, JSON)), &document))
	check := run.Result.Checks[0]
	want := []Hypothesis{
		{Text: "The api survives the loss of an instance.", Checks: []HypothesisCheck{}},
		{Text: "Recovery is over within ten seconds (" + check.ID + ").", Checks: []HypothesisCheck{{check.ID, check.Verdict, check.Measured}}},
	}
	if !reflect.DeepEqual(document.Hypotheses, want) {
		t.Errorf("%+v\nwant %+v", document.Hypotheses, want)
	}
	text := render(t, run, JUnit)
	if problems := checkJUnit(text); len(problems) > 0 {
		t.Error(problems)
	}
	for _, words := range []string{`name="hypothesis 1" value="The api survives the loss of an instance. – no check is named`, `name="hypothesis 2" value="Recovery is over`, check.ID + ": " + word(check.Verdict)} {
		if !strings.Contains(text, words) {
			t.Errorf("JUnit has no %q", words)
		}
	}
	if strings.Contains(render(t, failingRun(), JSON), `"hypotheses":`) {
		t.Error("JSON of a run without hypotheses has some")
	}
}
