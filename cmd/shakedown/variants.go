package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/reports"
)

// runVariants makes runs of each variant that --variants names, and compares them. What is
// no verdict ends the series. With --repeat they take turns, A B A B, so that whatever
// changes about the machine meanwhile meets all of them.
func runVariants(c *cli.Context) error {
	names, err := variantNames(c)
	if err != nil {
		return err
	}
	n, mode, err := seriesOf(c)
	if err != nil {
		return err
	}
	trials, err := variantTrials(c, names, n)
	if err != nil {
		return err
	}
	done, worst := playAll(c, mode, trials, len(names))
	if len(slices.Concat(done...)) < 2 {
		return worst
	}
	return besides(worst, compareVariants(c, names, done))
}

// variantTrials are the runs of an experiment, in turns.
func variantTrials(c *cli.Context, names []string, n int) (trials []trial, err error) {
	out := c.String("out")
	for i := range n {
		loaded, err := loadVariants(c, names, i)
		if err != nil {
			return nil, err
		}
		if i == 0 && n > 1 {
			if out, err = seriesDir(c, loaded[0].Plan.Scenario); err != nil {
				return nil, err
			}
		}
		for side, variant := range loaded {
			t := trial{side: side, loaded: variant, title: fmt.Sprintf("variant %s (%d of %d)", names[side], side+1, len(names)), request: variantRequest(c, names[side])}
			if n > 1 {
				t.title = fmt.Sprintf("variant %s, run %d of %d", names[side], i+1, n)
				t.request = seriesRequest(c, filepath.Join(out, names[side], strconv.Itoa(i+1)), variant.Plan.Seed)
				t.request.Command = variantCommand(t.request.Command, names[side])
			}
			trials = append(trials, t)
		}
	}
	return trials, nil
}

// compareVariants compares two variants as an experiment, whose runs are pairs; more of
// them are set side by side.
func compareVariants(c *cli.Context, names []string, done [][]rundir.Dir) error {
	if len(names) != 2 {
		return compareRuns(c, slices.Concat(done...))
	}
	pairs := min(len(done[0]), len(done[1])) // the last one may have been interrupted
	if pairs == 0 {
		return compareRuns(c, slices.Concat(done...))
	}
	return compareSides(c, done[0][:pairs], done[1][:pairs], reports.SideOptions{Base: names[0], New: names[1], MinEffect: reports.DefaultMinEffect, Paired: true})
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

// loadVariants reads the scenario once for each variant, for the i-th round of a series;
// all are read before the first run.
func loadVariants(c *cli.Context, names []string, i int) (all []*harness.Loaded, err error) {
	opts, err := loadOptions(c)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if out := c.String("out"); out != "" {
			if entries, err := os.ReadDir(filepath.Join(out, name)); err == nil && len(entries) > 0 {
				return nil, usagef("--out %s: %s is there already, and a run is never written over: choose another --out", out, filepath.Join(out, name))
			}
		}
		opts.Variant = name
		loaded, err := loadTrial(c, opts, i)
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
