package harness

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestTheLibraryLoads(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	seed := int64(41)
	loaded, err := Load(t.Context(), "scale-under-load", LoadOptions{Seed: &seed})
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Plan.Seed != seed {
		t.Errorf("seed %d, want the one asked for", loaded.Plan.Seed)
	}
	if _, ok := loaded.Plan.Services["api"]; !ok {
		t.Error("the plan has no api")
	}
}

func TestWhatCannotBeFoundIsExplained(t *testing.T) {
	for name, want := range map[string]string{
		"no-such-name":     "alerts-drill", // what there is
		"scale-under-lod":  "scale-under-load",
		"dir/nothing.yaml": "nothing.yaml",
		t.TempDir():        "directory",
	} {
		if _, err := Load(t.Context(), name, LoadOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v lacks %q", name, err, want)
		}
	}
}

func TestMistakesOfScenarioAndComposeFileAreReportedTogether(t *testing.T) {
	dir := t.TempDir()
	scenario := filepath.Join(dir, "s.yaml")
	for file, content := range map[string]string{
		scenario:                           "name: Bad Name\nstack: {compose: [compose.yaml]}\ntraffic: {phases: [{name: a, for: 1s}]}\n",
		filepath.Join(dir, "compose.yaml"): "services:\n  api:\n    image: x\n    depnds_on: [db]\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Load(t.Context(), scenario, LoadOptions{})
	var problems scenarios.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("want problems, have %v", err)
	}
	for _, want := range []string{"Bad Name", "depnds_on", "cohorts", "checks"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %s in\n%v", want, err)
		}
	}
}

func TestMistakesOfScenarioAndRuleFileAreReportedTogether(t *testing.T) {
	dir := t.TempDir()
	scenario := filepath.Join(dir, "s.yaml")
	for file, content := range map[string]string{
		scenario:                           "name: Bad Name\nstack: {compose: [compose.yaml]}\nmetrics: {rules: [rules.yaml, gone.yaml, rules.yaml]}\nchecks:\n  - promql: {name: x, query: 'up ==', max: 1}\ntraffic: {phases: [{name: a, for: 1s}]}\n",
		filepath.Join(dir, "compose.yaml"): "services:\n  api:\n    image: x\n",
		filepath.Join(dir, "rules.yaml"):   "groups:\n  - name: g\n    rules:\n      - {alert: Broken, expr: 'sum(up'}\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Load(t.Context(), scenario, LoadOptions{})
	var problems scenarios.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("want problems, have %v", err)
	}
	for _, want := range []string{"Bad Name", "gone.yaml", "rules.yaml:4:", "group g, alert Broken", "up =="} {
		if n := strings.Count(err.Error(), want); n == 0 {
			t.Errorf("nothing about %s in\n%v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "alert Broken"); n != 1 {
		t.Errorf("a rule is complained about %d times in\n%v", n, err)
	}
}
