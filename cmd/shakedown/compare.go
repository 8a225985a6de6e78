package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func compareCommand() *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "compare stored runs, before and after a change",
		ArgsUsage: "BASE NEW | BASE... -- NEW... | RUN RUN RUN...",
		Description: "Compares the runs of two sides metric by metric: by how much the new ones differ, how sure that is, and whether it is\n" +
			"better, worse, no difference, or not to be told from so few runs (four a side are the least). A directory that holds\n" +
			"several runs, as run --repeat makes it, stands for all of them. Three runs or more without -- are only set side by side.\n" +
			"Runs of different scenarios or machines are refused without --force.\n" +
			"Exit code: 99 if a metric is worse by more than --max-regression allows, 3 if that cannot be told, else 0 whatever the\n" +
			"verdicts of the runs; 2 where runs cannot be compared.",
		Flags: []cli.Flag{
			jsonFlag,
			&cli.StringSliceFlag{Name: "base", Usage: "a `RUN` of the one side; may be repeated"},
			&cli.StringSliceFlag{Name: "new", Usage: "a `RUN` of the other side; may be repeated"},
			&cli.BoolFlag{Name: "paired", Usage: "the runs of the sides belong together in their order, as those of run --variants --repeat do"},
			&cli.StringFlag{Name: "min-effect", Value: "5%", Usage: "the least `SHARE` of change that makes a metric better or worse"},
			&cli.StringSliceFlag{Name: "max-regression", Usage: "fail if `METRIC=SHARE` is exceeded, as in p99=10%; of availability in percentage points; may be repeated"},
			&cli.BoolFlag{Name: "force", Usage: "compare runs of different scenarios or machines all the same"},
			&cli.BoolFlag{Name: "markdown", Usage: "print the comparison as Markdown"},
			&cli.StringFlag{Name: "html", Usage: "write the comparison as a page to `FILE` besides"},
		},
		Action: func(c *cli.Context) error {
			if c.Bool("json") && c.Bool("markdown") {
				return usagef("--json and --markdown: choose one")
			}
			base, changed, err := sidesOf(c)
			if err != nil {
				return err
			}
			opts, err := sideOptions(c)
			if err != nil {
				return err
			}
			if changed == nil {
				return compareRuns(c, base)
			}
			return compareSides(c, base, changed, opts)
		},
	}
}

// sidesOf are the directories of the two sides; without a second one the first has to be
// set side by side.
func sidesOf(c *cli.Context) (base, changed []rundir.Dir, err error) {
	args := c.Args().Slice()
	if at := slices.IndexFunc(args, func(arg string) bool { return len(arg) > 1 && arg != "--" && arg[0] == '-' }); at >= 0 {
		return nil, nil, usagef("%s: flags stand before the runs, or before --", args[at])
	}
	before, after := c.StringSlice("base"), c.StringSlice("new")
	at := slices.Index(args, "--")
	switch {
	case len(before)+len(after) > 0 && len(args) > 0:
		return nil, nil, usagef("name the runs with --base and --new, or without flags; not in both ways")
	case (len(before) == 0) != (len(after) == 0):
		return nil, nil, usagef("--base and --new: a comparison has runs on both sides")
	case len(before) > 0:
	case at >= 0:
		before, after = args[:at], args[at+1:]
		if len(before) == 0 || len(after) == 0 || slices.Contains(after, "--") {
			return nil, nil, usagef("write the runs of one side, --, and those of the other: shakedown compare A1 A2 -- B1 B2")
		}
	case len(args) < 2:
		return nil, nil, usagef("compare wants two run directories or more; got %d", len(args))
	case len(args) == 2:
		before, after = args[:1], args[1:]
	default:
		if c.IsSet("max-regression") || c.Bool("paired") {
			return nil, nil, usagef("--max-regression and --paired want two sides: write -- between them")
		}
		return expanded(args), nil, nil
	}
	return expanded(before), expanded(after), nil
}

// expanded are directories of runs: one that holds several stands for them, in the order
// of their names, numbers by value.
func expanded(names []string) (dirs []rundir.Dir) {
	for _, name := range names {
		if _, err := os.Stat(rundir.Dir(name).Intent()); err == nil {
			dirs = append(dirs, rundir.Dir(name))
			continue
		}
		if inside := runsIn(name); len(inside) > 0 {
			dirs = append(dirs, inside...)
			continue
		}
		dirs = append(dirs, rundir.Dir(name)) // whoever reads it says what is wrong
	}
	return dirs
}

// runsIn are the directories of runs right below one, links left out.
func runsIn(name string) (dirs []rundir.Dir) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		dir := rundir.Dir(filepath.Join(name, e.Name()))
		if _, err := os.Stat(dir.Intent()); err == nil && e.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	slices.SortFunc(dirs, func(a, b rundir.Dir) int {
		if d := len(a) - len(b); d != 0 {
			return d
		}
		return strings.Compare(string(a), string(b))
	})
	return dirs
}

