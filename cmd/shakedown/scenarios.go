package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/library"
)

func scenariosCommand() *cli.Command {
	return &cli.Command{
		Name:      "scenarios",
		Usage:     "list the library with its variants, or print one of its scenarios",
		ArgsUsage: "[NAME]",
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return usagef("scenarios wants at most one name; got %d", c.NArg())
			}
			if name := c.Args().First(); name != "" {
				source, ok := library.Read(name)
				if !ok {
					return usagef("the library has no %q; %s (shakedown scenarios lists it)", name, scenarios.DidYouMean(name, library.Names()))
				}
				_, err := c.App.Writer.Write(source)
				return err
			}
			table := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
			for _, name := range library.Names() {
				source, _ := library.Read(name)
				document, problems := scenarios.Parse(name+".yaml", source, scenarios.Options{})
				if len(problems) > 0 {
					return problems
				}
				fmt.Fprintf(table, "%s\t%s\n", name, document.Scenario.Summary)
				for _, variant := range slices.Sorted(maps.Keys(document.Scenario.Variants)) {
					fmt.Fprintf(table, "  --variant %s\t%s\n", variant, document.Scenario.Variants[variant].Summary)
				}
			}
			return table.Flush()
		},
	}
}

func schemaCommand() *cli.Command {
	return &cli.Command{
		Name:  "schema",
		Usage: "print the JSON Schema of scenario files, for editors, or that of what --json prints",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "report", Usage: "that of run --json and report --format json"},
			&cli.BoolFlag{Name: "compare", Usage: "that of compare --json"},
		},
		Action: func(c *cli.Context) error {
			schema := scenarios.Schema()
			switch {
			case c.Args().Present():
				return usagef("schema takes no argument; got %q", c.Args().First())
			case c.Bool("report") && c.Bool("compare"):
				return usagef("--report and --compare: choose one")
			case c.Bool("report"):
				schema = reports.Schema()
			case c.Bool("compare"):
				schema = reports.CompareSchema()
			}
			_, err := fmt.Fprintf(c.App.Writer, "%s\n", bytes.TrimRight(schema, "\n"))
			return err
		},
	}
}
