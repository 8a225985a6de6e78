package main

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

//go:embed completion/*
var completionScripts embed.FS

// shells are those that there is a script for.
func shells() (names []string) {
	entries, _ := completionScripts.ReadDir("completion") // what is embedded can be read
	for _, e := range entries {
		names = append(names, strings.TrimPrefix(path.Ext(e.Name()), "."))
	}
	return names
}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the script that makes a shell complete commands, flags, scenarios and runs",
		ArgsUsage: "bash|zsh|fish",
		Description: "bash: source <(shakedown completion bash), in ~/.bashrc\n" +
			"zsh:  source <(shakedown completion zsh), in ~/.zshrc after compinit\n" +
			"fish: shakedown completion fish > ~/.config/fish/completions/shakedown.fish",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 || !slices.Contains(shells(), c.Args().First()) {
				return usagef("completion wants a shell: %s", strings.Join(shells(), ", "))
			}
			script, err := completionScripts.ReadFile("completion/shakedown." + c.Args().First())
			if err != nil {
				return fmt.Errorf("read the script: %w", err)
			}
			_, err = c.App.Writer.Write(script)
			return err
		},
	}
}
