package scrape

import (
	"math"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

var stale = math.Float64frombits(value.StaleNaN)

// page is a target from one Update to the one that removes it, and the series that
// count now. What the manager knows of staleness is not used: a series counts as long
// as every scrape that is committed has it, in the phase of its last sample.
type page struct {
	Target
	address string // of this page only, ever
	every   time.Duration
	most    int  // series at a time
	ever    int  // different series over the run
	phases  bool // whether the run has any

	mu      sync.Mutex
	gone    bool
	scrapes uint64
	ids     storage.SeriesRef
	byID    map[storage.SeriesRef]*series
	byHash  map[uint64]*series
	taken   int   // series that there have been
	refused error // of the last fetch
	told    told
	doubt   doubt
}

// series is one series of a page. The reference that the manager has of it is ours, and
// stays over phases; the store has one for each.
type series struct {
	id       storage.SeriesRef
	scraped  labels.Labels // as the manager has them
	stored   labels.Labels // with the phase
	phase    string
	ref      storage.SeriesRef
	counts   bool   // its last sample is committed, and no marker after it
	seen     uint64 // the scrape that had it last
	reported bool   // by the manager, of the scrape itself
}

func newPage(t Target, address string, o Options) *page {
	p := &page{
		Target: t, address: address, every: o.Every, most: o.MaxSeries, ever: turnover * o.MaxSeries,
		phases: o.Phase != nil,
		byID:   map[storage.SeriesRef]*series{}, byHash: map[uint64]*series{},
	}
	if t == own { // what goes without saying is that it can be read
		p.ever = math.MaxInt
		p.told = told{any: true, up: true, reasons: map[string]bool{"": true}}
	}
	return p
}

// fetched keeps why the last fetch failed, nil if it did not.
func (p *page) fetched(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused = err
}

// forget makes the page take nothing in any more.
func (p *page) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
}

// end is forget, and the end of every series.
func (p *page) end(to storage.AppenderV2) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	for _, s := range p.byID {
		if s.counts {
			// What the store cannot take is too old to matter.
			_, _ = to.Append(s.ref, s.stored, 0, 0, stale, nil, nil, storage.AppendV2Options{})
		}
	}
	_ = to.Commit() // as above
	p.byID, p.byHash = nil, nil
}

// find is the series with these labels as scraped; nil if there is none.
func (p *page) find(id storage.SeriesRef, ls labels.Labels) *series {
	if s := p.byID[id]; s != nil {
		return s
	}
	if s := p.byHash[ls.Hash()]; s != nil && labels.Equal(s.scraped, ls) {
		return s
	}
	return nil
}

func (p *page) add(ls labels.Labels) *series {
	p.ids++
	s := &series{id: p.ids, scraped: ls}
	p.byID[s.id], p.byHash[ls.Hash()] = s, s
	return s
}

func (p *page) drop(s *series) {
	delete(p.byID, s.id)
	if hash := s.scraped.Hash(); p.byHash[hash] == s {
		delete(p.byHash, hash)
	}
}

// labelled are the labels that a series is stored with.
func (p *page) labelled(ls labels.Labels, phase string) labels.Labels {
	b := labels.NewBuilder(ls)
	switch {
	case p.Target != own:
		if was := ls.Get("phase"); was != "" && p.phases {
			b.Set(model.ExportedLabelPrefix+"phase", was)
		}
		if p.phases {
			b.Set("phase", phase) // "" is none
		}
	case ls.Get(model.InstanceLabel) == p.address: // the manager gives one to everything
		b.Del(model.InstanceLabel)
	}
	return b.Labels()
}
