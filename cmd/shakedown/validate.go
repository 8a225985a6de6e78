package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:        "validate",
		Usage:       "check a scenario for mistakes without running it",
		ArgsUsage:   "NAME|FILE",
		Description: "Reports every mistake with file, line, column and a suggestion; needs no engine. Exit code 4 if there are any.",
		Flags:       []cli.Flag{setFlag},
		Action: func(c *cli.Context) error {
			loaded, err := load(c)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.App.Writer, "%s: valid, %d checks\n", loaded.Plan.Scenario, len(loaded.Plan.Checks))
			return nil
		},
	}
}
