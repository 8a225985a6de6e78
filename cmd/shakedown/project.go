package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A project is the file of settings that counts here.
type project struct {
	file     string // as the user would name it; "" for none
	settings scenarios.Settings
}

// readProject reads the settings of the project that the working directory is in:
// those nearest, up to the root of the repository. Outside of a repository only the
// directory itself counts, whoever owns those above.
func readProject() (project, error) {
	directory, err := os.Getwd()
	if err != nil {
		return project{}, fmt.Errorf("find the working directory: %w; change to one that exists", err)
	}
	for _, dir := range upToTheRoot(directory) {
		file := filepath.Join(dir, scenarios.SettingsFile)
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return project{}, fmt.Errorf("read the project's settings: %w; make it readable, or remove it", err)
		}
		if short, err := filepath.Rel(directory, file); err == nil {
			file = short
		}
		settings, problems := scenarios.ParseSettings(file, text)
		if len(problems) > 0 {
			return project{}, problems
		}
		return project{file, settings}, nil
	}
	return project{}, nil
}

// upToTheRoot are the directory and those above it up to that of the repository.
func upToTheRoot(directory string) (dirs []string) {
	for dir := directory; ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if exists(filepath.Join(dir, ".git")) {
			return dirs
		}
		if dir == filepath.Dir(dir) {
			return []string{directory}
		}
	}
}

// flags are what the settings say in the words of the command line.
func (p project) flags() map[string]string {
	s, values := p.settings, map[string]string{}
	for name, value := range map[string]string{"platform": s.Platform, "progress": s.Progress, "fail-on": s.FailOn} {
		if value != "" {
			values[name] = value
		}
	}
	for name, value := range map[string]scenarios.Duration{"start-timeout": s.StartTimeout, "deadline": s.Deadline} {
		if value != 0 {
			values[name] = value.Std().String()
		}
	}
	return values
}

// projectKey is where a command finds the project that it was started with.
const projectKey = "project"

// useProject fills in what neither flags nor the environment say. It runs before every
// command that has such flags.
func useProject(c *cli.Context) error {
	has := func(name string) bool {
		return slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	}
	if !slices.ContainsFunc([]string{"platform", "progress", "fail-on", "start-timeout", "deadline", "set"}, has) {
		return nil
	}
	p, err := readProject()
	if err != nil {
		return err
	}
	if c.App.Metadata == nil {
		c.App.Metadata = map[string]any{}
	}
	c.App.Metadata[projectKey] = p
	values := p.flags()
	for name, otherwise := range map[string]string{"platform": "auto", "progress": "auto"} {
		values[name] = cmp.Or(values[name], otherwise) // a variable that is set to nothing says nothing
	}
	for name, value := range values {
		if !has(name) || c.IsSet(name) && fmt.Sprint(c.Value(name)) != "" {
			continue
		}
		if err := c.Set(name, value); err != nil {
			return usagef("%s: %s %q: %v", p.file, name, value, err)
		}
	}
	return nil
}

// projectOf is the project that useProject found.
func projectOf(c *cli.Context) project {
	p, _ := c.App.Metadata[projectKey].(project)
	return p
}
