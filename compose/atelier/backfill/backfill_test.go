package backfill_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/backfill"
	"github.com/shakedown-dev/shakedown/compose/atelier/store"
)

// table is Projects with so many that have no slug, numbered from 1.
type table struct {
	without []int // in order
	late    []int // appear once the table has been gone through
	steps   []int // how many each step filled
	began   int
	ended   []int // the rows of each end
}

func (d *table) FillSlugs(ctx context.Context, after string, limit int) (store.Filled, error) {
	if err := ctx.Err(); err != nil {
		return store.Filled{}, err
	}
	step := store.Filled{}
	var left []int
	for _, n := range d.without {
		if id := string(rune(n)); id > after && step.Seen < limit {
			step.Seen++
			step.Changed++
			step.Last = id
			continue
		}
		left = append(left, n)
	}
	if d.without = left; step.Seen < limit {
		d.without, d.late = append(d.late, d.without...), nil
	}
	d.steps = append(d.steps, step.Changed)
	return step, nil
}

func (d *table) BeginBackfill(_ context.Context, name, instance string) (time.Time, error) {
	if name != store.Slugs || instance != "job-1" {
		return time.Time{}, errors.New(name + " of " + instance)
	}
	d.began++
	return time.Now(), nil
}

func (d *table) EndBackfill(_ context.Context, _, _ string, _ time.Time, rows int) error {
	d.ended = append(d.ended, rows)
	return nil
}

func numbers(n int) (all []int) {
	for i := range n {
		all = append(all, i+10)
	}
	return all
}

func TestFillsInStepsWithPausesAndLooksTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &table{without: numbers(25), late: []int{3, 4}}
		began := time.Now()
		b := backfill.Slugs{Projects: d, Instance: "job-1", Chunk: 10, Pause: time.Second, Log: slog.New(slog.DiscardHandler)}
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(d.without) > 0 || len(d.steps) != 4 || d.steps[0] != 10 || d.steps[3] != 2 {
			t.Errorf("steps %v, left %v; want 10, 10, 5 and the two late ones", d.steps, d.without)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %s, want two pauses of a second", took)
		}
		if d.began != 1 || len(d.ended) != 1 || d.ended[0] != 27 {
			t.Errorf("began %d times, ended with %v rows; want once, with 27", d.began, d.ended)
		}
	})
}

func TestStopsHalfWayWhenToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &table{without: numbers(25)}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		b := backfill.Slugs{Projects: d, Instance: "job-1", Chunk: 10, Pause: time.Second, Log: slog.New(slog.DiscardHandler)}
		if err := b.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run = %v, want DeadlineExceeded", err)
		}
		if len(d.without) != 5 || len(d.ended) > 0 {
			t.Errorf("%d left, ended %v; want 5 left and no end", len(d.without), d.ended)
		}
	})
}
