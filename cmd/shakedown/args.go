package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves a command's flags before its arguments, so that both
// `run NAME --seed 7` and `run --seed 7 NAME` work: the flag package stops at
// the first argument. Everything after "--" stays where it is.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) < 3 {
		return args
	}
	command := app.Command(args[1])
	if command == nil {
		return args
	}
	from := 2
	for _, sub := range command.Subcommands {
		if sub.HasName(args[2]) {
			command, from = sub, 3
			break
		}
	}
	takesValue := map[string]bool{}
	for _, flag := range command.Flags {
		_, isBool := flag.(*cli.BoolFlag)
		for _, name := range flag.Names() {
			takesValue[name] = !isBool
		}
	}
	var flags, rest []string
	for words := args[from:]; len(words) > 0; words = words[1:] {
		word := words[0]
		if word == "--" {
			rest = append(rest, words...)
			break
		}
		if !strings.HasPrefix(word, "-") || word == "-" {
			rest = append(rest, word)
			continue
		}
		flags = append(flags, word)
		if takesValue[strings.TrimLeft(word, "-")] && len(words) > 1 {
			flags = append(flags, words[1])
			words = words[1:]
		}
	}
	return append(append(append([]string{}, args[:from]...), flags...), rest...)
}
