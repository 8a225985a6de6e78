package gateway_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic"
	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A ledger keeps what gateway and driver write; it is the sink of the one and
// the emit of the other.
type ledger struct {
	mu     sync.Mutex
	events []journal.Event
	news   chan struct{} // closed and replaced at every event
	told   int           // how far await has come
}

func newLedger() *ledger { return &ledger{news: make(chan struct{})} }

func (l *ledger) emit(e journal.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	close(l.news)
	l.news = make(chan struct{})
}

func (l *ledger) Append(e journal.Event) error         { l.emit(e); return nil }
func (l *ledger) Latency(journal.Interval) (err error) { return nil }

// await waits for an event that matches and comes after those awaited before.
func (l *ledger) await(t *testing.T, what string, match func(journal.Body) bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		l.mu.Lock()
		events, news := l.events[l.told:], l.news
		l.mu.Unlock()
		for _, e := range events {
			l.told++
			if match(e.Body) {
				return
			}
		}
		select {
		case <-news:
		case <-timeout:
			t.Fatalf("no %s in 30 s", what)
		}
	}
}

func (l *ledger) awaitFailure(t *testing.T, instance string, failure journal.Failure) {
	t.Helper()
	l.await(t, instance+" "+string(failure), func(b journal.Body) bool {
		q, ok := b.(journal.Request)
		return ok && q.Instance == instance && q.Failure == failure
	})
}

func (l *ledger) awaitList(t *testing.T, instance string, listed bool) {
	t.Helper()
	l.await(t, "change of "+instance, func(b journal.Body) bool {
		switch e := b.(type) {
		case journal.EndpointAdded:
			return listed && e.Instance == instance
		case journal.EndpointRemoved:
			return !listed && e.Instance == instance
		}
		return false
	})
}

const clientPatience = 500 * time.Millisecond

// wildPlan is plain requests, some with bodies, on kept connections and, after
// every failure, on new ones.
func wildPlan() *scenarios.Plan {
	end := scenarios.Duration(time.Minute) // the test ends it
	step := func(method, path string, body string, chunked bool) scenarios.PlannedStep {
		return scenarios.PlannedStep{Name: strings.Trim(path, "/"), Service: "api", Method: method, Path: path, Body: body,
			Chunked: chunked, Timeout: scenarios.Duration(clientPatience)}
	}
	large := strings.Repeat("0123456789abcdef", 6<<10)
	plan := &scenarios.Plan{
		Seed: 1, Duration: end, Phases: []scenarios.PlannedPhase{{Name: "wild", End: end}},
		Journeys: map[string][]scenarios.PlannedStep{
			"read":   {step("GET", "/list", "", false), step("GET", "/item", "", false), step("HEAD", "/head", "", false)},
			"write":  {step("POST", "/order", "small", false), step("PUT", "/file", large, false)},
			"stream": {step("POST", "/import", large, true)},
		},
		Connections: scenarios.PlannedConnections{Max: 200, Reuse: true},
	}
	for journey, rate := range map[string]scenarios.Rate{"read": 120, "write": 60, "stream": 30} {
		plan.Load = append(plan.Load, scenarios.PlannedLoad{Cohort: journey, Journey: journey, Tenants: 1,
			Segments: []scenarios.PlannedSegment{{Phase: "wild", End: end, Constant: rate}}})
	}
	return plan
}

