// Package undo brings back what a run has stopped, limited or ended, when the
// run itself cannot any more: each step is written down before the fault is
// done, and a helper process, which outlives the harness, takes the steps in
// reverse order when the harness is gone or hangs.
package undo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Step is one thing that brings an instance back.
type Step struct {
	Platform string  `json:"platform"`
	Act      string  `json:"act"`  // "resume", "limit", "start"
	ID       string  `json:"id"`   // the engine's name of the container, or a process ID
	Mark     string  `json:"mark"` // of a process: when it was started
	CPUs     float64 `json:"cpus,omitempty"`
	Quota    int64   `json:"quota,omitempty"`
}

// The acts.
const (
	ToResume = "resume"
	ToLimit  = "limit"
	ToStart  = "start"
)

// String is the step in words.
func (s Step) String() string {
	switch s.Act {
	case ToLimit:
		return fmt.Sprintf("give %s its CPU limit back", s.ID)
	case ToStart:
		return fmt.Sprintf("start %s again", s.ID)
	}
	return fmt.Sprintf("%s %s", s.Act, s.ID)
}

// Actor does steps on a platform. What is gone, or as it should be, needs
// nothing and is no error.
type Actor interface {
	Resume(context.Context, Step) error
	Limit(context.Context, Step) error
	Start(context.Context, Step) error
}

// Taken is a step that was taken, and how that went.
type Taken struct {
	Step  Step   `json:"step"`
	Error string `json:"error,omitempty"`
}

const (
	// stepPatience bounds one attempt, attempts is how many there are, pause is between them.
	stepPatience = 10 * time.Second
	attempts     = 3
	pause        = 200 * time.Millisecond
)

// Take takes steps, the last first, each whatever became of the others.
func Take(ctx context.Context, steps []Step, actor Actor) (taken []Taken, err error) {
	var errs []error
	for i := len(steps) - 1; i >= 0; i-- {
		err := persist(ctx, steps[i], actor)
		t := Taken{Step: steps[i]}
		if err != nil {
			t.Error = err.Error()
			errs = append(errs, fmt.Errorf("%s: %w", steps[i], err))
		}
		taken = append(taken, t)
	}
	return taken, errors.Join(errs...)
}

// persist tries a step more than once: an engine may be busy with what else
// has just died.
func persist(ctx context.Context, step Step, actor Actor) error {
	for n := 1; ; n++ {
		err := act(ctx, step, actor)
		if err == nil || n == attempts || ctx.Err() != nil {
			return err
		}
		time.Sleep(pause)
	}
}

func act(ctx context.Context, step Step, actor Actor) error {
	ctx, cancel := context.WithTimeout(ctx, stepPatience)
	defer cancel()
	switch step.Act {
	case ToResume:
		return actor.Resume(ctx, step)
	case ToLimit:
		return actor.Limit(ctx, step)
	case ToStart:
		return actor.Start(ctx, step)
	}
	return fmt.Errorf("nobody knows how to %q", step.Act)
}
