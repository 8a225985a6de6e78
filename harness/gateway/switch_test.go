package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// hold makes an instance known and waits until its probe has passed.
func hold(t *testing.T, g *Gateway, r *recorder, name, addr string) {
	t.Helper()
	if err := g.Hold(name, addr); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, r, name)
}

func awaitReady(t *testing.T, r *recorder, name string) {
	t.Helper()
	await(t, r, func(e journal.ProbeChanged) bool { return e.Instance == name && e.Ready })
}

func TestSwitch(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, named("api-1")))
	hold(t, g, r, "api-2", upstream(t, named("api-2")))
	if status := g.Status("api-2"); status != "held, ready" {
		t.Errorf("status %q", status)
	}
	b := open(t, g)
	for range 4 {
		if _, who := b.get("/before"); who != "api-1" {
			t.Fatalf("a held instance got a request: %s", who)
		}
	}
	if err := g.Switch([]string{"api-2"}, 0); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, who := b.get("/after"); who != "api-2" {
			t.Fatalf("after the switch %s got a request", who)
		}
	}
	if status := g.Status("api-1"); status != "held, ready" {
		t.Errorf("status %q", status)
	}
	// Connections to one that may come back are kept.
	if err := g.Switch([]string{"api-1"}, 0); err != nil {
		t.Fatal(err)
	}
	b.get("/back")
	_ = g.Close()
	sum := totals(r)
	if sum.Total != 9 || sum.New != 2 {
		t.Errorf("tallies %+v, want one connection to each", sum)
	}
}

func TestSwitchToSomethingUnknown(t *testing.T) {
	g, r := start(t, Config{})
	if err := g.Switch([]string{"api-1"}, 0); err == nil || !strings.Contains(err.Error(), "only none") {
		t.Errorf("got %v", err)
	}
	add(t, g, r, "api-2", upstream(t, named("api-2")))
	add(t, g, r, "api-1", upstream(t, named("api-1")))
	err := g.Switch([]string{"api-1", "api-9"}, 0)
	const want = "switch the gateway of api to api-1, api-9: it does not know api-9, only api-1, api-2; add or hold it first"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if status := g.Status("api-2"); status != "listed" {
		t.Errorf("after an error %s", status)
	}
	_ = g.Close()
	if err := g.Switch([]string{"api-1"}, 0); err == nil {
		t.Error("after close: no error")
	}
}

// What a held instance declares is known when it is switched to: it is listed
// in the same moment.
func TestInitializationOfAHeldInstance(t *testing.T) {
	cfg := Config{Initialized: "/initialized", Ready: Probe{Path: "/readyz", Period: 5 * time.Millisecond}}
	t.Run("initialized", func(t *testing.T) {
		g, r := start(t, cfg)
		s := &switched{}
		s.ready.Store(true)
		s.initialized.Store(true)
		hold(t, g, r, "api-1", upstream(t, s.serve))
		switchTo(t, g, r, "api-1", true)
	})
	t.Run("not yet", func(t *testing.T) {
		g, r := start(t, cfg)
		s := &switched{}
		s.ready.Store(true)
		hold(t, g, r, "api-1", upstream(t, s.serve))
		switchTo(t, g, r, "api-1", false)
		s.initialized.Store(true)
		await(t, r, func(journal.InitializationDone) bool { return true })
	})
	t.Run("while it waits", func(t *testing.T) {
		g, r := start(t, cfg)
		s := &switched{}
		s.ready.Store(true)
		hold(t, g, r, "api-1", upstream(t, s.serve))
		s.initialized.Store(true)
		await(t, r, func(journal.InitializationDone) bool { return true })
		switchTo(t, g, r, "api-1", true)
	})
}

