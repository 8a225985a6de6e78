// Package stored opens the metrics of a run that is over, or that goes on elsewhere, to
// be asked: by expression, and over HTTP.
package stored

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/api"
	"github.com/shakedown-dev/shakedown/harness/observe/store"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Run has metrics that can be asked for; it is safe for concurrent use until Close.
type Run struct {
	api.Source
	// Times are the wall times of what happened in it.
	Times
	// Every is how often instances were scraped.
	Every time.Duration

	history *api.History
	reader  *store.Reader
}

// Open opens the metrics in the directory of a run. The error of a run without any says
// how to get some.
func Open(path string) (*Run, error) {
	dir, err := rundir.Open(path)
	if err != nil {
		return nil, err
	}
	intent, err := dir.ReadIntent()
	if err != nil {
		return nil, err
	}
	if err := measured(dir, intent.Plan); err != nil {
		return nil, err
	}
	events, last, err := journal.Scan(dir.Journal(), append(timed(), api.Observed()...)...)
	if err != nil {
		return nil, fmt.Errorf("read the journal of the run: %w", err)
	}
	every := time.Second
	if m := intent.Plan.Metrics; m != nil && m.Every > 0 {
		every = m.Every.Std()
	}
	reader, err := store.Open(dir.Metrics(), store.Options{Every: every})
	if err != nil {
		return nil, err
	}
	history := api.NewHistory(intent.Started)
	for _, e := range events {
		history.Observe(e)
	}
	return &Run{
		Source: api.Source{Engine: reader.Engine(), Queryable: reader.Queryable()},
		Times:  timesOf(intent.Started, events, last), Every: every, history: history, reader: reader,
	}, nil
}

// measured tells why a run has no metrics, and how the next one gets some.
func measured(dir rundir.Dir, plan *scenarios.Plan) error {
	_, err := os.Stat(dir.Metrics())
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open the metrics of the run: %w", err)
	case plan.Metrics == nil:
		return fmt.Errorf("%s has no metrics: its scenario asks for none; give the scenario a section metrics (metrics: {} will do) and run it again", dir)
	}
	return fmt.Errorf("%s has no metrics: it ended before any were taken; its report says why", dir)
}

// Handler answers Prometheus' HTTP API on the run. What it calls now is its end.
func (r *Run) Handler() http.Handler {
	return api.Handler(r.Source, api.Info{Now: func() time.Time { return r.End }, History: r.history})
}

// Close ends reading, once every query is over.
func (r *Run) Close() error { return r.reader.Close() }
