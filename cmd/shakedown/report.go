package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/reports"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "render a stored run again",
		ArgsUsage: "RUN",
		Description: "Writes report.html, junit.xml, summary.md and, if anything was scaled, scale-events.ndjson (a line of JSON for each\n" +
			"decision of an autoscaler, resize, claim and notice) into the run directory and prints the verdict table; with\n" +
			"--format only that form is written, to standard output or to --output.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "one of " + strings.Join(reports.Formats(), ", ")},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write --format to"},
		},
		Action: reportRun,
	}
}

func reportRun(c *cli.Context) (err error) {
	dir, err := storedRun(c)
	if err != nil {
		return err
	}
	format := c.String("format")
	if format == "" {
		if c.String("output") != "" {
			return usagef("--output wants a --format to write: one of %s", strings.Join(reports.Formats(), ", "))
		}
		return publish(c, dir)
	}
	run, err := reports.Read(dir)
	if err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	out := c.App.Writer
	if name := c.String("output"); name != "" {
		file, err := os.Create(name)
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		defer func() {
			if closed := file.Close(); err == nil {
				err = closed
			}
		}()
		out = file
	}
	if err := reports.Write(out, run, format); err != nil {
		return usagef("%v", err)
	}
	return nil
}