// sideOptions are what the flags say of a comparison.
func sideOptions(c *cli.Context) (opts reports.SideOptions, err error) {
	effect, err := scenarios.ParsePercent(c.String("min-effect"))
	if err != nil {
		return opts, usagef("--min-effect: %v", err)
	}
	opts.MinEffect, opts.Paired = float64(effect)/100, c.Bool("paired")
	for _, text := range c.StringSlice("max-regression") {
		limit, err := reports.ParseRegressionLimit(text)
		if err != nil {
			return opts, usagef("--max-regression: %v", err)
		}
		opts.Limits = append(opts.Limits, limit)
	}
	return opts, nil
}

// compareSides reads the runs of two sides and prints how they differ. The error is the
// verdict on the limits.
func compareSides(c *cli.Context, base, changed []rundir.Dir, opts reports.SideOptions) error {
	before, left, err := readRuns(base)
	if err != nil {
		return err
	}
	after, more, err := readRuns(changed)
	if err != nil {
		return err
	}
	left = append(left, more...)
	if err := errors.Join(countedOnce(before), countedOnce(after)); err != nil {
		return err
	}
	if opts.Paired && len(left) > 0 {
		return usagef("--paired: a run that cannot be read leaves its partner alone; leave out both: %s", strings.Join(left, "; "))
	}
	if opts.Paired && len(before) != len(after) {
		return usagef("--paired: %d runs on the one side and %d on the other make no pairs", len(before), len(after))
	}
	if err := comparableRuns(c, slices.Concat(before, after)); err != nil {
		return err
	}
	comparison := reports.CompareSides(before, after, opts)
	comparison.Sides.LeftOut = append(comparison.Sides.LeftOut, left...)
	if err := printComparison(c, comparison); err != nil {
		return err
	}
	if verdict := comparison.Sides.Verdict; verdict != verify.Pass {
		return verdictError{verdict: verdict}
	}
	return nil
}

// countedOnce refuses a side that has one run several times, under other names or as a
// copy: what one run shows would be told from chance as if several did.
func countedOnce(side []reports.Run) error {
	seen := map[string]string{}
	for _, run := range side {
		if run.Intent.Run == "" {
			continue // not known
		}
		id := run.Intent.Run + run.Intent.Started.String()
		if first, again := seen[id]; again {
			return usagef("%s and %s on one side are the same run (%s): name each run once", first, run.Dir, run.Intent.Run)
		}
		seen[id] = run.Dir
	}
	return nil
}

// comparableRuns refuses runs that no comparison makes sense of, and warns of what weighs on
// one.
func comparableRuns(c *cli.Context, runs []reports.Run) error {
	refusals, warnings := reports.Incomparable(runs)
	if len(refusals) > 0 && !c.Bool("force") {
		return usagef("these runs cannot be compared: %s\nCompare runs of one scenario on one class of machine, or use --force to see them all the same", strings.Join(refusals, "; "))
	}
	for _, text := range slices.Concat(refusals, warnings) {
		fmt.Fprintln(c.App.ErrWriter, "shakedown: warning: "+text)
	}
	return nil
}

// readRuns reads stored runs. One of several that cannot be read is named and left out.
func readRuns(dirs []rundir.Dir) (runs []reports.Run, left []string, err error) {
	var problems error
	for _, dir := range dirs {
		run, err := reports.Read(dir)
		if err != nil {
			problems = errors.Join(problems, fmt.Errorf("read run %s: %w", dir, err))
			left = append(left, fmt.Sprintf("%s: it cannot be read: %v", dir, err))
			continue
		}
		runs = append(runs, run)
	}
	if len(runs) == 0 {
		return nil, nil, problems
	}
	return runs, left, nil
}

// compareRuns reads stored runs and prints how they stand beside each other.
func compareRuns(c *cli.Context, dirs []rundir.Dir) error {
	var runs []reports.Run
	for _, dir := range dirs {
		run, err := reports.Read(dir)
		if err != nil {
			return fmt.Errorf("read run %s: %w", dir, err)
		}
		runs = append(runs, run)
	}
	if err := comparableRuns(c, runs); err != nil {
		return err
	}
	return printComparison(c, reports.Compare(runs))
}

// printComparison prints a comparison in the form that the flags ask for.
func printComparison(c *cli.Context, comparison reports.Comparison) error {
	summarizeComparison(c, comparison)
	if name := c.String("html"); name != "" {
		if err := writePage(name, comparison.HTML); err != nil {
			return err
		}
	}
	switch {
	case c.Bool("json"):
		return comparison.JSON(c.App.Writer)
	case c.Bool("markdown"):
		return comparison.Markdown(c.App.Writer)
	}
	return comparison.Text(c.App.Writer, reports.TextOptions{Color: color(c), Width: width(c)})
}

// writePage writes a page to a file of that name.
func writePage(name string, write func(io.Writer) error) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	defer func() {
		if closed := file.Close(); err == nil && closed != nil {
			err = fmt.Errorf("write the page: %w", closed)
		}
	}()
	return write(file)
}
