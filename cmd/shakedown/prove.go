package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/proof"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func proveCommand() *cli.Command {
	return &cli.Command{
		Name:      "prove",
		Usage:     "prove that the checks of a scenario can fail",
		ArgsUsage: "NAME|FILE",
		Description: "Runs the scenario as it is, which has to pass, and then once with each control: something that shakedown does\n" +
			"wrong on purpose, on any stack. The check meant for it must turn red: a gate that nobody has seen fail is no gate.\n" +
			"(Where nothing may happen at all, by control frozen, inconclusive is red as well: what a check cannot see it does not pass.)\n" +
			"Exit code: 0 every control turned red, 99 a check stayed green or the scenario failed as it is, 3 it was inconclusive,\n" +
			"4 invalid scenario, 2 usage, 130 interrupted, 1 a run broke.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "only", Usage: "only the control `NAME`: kill, unready, late-removal or frozen; may be repeated"},
			variantFlag, seedFlag, loadFlag, platformFlag, setFlag, buildFlag, startTimeoutFlag, experimentOutFlag, jsonFlag,
		},
		Action: prove,
	}
}

func prove(c *cli.Context) error {
	only, err := onlyControls(c)
	if err != nil {
		return err
	}
	loaded, err := load(c)
	if err != nil {
		return err
	}
	experiment, err := newExperiment(c, "prove-"+loaded.Plan.Scenario, without(os.Environ(), "SHAKEDOWN_RESULTS"), 0)
	if err != nil {
		return err
	}
	soft, hard, release := interrupts(c.Context, c.App.ErrWriter, "stopping in order; interrupt again to tear down at once")
	defer release()
	result, err := experiment.Prove(soft, hard, proof.ProvePlan{
		Scenario: c.Args().First(), Compiled: loaded.Plan, Only: only, Platform: c.String("platform"), Args: passedOn(c),
	})
	if err != nil {
		return err
	}
	return published(c, result, result.Verdict)
}

func onlyControls(c *cli.Context) (only []scenarios.Control, err error) {
	for _, name := range c.StringSlice("only") {
		control, err := scenarios.ParseControl(name)
		if err != nil {
			return nil, usagef("--only: %v", err)
		}
		only = append(only, control)
	}
	return only, nil
}

// passedOn are the flags that prove hands to each of its runs.
func passedOn(c *cli.Context) (args []string) {
	for _, name := range []string{"variant", "seed", "load", "start-timeout"} {
		if c.IsSet(name) {
			args = append(args, "--"+name, fmt.Sprint(c.Value(name)))
		}
	}
	for _, override := range c.StringSlice("set") {
		args = append(args, "--set", override)
	}
	if c.Bool("build") {
		args = append(args, "--build")
	}
	return args
}
