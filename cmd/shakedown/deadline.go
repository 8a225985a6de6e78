package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// deadlineFlag bounds a run, so that one that hangs ends with a report and not with the
// time-out of a CI job, which leaves nothing.
var deadlineFlag = &cli.DurationFlag{
	Name: "deadline", EnvVars: []string{"SHAKEDOWN_DEADLINE"},
	Usage: "end a run that takes longer than `TIME` in all, in order and with a report; exit code 1 (default: what the plan allows; shakedown plan prints it)",
}

// checkDeadline refuses a deadline that no run can keep.
func checkDeadline(c *cli.Context) error {
	return checkFlag(c, deadlineFlag.Name)
}

// deadlineOf is how long a run of the plan may take by the command's flags; 0 for
// commands without the flag, whose runs last as long as people want.
func deadlineOf(c *cli.Context, plan *scenarios.Plan) time.Duration {
	if !slices.Contains(c.Command.Flags, cli.Flag(deadlineFlag)) {
		return 0
	}
	if limit := c.Duration(deadlineFlag.Name); limit > 0 {
		return limit
	}
	return harness.Deadline(plan, c.Duration(startTimeoutFlag.Name))
}

// bounded are the contexts of a run with its deadline.
func bounded(soft, hard context.Context, c *cli.Context, plan *scenarios.Plan) (boundedSoft, boundedHard context.Context, release func()) {
	limit := deadlineOf(c, plan)
	if limit == 0 {
		return soft, hard, func() {}
	}
	return harness.WithDeadline(soft, hard, limit, harness.OrderlyEnd(plan))
}

// writeDeadline tells in a plan when a run of it would be ended, and what makes it so
// long.
func writeDeadline(w io.Writer, plan *scenarios.Plan) error {
	start := "1 service that may take 1m to start"
	if n := len(plan.Services); n != 1 {
		start = fmt.Sprintf("%d services that may take 1m each to start", n)
	}
	_, err := fmt.Fprintf(w, "\nDeadline\n  a run that is not over after %v is ended, with a report (run --deadline);\n  %v of it are traffic, the rest is patience: images that are built or pulled,\n  %s, and an orderly end\n",
		harness.Deadline(plan, 0), plan.Duration, start)
	return err
}
