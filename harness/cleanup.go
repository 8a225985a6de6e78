package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/docker"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
	"github.com/shakedown-dev/shakedown/harness/platform/process"
)

// cleaners are all places where a run can have left something.
func cleaners() []platform.Cleaner {
	return []platform.Cleaner{docker.Cleaner{}, process.Cleaner{}}
}

// Leftovers lists what runs have on this machine, over all platforms, one
// entry a run. An engine that does not answer has nothing to list.
func Leftovers(ctx context.Context) ([]platform.Leftover, error) {
	var (
		merged []platform.Leftover
		errs   []error
	)
	for _, cleaner := range cleaners() {
		found, err := cleaner.Discover(ctx)
		if err != nil && !errors.Is(err, platform.ErrNoEngine) {
			errs = append(errs, err)
		}
		for _, l := range found {
			i := slices.IndexFunc(merged, func(m platform.Leftover) bool { return m.Run == l.Run })
			if i < 0 {
				merged = append(merged, l)
				continue
			}
			merged[i].Alive = merged[i].Alive || l.Alive
			merged[i].Owner = cmp.Or(merged[i].Owner, l.Owner)
			merged[i].Items = append(merged[i].Items, l.Items...)
		}
	}
	return merged, errors.Join(errs...)
}

// Clean removes everything of a run, whether its harness lives or not.
func Clean(ctx context.Context, run string) error {
	var errs []error
	for _, cleaner := range cleaners() {
		if err := cleaner.Clean(ctx, run); err != nil && !errors.Is(err, platform.ErrNoEngine) {
			errs = append(errs, fmt.Errorf("clean run %s: %w", run, err))
		}
	}
	return errors.Join(errs...)
}

// endPatience is how long a living harness gets to end its run in order.
const endPatience = time.Minute

// End asks the harness that holds a run to end it, waits until it is gone, and
// removes what it may have left.
func End(ctx context.Context, l platform.Leftover) error {
	if l.Alive {
		if pid, ok := owner.Process(l.Owner); ok {
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("ask process %d to end: %w", pid, err)
			}
			if err := gone(ctx, l.Owner); err != nil {
				return err
			}
		}
	}
	return Clean(ctx, l.Run)
}

// gone waits until the owner has ended.
func gone(ctx context.Context, mark string) error {
	ctx, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for owner.Alive(mark) {
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("the shakedown that holds the run has not ended within %s; shakedown clean --all removes the run under it", endPatience)
		}
	}
	return nil
}
