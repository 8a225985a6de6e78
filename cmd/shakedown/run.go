package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/reports/progress"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run a scenario and judge it",
		ArgsUsage: "NAME|FILE",
		Description: "Brings the scenario's stack up, drives it, performs its actions, takes it down and prints the verdict.\n" +
			"With --variants the variants are run one after another on the same seed, each into a run directory of its own (with\n" +
			"--out DIR: DIR/<variant>), and set beside each other; --json then prints the comparison alone.\n" +
			"With --repeat N runs are made one after another (with --out DIR: DIR/1..N) and summed up; together with two variants they\n" +
			"are an experiment: they take turns on the same seed (DIR/<variant>/1..N), and are compared pair by pair.\n" +
			"Exit code: 0 pass, 99 checks failed, 3 inconclusive, 4 invalid scenario, 2 usage, 130 interrupted, 1 anything else;\n" +
			"of several variants that of the worst verdict: 99 before 3 before 0. What is no verdict ends the series.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", EnvVars: []string{"SHAKEDOWN_OUT"}, Usage: "run directory `DIR` (default: runs/<time>-<scenario>)"},
			&cli.StringFlag{Name: "results", EnvVars: []string{"SHAKEDOWN_RESULTS"}, Usage: "write every request to `FILE` in vegeta's encoding, for vegeta report and vegeta plot (.json, .csv, else binary)"},
			variantFlag,
			&cli.StringFlag{Name: "variants", Usage: "run several variants, `A,B[,...]`, and compare them"},
			repeatFlag, seedsFlag, baselinesFlag,
			seedFlag, loadFlag, platformFlag, progressFlag, jsonFlag, setFlag, buildFlag, startTimeoutFlag, deadlineFlag, failOnFlag, controlFlag,
			&cli.BoolFlag{Name: "keep-on-fail", Usage: "leave the instances running when the verdict is not pass"},
		},
		Action: runScenario,
	}
}

func runScenario(c *cli.Context) error {
	if err := errors.Join(checkFailOn(c), checkDeadline(c), checkFlag(c, "start-timeout")); err != nil {
		return err
	}
	if c.IsSet("variants") {
		return runVariants(c)
	}
	if c.IsSet("repeat") {
		return runRepeated(c)
	}
	mode, err := progressMode(c)
	if err != nil {
		return err
	}
	loaded, err := load(c)
	if err != nil {
		return err
	}
	soft, hard, release := interrupts(c.Context, c.App.ErrWriter, "stopping in order, with a report; interrupt again to tear down at once")
	defer release()
	return play(soft, hard, c, mode, loaded, request(c), publish)
}

// request is what the command's flags ask of a run besides the scenario.
func request(c *cli.Context) harness.Request {
	return harness.Request{
		Out: c.String("out"), Platform: c.String("platform"), Build: c.Bool("build"), KeepOnFail: c.Bool("keep-on-fail"),
		Results: c.String("results"), StartTimeout: c.Duration("start-timeout"), Command: os.Args,
	}
}

// play makes one run and has show render it once it is judged. The error is that
// of its verdict, unless something else went wrong. Each of with has the last word on
// the options before the run begins.
func play(soft, hard context.Context, c *cli.Context, mode progress.Mode, loaded *harness.Loaded, request harness.Request, show func(*cli.Context, rundir.Dir) error, with ...func(*harness.Options) error) error {
	soft, hard, release := bounded(soft, hard, c, loaded.Plan)
	defer release()
	opts, err := harness.Prepare(soft, loaded, request)
	if err != nil {
		return errors.Join(harness.Overdue(soft), err)
	}
	opts.Baselines = c.String("baselines")
	done := watch(c, mode, &opts, loaded.Plan)
	defer done() // after a panic, too
	for _, adapt := range with {
		if err := adapt(&opts); err != nil {
			return errors.Join(err, opts.Platform.TearDown(context.WithoutCancel(hard)))
		}
	}
	result, err := harness.Run(soft, hard, opts)
	done()
	if result.Scenario == "" { // never judged
		return err
	}
	if err != nil && !errors.Is(err, harness.ErrInterrupted) && harness.Overdue(soft) == nil {
		return errors.Join(err, store(c, opts.Dir)) // the error says it all; a verdict on nothing would drown it
	}
	shown := show(c, opts.Dir)
	summarize(c, opts.Dir)
	if err := errors.Join(err, shown); err != nil {
		return err
	}
	return gate(c, result)
}

// store renders the stored run into its directory.
func store(_ *cli.Context, dir rundir.Dir) error {
	run, err := reports.Read(dir)
	if err != nil {
		return fmt.Errorf("read the run back: %w", err)
	}
	return reports.WriteAll(run)
}

// publish renders the stored run into its directory and onto standard output.
func publish(c *cli.Context, dir rundir.Dir) error {
	run, err := reports.Read(dir)
	if err != nil {
		return fmt.Errorf("read the run back: %w", err)
	}
	if err := reports.WriteAll(run); err != nil {
		return fmt.Errorf("write the reports: %w", err)
	}
	if c.Bool("json") {
		return reports.JSON(c.App.Writer, run)
	}
	return reports.TextWith(c.App.Writer, run, reports.TextOptions{Color: color(c), Width: width(c)})
}
