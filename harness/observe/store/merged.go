package store

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// merge reads a set to its end, and puts the series together that differ only in a
// phase that they do not keep.
func (p phaseless) merge(set storage.SeriesSet) []*merged {
	var all []*merged
	by := map[string]*merged{} // bytes of labels
	b, key := labels.NewBuilder(labels.EmptyLabels()), []byte(nil)
	for set.Next() {
		s := set.At()
		ls := s.Labels()
		if ls.Has(phaseLabel) && !p.keeps(ls) {
			b.Reset(ls)
			ls = b.Del(phaseLabel).Labels()
		}
		key = ls.Bytes(key)
		one := by[string(key)]
		if one == nil {
			one = &merged{labels: ls}
			by[string(key)] = one
			all = append(all, one)
		}
		one.of = append(one.of, s)
	}
	return all
}

// merged is a series of those of all phases.
type merged struct {
	labels labels.Labels
	of     []storage.Series
}

// Labels implements storage.Series.
func (m *merged) Labels() labels.Labels { return m.labels }

// Iterator implements storage.Series.
func (m *merged) Iterator(reused chunkenc.Iterator) chunkenc.Iterator {
	if len(m.of) == 1 {
		return m.of[0].Iterator(reused)
	}
	return join(reused, m.of)
}

// mergedSet is a set of series that are known already.
type mergedSet struct {
	all      []*merged
	ordered  bool
	err      error
	warnings annotations.Annotations
	at       int // number of the current series, from 1
}

// Next implements storage.SeriesSet.
func (s *mergedSet) Next() bool {
	if s.at == 0 && s.ordered {
		slices.SortFunc(s.all, func(a, b *merged) int { return labels.Compare(a.labels, b.labels) })
	}
	if s.err != nil || s.at == len(s.all) {
		return false
	}
	s.at++
	return true
}

// At implements storage.SeriesSet.
func (s *mergedSet) At() storage.Series { return s.all[s.at-1] }

// Err implements storage.SeriesSet.
func (s *mergedSet) Err() error { return s.err }

// Warnings implements storage.SeriesSet.
func (s *mergedSet) Warnings() annotations.Annotations { return s.warnings }
