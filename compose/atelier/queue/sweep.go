package queue

import (
	"context"
	"log/slog"
	"time"
)

// Sweep pushes jobs that were written to the database but never reached the
// queue, because their process died between the two. It looks every period
// until ctx is done, and only when the queue is empty: then whatever still
// waits in the database is forgotten, and a long backlog is not doubled.
// forgotten returns ids that have been waiting since before a moment.
func (q *Queue) Sweep(ctx context.Context, log *slog.Logger, period time.Duration, forgotten func(ctx context.Context, before time.Time) ([]string, error)) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n, err := q.sweep(ctx, time.Now().Add(-period), forgotten); err != nil {
			log.Warn("sweep failed, trying again", "queue", q.stream, "error", err.Error(), "again_in", period.String())
		} else if n > 0 {
			log.Warn("pushed forgotten jobs", "queue", q.stream, "jobs", n)
		}
	}
}

func (q *Queue) sweep(ctx context.Context, before time.Time, forgotten func(context.Context, time.Time) ([]string, error)) (int, error) {
	depth, err := q.Depth(ctx)
	if err != nil || depth > 0 {
		return 0, err
	}
	ids, err := forgotten(ctx, before)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := q.Push(ctx, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
