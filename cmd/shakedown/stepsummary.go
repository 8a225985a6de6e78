package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/reports"
)

// stepSummaryEnv is the variable by which GitHub Actions names the file whose Markdown
// it shows on the page of a job.
const stepSummaryEnv = "GITHUB_STEP_SUMMARY"

// stepSummaryLimit is the most that the file may hold for one step; GitHub shows nothing
// at all of a larger one.
const stepSummaryLimit = 1 << 20

// summarize appends the Markdown of a run to the step summary, where there is one. A run
// does not fail because its summary cannot be written: that is told on standard error.
func summarize(c *cli.Context, dir rundir.Dir) {
	summarizeWith(c, func(room int) ([]byte, error) {
		stored, err := os.ReadFile(dir.Summary())
		if err == nil && len(stored) <= room {
			return stored, nil
		}
		run, err := reports.Read(dir)
		if err != nil {
			return nil, err
		}
		var content bytes.Buffer
		err = reports.MarkdownWithin(&content, run, room)
		return content.Bytes(), err
	})
}

// summarizeComparison does the same with runs that are set beside each other.
func summarizeComparison(c *cli.Context, comparison reports.Comparison) {
	summarizeWith(c, func(int) ([]byte, error) {
		var content bytes.Buffer
		err := comparison.Markdown(&content)
		return content.Bytes(), err
	})
}

// summarizeWith appends what render makes for the room that is left.
func summarizeWith(c *cli.Context, render func(room int) ([]byte, error)) {
	name := os.Getenv(stepSummaryEnv)
	if name == "" {
		return
	}
	if err := appendSummary(name, render); err != nil {
		fmt.Fprintf(c.App.ErrWriter, "shakedown: nothing was added to the step summary (%s): %v\n", stepSummaryEnv, err)
	}
}

func appendSummary(name string, render func(room int) ([]byte, error)) (err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	room := stepSummaryLimit - int(info.Size()) - 1 // and the line break before it
	content, err := render(max(0, room))
	switch {
	case err != nil:
		return err
	case len(content) == 0 || len(content) > room:
		return fmt.Errorf("it holds %d bytes, %d more would be added, and %d are the most that is shown", info.Size(), len(content), stepSummaryLimit)
	case info.Size() > 0:
		content = append([]byte("\n"), content...)
	}
	_, err = file.Write(content)
	return err
}
