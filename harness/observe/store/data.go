package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// Data is metrics that can be asked: of a Store, or of a Reader. All methods can be
// called concurrently.
type Data struct {
	queryable storage.Queryable
	engine    *promql.Engine
}

func newEngine(o Options, registry prometheus.Registerer) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Reg:                      registry,
		MaxSamples:               o.MaxSamples,
		Timeout:                  o.Timeout,
		LookbackDelta:            o.lookback(),
		NoStepSubqueryIntervalFn: func(int64) int64 { return o.Every.Milliseconds() },
		EnableAtModifier:         true, // both are so in every Prometheus
		EnableNegativeOffset:     true,
		Parser:                   language,
	})
}

var language = parser.NewParser(parser.Options{})

// Querier implements storage.Queryable; times are milliseconds since 1970.
func (d *Data) Querier(mint, maxt int64) (storage.Querier, error) {
	return d.queryable.Querier(mint, maxt)
}

// Queryable is what the engine reads from.
func (d *Data) Queryable() storage.Queryable { return d.queryable }

// Engine is what evaluates expressions, with the bounds of Options.
func (d *Data) Engine() *promql.Engine { return d.engine }

// Instant evaluates an expression at one time. The error names the expression, and the
// place in it where it has one.
func (d *Data) Instant(ctx context.Context, expr string, at time.Time) (parser.Value, annotations.Annotations, error) {
	query, err := d.engine.NewInstantQuery(ctx, d.queryable, nil, expr, at)
	if err != nil {
		return nil, nil, refused(expr, err)
	}
	return finished(expr, query.Exec(ctx)) // no Close: it would take the value back
}

// RangeQuery evaluates an expression at from, and once in step up to and including to.
func (d *Data) RangeQuery(ctx context.Context, expr string, from, to time.Time, step time.Duration,
) (parser.Value, annotations.Annotations, error) {
	switch {
	case step < time.Millisecond:
		return nil, nil, fmt.Errorf("evaluate %s: a step of %s is none; the shortest is 1ms", expr, step)
	case to.Before(from):
		return nil, nil, fmt.Errorf("evaluate %s: its end, %s, is before its start, %s",
			expr, to.Format(time.RFC3339Nano), from.Format(time.RFC3339Nano))
	}
	query, err := d.engine.NewRangeQuery(ctx, d.queryable, nil, expr, from, to, step)
	if err != nil {
		return nil, nil, refused(expr, err)
	}
	return finished(expr, query.Exec(ctx))
}

func finished(expr string, result *promql.Result) (parser.Value, annotations.Annotations, error) {
	if result.Err != nil {
		return nil, result.Warnings, refused(expr, result.Err)
	}
	return result.Value, result.Warnings, nil
}

// refused says what can be done about an expression that has no answer.
func refused(expr string, err error) error {
	var late promql.ErrQueryTimeout
	var many promql.ErrTooManySamples
	switch {
	case errors.As(err, &late):
		return fmt.Errorf("evaluate %s: %w; ask for fewer series, or a shorter time", expr, err)
	case errors.As(err, &many):
		return fmt.Errorf("evaluate %s: %w; ask for fewer series, a shorter time, or a longer step", expr, err)
	}
	return fmt.Errorf("evaluate %s: %w", expr, err)
}

// Query evaluates an expression at one time. A scalar is one series without labels; a
// range vector has all of its samples.
func (d *Data) Query(ctx context.Context, expr string, at time.Time) ([]Series, error) {
	value, _, err := d.Instant(ctx, expr, at)
	if err != nil {
		return nil, err
	}
	return plain(expr, value)
}

// Range evaluates an expression at from, and once in step up to and including to.
// Times at which a series has no value are left out of it.
func (d *Data) Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	value, _, err := d.RangeQuery(ctx, expr, from, to, step)
	if err != nil {
		return nil, err
	}
	return plain(expr, value)
}

// Series are the labels of what is selected by any of the selectors and has samples in
// that time, in order.
func (d *Data) Series(ctx context.Context, selectors []string, from, to time.Time) ([]labels.Labels, error) {
	if len(selectors) == 0 {
		return nil, errors.New("list series: name at least one selector: up, or {service=\"orders\"}")
	}
	var all []labels.Labels
	_, err := d.each(selectors, from, to, func(q storage.Querier, by []*labels.Matcher) (annotations.Annotations, error) {
		hints := &storage.SelectHints{Start: timestamp.FromTime(from), End: timestamp.FromTime(to), Func: "series"}
		set := q.Select(ctx, true, hints, by...)
		for set.Next() {
			all = append(all, set.At().Labels())
		}
		return set.Warnings(), set.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list series: %w", err)
	}
	slices.SortFunc(all, labels.Compare)
	return slices.CompactFunc(all, labels.Equal), nil
}

// LabelNames are the names of labels of the series that are selected, of all without
// selectors, in order.
func (d *Data) LabelNames(ctx context.Context, selectors []string, from, to time.Time) ([]string, annotations.Annotations, error) {
	var names []string
	warnings, err := d.each(selectors, from, to, func(q storage.Querier, by []*labels.Matcher) (annotations.Annotations, error) {
		some, warnings, err := q.LabelNames(ctx, nil, by...)
		names = append(names, some...)
		return warnings, err
	})
	if err != nil {
		return nil, warnings, fmt.Errorf("list names of labels: %w", err)
	}
	slices.Sort(names)
	return slices.Compact(names), warnings, nil
}

// LabelValues are the values of a label among the series that are selected, among all
// without selectors, in order.
func (d *Data) LabelValues(ctx context.Context, name string, selectors []string, from, to time.Time,
) ([]string, annotations.Annotations, error) {
	var values []string
	warnings, err := d.each(selectors, from, to, func(q storage.Querier, by []*labels.Matcher) (annotations.Annotations, error) {
		some, warnings, err := q.LabelValues(ctx, name, nil, by...)
		values = append(values, some...)
		return warnings, err
	})
	if err != nil {
		return nil, warnings, fmt.Errorf("list values of label %s: %w", name, err)
	}
	slices.Sort(values)
	return slices.Compact(values), warnings, nil
}

// each asks once for every selector, or once without one.
func (d *Data) each(selectors []string, from, to time.Time,
	ask func(storage.Querier, []*labels.Matcher) (annotations.Annotations, error),
) (annotations.Annotations, error) {
	sets, err := language.ParseMetricSelectors(selectors)
	if err != nil {
		return nil, err
	}
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	q, err := d.queryable.Querier(timestamp.FromTime(from), timestamp.FromTime(to))
	if err != nil {
		return nil, err
	}
	var warnings annotations.Annotations
	for _, by := range sets {
		some, err := ask(q, by)
		warnings = warnings.Merge(some)
		if err != nil {
			return warnings, errors.Join(err, q.Close())
		}
	}
	return warnings, q.Close()
}
