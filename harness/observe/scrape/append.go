package scrape

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
)

// AppenderV2 implements storage.AppendableV2 for the scrape manager, which asks for an
// appender when a scrape begins. Nobody else has a use for it.
func (s *Scraper) AppenderV2(ctx context.Context) storage.AppenderV2 {
	target, ok := scrape.TargetFromContext(ctx)
	if !ok {
		return nowhere{}
	}
	p := s.page(target.GetValue(model.AddressLabel))
	if p == nil { // removed in the meantime
		return nowhere{}
	}
	number := p.begin()
	return &transaction{
		scraper: s, page: p, target: target, number: number,
		phase: s.options.phase(), to: s.options.Store.AppenderV2(ctx),
	}
}

// transaction is what one scrape appends. It goes to the store when it is committed:
// pages that are refused in the middle leave nothing there, and no series either.
type transaction struct {
	scraper *Scraper
	page    *page
	target  *scrape.Target
	number  uint64
	phase   string
	to      storage.AppenderV2
	up      bool // once it is committed
	samples []sample
}

type sample struct {
	of   *series
	v    float64
	h    *histogram.Histogram
	fh   *histogram.FloatHistogram
	more storage.AppendV2Options
}

func (p *page) begin() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.scrapes++
	return p.scrapes
}

// Append implements storage.AppenderV2. Staleness markers of the manager are passed
// over: Commit writes them.
func (t *transaction) Append(ref storage.SeriesRef, ls labels.Labels, _, _ int64, v float64,
	h *histogram.Histogram, fh *histogram.FloatHistogram, o storage.AppendV2Options,
) (storage.SeriesRef, error) {
	if value.IsStaleNaN(v) {
		return ref, nil
	}
	t.page.mu.Lock()
	defer t.page.mu.Unlock()
	if t.page.gone {
		return ref, nil
	}
	s := t.page.find(ref, ls)
	switch {
	case s == nil:
		reported := strings.HasSuffix(o.MetricFamilyName, "\xff") // so the manager marks its own
		if t.page.taken >= t.page.ever && !reported {
			return 0, fmt.Errorf("it has had %d different series over the run, and no more are taken in; "+
				"is there a label whose values never come back?", t.page.taken)
		}
		s = t.page.add(ls)
		s.reported = reported
	case s.seen == t.number:
		return 0, storage.ErrDuplicateSampleForTimestamp
	}
	s.seen = t.number
	o.Exemplars, o.MetricFamilyName = nil, "" // both are only lent
	t.samples = append(t.samples, sample{s, v, h, fh, o})
	return s.id, nil
}

// Rollback implements storage.AppenderV2.
func (t *transaction) Rollback() error {
	t.page.mu.Lock()
	defer t.page.mu.Unlock()
	for _, s := range t.samples {
		if !s.of.counts {
			t.page.drop(s.of)
		}
	}
	return t.to.Rollback()
}

// Commit implements storage.AppenderV2. A transaction without a sample is of a target
// that the manager has given up: its series have ended already.
func (t *transaction) Commit() error {
	if len(t.samples) == 0 {
		return t.to.Rollback()
	}
	t.up = t.target.Health() == scrape.HealthGood
	change, err := t.commit(t.scraper.known(t.page, t.up))
	if change != nil {
		t.scraper.options.Emit(*change)
	}
	return err
}

// nowhere takes what is under way for a page that has been removed.
type nowhere struct{}

// Append implements storage.AppenderV2.
func (nowhere) Append(ref storage.SeriesRef, _ labels.Labels, _, _ int64, _ float64,
	_ *histogram.Histogram, _ *histogram.FloatHistogram, _ storage.AppendV2Options,
) (storage.SeriesRef, error) {
	return ref, nil
}

// Commit implements storage.AppenderV2.
func (nowhere) Commit() error { return nil }

// Rollback implements storage.AppenderV2.
func (nowhere) Rollback() error { return nil }
