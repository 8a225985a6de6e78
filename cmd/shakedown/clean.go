package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
)

func cleanCommand() *cli.Command {
	return &cli.Command{
		Name:  "clean",
		Usage: "remove what crashed or kept runs left behind",
		Description: "Finds containers, networks, volumes and processes of runs by their mark and removes those whose shakedown is gone;\n" +
			"runs that are still going are left alone unless --all is given.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "remove running ones too"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only list what would be removed"},
		},
		Action: clean,
	}
}

func clean(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("clean takes no argument; got %q", c.Args().First())
	}
	left, err := harness.Leftovers(c.Context)
	if err != nil {
		err = fmt.Errorf("look for what runs left: %w", err)
	}
	errs, found := []error{err}, 0
	for _, l := range left {
		if l.Alive && !c.Bool("all") {
			fmt.Fprintf(c.App.Writer, "run %s is still going: left alone\n", l.Run)
			continue
		}
		found++
		for _, item := range l.Items {
			fmt.Fprintf(c.App.Writer, "run %s: %s\n", l.Run, item)
		}
		if !c.Bool("dry-run") {
			errs = append(errs, harness.Clean(c.Context, l.Run))
		}
	}
	if found == 0 && err == nil {
		fmt.Fprintln(c.App.Writer, "nothing to clean")
	}
	return errors.Join(errs...)
}
