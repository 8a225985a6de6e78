package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/rundir"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "judge a stored run again, without running anything",
		ArgsUsage: "RUN",
		Description: "Reads the journal of a run directory and writes its verdict and reports anew. With --scenario the checks of\n" +
			"that scenario are used in place of the run's own. Exit codes as for run.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "scenario", Usage: "take the checks from `NAME|FILE`"},
			jsonFlag, setFlag, variantFlag, failOnFlag,
		},
		Action: checkRun,
	}
}

func checkRun(c *cli.Context) error {
	if err := checkFailOn(c); err != nil {
		return err
	}
	dir, err := storedRun(c)
	if err != nil {
		return err
	}
	intent, unread := dir.ReadIntent()
	if _, err := rundir.Open(string(dir)); err != nil && c.String("scenario") == "" {
		return err
	}
	plan := intent.Plan
	if name := c.String("scenario"); name != "" {
		loaded, err := harness.Load(c.Context, name, harness.LoadOptions{Set: overrides(c), Variant: c.String("variant"), Environ: os.Environ()})
		if err != nil {
			return err
		}
		if unread != nil { // the verdict will say so, and be inconclusive at least
			plan = loaded.Plan
		}
		plan.Checks, plan.SLOs, plan.Metrics = loaded.Plan.Checks, loaded.Plan.SLOs, loaded.Plan.Metrics
	} else if len(c.StringSlice("set")) > 0 || c.IsSet("variant") {
		return usagef("--set and --variant change a scenario; name it with --scenario")
	} else if unread != nil {
		return fmt.Errorf("%w; to judge by the checks of a scenario, name it with --scenario", unread)
	}
	result, err := harness.Judge(dir, plan)
	if err != nil {
		return err
	}
	if err := publish(c, dir); err != nil {
		return err
	}
	return gate(c, result)
}

// storedRun is the run directory that the command's argument names.
func storedRun(c *cli.Context) (rundir.Dir, error) {
	if c.NArg() != 1 {
		return "", usagef("%s wants one run directory, for example runs/latest; got %d", c.Command.Name, c.NArg())
	}
	return rundir.Dir(c.Args().First()), nil
}
