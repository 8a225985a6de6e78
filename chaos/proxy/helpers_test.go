package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// greeting is the body that the tests know.
const greeting = "hello from the upstream"

func greet(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, greeting)
}

// server starts an upstream; without a handler it greets.
func server(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	if handler == nil {
		handler = greet
	}
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// start serves a proxy on a port of this machine.
func start(t testing.TB, cfg Config) (*Proxy, string) {
	t.Helper()
	if cfg.Service == "" {
		cfg.Service = "api"
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, serve(t, p)
}

func serve(t testing.TB, p *Proxy) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Serve(l) }()
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// web is a client of its own, that keeps connections.
func web(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// got is what became of a request.
type got struct {
	status int
	body   string
	header http.Header
	err    error
}

func get(c *http.Client, url string) got { return send(c, http.MethodGet, url, "") }

func send(c *http.Client, method, url, body string) got {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return got{err: err}
	}
	if body == "" {
		req.Body, req.ContentLength = nil, 0
	}
	return do(c, req)
}

func do(c *http.Client, req *http.Request) got {
	resp, err := c.Do(req)
	if err != nil {
		return got{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return got{resp.StatusCode, string(b), resp.Header, err}
}

// rawConn is a connectionection that fails the test instead of hanging.
type rawConn struct {
	net.Conn
	r *bufio.Reader
	t testing.TB
}

func dial(t testing.TB, addr string) *rawConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &rawConn{c, bufio.NewReader(c), t}
}

func (c *rawConn) write(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// response reads one with its body.
func (c *rawConn) response(method string) got {
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return got{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return got{resp.StatusCode, string(b), resp.Header, err}
}

func (c *rawConn) line() string {
	c.t.Helper()
	s, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("after %q: %v", s, err)
	}
	return s
}

// end is how the connection ends: io.EOF, or a reset.
func (c *rawConn) end() error {
	_, err := io.Copy(io.Discard, c.r)
	if err == nil {
		return io.EOF
	}
	return err
}

func wasReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

// apply begins a fault that must be possible, and ends it with the test.
func apply(t testing.TB, p *Proxy, id string, h order.HTTP) {
	t.Helper()
	applyFor(t, p, id, 0, h)
}

func applyFor(t testing.TB, p *Proxy, id string, lasts time.Duration, h order.HTTP) {
	t.Helper()
	if err := p.Apply(order.Fault{ID: id, Seed: 7, For: lasts, HTTP: &h}); err != nil {
		t.Fatal(err)
	}
}

func revert(t testing.TB, p *Proxy, id string) map[string]int64 {
	t.Helper()
	counters, err := p.Revert(id)
	if err != nil {
		t.Fatal(err)
	}
	return counters
}

// counted waits until a counter of a fault has reached n.
func counted(t testing.TB, p *Proxy, id, name string, n int64) {
	t.Helper()
	await(t, id+" "+name, func() bool { return p.Counters()[id][name] >= n })
}

// await waits for something that happens without a signal of its own.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 15s", what)
		}
	}
}

// total adds all calls up until there are n.
func total(t testing.TB, p *Proxy, n int) order.Calls {
	t.Helper()
	var sum order.Calls
	await(t, "calls", func() bool {
		c := p.Calls()
		sum.Total += c.Total
		sum.Failed += c.Failed
		sum.Injected += c.Injected
		sum.Told += c.Told
		sum.Early += c.Early
		sum.Suppressed += c.Suppressed
		sum.InFlight = c.InFlight
		sum.Calls = append(sum.Calls, c.Calls...)
		return sum.Total >= n
	})
	return sum
}

// dialing dials as usual and lets the test have a look.
func dialing(look func(net.Conn, error) (net.Conn, error)) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, to string) (net.Conn, error) {
		var d net.Dialer
		return look(d.DialContext(ctx, "tcp", to))
	}
}

// quiet is for servers whose callers break handshakes off on purpose.
var quiet = log.New(io.Discard, "", 0)
