// Package backfill fills in what older versions of the services have not
// written: in small steps with pauses, beside the traffic.
package backfill

import (
	"context"
	"log/slog"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

// walks is how often the table is gone through: the second time finds what
// instances of an old version wrote in their last moments.
const walks = 2

// Projects is where projects are kept; *store.Store is one.
type Projects interface {
	FillSlugs(ctx context.Context, after string, limit int) (store.Filled, error)
	BeginBackfill(ctx context.Context, name, instance string) (time.Time, error)
	EndBackfill(ctx context.Context, name, instance string, started time.Time, rows int) error
}

// Slugs is the backfill of the projects' slugs. It may be run again at any
// time, also after it was stopped half-way: it only fills what is empty.
type Slugs struct {
	Projects Projects
	// Instance is who runs it.
	Instance string
	// Chunk is how many projects are filled in one transaction; 1 or more.
	Chunk int
	// Pause is the time between two of them, for others to have the database.
	Pause time.Duration
	Log   *slog.Logger
}

// Run fills all slugs that are empty and writes down that it did. It ends early
// with the context's error; what is filled by then stays.
func (b Slugs) Run(ctx context.Context) error {
	started, err := b.Projects.BeginBackfill(ctx, store.Slugs, b.Instance)
	if err != nil {
		return err
	}
	rows := 0
	for range walks {
		filled, err := b.walk(ctx)
		if err != nil {
			return err
		}
		rows += filled
	}
	if err := b.Projects.EndBackfill(ctx, store.Slugs, b.Instance, started, rows); err != nil {
		return err
	}
	b.Log.Info("backfilled", "name", store.Slugs, "rows", rows, "took", time.Since(started).Round(time.Millisecond).String())
	return nil
}

// walk goes through the table once, in the order of its key.
func (b Slugs) walk(ctx context.Context) (rows int, err error) {
	for after := ""; ; {
		step, err := b.Projects.FillSlugs(ctx, after, b.Chunk)
		if err != nil {
			return rows, err
		}
		rows += step.Changed
		if step.Seen < b.Chunk {
			return rows, nil
		}
		after = step.Last
		select {
		case <-ctx.Done():
			return rows, ctx.Err()
		case <-time.After(b.Pause):
		}
	}
}
