package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// answered adds to a record what the checks of a plan want to know and nobody asked
// while the run lasted, as when a run is judged by other checks than its own. It is
// read from the metrics of the run; where there are none, the checks will say so.
func answered(dir rundir.Dir, record *journal.Record, plan *scenarios.Plan) error {
	missing := unanswered(record, plan)
	if len(missing) == 0 {
		return nil
	}
	if _, err := os.Stat(dir.Metrics()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	intent, err := dir.ReadIntent()
	if err != nil {
		return err
	}
	var traffic, end time.Duration
	for _, e := range record.Events {
		switch e.Body.(type) {
		case journal.TrafficStarted:
			traffic = e.T
		case journal.TrafficEnded:
			end = e.T
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerPatience)
	defer cancel()
	results, err := observe.Again(ctx, dir.Metrics(), intent.Started, traffic, end, missing)
	if err != nil {
		return fmt.Errorf("ask the metrics of the run: %w", err)
	}
	record.Events = slices.DeleteFunc(record.Events, func(e journal.Event) bool {
		r, is := e.Body.(journal.QueryResult)
		return is && slices.ContainsFunc(missing, func(q scenarios.PlannedQuery) bool { return q.ID == r.ID })
	})
	for _, r := range results {
		record.Events = append(record.Events, journal.Event{T: end, Body: r})
	}
	return nil
}

// unanswered are the queries of a plan that a record has no answer to.
func unanswered(record *journal.Record, plan *scenarios.Plan) (missing []scenarios.PlannedQuery) {
	if plan == nil || plan.Metrics == nil {
		return nil
	}
	for _, q := range plan.Metrics.Queries {
		if !slices.ContainsFunc(record.Events, func(e journal.Event) bool {
			r, is := e.Body.(journal.QueryResult)
			return is && r.ID == q.ID && r.Expr == q.Expr && r.Step == q.Step.Std()
		}) {
			missing = append(missing, q)
		}
	}
	return missing
}
