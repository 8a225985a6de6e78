package main

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/reports/progress"
)

func upCommand() *cli.Command {
	return &cli.Command{
		Name:        "up",
		Usage:       "bring a scenario's stack up with its gateways and keep it until interrupted",
		ArgsUsage:   "NAME|FILE",
		Description: "Prints the addresses of the services; Ctrl-C (or shakedown down from elsewhere) takes everything away.",
		Flags:       []cli.Flag{variantFlag, platformFlag, progressFlag, setFlag, buildFlag, startTimeoutFlag},
		Action:      bringUp,
	}
}

func bringUp(c *cli.Context) error {
	mode, err := progressMode(c)
	if err != nil {
		return err
	}
	loaded, err := load(c)
	if err != nil {
		return err
	}
	soft, _, release := interrupts(c.Context, c.App.ErrWriter, "taking the stack down")
	defer release()
	opts, err := harness.Prepare(soft, loaded, harness.Request{Platform: c.String("platform"), Build: c.Bool("build"), Hold: true,
		StartTimeout: c.Duration("start-timeout"), Command: os.Args})
	if err != nil {
		return err
	}
	done := watch(c, mode, &opts, loaded.Plan)
	defer done()
	return harness.Up(soft, opts, func(targets map[string]string) {
		if mode == progress.TTY {
			done() // the frame has nothing more to tell, and standard output is the same terminal
		}
		for _, service := range slices.Sorted(maps.Keys(targets)) {
			fmt.Fprintf(c.App.Writer, "%s\thttp://%s\n", service, targets[service])
		}
		fmt.Fprintf(c.App.ErrWriter, "run %s is up; Ctrl-C, or shakedown down %s, takes it down\n", opts.Run, opts.Run)
	})
}
