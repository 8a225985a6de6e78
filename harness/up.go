package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Up brings the stack up, calls ready with the addresses at which its services
// answer, and keeps it until ctx ends; then it takes everything down.
func Up(ctx context.Context, opts Options, ready func(targets map[string]string)) error {
	r, err := begin(opts)
	if err != nil {
		return hush(opts.Secrets, errors.Join(err, opts.Platform.TearDown(context.WithoutCancel(ctx))))
	}
	err = r.stack.Up(ctx)
	if err != nil {
		err = fmt.Errorf("bring up the stack: %w", err)
	} else {
		ready(r.stack.Targets())
		<-ctx.Done()
	}
	r.emit(journal.RunEnded{Reason: "interrupted"})
	return hush(opts.Secrets, errors.Join(err, r.down(context.WithoutCancel(ctx), false), r.closeLogs(), r.journal.Close()))
}