// switchTo wants the instance listed when Switch returns, with that mark.
func switchTo(t *testing.T, g *Gateway, r *recorder, name string, initialized bool) {
	t.Helper()
	if err := g.Switch([]string{name}, 0); err != nil {
		t.Fatal(err)
	}
	if status := g.Status(name); status != "listed" {
		t.Errorf("when the switch was over the instance was %s", status)
	}
	added, _ := await(t, r, func(e journal.EndpointAdded) bool { return e.Instance == name })
	if added.Initialized == nil || *added.Initialized != initialized {
		t.Errorf("added %+v, want it initialized: %t", added, initialized)
	}
}

// An instance that never says whether it is initialized is noted once, however
// long it is held.
func TestSilenceIsNotedOnce(t *testing.T) {
	g, r := start(t, Config{Initialized: "/initialized", Ready: Probe{Period: time.Millisecond}})
	asked := make(chan struct{})
	addr := upstream(t, after(func(*net.TCPConn) {
		select {
		case asked <- struct{}{}:
		case <-t.Context().Done():
		}
	}))
	if err := g.Hold("api-1", addr); err != nil {
		t.Fatal(err)
	}
	for range 10 { // three times for each probe
		<-asked
	}
	go func() {
		for {
			select {
			case <-asked:
			case <-t.Context().Done():
				return
			}
		}
	}()
	_ = g.Close()
	notes := 0
	for _, n := range of[journal.Note](r) {
		if strings.Contains(n.Text, "api-1 did not say") {
			notes++
		}
	}
	if notes != 1 {
		t.Errorf("%d notes", notes)
	}
}

// The end of a lag that a Switch has taken back does nothing, even where it had
// come already and only the lock was not free.
func TestALagThatEndedTooLate(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, named("api-1")))
	add(t, g, r, "api-2", upstream(t, named("api-2")))
	if err := g.Switch([]string{"api-2"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	inst := g.instances["api-1"]
	inst.leaving.Reset(0)
	fired := make(chan struct{})
	time.AfterFunc(time.Millisecond, func() { close(fired) }) // after the other
	<-fired
	inst.stay()
	inst.held = false
	g.mu.Unlock()
	for range 1000 { // the lock is handed to who has waited for long
		if status := g.Status("api-1"); status != "listed" {
			t.Fatalf("it is %s", status)
		}
		runtime.Gosched()
	}
	_ = g.Close()
	for _, e := range of[journal.EndpointRemoved](r) {
		if e.Instance == "api-1" {
			t.Errorf("removed: %+v", e)
		}
	}
}

func TestReadinessIgnored(t *testing.T) {
	t.Run("listed before anything answers", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		_ = l.Close()
		g, r := start(t, Config{IgnoreReadiness: true, Initialized: "/initialized", First: 1, Ready: Probe{Path: "/readyz", Period: 5 * time.Millisecond}})
		add(t, g, r, "api-1", addr)
		added := of[journal.EndpointAdded](r)[0]
		if added.Initialized == nil || *added.Initialized {
			t.Errorf("added %+v, want it not initialized", added)
		}
		b := open(t, g)
		for n := range 3 {
			b.get(fmt.Sprintf("/refused%d", n))
		}
		if q, _ := requestAt(t, r, "/refused2"); q.Failure != journal.Refused {
			t.Errorf("record %+v", q)
		}
		if l, err = net.Listen("tcp", addr); err != nil {
			t.Skip("somebody else has taken the port: ", err)
		}
		s := &switched{}
		s.ready.Store(true)
		serveOn(t, l, s.serve)
		awaitReady(t, r, "api-1")
		b.get("/ready-and-not-initialized")
		early, _ := requestAt(t, r, "/ready-and-not-initialized") // single, although nothing else speaks for it
		s.initialized.Store(true)
		_, done := await(t, r, func(journal.InitializationDone) bool { return true })
		if early.Start >= done || early.Failure != "" {
			t.Errorf("record %+v, initialized at %s", early, done)
		}
		b.get("/ordinary")
		_ = g.Close()
		wantNoRecord(t, r, "/ordinary")
	})
	t.Run("without a mark", func(t *testing.T) {
		g, r := start(t, Config{IgnoreReadiness: true, First: 1, Ready: Probe{Path: "/readyz", Failure: 1, Period: 5 * time.Millisecond}})
		s := &switched{}
		add(t, g, r, "api-1", upstream(t, s.serve))
		s.awaitProbes(t, 3)
		b := open(t, g)
		for n := range 3 {
			if status, _ := b.get(fmt.Sprintf("/early%d", n)); status != 200 {
				t.Errorf("an instance that is not ready got no request: %d", status)
			}
		}
		early, _ := requestAt(t, r, "/early2")
		s.ready.Store(true)
		awaitReady(t, r, "api-1")
		b.get("/ordinary")
		s.ready.Store(false)
		await(t, r, func(e journal.ProbeChanged) bool { return !e.Ready })
		if status, _ := b.get("/unready"); status != 200 {
			t.Errorf("an instance that is unready got no request: %d", status)
		}
		_ = g.Close()
		wantNoRecord(t, r, "/ordinary")
		if len(of[journal.EndpointRemoved](r)) > 0 {
			t.Error("it was taken off the list")
		}
		added := of[journal.EndpointAdded](r)
		_, listed := await(t, r, func(journal.EndpointAdded) bool { return true })
		_, ready := await(t, r, func(e journal.ProbeChanged) bool { return e.Ready })
		if len(added) != 1 || added[0].Initialized != nil || listed >= early.Start || early.Start >= ready {
			t.Errorf("added %+v at %s, an early request at %s, ready at %s", added, listed, early.Start, ready)
		}
	})
	t.Run("held", func(t *testing.T) {
		g, r := start(t, Config{IgnoreReadiness: true, Initialized: "/initialized", Ready: Probe{Path: "/readyz", Period: 5 * time.Millisecond}})
		s := &switched{}
		if err := g.Hold("api-1", upstream(t, s.serve)); err != nil {
			t.Fatal(err)
		}
		s.awaitProbes(t, 3)
		if added := of[journal.EndpointAdded](r); len(added) > 0 {
			t.Errorf("added %+v", added)
		}
		switchTo(t, g, r, "api-1", false)
	})
}

