package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/rundir"
)

// runVariants makes a run of each variant that --variants names, and compares
// them. What is no verdict ends the series.
func runVariants(c *cli.Context) error {
	names, err := variantNames(c)
	if err != nil {
		return err
	}
	mode, err := progressMode(c)
	if err != nil {
		return err
	}
	loaded, err := loadVariants(c, names)
	if err != nil {
		return err
	}
	soft, hard, release := interrupts(c.Context, c.App.ErrWriter, "stopping in order, with a report; interrupt again to tear down at once")
	defer release()
	var done []rundir.Dir
	var worst error
	for i, variant := range loaded {
		fmt.Fprintf(c.App.ErrWriter, "variant %s (%d of %d)\n", names[i], i+1, len(names))
		show := func(c *cli.Context, dir rundir.Dir) error {
			done = append(done, dir)
			return showVariant(c, dir)
		}
		err := play(soft, hard, c, mode, variant, variantRequest(c, names[i]), show)
		if worst = worse(worst, err); !isVerdict(err) {
			break
		}
	}
	if len(done) < 2 {
		return worst
	}
	return errors.Join(worst, compareRuns(c, done))
}

// showVariant prints a run among others; with --json only the comparison is.
func showVariant(c *cli.Context, dir rundir.Dir) error {
	if c.Bool("json") {
		return store(c, dir)
	}
	if err := publish(c, dir); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.App.Writer)
	return err
}

// variantNames are those of --variants. What cannot go with it is told before
// anything runs.
func variantNames(c *cli.Context) ([]string, error) {
	var names []string
	for _, name := range strings.Split(c.String("variants"), ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return nil, usagef("--variants %q: write names with commas between, as in reactive,proactive", c.String("variants"))
		case slices.Contains(names, name):
			return nil, usagef("--variants: %s is named twice", name)
		}
		names = append(names, name)
	}
	switch {
	case len(names) < 2:
		return nil, usagef("--variants wants two names or more; one variant is run with --variant %s", names[0])
	case c.IsSet("variant"):
		return nil, usagef("--variant and --variants: choose one")
	case c.String("results") != "":
		return nil, usagef("--results and --variants: each run would write over the file of the one before; run them one by one with --variant")
	case c.Bool("keep-on-fail"):
		return nil, usagef("--keep-on-fail and --variants: instances that are kept would be in the way of the next run; run them one by one with --variant")
	}
	return names, nil
}

// loadVariants reads the scenario once for each variant, all before the first
// run.
func loadVariants(c *cli.Context, names []string) (all []*harness.Loaded, err error) {
	opts, err := loadOptions(c)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if out := c.String("out"); out != "" {
			if entries, err := os.ReadDir(filepath.Join(out, name)); err == nil && len(entries) > 0 {
				return nil, usagef("--out %s: %s is there already; a run is never written over", out, filepath.Join(out, name))
			}
		}
		opts.Variant = name
		loaded, err := harness.Load(c.Context, c.Args().First(), opts)
		if err != nil {
			return nil, err
		}
		all = append(all, loaded)
	}
	return all, nil
}

// variantRequest is the request for the run of one variant: with a directory and
// a command of its own.
func variantRequest(c *cli.Context, name string) harness.Request {
	r := request(c)
	if r.Out != "" {
		r.Out = filepath.Join(r.Out, name)
	}
	r.Command = variantCommand(r.Command, name)
	return r
}

// variantCommand is the command that runs one variant alone.
func variantCommand(command []string, name string) (alone []string) {
	for i := 0; i < len(command); i++ {
		flag, _, joined := strings.Cut(command[i], "=")
		if flag != "--variants" && flag != "-variants" {
			alone = append(alone, command[i])
			continue
		}
		alone = append(alone, "--variant", name)
		if !joined {
			i++
		}
	}
	return alone
}
