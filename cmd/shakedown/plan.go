package main

import (
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/harness/traffic"
	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/scenarios/draws"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:        "plan",
		Usage:       "show what a run would do: stack, timeline, arrivals, autoscalers, actions, checks",
		ArgsUsage:   "NAME|FILE",
		Description: "Compiles the scenario without an engine. With --json the plan is printed, without the values of headers and of environment variables that are not public.",
		Flags: []cli.Flag{setFlag, variantFlag, seedFlag, loadFlag, controlFlag, jsonFlag,
			&cli.IntFlag{Name: "sessions", Usage: "print the first `N` sessions instead, a line of JSON each: when, who, how large, and the way it takes"},
			&cli.StringFlag{Name: "platform", Value: "docker", Usage: "plan for docker or process"}},
		Action: func(c *cli.Context) error {
			loaded, err := load(c)
			if err != nil {
				return err
			}
			if n := c.Int("sessions"); n < 0 {
				return usagef("--sessions %d: give the number of sessions to print", n)
			}
			if c.IsSet("sessions") && c.Bool("json") {
				return usagef("--sessions and --json: choose one; sessions are lines of JSON as they are")
			}
			if err := harness.Fits(loaded, c.String("platform")); err != nil {
				return err
			}
			if c.Bool("json") {
				out := json.NewEncoder(c.App.Writer)
				out.SetIndent("", "  ")
				return out.Encode(harness.PrintablePlan(loaded))
			}
			recorded, err := traffic.Recorded(loaded.Plan)
			if err != nil {
				return err
			}
			if c.IsSet("sessions") {
				for _, l := range loaded.Plan.Load {
					for _, closed := range l.Closed {
						fmt.Fprintf(c.App.ErrWriter, "%s in %s is a closed loop: its sessions begin when others end, and are not listed\n", l.Cohort, closed.Phase)
					}
				}
				return draws.Write(c.App.Writer, loaded.Plan, recorded, c.Int("sessions"))
			}
			outline, err := stack.Outline(loaded.Project, loaded.Plan, c.String("platform"))
			if err != nil {
				return err
			}
			if err := reports.PlanWith(c.App.Writer, loaded.Plan, outline.String(), recorded); err != nil {
				return err
			}
			return writeDeadline(c.App.Writer, loaded.Plan)
		},
	}
}
