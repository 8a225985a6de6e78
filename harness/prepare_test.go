package harness

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/stack"
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

// called is a platform of which nothing but the name is asked.
type called struct {
	platform.Platform
	name string
}

func (c called) Name() string { return c.name }

// What the platform cannot do is a mistake in the scenario, named before
// anything is made.
func TestActionsThatDoNotFitThePlatform(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(file, []byte("services: {api: {image: shop, x-shakedown: {process: {command: [shop]}}}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	project, err := stack.Load(t.Context(), []string{file}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	loaded := &Loaded{Project: project, Plan: &scenarios.Plan{Actions: []scenarios.PlannedAction{
		{Release: &scenarios.PlannedRelease{Strategy: scenarios.RollingStrategy, Service: "api", Image: "shop:2"}},
		{Job: &scenarios.Job{Name: "backfill", Service: "api", Command: []string{"/backfill"}}},
	}}}
	if err := fits(loaded, called{name: "docker"}, Request{}); err != nil {
		t.Errorf("docker: %v", err)
	}
	var problems scenarios.Problems
	if err := fits(loaded, called{name: "process"}, Request{}); !errors.As(err, &problems) {
		t.Fatalf("process: %v, want a mistake in the scenario", err)
	}
	for _, part := range []string{"rolling release of api", "the process platform has no images", "run job backfill"} {
		if !strings.Contains(problems.Error(), part) {
			t.Errorf("%v\nlacks %q", problems, part)
		}
	}
}
