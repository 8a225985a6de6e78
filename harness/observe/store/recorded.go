package store

import (
	"context"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// recorded are the results of rules that have a label phase: it comes from their
// expression or from the rule, and is theirs.
type recorded struct {
	mu     sync.RWMutex
	hashes map[uint64]bool
}

func newRecorded() *recorded { return &recorded{hashes: map[uint64]bool{}} }

func (r *recorded) has(ls labels.Labels) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.hashes) > 0 && r.hashes[ls.Hash()]
}

// note is called before a sample is there, so that nobody sees one without it.
func (r *recorded) note(ls labels.Labels) {
	if !ls.Has(phaseLabel) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hashes[ls.Hash()] = true
}

// Appender implements storage.Appendable, for the results of rules: samples keep the
// times that they come with.
func (s *Store) Appender(ctx context.Context) storage.Appender {
	return recording{Appender: s.db.Appender(ctx), recorded: s.recorded}
}

type recording struct {
	storage.Appender
	recorded *recorded
}

// Append implements storage.Appender.
func (r recording) Append(ref storage.SeriesRef, ls labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	r.recorded.note(ls)
	return r.Appender.Append(ref, ls, t, v)
}

// AppendHistogram implements storage.Appender.
func (r recording) AppendHistogram(ref storage.SeriesRef, ls labels.Labels, t int64,
	h *histogram.Histogram, fh *histogram.FloatHistogram,
) (storage.SeriesRef, error) {
	r.recorded.note(ls)
	return r.Appender.AppendHistogram(ref, ls, t, h, fh)
}
