package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// switched is an instance whose readiness and initialization are switches.
type switched struct {
	ready, initialized atomic.Bool
	asked              atomic.Int64 // readiness probes so far
}

func (s *switched) serve(conn *net.TCPConn, r *bufio.Reader) {
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		ok := true
		switch req.URL.Path {
		case "/readyz":
			s.asked.Add(1)
			ok = s.ready.Load()
		case "/initialized":
			ok = s.initialized.Load()
		}
		status := "200 OK"
		if !ok {
			status = "503 Not Yet"
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status)
	}
}

// awaitProbes waits for n more readiness probes.
func (s *switched) awaitProbes(t *testing.T, n int64) {
	t.Helper()
	target := s.asked.Load() + n
	for deadline := time.Now().Add(patience); s.asked.Load() < target; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no probes")
		}
	}
}

func TestReadiness(t *testing.T) {
	g, r := start(t, Config{Ready: Probe{Path: "/readyz", Success: 2, Failure: 2, Period: 5 * time.Millisecond}})
	s := &switched{}
	if err := g.Add("api-1", upstream(t, s.serve)); err != nil {
		t.Fatal(err)
	}
	s.awaitProbes(t, 3)
	if status := g.Status("api-1"); status != "unready (status 503)" {
		t.Errorf("status %q", status)
	}
	b := open(t, g)
	if status, _ := b.get("/early"); status != 503 {
		t.Errorf("before it is ready: %d", status)
	}
	s.ready.Store(true)
	awaitListed(t, r, "api-1")
	if status, _ := b.get("/"); status != 200 {
		t.Errorf("when it is ready: %d", status)
	}
	s.ready.Store(false)
	await(t, r, func(e journal.EndpointRemoved) bool { return e.Reason == "unready" })
	if status, _ := b.get("/late"); status != 503 {
		t.Errorf("when it is ready no more: %d", status)
	}
	s.ready.Store(true)
	s.awaitProbes(t, 5)
	_ = g.Close()
	var order []string
	for _, e := range r.all() {
		switch body := e.Body.(type) {
		case journal.ProbeChanged:
			order = append(order, fmt.Sprintf("probe %t (%s)", body.Ready, body.Detail))
		case journal.EndpointAdded:
			if body.Initialized != nil {
				t.Error("an instance without a mark is said to have one")
			}
			order = append(order, "added")
		case journal.EndpointRemoved:
			order = append(order, "removed")
		}
	}
	want := "[probe true (status 200) added probe false (status 503) removed probe true (status 200) added]"
	if fmt.Sprint(order) != want {
		t.Errorf("events %v\nwant   %s", order, want)
	}
}

func TestOneFailedProbeIsNoFlap(t *testing.T) {
	g, r := start(t, Config{Ready: Probe{Path: "/readyz", Period: 5 * time.Millisecond}})
	var n atomic.Int64
	add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		if n.Add(1)%3 == 2 {
			return // every third probe fails; three in a row would be needed
		}
		_, _ = io.WriteString(conn, okResponse)
	}))
	for deadline := time.Now().Add(patience); n.Load() < 12 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	if changes := of[journal.ProbeChanged](r); len(changes) != 1 || len(of[journal.EndpointRemoved](r)) != 0 {
		t.Errorf("changes %+v", changes)
	}
}