func wantNoRecord(t *testing.T, r *recorder, path string) {
	t.Helper()
	for _, q := range of[journal.Request](r) {
		if q.Path == path {
			t.Errorf("%+v is recorded on its own for no reason", q)
		}
	}
}

// Whether connections of a terminating instance are told to close can be seen
// from the record, whatever its answers are like.
func TestWhatTouchesATerminatingInstance(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	for _, test := range []struct {
		name, method, response string
		closes                 bool // the instance asked for it
		kept                   bool // the connection is used again
		failure                journal.Failure
	}{
		{"keeps", "GET", okResponse, false, true, ""},
		{"closes", "GET", head + "Connection: close\r\nContent-Length: 2\r\n\r\nok", true, false, ""},
		{"no body, keeps", "GET", "HTTP/1.1 204 No Content\r\n\r\n", false, true, ""},
		{"no body, closes", "GET", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", true, false, ""},
		{"not modified, closes", "GET", "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n", true, false, ""},
		{"HEAD, keeps", "HEAD", head + "Content-Length: 9\r\n\r\n", false, true, ""},
		{"HEAD, closes", "HEAD", head + "Content-Length: 9\r\nConnection: close\r\n\r\n", true, false, ""},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", true, false, ""},
		{"HTTP/1.0 that keeps", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", false, true, ""},
		{"until close", "GET", head + "\r\nok", true, false, ""},
		{"cut short, having kept", "GET", head + "Content-Length: 9\r\n\r\nok", false, false, journal.Truncated},
		{"cut short, having closed", "GET", head + "Connection: close\r\nContent-Length: 9\r\n\r\nok", true, false, journal.Truncated},
		{"cut short in a chunk, having closed", "GET", head + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok", true, false, journal.Truncated},
		{"503, closes", "GET", "HTTP/1.1 503 Bye\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", true, false, journal.Status5xx},
		{"no answer", "GET", "", false, false, journal.Closed},
	} {
		for _, balance := range []string{PerRequest, PerConnection} {
			t.Run(test.name+" by "+balance, func(t *testing.T) {
				g, r := start(t, Config{Balance: balance})
				add(t, g, r, "api-1", upstream(t, firstThen(test.response, !test.kept)))
				b := open(t, g)
				b.get("/first")
				if err := g.Terminate("api-1", time.Hour); err != nil {
					t.Fatal(err)
				}
				b.send(test.method + " /told HTTP/1.1\r\nHost: a\r\nX-Shakedown-Request: 2\r\n\r\n")
				if resp, err := http.ReadResponse(b.r, &http.Request{Method: test.method}); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
				}
				q, _ := requestAt(t, r, "/told")
				if !q.Reused || q.ConnAge <= 0 || q.Close != test.closes || q.Failure != test.failure {
					t.Errorf("record %+v, want it reused, close %t and failure %q", q, test.closes, test.failure)
				}
				_ = b.conn.Close()
				open(t, g).get("/next")
				q, _ = requestAt(t, r, "/next")
				if want := test.kept && balance == PerRequest; q.Reused != want || !want && q.ConnAge > time.Minute {
					t.Errorf("the next: %+v, want it reused: %t", q, want)
				}
			})
		}
	}
}

// firstThen answers the first request on a connection as usual, and the second
// with that, after which it may close.
func firstThen(response string, closes bool) func(*net.TCPConn, *bufio.Reader) {
	return func(conn *net.TCPConn, r *bufio.Reader) {
		for n := 0; ; n++ {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			text := okResponse
			if n == 1 {
				text = response
			}
			_, _ = io.WriteString(conn, text)
			if n == 1 && closes {
				return
			}
		}
	}
}

// A flood of requests on connections that are not told to close hides none of
// those that are.
func TestCapHidesNoClose(t *testing.T) {
	g, r := start(t, Config{Cap: 5, First: 1})
	add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			text := okResponse
			if req.URL.Path == "/told" {
				text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
			}
			_, _ = io.WriteString(conn, text)
		}
	}))
	if err := g.Terminate("api-1", time.Hour); err != nil {
		t.Fatal(err)
	}
	b := open(t, g)
	for range 20 {
		b.get("/listed")
	}
	b.get("/told")
	if q, _ := requestAt(t, r, "/told"); !q.Close {
		t.Errorf("record %+v", q)
	}
}

