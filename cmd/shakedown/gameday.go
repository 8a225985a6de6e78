package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/gameday"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
)

func gamedayCommand() *cli.Command {
	run := runCommand()
	return &cli.Command{
		Name:      "gameday",
		Usage:     "run a scenario with a live page and hands on the wheel",
		ArgsUsage: "NAME|FILE",
		Description: "A run as shakedown run makes it, which people watch and steer: on a page at 127.0.0.1, whose address with its token is\n" +
			"printed and stands in gameday.url of the run directory, for its owner alone; and with shakedown steer, through a socket\n" +
			"in the run directory. Everything that is asked is journaled with who and when. The run ends as planned, or with abort;\n" +
			"no open page holds it. Without a page where CI is set, unless --page asks for it.\n" +
			"The run directory gets writeup.md, the draft of the write-up, once: no report writes over it. Exit codes are those of run.",
		Flags: append(slices.DeleteFunc(slices.Clone(run.Flags), isVariants),
			&cli.BoolFlag{Name: "page", Usage: "serve the live page; --page=false does without (default: served, but not where CI is set)"},
			&cli.IntFlag{Name: "port", EnvVars: []string{"SHAKEDOWN_PORT"}, Usage: "`PORT` of 127.0.0.1 for the page; 0 takes any that is free"},
		),
		Action: runGameday,
	}
}

// isVariants finds the flag of run for several runs, which nobody can steer.
func isVariants(flag cli.Flag) bool { return slices.Contains(flag.Names(), "variants") }

func runGameday(c *cli.Context) error {
	if port := c.Int("port"); port < 0 || port > 65535 {
		return usagef("--port: a port is a number from 0 to 65535")
	}
	if err := errors.Join(checkFailOn(c), checkDeadline(c), checkFlag(c, "start-timeout")); err != nil {
		return err
	}
	mode, err := progressMode(c)
	if err != nil {
		return err
	}
	loaded, err := load(c)
	if err != nil {
		return err
	}
	soft, hard, release := interrupts(c.Context, c.App.ErrWriter, "stopping in order, with a report; interrupt again to tear down at once")
	defer release()
	soft, interrupt := context.WithCancelCause(soft)
	defer interrupt(nil)
	day := &day{c: c, interrupt: interrupt, outcome: "it never got to a verdict"}
	defer func() { _ = day.close() }() // after a panic, too
	return errors.Join(play(soft, hard, c, mode, loaded, request(c), day.show, day.begin), day.close())
}

// A day is the server of a game day beside its run.
type day struct {
	c         *cli.Context
	interrupt func(why error)
	server    *gameday.Server // nil before the run and after it
	outcome   string
}

// begin starts the server and lets it hear of every event.
func (d *day) begin(opts *harness.Options) error {
	var err error
	d.server, err = gameday.Start(gameday.Config{
		Dir: opts.Dir, Run: opts.Run, Plan: opts.Loaded.Plan, Page: pageWanted(d.c), Port: d.c.Int("port"),
		Redact: opts.Secrets.String, Interrupt: d.interrupt,
		Hide: func(token string) { opts.Secrets.Add("SHAKEDOWN_GAMEDAY_TOKEN", token) },
	})
	if err != nil {
		return err
	}
	if url := d.server.URL(); url != "" {
		fmt.Fprintf(d.c.App.ErrWriter, "shakedown: the game day is at %s\n", url)
	}
	fmt.Fprintf(d.c.App.ErrWriter, "shakedown: shakedown steer VERB --run %s steers it from here; shakedown steer --help lists the verbs\n", opts.Dir)
	observe, server := opts.Observe, d.server
	opts.Observe = func(e journal.Event) {
		if observe != nil {
			observe(e)
		}
		server.Observe(e)
	}
	opts.Live = server.Live
	return nil
}

// show renders the run as run does, and keeps the verdict for open pages.
func (d *day) show(c *cli.Context, dir rundir.Dir) error {
	if result, err := dir.ReadResult(); err == nil {
		d.outcome = string(result.Verdict)
	}
	return publish(c, dir)
}

// close ends the server, once.
func (d *day) close() error {
	if d.server == nil {
		return nil
	}
	server := d.server
	d.server = nil
	if err := server.Close(d.outcome); err != nil {
		return fmt.Errorf("end the game day: %w", err)
	}
	return nil
}

// pageWanted tells whether anybody could look at a page: not in CI.
func pageWanted(c *cli.Context) bool {
	if c.IsSet("page") {
		return c.Bool("page")
	}
	return os.Getenv("CI") == ""
}
