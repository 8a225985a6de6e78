package stack

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
)

// atOnce bounds the calls that are under way at one time: an engine serializes
// much of what it is asked, and instances that all start together starve each
// other on a small machine.
const atOnce = 6

// execute runs the operations of a plan as early as their order allows. After
// the first error no operation begins any more; the error is returned when
// those under way have ended.
func execute(ctx context.Context, plan *Plan, perform func(context.Context, Operation) error) error {
	group, ctx := errgroup.WithContext(ctx)
	places := make(chan struct{}, atOnce)
	ended := make([]chan struct{}, len(plan.Operations))
	for i := range ended {
		ended[i] = make(chan struct{})
	}
	for i, op := range plan.Operations {
		group.Go(func() error {
			for _, before := range op.After {
				if !await(ctx, ended[before]) {
					return context.Cause(ctx)
				}
			}
			if !op.waits() {
				select {
				case places <- struct{}{}:
					defer func() { <-places }()
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := perform(ctx, op); err != nil {
				return err
			}
			close(ended[i])
			return nil
		})
	}
	return group.Wait()
}

// waits says whether an operation spends its time waiting, so that it must not
// take a place from calls.
func (op Operation) waits() bool {
	return slices.Contains([]string{opReady, opHealthy, opCompleted, opTerminate}, op.Op)
}

// await waits for a channel to be closed; false means the context ended first.
func await(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
