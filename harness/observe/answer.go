package observe

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/store"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// maxAnswer is how many series of an answer the record takes.
const maxAnswer = 200

// source is what answers expressions.
type source interface {
	Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]store.Series, error)
}

// Answer records what the checks of the plan want to know, and what is exported. What
// goes wrong is part of an answer.
func (o *Observer) Answer(ctx context.Context) {
	var from source = o.store
	if o.there != nil {
		from = o.there
	}
	start, end := time.Duration(o.traffic.Load()), o.cfg.Clock.Now()
	for _, q := range o.cfg.Plan.Metrics.Queries {
		o.emit(answer(ctx, from, q, o.cfg.Started, start, end))
	}
	exported, err := o.store.Exported(ctx)
	if o.there != nil && err == nil {
		exported, err = o.there.exported(ctx, exported)
	}
	if err != nil {
		o.remark(fmt.Errorf("list what is exported: %w", err))
	}
	for _, e := range exported {
		o.emit(e)
	}
}

// answer evaluates a query of a plan; start is that of traffic, end the last moment of
// which anything is known, as offsets from the start of the run.
func answer(ctx context.Context, from source, q scenarios.PlannedQuery, started time.Time, start, end time.Duration) journal.QueryResult {
	result := journal.QueryResult{ID: q.ID, Expr: q.Expr, Step: q.Step.Std()}
	first, last := start+q.Start.Std(), min(start+q.End.Std(), end)
	if start == 0 || last < first {
		result.Error = errNoTraffic.Error()
		return result
	}
	series, err := from.Range(ctx, q.Expr, started.Add(first), started.Add(last), q.Step.Std())
	if err != nil {
		result.Error = err.Error()
		return result
	}
	for i, s := range series {
		if i == maxAnswer {
			result.Left = len(series) - maxAnswer
			break
		}
		one := journal.QuerySeries{Labels: s.Labels}
		for j, v := range s.Values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				one.Not++
				continue
			}
			one.At, one.Values = append(one.At, s.Times[j].Sub(started)), append(one.Values, v)
		}
		result.Series = append(result.Series, one)
	}
	return result
}

// Again answers queries from the stored metrics of a run: those that nobody asked while
// it lasted. Times are offsets from its start.
func Again(ctx context.Context, dir string, started time.Time, traffic, end time.Duration, queries []scenarios.PlannedQuery) ([]journal.QueryResult, error) {
	reader, err := store.Open(dir, store.Options{})
	if err != nil {
		return nil, err
	}
	var results []journal.QueryResult
	for _, q := range queries {
		results = append(results, answer(ctx, reader, q, started, traffic, end))
	}
	return results, reader.Close()
}
