package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/reports/progress"
)

// The flags of a series of runs.
var (
	repeatFlag = &cli.IntFlag{Name: "repeat", Usage: "make `N` runs one after another, each into a directory of its own, and sum them up"}
	seedsFlag  = &cli.StringFlag{Name: "seeds", Value: "same", Usage: "the `SEEDS` of the runs of --repeat: same, or vary, which counts up from the first"}
)

// mostRepeats is more runs than any comparison needs.
const mostRepeats = 1000

// A trial is one run of a series.
type trial struct {
	side    int // which variant it is of
	title   string
	loaded  *harness.Loaded
	request harness.Request
}

// playAll makes the runs of a series, in order; what is no verdict ends it. Done are the
// directories of those that were judged, by side.
func playAll(c *cli.Context, mode progress.Mode, trials []trial, sides int) (done [][]rundir.Dir, worst error) {
	soft, hard, release := interrupts(c.Context, c.App.ErrWriter, "stopping in order, with a report; interrupt again to tear down at once")
	defer release()
	done = make([][]rundir.Dir, sides)
	for _, t := range trials {
		fmt.Fprintln(c.App.ErrWriter, t.title)
		show := func(c *cli.Context, dir rundir.Dir) error {
			done[t.side] = append(done[t.side], dir)
			return showOne(c, dir)
		}
		err := play(soft, hard, c, mode, t.loaded, t.request, show)
		if worst = worse(worst, err); !isVerdict(err) {
			break
		}
	}
	return done, worst
}

// showOne prints a run among others; with --json only what comes of all is.
func showOne(c *cli.Context, dir rundir.Dir) error {
	if c.Bool("json") {
		return store(c, dir)
	}
	if err := publish(c, dir); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.App.Writer)
	return err
}

// besides joins what went wrong after the runs to their worst verdict, which stays as it
// is without.
func besides(worst, err error) error {
	if err == nil {
		return worst
	}
	return errors.Join(worst, err)
}

// repeats is how many runs --repeat asks for, 1 without it. What cannot go with it is told
// before anything runs.
func repeats(c *cli.Context) (int, error) {
	n := 1
	if c.IsSet("repeat") {
		n = c.Int("repeat")
	}
	if err := errors.Join(checkFlag(c, "repeat"), checkFlag(c, "seeds")); err != nil {
		return 0, err
	}
	switch {
	case c.IsSet("repeat") && c.String("results") != "":
		return 0, usagef("--results and --repeat: each run would write over the file of the one before; run them one by one")
	case c.IsSet("repeat") && c.Bool("keep-on-fail"):
		return 0, usagef("--keep-on-fail and --repeat: instances that are kept would be in the way of the next run; run them one by one")
	}
	return n, nil
}

// seriesOf is how many runs a series has of each kind, and how its progress is shown.
func seriesOf(c *cli.Context) (n int, mode progress.Mode, err error) {
	if n, err = repeats(c); err != nil {
		return 0, "", err
	}
	mode, err = progressMode(c)
	return n, mode, err
}

// runRepeated makes several runs of a scenario and sums them up.
func runRepeated(c *cli.Context) error {
	n, mode, err := seriesOf(c)
	if err != nil {
		return err
	}
	opts, err := loadOptions(c)
	if err != nil {
		return err
	}
	var trials []trial
	var out string
	for i := range n {
		loaded, err := loadTrial(c, opts, i)
		if err != nil {
			return err
		}
		if i == 0 {
			if out, err = seriesDir(c, loaded.Plan.Scenario); err != nil {
				return err
			}
		}
		trials = append(trials, trial{title: fmt.Sprintf("run %d of %d", i+1, n), loaded: loaded, request: seriesRequest(c, filepath.Join(out, strconv.Itoa(i+1)), loaded.Plan.Seed)})
	}
	done, worst := playAll(c, mode, trials, 1)
	if len(done[0]) == 0 {
		return worst
	}
	return besides(worst, sumUp(c, done[0]))
}

// loadTrial loads the i-th run of a series, from 0.
func loadTrial(c *cli.Context, opts harness.LoadOptions, i int) (*harness.Loaded, error) {
	loaded, err := harness.Load(c.Context, c.Args().First(), opts)
	if err != nil || i == 0 || c.String("seeds") != "vary" {
		return loaded, err
	}
	seed := loaded.Plan.Seed + int64(i)
	opts.Seed = &seed
	return harness.Load(c.Context, c.Args().First(), opts)
}

// sumUp prints what a series came to.
func sumUp(c *cli.Context, dirs []rundir.Dir) error {
	runs, _, err := readRuns(dirs)
	if err != nil {
		return err
	}
	series := reports.Repeat(runs)
	if c.Bool("json") {
		return series.JSON(c.App.Writer)
	}
	return series.Text(c.App.Writer, reports.TextOptions{Color: color(c), Width: width(c)})
}

// seriesDir is where the runs of a series go: --out, or a directory beside other runs. It
// must hold nothing yet.
func seriesDir(c *cli.Context, scenario string) (string, error) {
	out := c.String("out")
	if out == "" {
		out = rundir.DefaultPath(scenario, time.Now()) + "-series"
	}
	entries, err := os.ReadDir(out)
	if err == nil && len(entries) > 0 {
		return "", usagef("--out %s: there is something in it already; a run is never written over", out)
	}
	return out, nil
}

// seriesRequest is the request for one run of a series, with the command that makes it
// alone.
func seriesRequest(c *cli.Context, out string, seed int64) harness.Request {
	r := request(c)
	r.Out = out
	r.Command = withoutFlags(r.Command, "repeat", "seeds", "out")
	if c.String("seeds") == "vary" {
		r.Command = append(withoutFlags(r.Command, "seed"), "--seed", strconv.FormatInt(seed, 10))
	}
	return r
}

// withoutFlags is a command line without some flags and their values.
func withoutFlags(command []string, names ...string) (rest []string) {
	for i := 0; i < len(command); i++ {
		flag, _, joined := strings.Cut(command[i], "=")
		if !strings.HasPrefix(flag, "-") || !slices.Contains(names, strings.TrimLeft(flag, "-")) {
			rest = append(rest, command[i])
			continue
		}
		if !joined {
			i++
		}
	}
	return rest
}
