package store

import (
	"context"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// phaseLabel is the label that scraped series get from the run.
const phaseLabel = "phase"

// WithoutPhase shows what was scraped as it would be without phases, which is how the
// Prometheus of a team sees it: no series of an instance has the label phase, and those
// that differ in nothing else are one, in order of time. So a rate goes on over the
// change of a phase, and the for of an alert does not start anew.
//
// The staleness marker that ends a series in a phase goes where the next phase has a
// sample at the same time; a marker without one is a real end, and stays. What the run
// itself exports and what rules have recorded keep a label phase, since it is their own.
//
// A matcher on phase still selects by the phase of the run: the samples of the other
// phases are left out, and those that are selected are merged and have no label phase
// either. So a series that is selected by a phase begins and ends with it.
func (s *Store) WithoutPhase() storage.Queryable {
	return withoutPhase{of: s.queryable, recorded: s.recorded}
}

type withoutPhase struct {
	of       storage.Queryable
	recorded *recorded
}

// Querier implements storage.Queryable.
func (w withoutPhase) Querier(mint, maxt int64) (storage.Querier, error) {
	q, err := w.of.Querier(mint, maxt)
	if err != nil {
		return nil, err
	}
	return phaseless{Querier: q, recorded: w.recorded, mint: mint, maxt: maxt}, nil
}

// phaseless selects without phases.
type phaseless struct {
	storage.Querier
	recorded   *recorded
	mint, maxt int64
}

// Select implements storage.Querier.
func (p phaseless) Select(ctx context.Context, ordered bool, hints *storage.SelectHints, by ...*labels.Matcher) storage.SeriesSet {
	set := p.Querier.Select(ctx, false, hints, by...)
	all := p.merge(set) // to its end, before which there is no error
	return &mergedSet{all: all, ordered: ordered, err: set.Err(), warnings: set.Warnings()}
}

// keeps says whether the label phase is a series' own.
func (p phaseless) keeps(ls labels.Labels) bool {
	return ls.Get(model.JobLabel) == ownJob || p.recorded.has(ls)
}

// LabelNames implements storage.LabelQuerier.
func (p phaseless) LabelNames(ctx context.Context, hints *storage.LabelHints, by ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	names, warnings, err := p.Querier.LabelNames(ctx, hints, by...)
	at := slices.Index(names, phaseLabel)
	if err != nil || at < 0 {
		return names, warnings, err
	}
	own, more, err := p.phases(ctx, by)
	if len(own) == 0 {
		names = slices.Delete(names, at, at+1)
	}
	return names, warnings.Merge(more), err
}

// LabelValues implements storage.LabelQuerier.
func (p phaseless) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, by ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	if name != phaseLabel {
		return p.Querier.LabelValues(ctx, name, hints, by...)
	}
	own, warnings, err := p.phases(ctx, by)
	if hints != nil && hints.Limit > 0 && len(own) > hints.Limit {
		own = own[:hints.Limit]
	}
	return own, warnings, err
}

// phases are the values of the label phase of the series that keep it, in order.
func (p phaseless) phases(ctx context.Context, by []*labels.Matcher) ([]string, annotations.Annotations, error) {
	some := labels.MustNewMatcher(labels.MatchNotEqual, phaseLabel, "")
	hints := &storage.SelectHints{Start: p.mint, End: p.maxt, Func: "series"}
	set := p.Querier.Select(ctx, false, hints, append(slices.Clone(by), some)...)
	var own []string
	for set.Next() {
		if ls := set.At().Labels(); p.keeps(ls) {
			own = append(own, ls.Get(phaseLabel))
		}
	}
	slices.Sort(own)
	return slices.Compact(own), set.Warnings(), set.Err()
}
