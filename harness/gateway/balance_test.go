package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// named answers with its name.
func named(name string) func(*net.TCPConn, *bufio.Reader) {
	return answers(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(name), name))
}

// stalling answers /slow only when released, everything else at once.
func stalling(name string, release <-chan struct{}) func(*net.TCPConn, *bufio.Reader) {
	return func(conn *net.TCPConn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if req.URL.Path == "/slow" {
				<-release
			}
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(name), name)
		}
	}
}

func TestRequestsGoWhereTheFewestAreInFlight(t *testing.T) {
	g, r := start(t, Config{})
	release := make(chan struct{})
	add(t, g, r, "api-1", upstream(t, stalling("api-1", release)))
	slow := open(t, g)
	slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	awaitInFlight(t, g, "api-1", 1)
	add(t, g, r, "api-2", upstream(t, named("api-2")))
	b := open(t, g)
	for range 10 {
		if _, who := b.get("/"); who != "api-2" {
			t.Fatalf("a request went to %s, which has one in flight", who)
		}
	}
	close(release)
	if _, who, err := slow.receive("GET"); who != "api-1" || err != nil {
		t.Errorf("the slow answer came from %q, %v", who, err)
	}
}

// awaitInFlight waits until an instance has so many exchanges in flight.
func awaitInFlight(t *testing.T, g *Gateway, name string, want int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		g.mu.Lock()
		got := g.instances[name].inFlight
		g.mu.Unlock()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has %d exchanges in flight, want %d", name, got, want)
		}
	}
}

// Among idle instances requests go round in turn; a new one must not be
// flooded until it has caught up with the others' totals.
func TestEqualsTakeTurns(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, named("api-1")))
	b := open(t, g)
	for range 30 {
		b.get("/")
	}
	add(t, g, r, "api-2", upstream(t, named("api-2")))
	count := map[string]int{}
	for range 10 {
		_, who := b.get("/")
		count[who]++
	}
	if count["api-1"] != 5 || count["api-2"] != 5 {
		t.Errorf("shares %v, want 5 each", count)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, answers(okResponse)))
	for _, path := range []string{"/1", "/2"} {
		open(t, g).get(path) // another client each
	}
	first, _ := requestAt(t, r, "/1")
	second, _ := requestAt(t, r, "/2")
	if first.Reused || !second.Reused || second.ConnAge <= first.ConnAge || second.Nth != 2 {
		t.Errorf("first %+v\nsecond %+v", first, second)
	}
}

// An idle connection that the instance is known to have closed is not used; a
// close that crosses the request fails it, on a reused connection.
func TestKeepAliveCut(t *testing.T) {
	t.Run("known", func(t *testing.T) {
		g, r := start(t, Config{})
		closed := make(chan struct{}, 2)
		add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = io.WriteString(conn, okResponse)
				_ = conn.Close()
				closed <- struct{}{}
			}
		}))
		b := open(t, g)
		for range 2 {
			if status, _ := b.get("/"); status != 200 {
				t.Errorf("got %d", status)
			}
			<-closed // on loopback the end has arrived when close returns
		}
	})
	t.Run("crossing", func(t *testing.T) {
		g, r := start(t, Config{})
		add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
			for n := 0; ; n++ {
				if _, err := http.ReadRequest(r); err != nil || n == 1 {
					return
				}
				_, _ = io.WriteString(conn, okResponse)
			}
		}))
		b := open(t, g)
		b.get("/1")
		if status, _ := b.get("/2"); status != 502 {
			t.Errorf("got %d, want 502", status)
		}
		record, _ := requestAt(t, r, "/2")
		if record.Failure != journal.Closed || !record.Reused {
			t.Errorf("record %+v", record)
		}
	})
}

