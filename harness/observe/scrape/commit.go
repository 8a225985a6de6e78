package scrape

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/storage"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// commit writes the samples, and the end of every series that counted and is not among
// them or is in another phase. The change is nil if there is none to tell.
func (t *transaction) commit(known bool) (*journal.ScrapeChanged, error) {
	p := t.page
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil, t.to.Rollback()
	}
	if !known { // nor is there any series of it
		return p.missed(t), t.to.Rollback()
	}
	var failed error
	for _, s := range t.samples {
		if err := t.write(s); err != nil {
			failed = err // one is enough to know
		}
	}
	t.endRest()
	if err := t.to.Commit(); err != nil {
		return nil, err
	}
	return p.change(t), failed
}

// write appends a sample in the phase of the scrape, and ends the series in the one
// before, which has a sample for every moment up to now.
func (t *transaction) write(one sample) error {
	s := one.of
	if s.ref == 0 || s.phase != t.phase {
		if s.counts {
			t.end(s)
		}
		if s.stored.IsEmpty() {
			t.page.taken++
		}
		s.stored, s.phase, s.ref = t.page.labelled(s.scraped, t.phase), t.phase, 0
	}
	ref, err := t.to.Append(s.ref, s.stored, 0, 0, one.v, one.h, one.fh, one.more)
	if err != nil {
		return err
	}
	s.ref, s.counts = ref, true
	return nil
}

// endRest ends what this scrape does not have. A page of which Prometheus has refused
// every sample (the wall clock was set back while it was fetched, so that they seem to
// be from the future) has told nothing of what it has.
func (t *transaction) endRest() {
	if t.lost() {
		return
	}
	for _, s := range t.page.byID {
		if s.seen == t.number {
			continue
		}
		if s.counts {
			t.end(s)
		}
		t.page.drop(s)
	}
}

func (t *transaction) lost() bool {
	return t.up && t.reading("scrape_samples_post_metric_relabeling") > 0 && t.series() == 0
}

func (t *transaction) end(s *series) {
	s.counts = false
	// What the store cannot take is too old to matter.
	_, _ = t.to.Append(s.ref, s.stored, 0, 0, stale, nil, nil, storage.AppendV2Options{})
}

// series is how many the page itself has.
func (t *transaction) series() int {
	n := 0
	for _, s := range t.samples {
		if !s.of.reported {
			n++
		}
	}
	return n
}

// reading is what the manager says of the scrape, 0 if it does not.
func (t *transaction) reading(name string) int {
	for _, s := range t.samples {
		if s.of.reported && s.of.scraped.Get(model.MetricNameLabel) == name {
			return int(s.v)
		}
	}
	return 0
}