// What the gateway itself refuses reaches no instance; the driver's requests
// are on record all the same.
func TestRefusedRequestsOfTheDriver(t *testing.T) {
	g, r := start(t, Config{})
	for id, request := range map[string]string{
		"1": "GET / HTTP/1.1\r\nX-Shakedown-Request: 1\r\n\r\n",
		"2": "GET / HTTP/1.1\r\nHost: a\r\nbad name: 1\r\nX-Shakedown-Request: 2\r\n\r\n",
		"":  "GET / HTTP/1.1\r\nHost: a\r\nbad name: 1\r\n\r\n",
	} {
		b := open(t, g)
		b.send(request)
		if resp, _, _ := b.receive("GET"); resp.StatusCode != 400 {
			t.Errorf("request %q got %d", id, resp.StatusCode)
		}
		if id == "" {
			continue
		}
		q, _ := await(t, r, func(q journal.Request) bool { return q.ID == id })
		if q.Status != 400 || q.Instance != "" || q.Failure != "" || q.Error == "" {
			t.Errorf("record %+v", q)
		}
	}
	_ = g.Close()
	if sum := totals(r); sum.Total != 2 || sum.Individual != 2 || len(sum.Failed) > 0 {
		t.Errorf("tallies %+v, want those of the driver", sum)
	}
}

// answersEarly answers as soon as it has a head, and then hangs up or reads on.
func answersEarly(hangUp bool) func(*net.TCPConn, *bufio.Reader) {
	return func(conn *net.TCPConn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, okResponse)
			if hangUp {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
		}
	}
}

