package main

import (
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/reports/progress"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The flags that several commands share.
var (
	setFlag = &cli.StringSliceFlag{
		Name:  "set",
		Usage: "override `path=value` of the scenario, as in traffic.phases[0].for=10s; may be repeated (also SHAKEDOWN_SET, with semicolons between)",
	}
	seedFlag = &cli.Int64Flag{
		Name: "seed", EnvVars: []string{"SHAKEDOWN_SEED"},
		Usage: "seed `N` of every random draw (default: the scenario's)",
	}
	loadFlag = &cli.StringFlag{
		Name: "load", EnvVars: []string{"SHAKEDOWN_LOAD"},
		Usage: "multiply every arrival by `FACTOR`, as in 3x: the rehearsal at three times today's traffic",
	}
	variantFlag = &cli.StringFlag{
		Name:  "variant",
		Usage: "take the variant `NAME` of the scenario (shakedown scenarios lists those of the library)",
	}
	platformFlag = &cli.StringFlag{
		Name: "platform", EnvVars: []string{"SHAKEDOWN_PLATFORM"}, Value: "auto",
		Usage: "what runs the instances: auto, docker or process",
	}
	progressFlag = &cli.StringFlag{
		Name: "progress", EnvVars: []string{"SHAKEDOWN_PROGRESS"}, Value: "auto",
		Usage: "how progress is shown on standard error: auto, tty, plain, json or quiet",
	}
	jsonFlag         = &cli.BoolFlag{Name: "json", Usage: "print the result as JSON"}
	startTimeoutFlag = &cli.DurationFlag{
		Name: "start-timeout", EnvVars: []string{"SHAKEDOWN_START_TIMEOUT"}, Value: time.Minute,
		Usage: "how long an instance may take from its start to ready",
	}
	controlFlag = &cli.StringFlag{
		Name: "control",
		Usage: "spoil the run on purpose, as prove does, to see the check meant for it fail: `NAME` is kill (in place of the termination sequence), " +
			"unready (route whatever the readiness probe says), late-removal (of endpoints, beyond the grace period) or frozen (no instance added, removed, replaced or resized)",
	}
	buildFlag = &cli.BoolFlag{Name: "build", Usage: "build images even where they are present"}
)

// load reads the scenario that the command's first argument names.
func load(c *cli.Context) (*harness.Loaded, error) {
	opts, err := loadOptions(c)
	if err != nil {
		return nil, err
	}
	return harness.Load(c.Context, c.Args().First(), opts)
}

// loadOptions are what the command's flags say about how the scenario is read.
func loadOptions(c *cli.Context) (harness.LoadOptions, error) {
	if c.NArg() != 1 {
		return harness.LoadOptions{}, usagef("%s wants one scenario, by library name or file; got %d (shakedown scenarios lists the library)", c.Command.Name, c.NArg())
	}
	opts := harness.LoadOptions{Set: overrides(c), Variant: c.String("variant"), Environ: os.Environ()}
	if err := checkFlag(c, platformFlag.Name); err != nil {
		return opts, err
	}
	if c.IsSet("seed") {
		seed := c.Int64("seed")
		opts.Seed = &seed
	}
	if factor := c.String("load"); factor != "" {
		if err := checkFlag(c, loadFlag.Name); err != nil {
			return opts, err
		}
		multiple, _ := scenarios.ParseFactor(factor) // which has just been checked
		opts.Multiple = multiple
	}
	var err error
	if opts.Control, err = scenarios.ParseControl(c.String("control")); err != nil {
		return opts, usagef("--control: %v", err)
	}
	return opts, nil
}

// overrides are those of the project, then those of the environment, then those of the
// command line, which therefore win.
func overrides(c *cli.Context) []string {
	all := slices.Clone(projectOf(c).settings.Set)
	for _, override := range strings.Split(os.Getenv("SHAKEDOWN_SET"), ";") {
		if override = strings.TrimSpace(override); override != "" {
			all = append(all, override)
		}
	}
	return append(all, c.StringSlice("set")...)
}

// progressMode decides what auto means for this standard error, and makes it a screen
// where there is a frame to be drawn.
func progressMode(c *cli.Context) (progress.Mode, error) {
	mode := progress.Mode(c.String("progress"))
	if err := checkFlag(c, progressFlag.Name); err != nil {
		return "", err
	}
	if mode == progress.Auto {
		mode = progress.Plain
		if file, ok := c.App.ErrWriter.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
			mode = progress.TTY
		}
	}
	if mode == progress.TTY {
		useScreen(c)
	}
	return mode, nil
}

// color tells whether standard output takes colour.
func color(c *cli.Context) bool {
	file, ok := c.App.Writer.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && colorWanted()
}

// width is that of the terminal that standard output is, 0 elsewhere.
func width(c *cli.Context) int {
	if file, ok := c.App.Writer.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

// colorWanted follows no-color.org.
func colorWanted() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }
