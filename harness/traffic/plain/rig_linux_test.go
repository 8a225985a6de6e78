package plain

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

const (
	hello    = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	long     = 40 * time.Second // a deadline that is not reached
	short    = 100 * time.Millisecond
	patience = 60 * time.Second
)

// serve runs a scripted server; each connection is closed after its script. The
// ordinal of connections counts from 1.
func serve(t testing.TB, script func(c *net.TCPConn, r *bufio.Reader, nth int)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for nth := 1; ; nth++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			all.Go(func() {
				defer c.Close()
				script(c.(*net.TCPConn), bufio.NewReader(c), nth)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

// next reads a request with its body; false at the end of the connection.
func next(r *bufio.Reader) (req *http.Request, body string, ok bool) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, "", false
	}
	b, err := io.ReadAll(req.Body)
	return req, string(b), err == nil
}

// repeats answers every request with the same bytes.
func repeats(answer string) func(*net.TCPConn, *bufio.Reader, int) {
	return func(c *net.TCPConn, r *bufio.Reader, _ int) {
		for {
			if _, _, ok := next(r); !ok {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	}
}

// A rig is a loop that runs, with an engine on it.
type rig struct {
	t    testing.TB
	loop *loop.Loop
	e    *Engine
}

func newRig(t testing.TB, addr string, limits exchange.Limits) *rig {
	t.Helper()
	l, err := loop.New(clock.Start())
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(l, exchange.Target{Name: "api", Addr: addr}, limits)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, loop: l, e: e}
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()
	t.Cleanup(func() {
		r.do(func() {
			e.Close()
			if n := e.wheel.len + e.waiting.len + e.finished.len; n != 0 {
				t.Errorf("%d exchanges are left", n)
			}
		})
		l.Stop()
		<-ended
	})
	return r
}

// do runs f on the loop and waits for it.
func (r *rig) do(f func()) {
	r.t.Helper()
	done := make(chan struct{})
	r.loop.Post(func() { f(); close(done) })
	await(r.t, done)
}

func await[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatal("waited in vain")
	}
	return v
}

// A result is an exchange that is done.
type result struct {
	exchange.Exchange
	body string
}

// begin begins an exchange on the loop's thread.
func (r *rig) begin(request exchange.Request, deadline time.Duration, done func(*result)) *exchange.Exchange {
	request.Host = "api.test"
	x := &exchange.Exchange{Request: request, Deadline: r.loop.Now() + deadline}
	x.Done = func(x *exchange.Exchange) { done(&result{*x, string(x.Body)}) }
	r.e.Begin(x)
	return x
}

// start begins an exchange from another goroutine.
func (r *rig) start(request exchange.Request, deadline time.Duration) <-chan *result {
	r.t.Helper()
	done := make(chan *result, 1)
	r.do(func() { r.begin(request, deadline, func(got *result) { done <- got }) })
	return done
}

func get(path string) exchange.Request {
	return exchange.Request{Method: "GET", Path: path, Keep: 1 << 20}
}

// ask does one exchange.
func (r *rig) ask(request exchange.Request) *result {
	r.t.Helper()
	return await(r.t, r.start(request, long))
}
