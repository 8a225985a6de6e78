package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if builtAgent != "" {
			_ = os.RemoveAll(filepath.Dir(builtAgent))
		}
		os.Exit(code)
	}))
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// recorder keeps what a gateway emits.
type recorder struct {
	mu     sync.Mutex
	events []journal.Event
	news   chan struct{} // closed and replaced at every event
}

func newRecorder() *recorder { return &recorder{news: make(chan struct{})} }

func (r *recorder) emit(e journal.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	close(r.news)
	r.news = make(chan struct{})
}

func (r *recorder) all() []journal.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]journal.Event(nil), r.events...)
}

// await returns the first event that matches, waiting for it.
func await[T journal.Body](t testing.TB, r *recorder, match func(T) bool) (T, time.Duration) {
	t.Helper()
	timeout := time.After(patience)
	for {
		r.mu.Lock()
		events, news := append([]journal.Event(nil), r.events...), r.news
		r.mu.Unlock()
		for _, e := range events {
			if body, ok := e.Body.(T); ok && match(body) {
				return body, e.T
			}
		}
		select {
		case <-news:
		case <-timeout:
			t.Fatalf("no such %T within %s; there was %s", *new(T), patience, describe(events))
		}
	}
}

func awaitListed(t testing.TB, r *recorder, instance string) {
	t.Helper()
	await(t, r, func(e journal.EndpointAdded) bool { return e.Instance == instance })
}

// of returns all events of a type.
func of[T journal.Body](r *recorder) []T {
	var found []T
	for _, e := range r.all() {
		if body, ok := e.Body.(T); ok {
			found = append(found, body)
		}
	}
	return found
}

func describe(events []journal.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "\n  %s %s %+v", e.T, e.Body.Kind(), e.Body)
	}
	return b.String()
}

// start runs a gateway until the test ends.
func start(t testing.TB, cfg Config) (*Gateway, *recorder) {
	t.Helper()
	r := newRecorder()
	cfg.Service = "api"
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Ready.Period == 0 {
		cfg.Ready.Period = 10 * time.Millisecond
	}
	g, err := New(cfg, clock.Start(), r.emit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g, r
}

// add adds an instance and waits until it is listed.
func add(t testing.TB, g *Gateway, r *recorder, name, addr string) {
	t.Helper()
	if err := g.Add(name, addr); err != nil {
		t.Fatal(err)
	}
	awaitListed(t, r, name)
}

// upstream runs a scripted instance: serve has each connection to itself, which
// is closed after it. It must return when reading fails.
func upstream(t testing.TB, serve func(conn *net.TCPConn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, serve)
	return l.Addr().String()
}

func serveOn(t testing.TB, l net.Listener, serve func(conn *net.TCPConn, r *bufio.Reader)) {
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			all.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(conn.(*net.TCPConn), bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
}

// answers serves every request on a connection with the same bytes.
func answers(response string) func(*net.TCPConn, *bufio.Reader) {
	return func(conn *net.TCPConn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if _, err := io.WriteString(conn, response); err != nil {
				return
			}
		}
	}
}

const okResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// browser is a client that sees every byte.
type browser struct {
	t    testing.TB
	conn *net.TCPConn
	r    *bufio.Reader
}

func open(t testing.TB, g *Gateway) *browser {
	t.Helper()
	conn, err := net.Dial("tcp", g.Listening())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { _ = conn.Close() })
	return &browser{t, conn.(*net.TCPConn), bufio.NewReader(conn)}
}

func (b *browser) send(text string) {
	b.t.Helper()
	if _, err := io.WriteString(b.conn, text); err != nil {
		b.t.Fatal(err)
	}
}

// receive reads a response to the method with its body; the error is the
// body's.
func (b *browser) receive(method string) (*http.Response, string, error) {
	b.t.Helper()
	resp, err := http.ReadResponse(b.r, &http.Request{Method: method})
	if err != nil {
		b.t.Fatalf("read response: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func (b *browser) get(path string) (int, string) {
	b.t.Helper()
	b.send("GET " + path + " HTTP/1.1\r\nHost: api\r\n\r\n")
	resp, body, err := b.receive("GET")
	if err != nil {
		b.t.Fatalf("read body: %v", err)
	}
	return resp.StatusCode, body
}

// wantClosed fails unless the gateway closes the connection.
func (b *browser) wantClosed() {
	b.t.Helper()
	if n, err := b.r.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		b.t.Fatalf("connection still open: read %d bytes, %v", n, err)
	}
}

// wantOpen fails unless another request is answered on the connection.
func (b *browser) wantOpen() {
	b.t.Helper()
	b.get("/still-open")
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// requestAt returns the single record of a path.
func requestAt(t testing.TB, r *recorder, path string) (journal.Request, time.Duration) {
	t.Helper()
	return await(t, r, func(q journal.Request) bool { return q.Path == path })
}

// totals adds tallies up, over all instances.
func totals(r *recorder) journal.Tally {
	sum := journal.Tally{Failed: map[journal.Failure]int{}}
	for _, t := range of[journal.Tally](r) {
		sum.Total += t.Total
		sum.New += t.New
		sum.Reused += t.Reused
		sum.Individual += t.Individual
		sum.Suppressed += t.Suppressed
		for failure, n := range t.Failed {
			sum.Failed[failure] += n
		}
	}
	return sum
}
