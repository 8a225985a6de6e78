package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:        "doctor",
		Usage:       "look at what a run needs on this machine",
		Description: "Exit code 1 if something is missing without which no run can work.",
		Flags:       []cli.Flag{jsonFlag},
		Action: func(c *cli.Context) error {
			diagnoses := harness.Doctor(c.Context)
			if c.Bool("json") {
				out := json.NewEncoder(c.App.Writer)
				out.SetIndent("", "  ")
				if err := out.Encode(diagnoses); err != nil {
					return err
				}
			}
			problems := 0
			for _, d := range diagnoses {
				if d.State == "problem" {
					problems++
				}
				if c.Bool("json") {
					continue
				}
				fmt.Fprintf(c.App.Writer, "%-8s %-22s %s\n", d.State, d.Name, d.Text)
				if d.Hint != "" && d.State != "ok" {
					fmt.Fprintf(c.App.Writer, "%-8s %-22s -> %s\n", "", "", d.Hint)
				}
			}
			if problems > 0 {
				return errors.New("this machine cannot run a scenario yet; see the hints above")
			}
			return nil
		},
	}
}
