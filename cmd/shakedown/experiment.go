package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/proof"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// What defects and prove, which make many runs, have in common.

var experimentOutFlag = &cli.StringFlag{Name: "out", Usage: "directory `DIR` for the runs (default: runs/<time>-<what>)"}

// newExperiment makes the directory of the runs. Progress goes to standard
// error, a line for each run that has ended.
func newExperiment(c *cli.Context, name string, environ []string, limit time.Duration) (proof.Experiment, error) {
	self, err := os.Executable()
	if err != nil {
		return proof.Experiment{}, fmt.Errorf("find the running program: %w", err)
	}
	dir, err := proof.MakeDir(c.String("out"), name, time.Now())
	if err != nil {
		return proof.Experiment{}, err
	}
	started := time.Now()
	return proof.Experiment{
		Runner: proof.Subprocess{Program: self, Environ: environ, Limit: limit},
		Dir:    dir,
		Progress: func(done, total int, line string) {
			fmt.Fprintf(c.App.ErrWriter, "%7s  %d/%d  %s\n", time.Since(started).Round(time.Second), done, total, line)
		},
		Again: func(line string) {
			fmt.Fprintf(c.App.ErrWriter, "%7s  again  %s\n", time.Since(started).Round(time.Second), line)
		},
	}, nil
}

// published prints the result of an experiment and turns it into the error that
// sets the exit code.
func published(c *cli.Context, result interface {
	Text(io.Writer, proof.TextOptions) error
}, verdict proof.Outcome) error {
	write := func() error {
		return result.Text(c.App.Writer, proof.TextOptions{Color: color(c), Width: width(c)})
	}
	if c.Bool("json") {
		write = func() error { return proof.WriteJSON(c.App.Writer, result) }
	}
	if err := write(); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	switch verdict {
	case proof.Passed:
		return nil
	case proof.NotRun:
		return harness.ErrInterrupted
	case proof.Missed, proof.Alarmed:
		return verdictError{verify.Fail}
	case proof.Inconclusive:
		return verdictError{verify.Inconclusive}
	}
	return errors.New("not every run came to a verdict; the result says which, and why")
}

// platforms are those that --platform names, or all that work here. One that is
// asked for and does not work is an error before anything runs.
func platforms(c *cli.Context) ([]string, error) {
	name := c.String("platform")
	if !slices.Contains([]string{"", "docker", "process", "both"}, name) {
		return nil, usagef("--platform: there is no platform %q; choose docker, process or both", name)
	}
	asked := map[string][]string{"both": {"process", "docker"}}[name]
	if name == "docker" || name == "process" {
		asked = []string{name}
	}
	hindered := hindrances(c.Context)
	for _, platform := range asked {
		if why := hindered[platform]; why != "" {
			return nil, fmt.Errorf("platform %s does not work here: %s", platform, why)
		}
	}
	if name != "" {
		return asked, nil
	}
	var working []string
	for _, platform := range []string{"process", "docker"} {
		if why := hindered[platform]; why != "" {
			fmt.Fprintf(c.App.ErrWriter, "platform %s is left out: %s\n", platform, why)
			continue
		}
		working = append(working, platform)
	}
	if len(working) == 0 {
		return nil, errors.New("no platform works here; shakedown doctor says what is missing")
	}
	return working, nil
}

// hindrances says why a platform cannot be used, as doctor does.
func hindrances(ctx context.Context) map[string]string {
	why := map[string]string{}
	for _, d := range harness.Doctor(ctx) {
		switch {
		case d.Name == "docker" && d.State != "ok":
			why["docker"] = d.Text
		case d.Name == "loopback addresses" && d.State == "problem":
			why["process"] = d.Text
		}
	}
	return why
}

// without is an environment less some variables.
func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}