func TestInitializedMark(t *testing.T) {
	cfg := Config{Initialized: "/initialized", Ready: Probe{Path: "/readyz", Period: 5 * time.Millisecond}, First: 1}
	t.Run("ready after initialization", func(t *testing.T) {
		g, r := start(t, cfg)
		s := &switched{}
		s.ready.Store(true)
		s.initialized.Store(true)
		add(t, g, r, "api-1", upstream(t, s.serve))
		added := of[journal.EndpointAdded](r)
		if len(added) != 1 || added[0].Initialized == nil || !*added[0].Initialized {
			t.Errorf("added %+v, want it initialized", added)
		}
	})
	t.Run("ready too early", func(t *testing.T) {
		g, r := start(t, cfg)
		s := &switched{}
		s.ready.Store(true)
		add(t, g, r, "api-1", upstream(t, s.serve))
		added := of[journal.EndpointAdded](r)
		if len(added) != 1 || added[0].Initialized == nil || *added[0].Initialized {
			t.Fatalf("added %+v, want it not initialized", added)
		}
		b := open(t, g)
		for n := range 3 {
			b.get(fmt.Sprintf("/early%d", n))
		}
		early, _ := requestAt(t, r, "/early2") // not among the first, and yet single
		s.initialized.Store(true)
		_, done := await(t, r, func(journal.InitializationDone) bool { return true })
		if early.Start >= done {
			t.Errorf("the request began at %s, after the initialization at %s", early.Start, done)
		}
		b.get("/later")
		_ = g.Close()
		for _, q := range of[journal.Request](r) {
			if q.Path == "/later" {
				t.Errorf("%+v is recorded on its own for no reason", q)
			}
		}
		if n := len(of[journal.InitializationDone](r)); n != 1 {
			t.Errorf("initialization done %d times", n)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		g, r := start(t, Config{Initialized: "/initialized", Ready: Probe{Period: 5 * time.Millisecond}})
		add(t, g, r, "api-1", upstream(t, says("")))
		if added := of[journal.EndpointAdded](r); added[0].Initialized != nil {
			t.Errorf("added %+v, want no mark", added)
		}
		await(t, r, func(n journal.Note) bool { return strings.Contains(n.Text, "did not say whether it is initialized") })
	})
}

// The heart of it: what was in flight when the instance was told to stop, what
// came while it was still listed, and what comes after, each on record with
// times that tell them apart.
func TestTerminationIsAttributed(t *testing.T) {
	g, r := start(t, Config{First: 1})
	release := make(chan struct{})
	add(t, g, r, "api-1", upstream(t, stalling("api-1", release)))
	b, slow := open(t, g), open(t, g)
	b.get("/first")
	b.get("/ordinary")
	slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitInFlight(t, g, "api-1", 1)
	told := g.clk.Now()
	if err := g.Terminate("api-1", time.Hour); err != nil {
		t.Fatal(err)
	}
	b.get("/listed") // the list has not heard yet
	g.mu.Lock()
	g.unlist(g.instances["api-1"], "terminating") // the lag is over
	g.mu.Unlock()
	if status, _ := b.get("/after"); status != 503 {
		t.Errorf("after its removal: %d", status)
	}
	close(release)
	if _, body, err := slow.receive("GET"); body != "api-1" || err != nil {
		t.Errorf("the request in flight got %q, %v", body, err)
	}
	inFlight, inFlightEnd := requestAt(t, r, "/slow")
	listed, _ := requestAt(t, r, "/listed")
	_, removed := await(t, r, func(e journal.EndpointRemoved) bool { return e.Reason == "terminating" })
	if inFlight.Start >= told || inFlightEnd <= told || inFlight.Failure != "" {
		t.Errorf("in flight: %+v to %s, told at %s", inFlight, inFlightEnd, told)
	}
	if listed.Start <= told || listed.Start >= removed || listed.Failure != "" {
		t.Errorf("while listed: %+v, told at %s, removed at %s", listed, told, removed)
	}
	for _, q := range of[journal.Request](r) {
		if q.Path == "/ordinary" {
			t.Error("an ordinary request is recorded on its own")
		}
		if q.Instance == "api-1" && q.Start > removed {
			t.Errorf("%+v began after the removal at %s", q, removed)
		}
	}
	g.mu.Lock()
	pool := g.instances["api-1"].pool
	g.mu.Unlock()
	if pool.Idle() != 0 {
		t.Error("idle connections to an instance that has left are kept")
	}
}

// Probes decide nothing about a terminating instance, and are reported.
func TestUnreadyWhileTerminating(t *testing.T) {
	g, r := start(t, Config{Ready: Probe{Path: "/readyz", Failure: 1, Period: 5 * time.Millisecond}})
	s := &switched{}
	s.ready.Store(true)
	add(t, g, r, "api-1", upstream(t, s.serve))
	if err := g.Terminate("api-1", time.Hour); err != nil {
		t.Fatal(err)
	}
	s.ready.Store(false)
	await(t, r, func(e journal.ProbeChanged) bool { return !e.Ready })
	if status, _ := open(t, g).get("/"); status != 200 {
		t.Errorf("an instance that is still listed got no request: %d", status)
	}
	if err := g.Remove("api-1"); err != nil {
		t.Fatal(err)
	}
	if removed := of[journal.EndpointRemoved](r); len(removed) > 1 || len(removed) == 1 && removed[0].Reason != "gone" {
		t.Errorf("removed %+v", removed)
	}
}

func TestTerminatingInstanceNeverComesBack(t *testing.T) {
	g, r := start(t, Config{Ready: Probe{Path: "/readyz", Period: 5 * time.Millisecond}})
	s := &switched{}
	if err := g.Add("api-1", upstream(t, s.serve)); err != nil {
		t.Fatal(err)
	}
	if err := g.Terminate("api-1", time.Millisecond); err != nil {
		t.Fatal(err)
	}
	s.ready.Store(true)
	await(t, r, func(e journal.ProbeChanged) bool { return e.Ready })
	s.awaitProbes(t, 3)
	if len(of[journal.EndpointAdded](r)) != 0 {
		t.Error("it was listed after it had been told to stop")
	}
}

func TestCommandsThatMakeNoSense(t *testing.T) {
	g, r := start(t, Config{Port: 1})
	add(t, g, r, "api-1", upstream(t, answers(okResponse)))
	for name, err := range map[string]error{
		"add twice":         g.Add("api-1", "127.0.0.1:1"),
		"bad address":       g.Add("api-2", ":::"),
		"bad port":          g.Add("api-2", "127.0.0.1:99999"),
		"no host":           g.Add("api-2", ":80"),
		"terminate unknown": g.Terminate("api-9", 0),
		"remove unknown":    g.Remove("api-9"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := g.Terminate("api-1", time.Hour); err != nil {
		t.Error(err)
	}
	if err := g.Terminate("api-1", 0); err != nil {
		t.Errorf("terminate again: %v", err)
	}
	_, err := New(Config{Service: "api", Listen: g.Listening()}, clock.Start(), func(journal.Event) {})
	_, port, _ := net.SplitHostPort(g.Listening())
	if err == nil || !strings.Contains(err.Error(), "port "+port) || !strings.Contains(err.Error(), "is taken") {
		t.Errorf("a taken port: %v", err)
	}
	_ = g.Close()
	if err := g.Add("api-3", "127.0.0.1:1"); err == nil {
		t.Error("add after close: no error")
	}
}

func TestCloseLetsExchangesEnd(t *testing.T) {
	g, r := start(t, Config{Drain: patience})
	release := make(chan struct{})
	add(t, g, r, "api-1", upstream(t, stalling("api-1", release)))
	idle, slow := open(t, g), open(t, g)
	idle.get("/")
	slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitInFlight(t, g, "api-1", 1)
	closed := make(chan struct{})
	go func() { defer close(closed); _ = g.Close() }()
	idle.wantClosed()
	close(release)
	if resp, body, err := slow.receive("GET"); body != "api-1" || err != nil || !resp.Close {
		t.Errorf("got %q, %v", body, err)
	}
	slow.wantClosed()
	<-closed
	if sum := totals(r); sum.Total != 2 || len(sum.Failed) != 0 {
		t.Errorf("tallies %+v", sum)
	}
}

func TestCloseCutsWhatDoesNotEnd(t *testing.T) {
	g, r := start(t, Config{Drain: time.Millisecond})
	never := make(chan struct{})
	add(t, g, r, "api-1", upstream(t, stalling("api-1", never)))
	defer close(never)
	b := open(t, g)
	b.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitInFlight(t, g, "api-1", 1)
	_ = g.Close()
	record, _ := requestAt(t, r, "/slow")
	if record.Failure != journal.ClientGone {
		t.Errorf("record %+v: the instance is not to blame", record)
	}
	if sum := totals(r); sum.Total != 1 {
		t.Errorf("tallies %+v", sum)
	}
}

// A flood of one kind is cut off and counted, and hides no other kind.
func TestCap(t *testing.T) {
	g, r := start(t, Config{Cap: 5, First: 1})
	fail := "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
	add(t, g, r, "api-1", upstream(t, answers(fail)))
	b := open(t, g)
	for range 20 {
		b.get("/before")
	}
	if err := g.Terminate("api-1", time.Hour); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		b.get("/after")
	}
	_ = g.Close()
	count := map[string]int{}
	for _, q := range of[journal.Request](r) {
		count[q.Path]++
	}
	// The very first is one of a kind: it was on a new connection.
	if count["/before"] != 6 || count["/after"] != 5 {
		t.Errorf("single records %v, want 5 of each kind", count)
	}
	sum := totals(r)
	if sum.Total != 40 || sum.Individual != 11 || sum.Suppressed != 29 || sum.Failed[journal.Status5xx] != 40 {
		t.Errorf("tallies %+v", sum)
	}
}

// An emit that hangs delays no request; what cannot wait for it is counted.
func TestEmitThatHangs(t *testing.T) {
	r := newRecorder()
	hang := make(chan struct{})
	g, err := New(Config{Service: "api", Listen: "127.0.0.1:0", Cap: 1 << 30}, clock.Start(), func(e journal.Event) {
		<-hang
		r.emit(e)
	})
	if err != nil {
		t.Fatal(err)
	}
	const requests = outboxLimit + 500
	b := open(t, g)
	go func() {
		for range requests {
			_, _ = io.WriteString(b.conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		}
	}()
	for range requests {
		b.receive("GET")
	}
	close(hang)
	_ = g.Close()
	sum := totals(r)
	if sum.Total != requests || sum.Suppressed == 0 || sum.Individual != len(of[journal.Request](r)) || sum.Individual+sum.Suppressed != requests {
		t.Errorf("tallies %+v with %d single records", sum, len(of[journal.Request](r)))
	}
}

// An exchange that outlives the removal of its instance is still recorded.
func TestRemoveWithAnExchangeInFlight(t *testing.T) {
	g, r := start(t, Config{First: 1, Tally: time.Hour})
	release := make(chan struct{})
	add(t, g, r, "api-1", upstream(t, stalling("api-1", release)))
	open(t, g).get("/first")
	slow := open(t, g)
	slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitInFlight(t, g, "api-1", 1)
	if err := g.Remove("api-1"); err != nil {
		t.Fatal(err)
	}
	await(t, r, func(e journal.EndpointRemoved) bool { return e.Reason == "gone" })
	close(release)
	slow.receive("GET")
	requestAt(t, r, "/slow")
	_ = g.Close()
	if sum := totals(r); sum.Total != 2 || sum.Individual != 2 {
		t.Errorf("tallies %+v, want both exchanges in them", sum)
	}
}

// An instance that is told to stop while it is being asked whether it is
// initialized is not listed on the answer.
func TestTerminateDuringTheQuestion(t *testing.T) {
	g, r := start(t, Config{Initialized: "/initialized", Ready: Probe{Path: "/readyz", Period: 5 * time.Millisecond, Timeout: patience}})
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	var probes atomic.Int64
	addr := upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if req.URL.Path == "/initialized" {
			asked <- struct{}{}
			<-answer
		} else {
			probes.Add(1)
		}
		_, _ = io.WriteString(conn, okResponse)
	})
	if err := g.Add("api-1", addr); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := g.Terminate("api-1", time.Hour); err != nil {
		t.Fatal(err)
	}
	close(answer)
	// One loop probes and lists: with another probe the answer has been dealt with.
	for deadline := time.Now().Add(patience); probes.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no probe after the answer")
		}
	}
	_ = g.Close()
	if added := of[journal.EndpointAdded](r); len(added) != 0 {
		t.Errorf("added %+v", added)
	}
}
