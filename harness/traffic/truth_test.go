package traffic_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic"
	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// These tests hold what the driver reports against servers whose behaviour is
// known. Counts must be exact. Times may never be below the truth by more than
// the stated bound, whatever the machine does. Above it, the machine's own
// delays come on top: where a ticker in the same process came late too, nothing
// is proven by them, and the test is skipped and says so.

func TestCountsAreExact(t *testing.T) {
	// Of 100 requests 7 get a 500, 3 a reset, 2 nothing and 1 half an answer.
	fates := make([]lab.Fate, 100)
	for fate, places := range map[lab.Fate][]int{
		lab.Errored: {3, 17, 31, 44, 58, 71, 99}, lab.Reset: {10, 50, 90}, lab.Closed: {20, 60}, lab.Cut: {75},
	} {
		for _, at := range places {
			fates[at] = fate
		}
	}
	s := start(t, lab.Behaviour{Fates: fates})
	length := 4 * time.Second
	if testing.Short() {
		length = time.Second
	}
	totals, rec := play(t, open(s, 1000, length))
	n := int(length.Seconds() * 1000)
	if got, want := totals, (traffic.Totals{
		Sessions: n, Intended: n, Requests: n, OK: n * 87 / 100, Failed: n * 7 / 100, Unknown: n * 6 / 100,
		LagP50: totals.LagP50, LagP99: totals.LagP99, LagMax: totals.LagMax,
	}); got != want {
		t.Errorf("totals %+v, want %+v", got, want)
	}
	if got := s.Requests(); got != n {
		t.Errorf("%d requests reached the server, want %d: nothing is dropped or sent twice", got, n)
	}
	groups := map[string]int{}
	for _, g := range rec.groups {
		groups[g.Outcome] += g.Count
	}
	if len(rec.groups) != 4 || groups["fail"] != n*7/100 || groups["unknown"] != n*6/100 {
		t.Errorf("groups %+v, want 4 of them with %d failed and %d unknown", rec.groups, n*7/100, n*6/100)
	}
	for message, share := range map[string]int{
		"connection reset before an answer": 3, "connection closed before an answer": 2, "connection lost in the middle of the answer": 1,
	} {
		if got := rec.group(message); got != n*share/100 {
			t.Errorf("%q happened %d times, want %d", message, got, n*share/100)
		}
	}
}

func TestPercentilesAreTheServers(t *testing.T) {
	// 100 different delays, in an order that has no trend.
	delays := make([]time.Duration, 100)
	for i := range delays {
		delays[i] = time.Duration(100+9*(i*37%100)) * time.Millisecond
	}
	s := start(t, lab.Behaviour{Delays: delays})
	length := 4 * time.Second
	if testing.Short() {
		length = time.Second
	}
	late := watch(t)
	totals, rec := play(t, open(s, 200, length))
	if n := int(length.Seconds() * 200); totals.OK != n {
		t.Fatalf("totals %+v, want %d ok", totals, n)
	}
	var all []bound
	for _, measure := range []string{journal.Response, journal.Service} {
		for _, p := range []float64{50, 90, 95, 99} {
			truth := exact(delays, p)
			all = append(all, bound{measure, p, quantile(rec.times(measure), p), truth, truth, 0.01, 0.15})
		}
	}
	hold(t, all, late())
}

// TestAStallIsReportedAsItIs has a server that stands still for a tenth of the
// time. Nothing slows the arrivals down, so a tenth of them waits, and as they
// are spread evenly over the stall, half of those wait for more than half of
// it: of a stall of 1 s p95 is 500 ms and p99 900 ms.
func TestAStallIsReportedAsItIs(t *testing.T) {
	const rate = 2000
	scale, cap := time.Second, 256
	if testing.Short() {
		scale, cap = scale/4, 64
	}
	stall := lab.Stall{Every: 10 * scale, From: 3 * scale, For: scale}
	s := start(t, lab.Behaviour{Stall: stall})
	plan := open(s, rate, 10*scale)
	plan.Connections.Max = cap
	late := watch(t)
	totals, rec := play(t, plan)

	n := int(10 * scale.Seconds() * rate)
	if totals.Requests != n || totals.OK != n || s.Requests() != n {
		t.Errorf("%d sent, %d ok, %d reached the server; want %d", totals.Requests, totals.OK, s.Requests(), n)
	}
	if got := s.Connections(); got > cap {
		t.Errorf("%d connections, want %d at most", got, cap)
	}
	// What must have been waited, by the schedule, and what was waited until the
	// server had answered: where this machine needs time to answer the backlog of
	// a stall, that is part of the truth.
	truth, lived := make([]time.Duration, n), make([]time.Duration, n)
	for i, answered := range s.Answers() {
		intended := time.Duration(i) * time.Second / rate
		truth[i], lived[i] = stall.Wait(intended), answered-intended
	}
	response := rec.times(journal.Response)
	p95, p99 := quantile(response, 95), quantile(response, 99)
	if service := quantile(rec.times(journal.Service), 95); service > p95/2 {
		t.Errorf("p95 is %v and of the service %v: what waits for a connection has not been sent yet", p95, service)
	}
	hold(t, []bound{
		{"response", 95, p95, exact(truth, 95), max(exact(truth, 95), exact(lived, 95)), 0.05, 0.05},
		{"response", 99, p99, exact(truth, 99), max(exact(truth, 99), exact(lived, 99)), 0.03, 0.03},
	}, late())
}

