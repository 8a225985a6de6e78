package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/chaos/undo"
	"github.com/shakedown-dev/shakedown/harness/platform/docker"
	"github.com/shakedown-dev/shakedown/harness/platform/process"
)

// undoCommand is the helper of a run with faults: a process of our own program
// that brings back what the run has stopped, when the run cannot any more.
func undoCommand() *cli.Command {
	return &cli.Command{
		Name:   "undo",
		Usage:  "take a run's faults back when the run has died (shakedown starts it itself)",
		Hidden: true,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("undo takes no argument; got %q", c.Args().First())
			}
			undo.Immune()
			actor := &anywhere{}
			defer actor.close()
			return undo.Serve(os.Stdin, os.Stdout, actor)
		},
	}
}

// anywhere takes steps on the platform that they name. It connects to an engine
// when there is a step to take, and again when that did not work.
type anywhere struct {
	mu     sync.Mutex
	docker *docker.Undoer
}

var _ undo.Actor = (*anywhere)(nil)

// Resume implements undo.Actor.
func (a *anywhere) Resume(ctx context.Context, step undo.Step) error {
	on, err := a.platform(ctx, step)
	if err != nil {
		return err
	}
	return on.Resume(ctx, step)
}

// Limit implements undo.Actor.
func (a *anywhere) Limit(ctx context.Context, step undo.Step) error {
	on, err := a.platform(ctx, step)
	if err != nil {
		return err
	}
	return on.Limit(ctx, step)
}

// Start implements undo.Actor.
func (a *anywhere) Start(ctx context.Context, step undo.Step) error {
	on, err := a.platform(ctx, step)
	if err != nil {
		return err
	}
	return on.Start(ctx, step)
}

func (a *anywhere) platform(ctx context.Context, step undo.Step) (undo.Actor, error) {
	switch step.Platform {
	case "process":
		return process.NewUndoer(), nil
	case "docker":
		return a.engine(ctx)
	}
	return nil, fmt.Errorf("nobody undoes anything on platform %q", step.Platform)
}

func (a *anywhere) engine(ctx context.Context) (undo.Actor, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.docker == nil {
		found, err := docker.NewUndoer(ctx)
		if err != nil {
			return nil, err
		}
		a.docker = found
	}
	return a.docker, nil
}

func (a *anywhere) close() {
	if a.docker != nil {
		_ = a.docker.Close()
	}
}