// wildInstance misbehaves in every way: now and then it answers 500, resets,
// closes, cuts its answer short, or is slower than the client's patience.
func wildInstance(t *testing.T) *lab.Server {
	t.Helper()
	s, err := lab.Start(lab.Behaviour{
		Fates:  []lab.Fate{lab.Answered, lab.Answered, lab.Errored, lab.Answered, lab.Reset, lab.Answered, lab.Closed, lab.Answered, lab.Cut},
		Delays: []time.Duration{0, 0, 0, 5 * time.Millisecond, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4 * clientPatience},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// For every request that the driver counts as sent there is exactly one record,
// whatever becomes of it: failures, cuts, clients that give up, no endpoint.
//
// What the driver counts as sent are the requests for which a connection was
// there, or was tried: traffic.Totals.Requests, and journal.Traffic.Sent added
// up. (journal.Engine.Requests is how many it wanted to send: in that are those
// that waited for a connection in vain.) The gateway reads every one of them
// that was written, unless it was closed with the connection still waiting to
// be accepted, or the connection ended in the middle of the head. It never hears
// of those whose connection to itself was refused or timed out, which the driver
// counts too. The first two cannot happen here: the gateway outlives the driver,
// accepts what there is before it is closed, and heads are written in one piece.
// The last can, on a machine so busy that the driver gives a request up before
// it has looked whether its connection is there; an error group counts these.
func TestEveryRequestOfTheDriverHasExactlyOneRecord(t *testing.T) {
	for _, balance := range []string{gateway.PerRequest, gateway.PerConnection} {
		t.Run(balance, func(t *testing.T) {
			books, clk := newLedger(), clock.Start()
			g, err := gateway.New(gateway.Config{
				Service: "api", Listen: "127.0.0.1:0", Balance: balance, Cap: 1 << 20, Tally: 20 * time.Millisecond,
				Ready: gateway.Probe{Period: 20 * time.Millisecond, Failure: 1 << 30}, // a dead one stays in the list
			}, clk, books.emit)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = g.Close() }()
			ctx, stop := context.WithCancelCause(t.Context())
			enough := errors.New("the test has seen enough")
			driven := newLedger()
			ended := make(chan traffic.Totals, 1)
			go func() {
				totals, err := traffic.Run(ctx, traffic.Config{
					Plan: wildPlan(), Targets: map[string]string{"api": g.Listening()}, Clock: clk, Start: clk.Now(), Sink: driven,
				})
				if !errors.Is(err, enough) {
					t.Errorf("the driver ended with %v", err)
				}
				ended <- totals
			}()
			func() {
				defer stop(enough)
				ordeal(t, g, books)
			}()
			totals := <-ended
			settle(t, g.Listening())
			_ = g.Close()
			compareBooks(t, books, driven, totals)
		})
	}
}

// ordeal has everything happen that can happen, each once the one before was
// seen.
func ordeal(t *testing.T, g *gateway.Gateway, books *ledger) {
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	books.awaitFailure(t, "", journal.NoEndpoint)
	refusing := reserve(t)
	must(g.Add("api-0", refusing.Addr().String()))
	books.awaitList(t, "api-0", true)
	_ = refusing.Close()
	books.awaitFailure(t, "api-0", journal.Refused)
	must(g.Terminate("api-0", 10*time.Millisecond))
	first, second, third := wildInstance(t), wildInstance(t), wildInstance(t)
	defer second.Close()
	defer third.Close()
	must(g.Add("api-1", first.Addr()))
	must(g.Add("api-2", second.Addr()))
	must(g.Hold("api-3", third.Addr()))
	for _, failure := range []journal.Failure{journal.Status5xx, journal.Reset, journal.Closed, journal.Truncated, journal.ClientGone} {
		books.awaitFailure(t, "api-1", failure)
	}
	first.Close()
	must(g.Terminate("api-1", 50*time.Millisecond))
	books.awaitList(t, "api-1", false)
	must(g.Remove("api-1"))
	must(g.Switch([]string{"api-3"}, 30*time.Millisecond))
	books.awaitList(t, "api-2", false)
	books.awaitFailure(t, "api-3", journal.ClientGone)
	must(g.Terminate("api-2", 0))
	must(g.Remove("api-2"))
	must(g.Terminate("api-3", 0))
	books.awaitFailure(t, "", journal.NoEndpoint)
	must(g.Add("api-4", second.Addr()))
	books.awaitFailure(t, "api-4", journal.Truncated)
}

// reserve listens where nobody else is likely to when it is closed: a port of
// 127.0.0.1 may be another test's in the next moment.
func reserve(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.77.7.7:0")
	if err != nil { // systems with only one loopback address
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// settle makes sure that every connection before it was accepted: they are
// taken in order. Its own request carries no number of the driver's.
func settle(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /settle HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n")
	_, _ = io.Copy(io.Discard, conn)
}

func compareBooks(t *testing.T, books, driven *ledger, totals traffic.Totals) {
	t.Helper()
	sent, unwritten, sum, failed := 0, 0, journal.Tally{}, map[journal.Failure]int{}
	for _, e := range driven.events {
		switch b := e.Body.(type) {
		case journal.Traffic:
			if b.Step != "" {
				sent += b.Sent
			}
		case journal.ErrorGroup:
			if b.Message == "no connection: the dial was not answered" {
				unwritten += b.Count
			}
		}
	}
	seen := map[string]bool{}
	for _, e := range books.events {
		switch b := e.Body.(type) {
		case journal.Tally:
			sum.Total += b.Total
			sum.Driven += b.Driven
			sum.Individual += b.Individual
			sum.Suppressed += b.Suppressed
			for failure, n := range b.Failed {
				failed[failure] += n
			}
		case journal.Request:
			if b.ID != "" && seen[b.ID] {
				t.Errorf("request %s has two records", b.ID)
			}
			seen[b.ID] = true
			failed[b.Failure]--
		case journal.Note:
			t.Errorf("the gateway says %q", b.Text)
		}
	}
	t.Logf("%d requests: %d ok, %d failed, %d unknown; %d on record one by one", totals.Requests, totals.OK, totals.Failed, totals.Unknown, len(seen))
	if totals.Requests != sent || sum.Driven != sent-unwritten {
		t.Errorf("the driver sent %d (each second added up: %d), and had no connection for %d of them; the gateway has %d on record",
			totals.Requests, sent, unwritten, sum.Driven)
	}
	if sum.Total-sum.Driven != 1 {
		t.Errorf("%d requests on record, %d of them the driver's; want one more", sum.Total, sum.Driven)
	}
	if sum.Suppressed != 0 {
		t.Errorf("%d records were suppressed", sum.Suppressed)
	}
	for failure, n := range failed {
		if failure != journal.NoFailure && n != 0 {
			t.Errorf("tallies and single records differ by %d about %s", n, failure)
		}
	}
}
