package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// added are the labels that the run puts on what it scrapes from instances; they are
// no labels of the metric itself.
var added = []string{model.MetricNameLabel, model.JobLabel, "service", model.InstanceLabel, phaseLabel}

// reported are the series that every scrape adds about itself.
var reported = map[string]bool{
	"up": true, "scrape_duration_seconds": true, "scrape_samples_scraped": true,
	"scrape_samples_post_metric_relabeling": true, "scrape_series_added": true,
}

// Exported are the metrics that were scraped, by service and name: without the results
// of rules, and without what scrapes say of themselves. A series counts once, however
// many phases it was there in; labels are without those that the run adds.
func (s *Store) Exported(ctx context.Context) ([]journal.Exported, error) {
	all, err := s.exported(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the metrics that are exported: %w", err)
	}
	return all, nil
}

func (s *Store) exported(ctx context.Context) ([]journal.Exported, error) {
	q, err := s.queryable.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	defer q.Close() //nolint:errcheck // nothing was written
	named := labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, "")
	set := q.Select(ctx, false, &storage.SelectHints{Start: math.MinInt64, End: math.MaxInt64, Func: "series"}, named)
	tallies := map[family]*tally{}
	for set.Next() {
		ls := set.At().Labels()
		at, typ, ok := s.families.of(ls)
		if !ok || reported[at.metric] {
			continue
		}
		if tallies[at] == nil {
			tallies[at] = &tally{of: typ, labels: map[string]bool{}, series: map[uint64]bool{}}
		}
		tallies[at].add(ls, at.service == "")
	}
	if err := set.Err(); err != nil {
		return nil, err
	}
	all := make([]journal.Exported, 0, len(tallies))
	for at, t := range tallies {
		all = append(all, t.exported(at))
	}
	slices.SortFunc(all, func(a, b journal.Exported) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Metric, b.Metric))
	})
	return all, nil
}

// tally counts the series of a family.
type tally struct {
	of     model.MetricType
	labels map[string]bool
	series map[uint64]bool // hashes of labels
}

// add counts a series. What the run exports of itself has no phase but of its own.
func (t *tally) add(ls labels.Labels, own bool) {
	if own {
		t.series[ls.Hash()] = true
	} else {
		t.series[labels.NewBuilder(ls).Del(phaseLabel).Labels().Hash()] = true
	}
	ls.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel || l.Name == model.JobLabel || (!own && slices.Contains(added, l.Name)) {
			return
		}
		t.labels[l.Name] = true
	})
}

func (t *tally) exported(at family) journal.Exported {
	typ := string(t.of)
	if t.of == model.MetricTypeUnknown {
		typ = ""
	}
	return journal.Exported{
		Service: at.service, Metric: at.metric, Type: typ,
		Labels: slices.Sorted(maps.Keys(t.labels)), Series: len(t.series),
	}
}

// without cuts the first suffix that a name ends in.
func without(name string, suffixes ...string) string {
	for _, suffix := range suffixes {
		if rest, ok := strings.CutSuffix(name, suffix); ok {
			return rest
		}
	}
	return name
}