// TestAClosedLoopIsBlindToTheStall shows why a closed loop is labelled as one:
// its sessions stand still with the server, so a handful of requests wait and
// nobody counts the others that people would have made.
func TestAClosedLoopIsBlindToTheStall(t *testing.T) {
	const sessions = 8
	scale := 250 * time.Millisecond
	stall := lab.Stall{Every: 10 * scale, From: 3 * scale, For: scale}
	s := start(t, lab.Behaviour{Stall: stall})
	plan := open(s, 0, 10*scale)
	plan.Load[0].Segments = nil
	plan.Load[0].Closed = []scenarios.PlannedClosed{{Phase: "steady", End: scenarios.Duration(10 * scale), Sessions: sessions}}
	totals, rec := play(t, plan)
	if totals.OK < 200*sessions {
		t.Skipf("only %d requests in %v: this machine is too busy to tell", totals.OK, 10*scale)
	}
	h := rec.times(journal.Response)
	if p95, blind := quantile(h, 95), scale/4; p95 > blind { // half a stall is the truth
		t.Errorf("p95 is %v, more than %v: this closed loop sees the stall", p95, blind)
	}
	if longest := time.Duration(h.Max()) * time.Microsecond; longest < scale/2 {
		t.Errorf("the longest answer took %v: the server has not stalled", longest)
	}
}

// open is a plan of one request a session at a constant rate.
func open(s *lab.Server, rate scenarios.Rate, length time.Duration) *scenarios.Plan {
	end := scenarios.Duration(length)
	return &scenarios.Plan{
		Seed: 1, Duration: end,
		Phases: []scenarios.PlannedPhase{{Name: "steady", End: end}},
		Journeys: map[string][]scenarios.PlannedStep{"visit": {{
			Name: "visit", Service: "api", Method: "GET", Path: "/", Timeout: scenarios.Duration(20 * time.Second),
		}}},
		Load: []scenarios.PlannedLoad{{Cohort: "all", Journey: "visit", Tenants: 1, Segments: []scenarios.PlannedSegment{
			{Phase: "steady", End: end, Constant: rate},
		}}},
		Targets:     map[string]scenarios.PlannedTarget{"api": {Address: s.Addr(), Host: "127.0.0.1"}},
		Connections: scenarios.PlannedConnections{Max: 256, Reuse: true},
	}
}

func start(t *testing.T, b lab.Behaviour) *lab.Server {
	t.Helper()
	s, err := lab.Start(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// play runs a plan and returns what was reported of it.
func play(t *testing.T, plan *scenarios.Plan) (traffic.Totals, *record) {
	t.Helper()
	rec := &record{}
	c := clock.Start()
	totals, err := traffic.Run(t.Context(), traffic.Config{Plan: plan, Clock: c, Start: c.Now(), Sink: rec})
	if err != nil {
		t.Fatal(err)
	}
	return totals, rec
}

// A record is a sink that keeps what these tests ask for.
type record struct {
	mu        sync.Mutex
	groups    []journal.ErrorGroup
	intervals []journal.Interval
}

func (r *record) Append(e journal.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g, ok := e.Body.(journal.ErrorGroup); ok {
		r.groups = append(r.groups, g)
	}
	return nil
}

func (r *record) Latency(i journal.Interval) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := journal.NewHistogram()
	kept.Merge(i.Histogram)
	i.Histogram = kept
	r.intervals = append(r.intervals, i)
	return nil
}

// group counts the failures with a message.
func (r *record) group(message string) (n int) {
	for _, g := range r.groups {
		if g.Message == message {
			n += g.Count
		}
	}
	return n
}

// times merges the intervals of the only step.
func (r *record) times(measure string) *hdrhistogram.Histogram {
	all := journal.NewHistogram()
	for _, i := range r.intervals {
		if i.Tag.Measure == measure && i.Tag.Step == "visit" {
			all.Merge(i.Histogram)
		}
	}
	return all
}

// exact is the percentile of all values: the smallest that p in 100 do not
// exceed.
func exact(values []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(math.Ceil(p/100*float64(len(sorted))))-1]
}

func quantile(h *hdrhistogram.Histogram, p float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(p)) * time.Microsecond
}

// A bound is how far a reported percentile may be from the truth: not below
// least by more than a share of it, nor above most.
type bound struct {
	what          string
	p             float64
	got           time.Duration
	least, most   time.Duration
	below, beyond float64
}

// hold holds reported percentiles to their bounds, on a machine that let a
// ticker come so late.
func hold(t *testing.T, all []bound, late time.Duration) {
	t.Helper()
	busy := ""
	for _, b := range all {
		low, high := float64(b.got)/float64(b.least), float64(b.got)/float64(b.most)
		switch {
		case low < 1-b.below:
			t.Errorf("%s p%v is %v, the truth %v: ratio %.3f, want %.2f or more", b.what, b.p, b.got, b.least, low, 1-b.below)
		case high <= 1+b.beyond:
		case float64(late) > b.beyond/4*float64(b.most):
			busy = fmt.Sprintf("%s p%v is %v, the truth %v, but a ticker came %v late meanwhile: this machine is too busy to tell", b.what, b.p, b.got, b.most, late)
		default:
			t.Errorf("%s p%v is %v, the truth %v: ratio %.3f, want %.2f or less", b.what, b.p, b.got, b.most, high, 1+b.beyond)
		}
	}
	if busy != "" {
		t.Skip(busy)
	}
}

// watch watches how late a ticker comes until the function it returns is called.
func watch(t *testing.T) func() time.Duration {
	const period = 5 * time.Millisecond
	stop, most := make(chan struct{}), make(chan time.Duration)
	go func() {
		var late time.Duration
		for last := time.Now(); ; last = time.Now() {
			select {
			case <-stop:
				most <- late
				return
			case <-time.After(period):
				late = max(late, time.Since(last)-period)
			}
		}
	}()
	end := sync.OnceValue(func() time.Duration {
		close(stop)
		return <-most
	})
	t.Cleanup(func() { end() })
	return end
}