// In request mode the instance's wish to close ends the gateway's connection to
// it and not the client's.
func TestConnectionCloseFromTheInstance(t *testing.T) {
	closing := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
	t.Run(PerRequest, func(t *testing.T) {
		g, r := start(t, Config{})
		add(t, g, r, "api-1", upstream(t, answers(closing)))
		b := open(t, g)
		b.get("/1")
		b.get("/2")
		for _, path := range []string{"/1", "/2"} {
			if record, _ := requestAt(t, r, path); record.Reused || !record.Close {
				t.Errorf("record %+v", record)
			}
		}
	})
	t.Run(PerConnection, func(t *testing.T) {
		g, r := start(t, Config{Balance: PerConnection})
		add(t, g, r, "api-1", upstream(t, answers(closing)))
		b := open(t, g)
		b.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if resp, _, _ := b.receive("GET"); !resp.Close {
			t.Error("the client was not told to close")
		}
		b.wantClosed()
	})
}

func TestConnectionsStayPinned(t *testing.T) {
	g, r := start(t, Config{Balance: PerConnection})
	add(t, g, r, "api-1", upstream(t, named("api-1")))
	add(t, g, r, "api-2", upstream(t, named("api-2")))
	clients := []*browser{open(t, g), open(t, g), open(t, g), open(t, g)}
	home := map[*browser]string{}
	count := map[string]int{}
	for range 3 {
		for _, b := range clients {
			_, who := b.get("/")
			if home[b] == "" {
				home[b] = who
				count[who]++
			}
			if home[b] != who {
				t.Errorf("a connection moved from %s to %s", home[b], who)
			}
		}
	}
	if count["api-1"] != 2 || count["api-2"] != 2 {
		t.Errorf("connections %v, want them in turn", count)
	}
	// Out of the list, and even forgotten: established connections stay.
	if err := g.Terminate("api-2", 0); err != nil {
		t.Fatal(err)
	}
	await(t, r, func(e journal.EndpointRemoved) bool { return e.Instance == "api-2" })
	for _, b := range clients {
		if _, who := b.get("/late"); who != home[b] {
			t.Errorf("a connection moved from %s to %s", home[b], who)
		}
	}
	if _, who := open(t, g).get("/"); who != "api-1" {
		t.Errorf("a new connection went to %s", who)
	}
	late, _ := await(t, r, func(q journal.Request) bool { return q.Path == "/late" && q.Instance == "api-2" })
	if !late.Reused {
		t.Errorf("record %+v, want it on a reused connection", late)
	}
}

// The end of a pinned connection reaches an idle client at once.
func TestPinnedConnectionEndsWithTheInstances(t *testing.T) {
	g, r := start(t, Config{Balance: PerConnection})
	hangUp := make(chan struct{})
	add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(conn, okResponse)
			<-hangUp
		}
	}))
	b := open(t, g)
	b.get("/")
	close(hangUp)
	b.wantClosed()
	_ = b.conn.Close()
	_ = g.Close()
	if sum := totals(r); sum.Total != 1 || len(sum.Failed) > 0 {
		t.Errorf("tallies %+v, want one good exchange", sum)
	}
}

// A request that the client had sent before it could know of the close is lost
// with it, and recorded.
func TestRequestThatCrossesThePinnedClose(t *testing.T) {
	g, r := start(t, Config{Balance: PerConnection})
	hangUp := make(chan struct{})
	add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(conn, okResponse)
			<-hangUp
		}
	}))
	b := open(t, g)
	b.get("/1")
	close(hangUp)
	if _, err := b.r.Peek(1); err != io.EOF {
		t.Fatalf("got %v, want the close", err)
	}
	b.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n") // as if it had been under way
	record, _ := requestAt(t, r, "/2")
	if record.Failure != journal.Closed || !record.Reused || record.Instance != "api-1" || record.Nth != 2 {
		t.Errorf("record %+v", record)
	}
}

func TestPinnedConnectionThatCannotBeMade(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g, r := start(t, Config{Balance: PerConnection, Ready: Probe{Failure: 1 << 30}})
	add(t, g, r, "api-1", l.Addr().String())
	_ = l.Close()
	b := open(t, g)
	if status, body := b.get("/"); status != 502 || body != "shakedown gateway: api-1: refused\n" {
		t.Errorf("got %d %q", status, body)
	}
	b.wantClosed()
	if record, _ := requestAt(t, r, "/"); record.Failure != journal.Refused || record.Reused {
		t.Errorf("record %+v", record)
	}
}
