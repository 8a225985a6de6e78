package platform

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// Stop ends an instance the way orchestrators do: SIGTERM, then SIGKILL if it
// is still there after grace. It returns how the instance ended and whether it
// had to be killed. Without an error the instance has exited; it is not
// removed.
func Stop(ctx context.Context, p Platform, name string, grace time.Duration) (exit Exit, killed bool, err error) {
	if err := p.Signal(ctx, name, syscall.SIGTERM); err != nil {
		return Exit{}, false, fmt.Errorf("signal %s: %w", name, err)
	}
	patience, cancel := context.WithTimeout(ctx, grace)
	exit, err = p.Wait(patience, name)
	expired := patience.Err() != nil
	cancel()
	if err == nil || !expired || ctx.Err() != nil {
		return exit, false, err
	}
	if err := p.Signal(ctx, name, syscall.SIGKILL); err != nil {
		return Exit{}, false, fmt.Errorf("kill %s: %w", name, err)
	}
	exit, err = p.Wait(ctx, name)
	return exit, true, err
}
