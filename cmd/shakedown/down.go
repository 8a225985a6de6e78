package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/platform"
)

func downCommand() *cli.Command {
	return &cli.Command{
		Name:        "down",
		Aliases:     []string{"abort"},
		Usage:       "take down a stack that up brought up, or abort a run: faults are healed first",
		ArgsUsage:   "[RUN]",
		Description: "Asks the shakedown that holds the run to end it in order; where that is gone, removes what is left. RUN may be\nomitted when there is only one.",
		Action:      takeDown,
	}
}

func takeDown(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("down wants at most one run; got %d", c.NArg())
	}
	left, err := harness.Leftovers(c.Context)
	if err != nil {
		return fmt.Errorf("look for runs: %w", err)
	}
	chosen, err := choose(left, c.Args().First())
	if err != nil {
		return err
	}
	if err := harness.End(c.Context, chosen); err != nil {
		return fmt.Errorf("take down run %s: %w", chosen.Run, err)
	}
	fmt.Fprintf(c.App.Writer, "run %s is down\n", chosen.Run)
	return nil
}

func choose(left []platform.Leftover, run string) (platform.Leftover, error) {
	var names []string
	for _, l := range left {
		if l.Run == run {
			return l, nil
		}
		names = append(names, l.Run)
	}
	switch {
	case run != "" && len(names) > 0:
		return platform.Leftover{}, usagef("there is no run %q on this machine; there are %v", run, names)
	case len(left) == 0:
		return platform.Leftover{}, usagef("nothing is up; shakedown up NAME|FILE brings a stack up")
	case len(left) > 1:
		return platform.Leftover{}, usagef("several runs are up: name one of %v", names)
	}
	return left[0], nil
}
