package docker

import (
	"context"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/shakedown-dev/shakedown/chaos/undo"
)

// Undoer takes back what a run has done to containers, when that run is gone. It
// is safe for concurrent use.
type Undoer struct{ engine engine }

var _ undo.Actor = (*Undoer)(nil)

// NewUndoer connects to the engine that Open would use.
func NewUndoer(ctx context.Context) (*Undoer, error) {
	e, _, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	return &Undoer{e}, nil
}

// Close ends the connection.
func (u *Undoer) Close() error { return u.engine.Close() }

// Resume lets a container go on.
func (u *Undoer) Resume(ctx context.Context, step undo.Step) error {
	return unpause(ctx, u.engine, step.ID)
}

// Limit gives a container its CPU limit back, in the way that it was made with:
// engines do not mix cores and quotas.
func (u *Undoer) Limit(ctx context.Context, step undo.Step) error {
	limit := container.Resources{NanoCPUs: nanoCPUs(step.CPUs)}
	if step.Quota > 0 {
		limit = container.Resources{CPUPeriod: cfsPeriod, CPUQuota: step.Quota}
	}
	if limit.NanoCPUs == 0 && limit.CPUQuota == 0 {
		return fmt.Errorf("%g CPUs are no limit to go back to", step.CPUs)
	}
	_, err := u.engine.ContainerUpdate(ctx, step.ID, container.UpdateConfig{Resources: limit})
	if gone(err) == nil {
		return nil
	}
	if state, stateErr := stateOf(ctx, u.engine, step.ID); stateErr == nil && !state.Running {
		return nil // it will have its limit when it is started again
	}
	return err
}

// Start starts a container again that was killed.
func (u *Undoer) Start(ctx context.Context, step undo.Step) error {
	err := u.engine.ContainerStart(ctx, step.ID, container.StartOptions{})
	if cerrdefs.IsNotModified(err) { // it runs
		return nil
	}
	return gone(err)
}