// An answer that comes before the request was read ends nothing for the client:
// what it sends behind the rest of that request is a request like any other.
func TestAnswerBeforeTheRequestEnds(t *testing.T) {
	for name, test := range map[string]struct{ framing, part, rest string }{
		"length": {"Content-Length: 9", "x", "12345678"},
		"chunks": {"Transfer-Encoding: chunked", "1\r\nx\r\n", "2\r\nyz\r\n0\r\n\r\n"},
	} {
		for _, hangUp := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, hangs up: %t", name, hangUp), func(t *testing.T) {
				g, r := start(t, Config{})
				add(t, g, r, "api-1", upstream(t, answersEarly(hangUp)))
				b := open(t, g)
				b.send("POST /early HTTP/1.1\r\nHost: a\r\n" + test.framing + "\r\n\r\n" + test.part)
				if resp, body, err := b.receive("POST"); resp.Close || body != "ok" || err != nil {
					t.Errorf("close %t, %q, %v", resp.Close, body, err)
				}
				requestAt(t, r, "/early") // it is over
				b.send(test.rest + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
				if resp, body, err := b.receive("GET"); resp.StatusCode != 200 || body != "ok" || err != nil {
					t.Errorf("the next got %d, %q, %v", resp.StatusCode, body, err)
				}
				if q, _ := requestAt(t, r, "/next"); q.Reused == hangUp {
					t.Errorf("record %+v", q)
				}
			})
		}
	}
}

// By connection the early answer is the last: the instance's connection is of no
// use behind half a request. A request that the client sends before it knows is
// lost with it, and on record.
func TestAnswerBeforeTheRequestEndsOnAPinnedConnection(t *testing.T) {
	g, r := start(t, Config{Balance: PerConnection})
	add(t, g, r, "api-1", upstream(t, answersEarly(true)))
	b := open(t, g)
	b.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n")
	if _, body, err := b.receive("POST"); body != "ok" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	requestAt(t, r, "/early")
	b.send(strings.Repeat("x", 400_000) + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
	q, _ := requestAt(t, r, "/next")
	if q.Failure != journal.Closed || !q.Reused || q.Instance != "api-1" {
		t.Errorf("record %+v", q)
	}
	b.wantClosed()
}

// What had come in when Close began is read and answered, whoever waits for it.
func TestCloseReadsWhatHasComeIn(t *testing.T) {
	g, _ := start(t, Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, sent := range []string{"", "GET / HTTP/1.1\r\n\r\n"} {
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(near, sent) // on loopback it has arrived
		c := newClient(g, far)
		c.stopWaiting()
		if c.awaitByte() {
			t.Error("the wait for a request was not interrupted")
		}
		g.closing.Store(true)
		if got := c.awaitByte(); got != (sent != "") {
			t.Errorf("after %q there is a request: %t", sent, got)
		}
		g.closing.Store(false)
		_ = near.Close()
		_ = far.Close()
	}
}

func TestLinkHoldsAndSwitches(t *testing.T) {
	conn, ended := inProcess()
	r := newRecorder()
	l, err := Connect(context.Background(), conn, linkConfig(), clock.Start(), r.emit, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, add := range map[string]func(string, string) error{"api-1": l.Add, "api-2": l.Hold} {
		if err := add(name, upstream(t, named(name))); err != nil {
			t.Fatal(err)
		}
		awaitReady(t, r, name)
	}
	if status := l.Status("api-2"); status != "held, ready" {
		t.Errorf("status %q", status)
	}
	if err := l.Switch([]string{"api-9"}, 0); err == nil || !strings.Contains(err.Error(), "api-1, api-2") {
		t.Errorf("got %v", err)
	}
	before := time.Now()
	if err := l.Switch([]string{"api-2"}, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	await(t, r, func(e journal.EndpointRemoved) bool { return e.Instance == "api-1" && e.Reason == "switched" })
	if lag := time.Since(before); lag < 20*time.Millisecond {
		t.Errorf("removed after %s", lag)
	}
	if status := l.Status("api-2"); status != "listed" {
		t.Errorf("status %q", status)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
