package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/harness/proof"
)

func defectsCommand() *cli.Command {
	return &cli.Command{
		Name:  "defects",
		Usage: "break the reference stack in every known way, and see each defect caught by the check meant for it",
		Description: "Runs each defect on each platform, and healthy stacks besides, on which nothing may fail. The tool's own\n" +
			"mutation test: every check must be seen to fail, and only when it should. A run that proved nothing is made\n" +
			"once more, after the others and alone.\n" +
			"Exit code: 0 all caught and no false alarm, 99 something missed or a false alarm, 3 no healthy run passed,\n" +
			"130 interrupted, 2 usage, 1 a run broke.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "only", Usage: "only the defect `NAME`; may be repeated"},
			&cli.StringFlag{Name: "platform", Usage: "docker, process or both (default: every one that works here)"},
			&cli.IntFlag{Name: "healthy", Value: 10, Usage: "make `N` runs without a defect on each platform"},
			&cli.IntFlag{Name: "jobs", Value: 3, Usage: "make `N` runs at a time; two cores are enough for 5 on processes"},
			experimentOutFlag, jsonFlag,
		},
		Action: runDefects,
	}
}

// runLimit is how long a run of the matrix may take; they take about a minute.
const runLimit = 5 * time.Minute

func runDefects(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("defects takes no argument; got %q (one defect: --only NAME)", c.Args().First())
	}
	plan := proof.DefectsPlan{Healthy: c.Int("healthy")}
	for _, name := range c.StringSlice("only") {
		known := proof.Names()
		if !slices.Contains(known, defects.Defect(name)) {
			return usagef("--only: there is no defect %q; there are %s", name, joined(known))
		}
		plan.Only = append(plan.Only, defects.Defect(name))
	}
	if plan.Healthy < 0 {
		return usagef("--healthy %d: give a number of runs, or 0 for none", plan.Healthy)
	}
	if c.Int("jobs") < 1 {
		return usagef("--jobs %d: give 1 or more", c.Int("jobs"))
	}
	var err error
	if plan.Platforms, err = platforms(c); err != nil {
		return err
	}
	// What a user sets for runs of their own would bend the matrix.
	environ := without(os.Environ(), defects.Env, "SHAKEDOWN_SET", "SHAKEDOWN_SEED", "SHAKEDOWN_LOAD", "SHAKEDOWN_RESULTS")
	experiment, err := newExperiment(c, "defects", environ, runLimit)
	if err != nil {
		return err
	}
	experiment.Jobs = c.Int("jobs")
	soft, hard, release := interrupts(c.Context, c.App.ErrWriter, "stopping the runs in order; interrupt again to tear down at once")
	defer release()
	result, err := experiment.RunDefects(soft, hard, plan)
	if err != nil {
		return err
	}
	return published(c, result, result.Verdict)
}

func joined[T ~string](words []T) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(words), " ", ", "), "[]")
}
