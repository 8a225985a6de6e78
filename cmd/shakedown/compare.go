package main

import (
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/reports"
)

func compareCommand() *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "set stored runs side by side",
		ArgsUsage: "RUN RUN...",
		Description: "Reads run directories and prints a table: verdicts, sessions and their times, heavy work, what instances there were and\n" +
			"what they used. It says so loudly when the runs did not meet the same traffic. The verdicts of the runs are not the\n" +
			"command's: exit code 0 when they could be compared.",
		Flags: []cli.Flag{
			jsonFlag,
			&cli.BoolFlag{Name: "markdown", Usage: "print the comparison as Markdown"},
			&cli.StringFlag{Name: "html", Usage: "write the comparison as a page to `FILE` besides"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() < 2 {
				return usagef("compare wants two run directories or more; got %d", c.NArg())
			}
			if c.Bool("json") && c.Bool("markdown") {
				return usagef("--json and --markdown: choose one")
			}
			var dirs []rundir.Dir
			for _, name := range c.Args().Slice() {
				dirs = append(dirs, rundir.Dir(name))
			}
			return compareRuns(c, dirs)
		},
	}
}

// compareRuns reads stored runs and prints how they stand beside each other.
func compareRuns(c *cli.Context, dirs []rundir.Dir) error {
	var runs []reports.Run
	for _, dir := range dirs {
		run, err := reports.Read(dir)
		if err != nil {
			return fmt.Errorf("read run %s: %w", dir, err)
		}
		runs = append(runs, run)
	}
	comparison := reports.Compare(runs)
	if name := c.String("html"); name != "" {
		if err := writePage(name, comparison.HTML); err != nil {
			return err
		}
	}
	switch {
	case c.Bool("json"):
		return comparison.JSON(c.App.Writer)
	case c.Bool("markdown"):
		return comparison.Markdown(c.App.Writer)
	}
	return comparison.Text(c.App.Writer, reports.TextOptions{Color: color(c), Width: width(c)})
}

// writePage writes a page to a file of that name.
func writePage(name string, write func(io.Writer) error) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	defer func() {
		if closed := file.Close(); err == nil && closed != nil {
			err = fmt.Errorf("write the page: %w", closed)
		}
	}()
	return write(file)
}
