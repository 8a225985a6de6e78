package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/scaffold"
	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/reports/progress"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/library"
)

// completionFlag ends the arguments of a program that is asked how its last word may go
// on.
const completionFlag = "--generate-bash-completion"

// completing tells whether that is so, and what the words are: without the program, with
// the word that is being written as the last one, even if it is empty.
func completing(args []string) (words []string, ok bool) {
	if len(args) < 2 || args[len(args)-1] != completionFlag {
		return nil, false
	}
	if words = args[1 : len(args)-1]; len(words) == 0 {
		words = []string{""}
	}
	return words, true
}

// complete prints a line for each way in which the last word may go on, with what it
// means behind a tab. It prints nothing where any file may follow.
func complete(w io.Writer, app *cli.App, words []string) {
	current := words[len(words)-1]
	for _, candidate := range candidates(app, words) {
		if word, _, _ := strings.Cut(candidate, "\t"); strings.HasPrefix(word, current) || current == "=" {
			fmt.Fprintln(w, candidate)
		}
	}
}

// candidates are what may stand in the place of the last word.
func candidates(app *cli.App, words []string) []string {
	before, current := words[:len(words)-1], words[len(words)-1]
	if len(before) == 0 {
		return verbs(app.Commands)
	}
	command := app.Command(before[0])
	if command == nil {
		return nil
	}
	rest := before[1:]
	for len(rest) > 0 && len(command.Subcommands) > 0 {
		sub := named(command.Subcommands, rest[0])
		if sub == nil {
			break
		}
		command, rest = sub, rest[1:]
	}
	flag, prefix := beingGiven(command, rest, current)
	switch {
	case flag != "":
		var all []string
		for _, value := range valuesOf(flag, before) {
			all = append(all, prefix+value)
		}
		return all
	case strings.HasPrefix(current, "-") && !slices.Contains(before, "--"):
		return flagNames(command, rest)
	case len(command.Subcommands) > 0 && len(rest) == 0:
		return verbs(command.Subcommands)
	}
	return arguments(command.Name, rest)
}

func named(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// commandNames are those of all commands that a user may give.
func commandNames(app *cli.App) (names []string) {
	for _, c := range app.Commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// verbs are commands with what they do.
func verbs(commands []*cli.Command) (all []string) {
	for _, c := range commands {
		if !c.Hidden {
			all = append(all, c.Name+"\t"+c.Usage)
		}
	}
	return all
}

// beingGiven is the flag whose value the last word is; prefix is what of that word is
// the flag's name. Shells that end words at "=" give that as a word.
func beingGiven(command *cli.Command, before []string, current string) (flag, prefix string) {
	if name, _, ok := strings.Cut(current, "="); ok && strings.HasPrefix(name, "-") {
		return takesValue(command, name), name + "="
	}
	if n := len(before); current == "=" && n > 0 {
		return takesValue(command, before[n-1]), ""
	} else if n > 1 && before[n-1] == "=" {
		return takesValue(command, before[n-2]), ""
	} else if n > 0 {
		return takesValue(command, before[n-1]), ""
	}
	return "", ""
}

// takesValue is the name of the flag that a word names, "" if it is none or takes no
// value.
func takesValue(command *cli.Command, word string) string {
	if !strings.HasPrefix(word, "-") {
		return ""
	}
	for _, flag := range command.Flags {
		if _, isBool := flag.(*cli.BoolFlag); !isBool && slices.Contains(flag.Names(), strings.TrimLeft(word, "-")) {
			return flag.Names()[0]
		}
	}
	return ""
}

// flagNames are those that may still be given.
func flagNames(command *cli.Command, before []string) (all []string) {
	for _, flag := range command.Flags {
		name := "--" + flag.Names()[0]
		if _, many := flag.(*cli.StringSliceFlag); slices.Contains(before, name) && !many {
			continue
		}
		usage := ""
		if documented, ok := flag.(cli.DocGenerationFlag); ok {
			usage, _, _ = strings.Cut(strings.ReplaceAll(documented.GetUsage(), "`", ""), "\n")
		}
		all = append(all, name+"\t"+usage)
	}
	return append(all, "--help\tshow help")
}

// valuesOf are those that a flag may have; none where any text or file may follow.
func valuesOf(flag string, before []string) (all []string) {
	switch flag {
	case "platform":
		return []string{"auto", "docker", "process"}
	case "progress":
		for _, mode := range progress.Modes() {
			all = append(all, string(mode))
		}
	case "format":
		return reports.Documents()
	case "fail-on":
		return []string{"fail", "inconclusive"}
	case "template":
		for _, t := range scaffold.Templates() {
			all = append(all, t.Name+"\t"+t.Summary)
		}
	case "control", "only":
		for _, control := range scenarios.Controls() {
			all = append(all, string(control))
		}
	case "variant", "variants":
		return variants(before)
	case "scenario":
		return scenarioNames()
	case "baseline":
		return runDirs()
	}
	return all
}

// arguments are what a command takes besides flags.
func arguments(command string, before []string) []string {
	switch command {
	case "run", "gameday", "validate", "plan", "prove", "up", "calibrate", "config":
		return scenarioNames()
	case "check", "report", "query", "serve", "compare", "save":
		return runDirs()
	case "show": // of baseline
		return scenarioNames()
	case "scenarios":
		return librarySummaries()
	case "faults", "inject":
		return scenarios.FaultKinds()
	case "steer":
		if slices.Contains(before, "inject") {
			return scenarios.FaultKinds()
		}
	case "checks":
		return checkKinds()
	case "completion":
		return shells()
	}
	return nil
}

// librarySummaries are the names of the library with what they rehearse.
func librarySummaries() (all []string) {
	for _, name := range library.Names() {
		source, _ := library.Read(name)
		summary := ""
		for line := range strings.Lines(string(source)) {
			if rest, ok := strings.CutPrefix(line, "summary: "); ok {
				summary = strings.TrimSpace(rest)
			}
		}
		all = append(all, name+"\t"+summary)
	}
	return all
}

// scenarioNames are the library and the files here that may be scenarios.
func scenarioNames() []string {
	var files []string
	for _, pattern := range []string{"*.yaml", "*.yml", "*/*.yaml"} {
		found, _ := filepath.Glob(pattern) // a pattern of ours is never bad
		for _, file := range found {
			if text, err := os.ReadFile(file); err == nil && strings.Contains("\n"+string(text), "\ntraffic:") {
				files = append(files, file)
			}
		}
	}
	return append(files, librarySummaries()...)
}

// variants are those of the scenario that the words before name.
func variants(before []string) []string {
	for _, word := range before[1:] {
		source, ok := library.Read(word)
		if !ok {
			var err error
			if source, err = os.ReadFile(word); err != nil {
				continue
			}
		}
		if document, _ := scenarios.Parse(word, source, scenarios.Options{}); document != nil {
			return slices.Sorted(maps.Keys(document.Scenario.Variants))
		}
	}
	return nil
}

// runDirs are the runs below the usual place, the newest first.
func runDirs() (all []string) {
	found, _ := filepath.Glob(filepath.Join(rundir.Root, "*"))
	slices.Reverse(found)
	for _, dir := range found {
		if exists(rundir.Dir(dir).Intent()) {
			all = append(all, dir)
		}
	}
	return all
}

// checkKinds are the keys of checks, one of which each has.
func checkKinds() (kinds []string) {
	for field := range reflect.TypeFor[scenarios.Check]().Fields() {
		if strings.Contains(field.Tag.Get("jsonschema"), "oneof_required") {
			kinds = append(kinds, field.Tag.Get("yaml"))
		}
	}
	return kinds
}
