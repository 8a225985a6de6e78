package store

import (
	"context"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/storage"
)

// Appendable is where scraped samples go. All that one appender appends, staleness
// markers and samples with times of their own included, gets the time at which the
// appender was made, by now: the run's own clock, which never goes back.
func (s *Store) Appendable(now func() time.Time) storage.AppendableV2 {
	return clock{store: s, now: now}
}

type clock struct {
	store *Store
	now   func() time.Time
}

// AppenderV2 implements storage.AppendableV2.
func (c clock) AppenderV2(ctx context.Context) storage.AppenderV2 {
	return &clocked{
		AppenderV2: c.store.db.AppenderV2(ctx),
		at:         timestamp.FromTime(c.now()),
		families:   c.store.families,
	}
}

// clocked is one transaction. New are the series that it found new, with the types of
// their metrics: those are known for good only once it is committed.
type clocked struct {
	storage.AppenderV2
	at       int64
	families *families
	found    []found
}

type found struct {
	labels labels.Labels
	of     model.MetricType
}

// Append implements storage.AppenderV2.
func (c *clocked) Append(ref storage.SeriesRef, ls labels.Labels, _, _ int64, v float64,
	h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AppendV2Options,
) (storage.SeriesRef, error) {
	if ref == 0 {
		c.found = append(c.found, found{ls, o.Metadata.Type})
	}
	o.Exemplars = nil
	return c.AppenderV2.Append(ref, ls, 0, c.at, v, h, fh, o)
}

// Commit implements storage.AppenderV2.
func (c *clocked) Commit() error {
	if err := c.AppenderV2.Commit(); err != nil {
		return err
	}
	c.families.add(c.found)
	return nil
}
