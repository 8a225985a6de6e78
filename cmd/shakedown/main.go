// Command shakedown rehearses a launch: it brings a stack up in containers,
// drives it with traffic, changes it under load and judges what happened.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func main() {
	// Nothing of ours uses this logger, but net/http writes there what a server
	// under test does wrong, once for each answer.
	log.SetOutput(io.Discard)
	os.Exit(Main(os.Args, os.Stdout, os.Stderr))
}

// Main is the program without the process: it returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	app := newApp(stdout, stderr)
	if words, ok := completing(args); ok {
		complete(stdout, app, words)
		return 0
	}
	err := app.RunContext(context.Background(), flagsFirst(app, args))
	if text := explain(err); text != "" {
		fmt.Fprintln(stderr, text)
	}
	return exitCode(err)
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:                      "shakedown",
		Usage:                     "rehearse a launch: real stack, real traffic, instances that come and go, and a verdict with evidence",
		Version:                   harness.Version(),
		Writer:                    stdout,
		ErrWriter:                 stderr,
		EnableBashCompletion:      true,
		UseShortOptionHandling:    true,
		DisableSliceFlagSeparator: true, // a --set value may hold commas
		HideHelpCommand:           true,
		OnUsageError:              onUsageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // Main decides
		Commands: []*cli.Command{
			runCommand(), gamedayCommand(), steerCommand(), validateCommand(), planCommand(), checkCommand(), reportCommand(), queryCommand(), serveCommand(), compareCommand(), baselineCommand(), calibrateCommand(), proveCommand(), defectsCommand(),
			upCommand(), downCommand(), cleanCommand(), doctorCommand(), checksCommand(), faultsCommand(), undoCommand(), scenariosCommand(), schemaCommand(),
			initCommand(), configCommand(), completionCommand(), versionCommand(),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("there is no command %q; %s", c.Args().First(), scenarios.DidYouMean(c.Args().First(), commandNames(c.App)))
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, command := range app.Commands {
		command.OnUsageError = onUsageError
		command.Before = useProject
	}
	return app
}
