package traffic

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a Sink that keeps everything; with err it fails.
type recorder struct {
	mutex     sync.Mutex
	traffic   []journal.Traffic
	generator []journal.Generator
	groups    []journal.ErrorGroup
	intervals []journal.Interval
	others    []journal.Body
	err       error
}

func (r *recorder) Append(e journal.Event) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch body := e.Body.(type) {
	case journal.Traffic:
		r.traffic = append(r.traffic, body)
	case journal.ErrorGroup:
		r.groups = append(r.groups, body)
	case journal.Generator:
		r.generator = append(r.generator, body)
	default:
		r.others = append(r.others, body)
	}
	return r.err
}

func (r *recorder) Latency(i journal.Interval) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	clone := *i.Histogram.Clone() // the driver uses it again
	i.Histogram = journal.NewHistogram()
	i.Histogram.Merge(&clone)
	r.intervals = append(r.intervals, i)
	return r.err
}

// times merges the intervals that match; "" matches any phase or step but the
// journey's own.
func (r *recorder) times(phase, step, measure string) *hdrhistogram.Histogram {
	all := journal.NewHistogram()
	for _, i := range r.intervals {
		if i.Tag.Measure == measure && i.Tag.Step == step && (phase == "" || i.Tag.Phase == phase) {
			all.Merge(i.Histogram)
		}
	}
	return all
}

// counts of a step, or of sessions.
type counts struct{ intended, sent, ok, failed, unknown int }

// add counts one that ended.
func (c *counts) add(o measure.Outcome) {
	switch o {
	case ok:
		c.ok++
	case fail:
		c.failed++
	case unknown:
		c.unknown++
	}
}

func quantile(h *hdrhistogram.Histogram, percent float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(percent)) * time.Microsecond
}

// sum adds up the counters of one step ("" is the journey) in a phase ("": all).
func (r *recorder) sum(phase, step string) counts {
	var c counts
	for _, t := range r.traffic {
		if t.Step == step && (phase == "" || t.Phase == phase) {
			c.intended += t.Intended
			c.sent += t.Sent
			c.ok += t.OK
			c.failed += t.Failed
			c.unknown += t.Unknown
		}
	}
	return c
}

func ms(n float64) scenarios.Duration { return scenarios.Duration(n * float64(time.Millisecond)) }

func think(n float64) *scenarios.Think { return &scenarios.Think{Constant: ms(n)} }

// get is a step that any status below 400 satisfies.
func get(path string) scenarios.PlannedStep {
	return scenarios.PlannedStep{Name: strings.Trim(path, "/"), Service: "api", Method: "GET", Path: path, Timeout: ms(60_000)}
}

// constant is a segment of evenly spaced sessions between two offsets in
// milliseconds.
func constant(from, to float64, rate scenarios.Rate) scenarios.PlannedSegment {
	return scenarios.PlannedSegment{Phase: "steady", Start: ms(from), End: ms(to), Constant: rate}
}

// planOf is one cohort on one journey at a constant rate in one phase.
func planOf(rate scenarios.Rate, length scenarios.Duration, steps ...scenarios.PlannedStep) *scenarios.Plan {
	return &scenarios.Plan{
		Seed: 1, Duration: length,
		Phases:   []scenarios.PlannedPhase{{Name: "steady", End: length}},
		Journeys: map[string][]scenarios.PlannedStep{"shop": steps},
		Load: []scenarios.PlannedLoad{{Cohort: "all", Journey: "shop", Segments: []scenarios.PlannedSegment{
			{Phase: "steady", End: length, Constant: rate},
		}}},
	}
}

// serve starts a server that ends with the test.
func serve(t *testing.T, handler http.HandlerFunc) (addr string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// play runs a plan against a server and wants no error.
func play(t *testing.T, plan *scenarios.Plan, addr string, adjust ...func(*Config)) (Totals, *recorder) {
	t.Helper()
	rec := &recorder{}
	cfg := Config{Plan: plan, Targets: map[string]string{"api": addr}, Clock: clock.Start(), Sink: rec, Drain: time.Minute}
	for _, f := range adjust {
		f(&cfg)
	}
	totals, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return totals, rec
}

// connections has the plan hold at most so many connections.
func connections(plan *scenarios.Plan, most int) *scenarios.Plan {
	plan.Connections = scenarios.PlannedConnections{Max: most, Reuse: true}
	return plan
}
