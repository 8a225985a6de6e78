package alerts

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/teststorage"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// began is when the runs of tests start: at a whole multiple of every step of a subquery
// in them, because Prometheus takes those steps at multiples of them since 1970.
var began = time.Unix(1_699_999_200, 0).UTC()

// A lab is a store with an engine, and what an evaluator has journaled on it.
type lab struct {
	t      *testing.T
	store  *teststorage.TestStorage
	engine *promql.Engine
	events []journal.Event
}

// newLab has an engine that looks back over five scrapes.
func newLab(t *testing.T, every time.Duration) *lab {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 5 * every, EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return every.Milliseconds() },
	})
	t.Cleanup(func() { engine.Close() })
	return &lab{t: t, engine: engine, store: teststorage.New(t, func(o *tsdb.Options) { o.WALSegmentSize, o.StripeSize = -1, 64 })}
}

// config is that of an evaluator that journals to the lab.
func (l *lab) config(start time.Time) Config {
	return Config{Start: start, Engine: l.engine, Queryable: l.store, Appendable: l.store,
		Emit: func(at time.Time, body journal.Body) {
			l.events = append(l.events, journal.Event{T: at.Sub(start), Body: body})
		}}
}

// A series has one sample for each scrape, but where there is a gap in the page; stale is
// a staleness marker.
type series struct {
	labels labels.Labels
	values []float64
	gaps   []bool
}

var stale = math.Float64frombits(value.StaleNaN)

// scrape appends what all series have at their nth scrape.
func (l *lab) scrape(all []series, n int, at time.Time) {
	l.t.Helper()
	app := l.store.Appender(context.Background())
	for _, s := range all {
		if n >= len(s.values) || s.gaps != nil && s.gaps[n] {
			continue
		}
		if _, err := app.Append(0, s.labels, timestamp.FromTime(at), s.values[n]); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		l.t.Fatal(err)
	}
}

// promtool is series in the notation of promtool's unit tests, one a line:
// m{a="1"} 0x5 _ 1 stale
func promtool(t testing.TB, text string) []series {
	t.Helper()
	var out []series
	for line := range strings.Lines(strings.TrimSpace(text)) {
		metric, values, err := language.ParseSeriesDesc(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		s := series{labels: metric}
		for _, v := range values {
			s.values, s.gaps = append(s.values, v.Value), append(s.gaps, v.Omitted)
		}
		out = append(out, s)
	}
	return out
}

// write puts rules in a file.
func write(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// load wants rules without a problem.
func load(t testing.TB, text string, scale float64, options ...Option) *Rules {
	t.Helper()
	return loadFiles(t, []string{write(t, text)}, scale, options...)
}

func loadFiles(t testing.TB, files []string, scale float64, options ...Option) *Rules {
	t.Helper()
	rules, problems := Load(files, scale, options...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return rules
}

// run scrapes once a second and evaluates right after.
func (l *lab) run(rules *Rules, all []series, scrapes int) *Evaluator {
	l.t.Helper()
	e := NewEvaluator(rules, l.config(began))
	for n := range scrapes {
		at := began.Add(time.Duration(n) * time.Second)
		l.scrape(all, n, at)
		e.Eval(context.Background(), at)
	}
	return e
}

// changes are the transitions that were journaled.
func (l *lab) changes() []journal.Event {
	return l.only(func(b journal.Body) bool { _, ok := b.(journal.AlertChanged); return ok })
}

// failed are the failures that were journaled.
func (l *lab) failed() []journal.Event {
	return l.only(func(b journal.Body) bool { _, ok := b.(journal.RuleFailed); return ok })
}

func (l *lab) only(wanted func(journal.Body) bool) []journal.Event {
	var out []journal.Event
	for _, e := range l.events {
		if wanted(e.Body) {
			out = append(out, e)
		}
	}
	return out
}
