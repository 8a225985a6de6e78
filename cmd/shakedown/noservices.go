package main

import (
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// checkServices refuses compose files that name no service at all: there is nothing that
// a scenario could be made for. What else is wrong with them, loading them tells.
func checkServices(files []string) error {
	if slices.ContainsFunc(files, hasServices) {
		return nil
	}
	return usagef("%s has no services, so there is nothing to rehearse: add yours under services:, as in\n"+
		"  services:\n    web: {image: nginx, expose: [\"80\"]}\n"+
		"or name the compose file that has them with --from FILE; shakedown run scale-under-load shows a stack of ours", strings.Join(files, ", "))
}

// hasServices tells whether a compose file names services, or may do so: one that
// cannot be read counts, and loading it says what is wrong.
func hasServices(file string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return true
	}
	var project struct {
		Services map[string]any `yaml:"services"`
		Include  []any          `yaml:"include"`
	}
	return yaml.Unmarshal(text, &project) != nil || len(project.Services)+len(project.Include) > 0
}
