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
