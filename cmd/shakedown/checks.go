package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/docs"
)

func checksCommand() *cli.Command {
	return &cli.Command{
		Name:      "checks",
		Usage:     "list the kinds of checks, or print what one of them asserts",
		ArgsUsage: "[KIND]",
		Description: "With KIND: what it asserts, its keys with their defaults, its findings, an example, and the defects of the reference\n" +
			"stack that it is known to catch.",
		Flags:  []cli.Flag{jsonFlag},
		Action: listChecks,
	}
}

func listChecks(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("checks wants at most one kind; got %d", c.NArg())
	}
	kinds := docs.Checks()
	if kind := c.Args().First(); kind != "" {
		page, ok := docs.Check(kind)
		if !ok {
			return usagef("there is no kind of check %q; %s (shakedown checks lists them)", kind, scenarios.DidYouMean(kind, checkKinds()))
		}
		if !c.Bool("json") {
			_, err := io.WriteString(c.App.Writer, page)
			return err
		}
		kinds = []string{kind}
	}
	if c.Bool("json") {
		return checksAsJSON(c.App.Writer, kinds)
	}
	table := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	for _, kind := range kinds {
		page, _ := docs.Check(kind)
		fmt.Fprintf(table, "%s\t%s\n", kind, docs.Summary(page))
	}
	return table.Flush()
}

// checksAsJSON has an object for each kind, with its page.
func checksAsJSON(w io.Writer, kinds []string) error {
	type row struct {
		Kind    string `json:"kind"`
		Summary string `json:"summary"`
		Page    string `json:"page"` // Markdown
	}
	rows := make([]row, 0, len(kinds))
	for _, kind := range kinds {
		page, _ := docs.Check(kind)
		rows = append(rows, row{kind, docs.Summary(page), page})
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(rows)
}
