package main

import (
	"os"
	"strings"

	"github.com/goccy/go-yaml"
)

// checkServices refuses compose files that name no service at all: there is nothing that
// a scenario could be made for. What else is wrong with them, loading them tells.
func checkServices(files []string) error {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil // loading it says so
		}
		var project struct {
			Services map[string]any `yaml:"services"`
			Include  []any          `yaml:"include"`
		}
		if err := yaml.Unmarshal(text, &project); err != nil || len(project.Services)+len(project.Include) > 0 {
			return nil
		}
	}
	return usagef("%s has no services, so there is nothing to rehearse: add yours under services:, as in\n"+
		"  services:\n    web: {image: nginx, expose: [\"80\"]}\n"+
		"or name the compose file that has them with --from FILE; shakedown run scale-under-load shows a stack of ours", strings.Join(files, ", "))
}
