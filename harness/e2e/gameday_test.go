package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/gameday"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// steering gives commands to a game day, as a person at a second terminal.
type steering struct{ dir string }

func (s steering) do(t *testing.T, verb string, args ...string) string {
	t.Helper()
	o := shakedown(t, nil, append([]string{"steer", verb, "--run", s.dir, "--by", "ada"}, args...)...)
	if o.code != 0 {
		t.Fatalf("steer %s %v: exit code %d\n%s", verb, args, o.code, o.stderr)
	}
	return o.stdout
}

// status asks until the run can be steered.
func (s steering) status(t *testing.T) gameday.Status {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		var status gameday.Status
		if err := json.Unmarshal([]byte(s.do(t, "status", "--json")), &status); err != nil {
			t.Fatal(err)
		}
		if status.Stage == "driving" && len(status.State.Services) > 0 {
			return status
		}
	}
	t.Fatal("there was no traffic within two minutes")
	return gameday.Status{}
}

// A game day is steered from a second terminal: what is asked for happens, stands in the
// journal with who asked, and in the report; abort heals what is left and ends it.
func TestAGameDayMustBeSteered(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a whole stack: not in -short")
	}
	turn(t, whole)
	dir := filepath.Join(keptDir(t), "run")
	cmd, o := command(t, []string{"CI=true"}, "gameday", "gameday", "--platform", "process", "--out", dir, "--progress", "plain")
	o.dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Signal(os.Interrupt) }() // where a step below fails
	o.await(t, "steers it from here")
	if strings.Contains(o.stderr.String(), "token=") {
		t.Error("there is a page in CI")
	}
	s := steering{dir}
	s.status(t)
	s.do(t, "note", "Is", "everybody", "here?")
	s.do(t, "pause")
	if status := s.status(t); !status.State.Paused {
		t.Error("traffic goes on after pause")
	}
	s.do(t, "resume")
	s.do(t, "load", "0.5x")
	s.do(t, "inject", "{name: frozen, target: api, pause: {}, for: 5m}")
	status := s.status(t)
	if len(status.State.Faults) == 0 {
		t.Fatal("no fault is in force after inject")
	}
	id := ""
	for _, f := range status.State.Faults {
		if f.Live {
			id = f.ID
		}
	}
	s.do(t, "revert", id)
	if o := shakedown(t, nil, "steer", "revert", "nothing", "--run", dir); o.code != 1 || o.stderr == "" {
		t.Errorf("revert of nothing: exit code %d: %s", o.code, o.stderr)
	}
	s.do(t, "inject", "{target: api, pause: {}, for: 5m}")
	s.do(t, "abort")
	_ = cmd.Wait() // its code is that of a run that was cut short
	record, err := journal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	open := map[string]bool{}
	for _, e := range record.Events {
		switch b := e.Body.(type) {
		case journal.Steered:
			asked[b.Verb] = true
			if b.Verb == "note" && (b.By != "ada" || b.Detail != "Is everybody here?") {
				t.Errorf("the note stands there as %+v", b)
			}
		case journal.FaultStarted:
			open[b.Fault] = b.Error == ""
		case journal.FaultEnded:
			open[b.Fault] = b.Error != ""
		}
	}
	for _, verb := range []string{"note", "pause", "resume", "load", "inject", "revert", "abort"} {
		if !asked[verb] {
			t.Errorf("%s is not in the journal", verb)
		}
	}
	for fault, left := range open {
		if left {
			t.Errorf("%s is left after abort", fault)
		}
	}
	for name, want := range map[string]string{"report.html": "Is everybody here?", "writeup.md": "ada: 7 interventions, 1 note"} {
		if content, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s lacks %q (%v)", name, want, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "control.sock")); err == nil {
		t.Error("the control socket is left")
	}
}
