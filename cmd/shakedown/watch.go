package main

import (
	"os"
	"strconv"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/reports/progress"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// watch shows what a run does on standard error, in the way that was chosen. Done ends
// that; it may be called more than once, and whatever happened in between.
func watch(c *cli.Context, mode progress.Mode, opts *harness.Options, plan *scenarios.Plan) (done func()) {
	if screen, ok := c.App.ErrWriter.(*progress.Screen); ok && mode == progress.TTY {
		live := progress.NewLive(screen, plan, opts.Secrets.String)
		opts.Observe = live.Observe
		return func() { _ = live.Close() } // nobody may be reading progress any more
	}
	stderr := opts.Secrets.Writer(c.App.ErrWriter)
	opts.Observe = progress.New(stderr, mode, plan).Observe
	return func() { _ = stderr.Close() }
}

// useScreen puts a screen in front of standard error, so that whatever is written there
// from now on keeps out of the frame.
func useScreen(c *cli.Context) {
	if _, ok := c.App.ErrWriter.(*progress.Screen); !ok {
		c.App.ErrWriter = progress.NewScreen(c.App.ErrWriter, sizeOf(c.App.ErrWriter), os.Getenv("NO_COLOR") == "")
	}
}

// sizeOf asks the terminal that out is; of anything else COLUMNS and LINES tell, or
// nothing does.
func sizeOf(out any) func() (width, height int) {
	file, ok := out.(*os.File)
	return func() (width, height int) {
		if ok {
			if width, height, err := term.GetSize(int(file.Fd())); err == nil {
				return width, height
			}
		}
		width, _ = strconv.Atoi(os.Getenv("COLUMNS"))
		height, _ = strconv.Atoi(os.Getenv("LINES"))
		return width, height
	}
}
