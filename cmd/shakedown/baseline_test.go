package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is left of a damaged run is no baseline and is held to none, and the user is told
// why; nothing panics.
func TestBaselinesOfDamagedRuns(t *testing.T) {
	store := t.TempDir()
	for _, missing := range []string{"run.json", "journal.ndjson", "latency.hlog", "verdict.json"} {
		dir := storedFixture(t)
		if err := os.Remove(filepath.Join(dir, missing)); err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"save", "check"} {
			code, _, stderr := called(t, "baseline", verb, dir, "--baselines", store)
			if code != 1 && code != 2 && code != 3 || code < 3 && !strings.Contains(stderr, dir) {
				t.Errorf("%s without %s: exit code %d\n%s", verb, missing, code, stderr)
			}
		}
	}
}

func TestARunThatIsSavedTwiceIsOneRun(t *testing.T) {
	dir := storedFixture(t)
	_, stdout, stderr := called(t, "baseline", "save", "--force", "--baselines", t.TempDir(), dir, dir)
	if !strings.Contains(stdout, ": 1 of 1 runs are new") {
		t.Errorf("%s\n%s", stdout, stderr)
	}
}

// A variable that CI sets to nothing must not strew baselines over the working directory.
func TestBaselinesWithAnEmptyVariable(t *testing.T) {
	dir := storedFixture(t)
	t.Chdir(t.TempDir())
	t.Setenv("SHAKEDOWN_BASELINES", "")
	if code, _, stderr := called(t, "baseline", "save", "--force", dir); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 || entries[0].Name() != ".shakedown" {
		t.Errorf("%v, %v", entries, err)
	}
}
