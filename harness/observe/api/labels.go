package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// lookup is what a question for labels or series is about.
type lookup struct {
	storage.Querier
	sets       [][]*labels.Matcher
	start, end int64 // milliseconds since 1970
	limit      int
}

// lookUp reads the parameters that these questions share; the querier has to be closed.
func (s *server) lookUp(r *http.Request) (*lookup, error) {
	limit, err := limitOf(r)
	if err != nil {
		return nil, err
	}
	from, to, err := period(r)
	if err != nil {
		return nil, err
	}
	sets, err := s.selectors(r)
	if err != nil {
		return nil, err
	}
	l := &lookup{sets: sets, start: timestamp.FromTime(from), end: timestamp.FromTime(to), limit: limit}
	l.Querier, err = s.Queryable.Querier(l.start, l.end)
	return l, err
}

// union asks for each selector, or once without any, and puts the words together, in
// order and each of them once.
func (l *lookup) union(ask func(...*labels.Matcher) ([]string, annotations.Annotations, error)) (reply, error) {
	sets := l.sets
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	words := []string{}
	var noticed annotations.Annotations
	for _, set := range sets {
		some, warnings, err := ask(set...)
		if err != nil {
			return reply{}, err
		}
		words = append(words, some...)
		noticed.Merge(warnings)
	}
	slices.Sort(words)
	words, cut := limited(slices.Compact(words), l.limit)
	warnings, infos := told(noticed, "")
	return reply{data: words, warnings: append(warnings, cut...), infos: infos}, nil
}

func (s *server) labelNames(r *http.Request) (reply, error) {
	l, err := s.lookUp(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = l.Close() }() // only read
	return l.union(func(set ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return l.LabelNames(r.Context(), nil, set...)
	})
}

func (s *server) labelValues(r *http.Request) (reply, error) {
	name := r.PathValue("name")
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return reply{}, badData{fmt.Errorf("invalid label name: %q", name)}
	}
	l, err := s.lookUp(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = l.Close() }() // only read
	return l.union(func(set ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return l.LabelValues(r.Context(), name, nil, set...)
	})
}

func (s *server) series(r *http.Request) (reply, error) {
	if len(r.Form["match[]"]) == 0 {
		return reply{}, badData{errors.New("no match[] parameter provided")}
	}
	l, err := s.lookUp(r)
	if wrong := (badSelector{}); errors.As(err, &wrong) {
		err = badParameter("match[]", wrong.error) // Prometheus says so here only
	}
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = l.Close() }() // only read
	return l.series(r.Context())
}

// series lists the series of all selectors, each of them once.
func (l *lookup) series(ctx context.Context) (reply, error) {
	// "series" is Prometheus' word for a question that needs no samples.
	hints := &storage.SelectHints{Start: l.start, End: l.end, Func: "series"}
	var sets []storage.SeriesSet
	for _, set := range l.sets {
		sets = append(sets, l.Select(ctx, true, hints, set...)) // sorted, to be merged
	}
	all := storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge)
	found := []map[string]string{}
	for all.Next() && (l.limit == 0 || len(found) <= l.limit) {
		found = append(found, all.At().Labels().Map())
	}
	if err := errors.Join(all.Err(), ctx.Err()); err != nil {
		return reply{}, err
	}
	warnings, infos := told(all.Warnings(), "")
	found, cut := limited(found, l.limit)
	return reply{data: found, warnings: append(warnings, cut...), infos: infos}, nil
}
