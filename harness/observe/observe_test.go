package observe

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stack is a cluster of one worker, whose page says how many jobs it runs.
type stack struct {
	mu   sync.Mutex
	jobs int
}

func (*stack) Running(service string) []string {
	if service == "worker" {
		return []string{"worker-1"}
	}
	return nil
}

func (s *stack) Fetch(_ context.Context, instance string, _ int, path string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if instance != "worker-1" || path != "/metrics" {
		return nil, errors.New("there is no such page")
	}
	return fmt.Appendf(nil, "# TYPE jobs_running gauge\njobs_running %d\n", s.jobs), nil
}

func (*stack) Usage(context.Context, string) (platform.Stats, error) {
	return platform.Stats{CPU: time.Second, Memory: 1 << 20, Limit: 1 << 21}, nil
}

func (*stack) Targets() map[string]string { return map[string]string{"gone": "127.0.0.1:9"} }

func (s *stack) work(jobs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs = jobs
}

// record keeps events and tells when one comes that is waited for.
type record struct {
	mu     sync.Mutex
	events []journal.Event
	came   chan struct{}
}

func (r *record) take(e journal.Event) {
	r.mu.Lock()
	r.events = append(r.events, e)
	r.mu.Unlock()
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// until waits for an event.
func (r *record) until(t *testing.T, what string, is func(journal.Body) bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		for _, e := range r.events {
			if is(e.Body) {
				r.mu.Unlock()
				return
			}
		}
		r.mu.Unlock()
		select {
		case <-r.came:
		case <-limit:
			t.Fatalf("never came: %s; there are %+v", what, r.events)
		}
	}
}

func planned(queries ...scenarios.PlannedQuery) *scenarios.Plan {
	return &scenarios.Plan{
		Scenario: "drill", Tempo: 1,
		Phases:   []scenarios.PlannedPhase{{Name: "steady", End: scenarios.Duration(time.Minute)}},
		Services: map[string]scenarios.PlannedService{"worker": {}},
		Metrics: &scenarios.PlannedMetrics{
			Every: scenarios.Duration(100 * time.Millisecond), MaxSeries: 100, RuleScale: 1,
			Pages: map[string]scenarios.PlannedPage{"worker": {Path: "/metrics"}},
			Rules: []string{filepath.Join("testdata", "rules.yaml")}, Queries: queries,
		},
	}
}

func changed(to string) func(journal.Body) bool {
	return func(b journal.Body) bool {
		c, is := b.(journal.AlertChanged)
		return is && c.Alert == "NobodyWorks" && c.To == to
	}
}

// From the page of an instance to an alert, and to the answers that checks want.
func TestARunIsMeasuredItsAlertsToldAndItsQueriesAnswered(t *testing.T) {
	plan := planned(
		scenarios.PlannedQuery{ID: "promql/jobs", Expr: "max(jobs_running)", End: scenarios.Duration(time.Minute), Step: scenarios.Duration(100 * time.Millisecond)},
		scenarios.PlannedQuery{ID: "promql/wrong", Expr: "max(", End: scenarios.Duration(time.Minute), Step: scenarios.Duration(time.Second)},
	)
	workers, told := &stack{jobs: 3}, &record{came: make(chan struct{}, 1)}
	dir, started, clk := filepath.Join(t.TempDir(), "metrics"), time.Now(), clock.Start()
	o, err := New(Config{Plan: plan, Dir: dir, Run: "r", Started: started, Clock: clk, Cluster: workers, Emit: told.take})
	if err != nil {
		t.Fatal(err)
	}
	traffic := clk.Now()
	o.Observe(journal.Event{T: traffic, Body: journal.TrafficStarted{}})
	o.Observe(journal.Event{T: traffic, Body: journal.PhaseStarted{Phase: "steady"}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	told.until(t, "the page is read", func(b journal.Body) bool {
		s, is := b.(journal.ScrapeChanged)
		return is && s.Up && s.Instance == "worker-1"
	})
	told.until(t, "use is sampled", func(b journal.Body) bool { u, is := b.(journal.Usage); return is && u.Instance == "worker-1" })
	workers.work(0)
	told.until(t, "the alert fires", changed(journal.AlertFiring))
	workers.work(2)
	told.until(t, "the alert is over", changed(journal.AlertInactive))
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	o.Answer(t.Context())
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	told.until(t, "rules are described", func(b journal.Body) bool {
		r, is := b.(journal.RulesLoaded)
		return is && r.Source == Embedded && len(r.Rules) == 1
	})
	told.until(t, "the query is answered", func(b journal.Body) bool {
		r, is := b.(journal.QueryResult)
		return is && r.ID == "promql/jobs" && r.Error == "" && len(r.Series) == 1 && spans(r.Series[0], 0, 3)
	})
	told.until(t, "a query that is wrong is answered with what is wrong", func(b journal.Body) bool {
		r, is := b.(journal.QueryResult)
		return is && r.ID == "promql/wrong" && strings.Contains(r.Error, "max(")
	})
	told.until(t, "what is exported is listed", func(b journal.Body) bool {
		e, is := b.(journal.Exported)
		return is && e.Service == "worker" && e.Metric == "jobs_running" && e.Type == "gauge"
	})
	again, err := Again(t.Context(), dir, started, traffic, clk.Now(), plan.Metrics.Queries[:1])
	if err != nil || len(again) != 1 || again[0].Error != "" || !spans(again[0].Series[0], 0, 3) {
		t.Errorf("asked again: %+v, %v", again, err)
	}
}

// spans tells whether values reach from one to another.
func spans(s journal.QuerySeries, low, high float64) bool {
	least, most := s.Values[0], s.Values[0]
	for _, v := range s.Values {
		least, most = min(least, v), max(most, v)
	}
	return least == low && most == high
}

func TestAPrometheusThatIsNotThereIsFoundOutBeforeTheRun(t *testing.T) {
	plan := planned()
	plan.Metrics.Rules, plan.Metrics.From = nil, "gone"
	o, err := New(Config{
		Plan: plan, Dir: filepath.Join(t.TempDir(), "metrics"), Started: time.Now(), Clock: clock.Start(), Cluster: &stack{}, Emit: func(journal.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Find(t.Context()); err == nil || !strings.Contains(err.Error(), "ask the Prometheus gone") {
		t.Errorf("%v", err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}

func TestQueriesOfARunWithoutTrafficHaveNoAnswer(t *testing.T) {
	q := scenarios.PlannedQuery{ID: "promql/x", Expr: "x", End: scenarios.Duration(time.Second), Step: scenarios.Duration(time.Second)}
	if r := answer(t.Context(), nil, q, time.Now(), 0, time.Minute); r.Error == "" {
		t.Errorf("%+v", r)
	}
}

func TestRulesWithMistakesAreNotTaken(t *testing.T) {
	if p := CheckRules([]string{filepath.Join("testdata", "nowhere.yaml")}, 1); len(p) != 1 {
		t.Errorf("%v", p)
	}
	if p := CheckRules(nil, 1); p != nil {
		t.Errorf("%v", p)
	}
	if r := Describe([]string{filepath.Join("testdata", "rules.yaml")}, 1, time.Second); len(r.Rules) != 1 || r.Rules[0].For != 200*time.Millisecond {
		t.Errorf("%+v", r)
	}
}
