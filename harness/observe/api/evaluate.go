package api

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/shakedown-dev/shakedown/harness/observe/store"
)

// An Answer is what an expression came to. It may be used until
// its source is closed.
type Answer struct {
	// Warnings tell that the value is incomplete or suspicious, Infos that the
	// expression may not mean what was intended.
	Warnings []string
	Infos    []string

	value parser.Value
}

// BadQuery is an expression that is no PromQL; the error says where.
type BadQuery struct{ error }

func (e BadQuery) Unwrap() error { return e.error }

// Instant evaluates an expression at a moment. The error is a BadQuery, or that of the
// engine.
func (s Source) Instant(ctx context.Context, expr string, at time.Time) (Answer, error) {
	return s.instant(ctx, expr, at, nil)
}

// Range evaluates an expression at from, and once in step up to and with to;
// errors as those of Instant.
func (s Source) Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) (Answer, error) {
	return s.ranged(ctx, expr, from, to, step, nil)
}

func (s Source) instant(ctx context.Context, expr string, at time.Time, opts promql.QueryOpts) (Answer, error) {
	query, err := s.Engine.NewInstantQuery(ctx, s.Queryable, opts, expr, at)
	if err != nil {
		return Answer{}, BadQuery{err}
	}
	return exec(ctx, query, expr)
}

func (s Source) ranged(ctx context.Context, expr string, from, to time.Time, step time.Duration, opts promql.QueryOpts) (Answer, error) {
	query, err := s.Engine.NewRangeQuery(ctx, s.Queryable, opts, expr, from, to, step)
	if err != nil {
		return Answer{}, BadQuery{err}
	}
	return exec(ctx, query, expr)
}

// exec does not close the query: that would hand the points of the answer to the next.
func exec(ctx context.Context, query promql.Query, expr string) (Answer, error) {
	result := query.Exec(ctx)
	if result.Err != nil {
		return Answer{}, result.Err
	}
	answer := Answer{value: result.Value}
	answer.Warnings, answer.Infos = told(result.Warnings, expr)
	return answer, nil
}

// told are the first of what the engine noticed, as Prometheus words them.
func told(noticed annotations.Annotations, expr string) (warnings, infos []string) {
	const most = 10
	return noticed.AsStrings(expr, most, most)
}

// Type is "vector", "matrix", "scalar" or "string".
func (a Answer) Type() string { return string(a.value.Type()) }

// Text is the value of an answer of type string.
func (a Answer) Text() string {
	if s, ok := a.value.(promql.String); ok {
		return s.V
	}
	return ""
}

// Series are the numbers of the answer, in its order: of a scalar one series without
// labels. Native histograms, which are no numbers, are left out and counted in left.
func (a Answer) Series() (series []store.Series, left int) {
	switch v := a.value.(type) {
	case promql.Scalar:
		series = append(series, one(nil, promql.FPoint{T: v.T, F: v.V}))
	case promql.Vector:
		for _, sample := range v {
			if sample.H != nil {
				left++
				continue
			}
			series = append(series, one(sample.Metric.Map(), promql.FPoint{T: sample.T, F: sample.F}))
		}
	case promql.Matrix:
		for _, line := range v {
			left += len(line.Histograms)
			if len(line.Floats) > 0 {
				series = append(series, one(line.Metric.Map(), line.Floats...))
			}
		}
	}
	return series, left
}

func one(labels map[string]string, points ...promql.FPoint) store.Series {
	s := store.Series{Labels: labels}
	for _, p := range points {
		s.Times = append(s.Times, time.UnixMilli(p.T).UTC())
		s.Values = append(s.Values, p.F)
	}
	return s
}

// cut leaves the first series of an answer.
func (a *Answer) cut(limit int) {
	var more []string
	switch v := a.value.(type) {
	case promql.Vector:
		v, more = limited(v, limit)
		a.value = v
	case promql.Matrix:
		v, more = limited(v, limit)
		a.value = v
	}
	a.Warnings = append(a.Warnings, more...)
}
