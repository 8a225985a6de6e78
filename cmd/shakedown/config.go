package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
)

func configCommand() *cli.Command {
	flags := append(slices.Clone(runCommand().Flags),
		&cli.BoolFlag{Name: "show-origin", Usage: "say of each value where it comes from"})
	return &cli.Command{
		Name:      "config",
		Usage:     "show the settings that a run would have, and where they come from",
		ArgsUsage: "[NAME|FILE]",
		Description: "Takes the flags of run. A flag wins over a SHAKEDOWN_* variable, that over the scenario, that over .shakedown.yaml in this\n" +
			"directory or above it up to the root of the repository, and that over the default. A value that no run can have is refused,\n" +
			"with where it comes from and what it can be: exit code 2.",
		Flags:  flags,
		Action: showConfig,
	}
}

// A setting is one value with its origin.
type setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

func showConfig(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("config wants at most one scenario; got %d", c.NArg())
	}
	if err := checkValues(c); err != nil {
		return err
	}
	settings := settingsOfFlags(c)
	if c.Args().Present() {
		opts, err := loadOptions(c)
		if err != nil {
			return err
		}
		loaded, err := harness.Load(c.Context, c.Args().First(), opts)
		if err != nil {
			return err
		}
		settings = withScenario(settings, loaded)
	}
	if c.Bool("json") {
		out := json.NewEncoder(c.App.Writer)
		out.SetIndent("", "  ")
		return out.Encode(settings)
	}
	table := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	for _, s := range settings {
		if c.Bool("show-origin") {
			fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, orDash(s.Value), s.Origin)
		} else {
			fmt.Fprintf(table, "%s\t%s\n", s.Name, orDash(s.Value))
		}
	}
	return table.Flush()
}

// settingsOfFlags are those that the flags of run have, in their order; --set stands for
// each of its overrides.
func settingsOfFlags(c *cli.Context) (settings []setting) {
	for _, flag := range runCommand().Flags {
		name := flag.Names()[0]
		switch name {
		case "set":
			settings = append(settings, settingsOfSet(c)...)
		case "json", "help":
		default:
			settings = append(settings, setting{name, valueOf(c, name), originOf(c, flag)})
		}
	}
	return settings
}

// valueOf is a flag's value as text, "" for none.
func valueOf(c *cli.Context, name string) string {
	if name == "seed" && !c.IsSet(name) {
		return "" // the scenario's
	}
	switch text := fmt.Sprint(c.Value(name)); text {
	case "0s", "[]", "<nil>":
		return ""
	default:
		return text
	}
}

// originOf says who chose a flag's value.
func originOf(c *cli.Context, flag cli.Flag) string {
	for _, name := range flag.Names() {
		if onCommandLine(os.Args, name) {
			return "flag --" + flag.Names()[0]
		}
	}
	if documented, ok := flag.(cli.DocGenerationFlag); ok {
		for _, name := range documented.GetEnvVars() {
			if os.Getenv(name) != "" {
				return "environment " + name
			}
		}
	}
	p := projectOf(c)
	if _, ok := p.flags()[flag.Names()[0]]; ok {
		return p.file
	}
	return "default"
}

// onCommandLine tells whether a flag stands among the arguments.
func onCommandLine(args []string, name string) bool {
	for _, arg := range args {
		if arg == "--" {
			return false
		}
		word, _, _ := strings.Cut(arg, "=")
		if word == "--"+name || word == "-"+name {
			return true
		}
	}
	return false
}

// settingsOfSet are the overrides in the order in which they are applied: the last one
// of a path wins.
func settingsOfSet(c *cli.Context) (settings []setting) {
	p := projectOf(c)
	all, flags := overrides(c), c.StringSlice("set")
	for i, override := range all {
		origin := "environment SHAKEDOWN_SET"
		switch {
		case i < len(p.settings.Set):
			origin = p.file
		case i >= len(all)-len(flags):
			origin = "flag --set"
		}
		settings = append(settings, setting{"set", override, origin})
	}
	return settings
}

// withScenario fills in what the scenario decides where nobody else did.
func withScenario(settings []setting, loaded *harness.Loaded) []setting {
	seed := "default"
	if strings.Contains("\n"+string(loaded.Document.Source), "\nseed:") {
		seed = loaded.Document.File
	}
	for i := range settings {
		if settings[i].Name == "seed" && settings[i].Origin == "default" {
			settings[i] = setting{"seed", fmt.Sprint(loaded.Plan.Seed), seed}
		}
	}
	tempo := "default"
	if strings.Contains("\n"+string(loaded.Document.Source), "\ntempo:") {
		tempo = loaded.Document.File
	}
	return append(settings, setting{"tempo", fmt.Sprintf("%gx", loaded.Plan.Tempo), tempo})
}
