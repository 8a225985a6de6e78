package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/reports"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Usage:     "check a scenario for mistakes without running it",
		ArgsUsage: "NAME|FILE",
		Description: "Reports every mistake with file, line, column and a suggestion; needs no engine. Exit code 4 if there are any.\nThe remarks of shakedown plan (how far autoscalers can follow the planned load, whom prescaling\n" +
			"is for, what the run is too short for) are printed too; they are no mistakes.",
		Flags: []cli.Flag{setFlag, variantFlag},
		Action: func(c *cli.Context) error {
			loaded, err := load(c)
			if err != nil {
				return err
			}
			checks := "1 check"
			if n := len(loaded.Plan.Checks); n != 1 {
				checks = fmt.Sprintf("%d checks", n)
			}
			fmt.Fprintf(c.App.Writer, "%s: valid, %s\n", loaded.Plan.Scenario, checks)
			return reports.Lint(c.App.Writer, loaded.Plan)
		},
	}
}
