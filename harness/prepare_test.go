package harness

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestSwitchesAreThoseDeclaredPublicAndSet(t *testing.T) {
	plan := &scenarios.Plan{Services: map[string]scenarios.PlannedService{
		"api": {PublicEnv: []string{"ATELIER_DEFECT", "EMPTY", "UNSET"}},
		"web": {PublicEnv: []string{"ATELIER_DEFECT"}},
	}}
	have := switches(plan, []string{"PASSWORD=secret", "ATELIER_DEFECT=drain-ignored", "EMPTY=", "ATELIER_DEFECTS=no"})
	if want := []string{"ATELIER_DEFECT=drain-ignored"}; !reflect.DeepEqual(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

func TestRunIDsDifferWithinASecond(t *testing.T) {
	now, seen := time.Now(), map[string]bool{}
	for range 100 {
		seen[newRunID(now)] = true
	}
	if len(seen) < 100 {
		t.Errorf("%d different ids of 100", len(seen))
	}
}

func TestProgramsAreCopiedOnlyWhenTheyChanged(t *testing.T) {
	dir := t.TempDir()
	source, target := filepath.Join(dir, "program"), filepath.Join(dir, "deep", "program")
	write := func(content string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(source, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(source, at, at); err != nil {
			t.Fatal(err)
		}
	}
	copied := func() os.FileInfo {
		t.Helper()
		if err := copyIfNewer(source, target); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(target)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	past := time.Now().Add(-time.Hour)
	write("first", past)
	first := copied()
	if again := copied(); !os.SameFile(first, again) {
		t.Error("an equal program was copied again")
	}
	write("second", time.Now().Add(time.Hour))
	changed := copied()
	if content, err := os.ReadFile(target); err != nil || string(content) != "second" {
		t.Errorf("the copy holds %q, %v", content, err)
	}
	if changed.Mode().Perm()&0o111 == 0 {
		t.Errorf("the copy cannot be executed: %v", changed.Mode())
	}
}
