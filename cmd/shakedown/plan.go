package main

import (
	"encoding/json"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/reports"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:        "plan",
		Usage:       "show what a run would do: stack, timeline, arrivals, actions, checks",
		ArgsUsage:   "NAME|FILE",
		Description: "Compiles the scenario without an engine. With --json the plan is printed as run.json would hold it.",
		Flags: []cli.Flag{setFlag, seedFlag, jsonFlag,
			&cli.StringFlag{Name: "platform", Value: "docker", Usage: "plan for docker or process"}},
		Action: func(c *cli.Context) error {
			loaded, err := load(c)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				out := json.NewEncoder(c.App.Writer)
				out.SetIndent("", "  ")
				return out.Encode(loaded.Plan)
			}
			outline, err := stack.Outline(loaded.Project, loaded.Plan, c.String("platform"))
			if err != nil {
				return err
			}
			return reports.Plan(c.App.Writer, loaded.Plan, outline.String())
		},
	}
}
