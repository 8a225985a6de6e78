package process

import (
	"context"
	"fmt"
	"strconv"

	"github.com/shakedown-dev/shakedown/chaos/undo"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
)

// Undoer takes back what a run has done to child processes, when that run is
// gone: where the kernel ends them with the harness there is nothing left to do.
type Undoer struct{}

var _ undo.Actor = Undoer{}

// NewUndoer makes one.
func NewUndoer() Undoer { return Undoer{} }

// Resume lets a process group go on, if it still is the one that was meant.
func (Undoer) Resume(_ context.Context, step undo.Step) error {
	pid, err := strconv.Atoi(step.ID)
	if err != nil || pid <= 1 {
		return fmt.Errorf("%q is no process", step.ID)
	}
	if !owner.Matches(pid, step.Mark) {
		return nil
	}
	return aboutGroup("process "+step.ID, continueGroup(pid))
}

// Limit is refused: processes have no limits.
func (Undoer) Limit(context.Context, undo.Step) error {
	return (*Platform)(nil).Supports(platform.CPULimits)
}

// Start does nothing: what the killed process worked with has ended with the
// harness.
func (Undoer) Start(context.Context, undo.Step) error { return nil }
