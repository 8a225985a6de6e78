package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/docs"
)

func faultsCommand() *cli.Command {
	return &cli.Command{
		Name:      "faults",
		Usage:     "list the kinds of faults, and what this machine can do",
		ArgsUsage: "[KIND]",
		Description: "What does a fault on containers and on processes; with KIND, or with --json, also what it needs, how it is taken back,\n" +
			"and what proves that it took effect; with KIND its keys and an example, too. An agent is started for a moment to find out what kernel and engine allow.",
		Flags:  []cli.Flag{jsonFlag},
		Action: listFaults,
	}
}

func listFaults(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("faults wants at most one kind; got %d", c.NArg())
	}
	rows, noEngine := harness.Faults(c.Context)
	if wanted := c.Args().First(); wanted != "" {
		i := slices.IndexFunc(rows, func(r harness.FaultRow) bool { return r.Kind == wanted })
		if i < 0 {
			return usagef("there is no kind of fault %q; %s (shakedown faults lists them)", wanted, scenarios.DidYouMean(wanted, scenarios.FaultKinds()))
		}
		rows = rows[i : i+1]
	}
	switch {
	case c.Bool("json"):
		out := json.NewEncoder(c.App.Writer)
		out.SetIndent("", "  ")
		return out.Encode(rows)
	case c.Args().Present():
		describeFault(c.App.Writer, rows[0])
		if page, ok := docs.Fault(rows[0].Kind); ok {
			fmt.Fprintf(c.App.Writer, "\n%s", page)
		}
	default:
		tableOfFaults(c.App.Writer, rows)
		if noEngine != "" {
			fmt.Fprintf(c.App.ErrWriter, "no engine can be used: %s\n", noEngine)
		}
	}
	return nil
}

// tableOfFaults has a line a kind, group by group.
func tableOfFaults(w io.Writer, rows []harness.FaultRow) {
	group := ""
	for _, r := range rows {
		if r.Group != group {
			if group != "" {
				fmt.Fprintln(w)
			}
			group = r.Group
			fmt.Fprintf(w, "%-18s %-9s %-9s %-12s\n", group, "docker", "process", "revert")
		}
		fmt.Fprintf(w, "  %-16s %-9s %-9s %-12s %s\n", r.Kind, orDash(r.Docker), orDash(r.Process), r.Revert, r.Summary)
		if r.Docker == "" {
			fmt.Fprintf(w, "  %-16s not on containers: %s\n", "", r.DockerWhy)
		}
	}
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// describeFault is everything about one kind.
func describeFault(w io.Writer, r harness.FaultRow) {
	beside := func(backend, why string) string {
		if why == "" {
			return backend
		}
		return strings.TrimPrefix(orDash(backend)+", "+why, "–, ")
	}
	for _, line := range [][2]string{
		{r.Kind, r.Summary},
		{"group", r.Group},
		{"needs", orDash(strings.Join(r.Needs, ", "))},
		{"revert", r.Revert},
		{"evidence", r.Evidence},
		{"on docker", beside(r.Docker, r.DockerWhy)},
		{"on process", beside(r.Process, r.ProcessWhy)},
	} {
		fmt.Fprintf(w, "%-16s %s\n", line[0], line[1])
	}
}
