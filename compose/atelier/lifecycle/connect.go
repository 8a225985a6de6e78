package lifecycle

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Connect calls attempt until it succeeds, with growing pauses, for at most
// limit. Dependencies start in any order and restart; a service that gives up
// at the first refusal would turn every restart into a crash loop. what names
// the dependency without credentials; remedy tells the reader what to look at.
func Connect(ctx context.Context, log *slog.Logger, what, remedy string, limit time.Duration, attempt func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	pause := 50 * time.Millisecond
	for {
		err := try(bounded, attempt)
		if err == nil {
			return nil
		}
		log.Info("waiting", "for", what, "error", err.Error())
		select {
		case <-bounded.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("connect to %s: %w", what, ctx.Err())
			}
			return fmt.Errorf("connect to %s: no success within %s: %w; %s", what, limit, err, remedy)
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		}
	}
}

// try bounds one attempt, so that a dependency that accepts and says nothing
// does not use up the whole time.
func try(ctx context.Context, attempt func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return attempt(ctx)
}
