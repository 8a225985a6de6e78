package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The scenario that the README shows must be one.
func TestTheScenarioOfTheREADMEIsValid(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```yaml\n")
	scenario, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README shows no scenario")
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"scenario.yaml": scenario,
		"compose.yaml":  "services:\n  shop: {image: shop, expose: [\"8080\"]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := Main([]string{"shakedown", "validate", filepath.Join(dir, "scenario.yaml")}, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
}

// shownCommand is the command line, without the program, of the README's first line that
// begins like that.
func shownCommand(t *testing.T, beginning string) []string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, beginning) {
			line, _, _ = strings.Cut(line, " # ")
			return strings.Fields(line)[2:]
		}
	}
	t.Fatalf("the README has no line %q", beginning)
	return nil
}

// What the README shows of faults is of the language, too: with a stack and traffic
// around it, it is a scenario.
func TestTheFaultsOfTheREADMEAreValid(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```yaml\nstack:\n  third_parties:\n")
	shown, _, ok := strings.Cut(rest, "```")
	parties, faults, both := strings.Cut(shown, "faults:\n")
	if !ok || !both {
		t.Fatal("the README shows no faults of third parties")
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"scenario.yaml": `name: shown
stack:
  compose: [compose.yaml]
  services:
    api: {port: 8080, replicas: 3}
    worker: {replicas: 2}
  third_parties:
` + parties + `traffic:
  phases: [{name: before, for: 20s}, {name: trouble, for: 40s}, {name: later, for: 60s}]
  cohorts:
    - {name: buyers, journey: shop, arrivals: {constant: 20/s}}
    - {name: visitors, journey: browse, arrivals: {constant: 20/s}}
  journeys:
    shop: [{name: checkout, request: POST api/orders, extract: {order: $.id}}]
    browse: [{name: look, request: GET api/}]
faults:
` + faults,
		"compose.yaml": "services: {api: {image: api, expose: [\"8080\"]}, worker: {image: worker}, postgres: {image: postgres}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := Main([]string{"shakedown", "validate", filepath.Join(dir, "scenario.yaml")}, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
}
