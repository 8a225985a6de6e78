package plain

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

var one = exchange.Limits{Max: 1, Reuse: true}

func wantOK(t *testing.T, got *result, body string, reused bool) {
	t.Helper()
	if got.Err != nil || got.Status != 200 || got.body != body || got.Reused != reused {
		t.Errorf("status %d, error %v, body %.40q, reused %v; want 200, %.40q, reused %v",
			got.Status, got.Err, got.body, got.Reused, body, reused)
	}
}

func wantFailure(t *testing.T, got *result, want journal.Failure, op string) {
	t.Helper()
	if got.Err == nil || got.Err.Failure != want || got.Err.Op != op {
		t.Errorf("status %d, error %#v; want %s at %q", got.Status, got.Err, want, op)
	}
}

func TestLargeBodies(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef."), 1<<20)
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	arrived := make(chan string, 1)
	r := newRig(t, serve(t, func(conn *net.TCPConn, in *bufio.Reader, _ int) {
		for {
			if _, got, ok := next(in); ok {
				arrived <- got
				_, _ = io.WriteString(conn, answer)
				continue
			}
			return
		}
	}), one)
	for i, chunked := range []bool{false, true, false} {
		got := r.ask(exchange.Request{Method: "POST", Path: "/", Body: body, Chunked: chunked, Keep: 100 + i})
		if await(t, arrived) != string(body) {
			t.Error("another body arrived")
		}
		wantOK(t, got, string(body[:100+i]), i > 0)
		if !got.Cut {
			t.Error("a body that was cut is said to be whole")
		}
	}
}

// TestAnswerBeforeTheRequestIsOut is a server that says no at once. Some close
// afterwards, which resets a connection on which something is unread.
func TestAnswerBeforeTheRequestIsOut(t *testing.T) {
	for _, keepsOpen := range []bool{true, false} {
		t.Run(fmt.Sprint("keeps open: ", keepsOpen), func(t *testing.T) {
			over := make(chan struct{})
			r := newRig(t, serve(t, func(conn *net.TCPConn, in *bufio.Reader, nth int) {
				if nth == 1 {
					_, _ = in.ReadString('\n')
					_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
					if keepsOpen {
						<-over
					}
					return
				}
				repeats(hello)(conn, in, nth)
			}), one)
			defer close(over)
			got := r.ask(exchange.Request{Method: "POST", Path: "/", Body: make([]byte, 64<<20), Keep: 10})
			if got.Err != nil || got.Status != 413 || got.body != "no" {
				t.Errorf("status %d, %v, %q", got.Status, got.Err, got.body)
			}
			wantOK(t, r.ask(get("/")), "hello", false)
		})
	}
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	r := newRig(t, serve(t, repeats(hello)), one)
	for range 3 {
		got := r.ask(get("/a b"))
		wantFailure(t, got, journal.BadResponse, "write request")
		if got.Sent != 0 {
			t.Error("something was sent")
		}
	}
	wantOK(t, r.ask(get("/")), "hello", false)
	wantOK(t, r.ask(get("/")), "hello", true)
}

// TestLastInFirstOut opens four connections and then needs one at a time.
func TestLastInFirstOut(t *testing.T) {
	ids := make(chan int, 100)
	release := make(chan bool)
	r := newRig(t, serve(t, func(conn *net.TCPConn, in *bufio.Reader, nth int) {
		for {
			req, _, ok := next(in)
			if !ok {
				return
			}
			if req.URL.Path == "/wait" {
				<-release
			}
			ids <- nth
			_, _ = io.WriteString(conn, hello)
		}
	}), exchange.Limits{Max: 10, Reuse: true})
	var all []<-chan *result
	for range 4 {
		all = append(all, r.start(get("/wait"), long))
	}
	var last int
	for range 4 {
		release <- true
		last = await(t, ids)
		// Only now is the next let go, so that this one is the last put back.
		for !slices.ContainsFunc(all, func(c <-chan *result) bool { return len(c) > 0 }) {
			r.do(func() {})
		}
		all = slices.DeleteFunc(all, func(c <-chan *result) bool { return len(c) > 0 })
	}
	for range 10 {
		wantOK(t, r.ask(get("/")), "hello", true)
		if got := await(t, ids); got != last {
			t.Errorf("connection %d was taken, want %d, the one used last", got, last)
		}
	}
}

// TestAFailureThatLeadsToTheNext must not keep the loop from its other work.
func TestAFailureThatLeadsToTheNext(t *testing.T) {
	r := newRig(t, "127.0.0.1:1", one)
	stop, failed := false, make(chan int, 1)
	r.do(func() {
		r.e.connect = func(int, unix.Sockaddr) (int, error) { return -1, unix.EMFILE }
		n := 0
		var again func(*result)
		again = func(*result) {
			if n++; stop {
				failed <- n
				return
			}
			r.begin(get("/"), long, again)
		}
		r.begin(get("/"), long, again)
	})
	r.do(func() {}) // comes through
	r.do(func() { stop = true })
	if n := await(t, failed); n == 0 {
		t.Error("nothing failed")
	}
}

// TestSteps names the step in which the deadline ended an exchange.
func TestSteps(t *testing.T) {
	for _, c := range []struct {
		answer, op string
		body       int
	}{
		{"", "read response", 0},
		{"HTTP/1.1 2", "read response", 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "read body", 0},
		{"", "write request", 64 << 20},
	} {
		over := make(chan struct{})
		r := newRig(t, serve(t, func(conn *net.TCPConn, in *bufio.Reader, _ int) {
			_, _ = io.WriteString(conn, c.answer)
			<-over
		}), one)
		got := await(t, r.start(exchange.Request{Method: "POST", Path: "/", Body: make([]byte, c.body)}, short))
		wantFailure(t, got, journal.Timeout, c.op)
		if got.Ended < got.Deadline {
			t.Errorf("given up at %v, the deadline was %v", got.Ended, got.Deadline)
		}
		close(over)
	}
}

// TestWaitingNamesWhatItWaitsFor has all connections in use by others.
func TestWaitingNamesWhatItWaitsFor(t *testing.T) {
	over := make(chan struct{})
	asked := make(chan struct{}, 1)
	addr := serve(t, func(_ *net.TCPConn, in *bufio.Reader, _ int) { _, _, _ = next(in); asked <- struct{}{}; <-over })
	r := newRig(t, addr, one)
	first := r.start(get("/"), long)
	await(t, asked)
	wantFailure(t, await(t, r.start(get("/"), short)), journal.Timeout, "wait for a connection to "+addr)
	close(over)
	wantFailure(t, await(t, first), journal.Closed, "read response")
}

func TestTargetsThatCannotBe(t *testing.T) {
	l, err := loop.New(clock.Start())
	if err != nil {
		t.Fatal(err)
	}
	l.Stop()
	defer l.Run()
	for _, c := range []struct {
		addr string
		max  int
	}{{"127.0.0.1:80", 0}, {"127.0.0.1", 1}, {"127.0.0.1:99999", 1}, {"", 1}} {
		if _, err := New(l, exchange.Target{Name: "api", Addr: c.addr}, exchange.Limits{Max: c.max}); err == nil || !strings.Contains(err.Error(), "target api: ") {
			t.Errorf("%q with %d connections: error %v", c.addr, c.max, err)
		}
	}
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := l.Accept()
		if err == nil {
			repeats(hello)(c.(*net.TCPConn), bufio.NewReader(c), 1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-served })
	r := newRig(t, l.Addr().String(), one)
	wantOK(t, r.ask(get("/")), "hello", false)
}

// TestNoGarbage counts the allocations of exchanges on warm connections, those
// of timers, events and deadlines included.
func TestNoGarbage(t *testing.T) {
	const exchanges = 2000
	answer := []byte(hello)
	r := newRig(t, serve(t, func(conn *net.TCPConn, _ *bufio.Reader, _ int) {
		for buf := make([]byte, 4096); ; {
			if n, err := conn.Read(buf); err != nil || n == 0 {
				return
			}
			if _, err := conn.Write(answer); err != nil {
				return
			}
		}
	}), exchange.Limits{Max: 4, Reuse: true, MaxAge: time.Hour, DialRate: 1000})
	round := func() {
		done := make(chan bool)
		r.do(func() {
			left, running := exchanges, 8
			for range running {
				x := &exchange.Exchange{Request: get("/")}
				x.Done = func(x *exchange.Exchange) {
					if left--; left > 0 && x.Err == nil {
						x.Deadline = r.loop.Now() + long
						r.e.Begin(x)
					} else if running--; running == 0 {
						close(done)
					}
				}
				r.e.Begin(x)
			}
		})
		await(t, done)
	}
	round()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	round()
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > exchanges/4 {
		t.Errorf("%d allocations for %d exchanges", n, exchanges)
	}
}

// TestIdleConnectionsAreCheap measures what an engine holds for each.
func TestIdleConnectionsAreCheap(t *testing.T) {
	const connections = 2000
	all := make(chan struct{}, connections)
	over := make(chan struct{})
	r := newRig(t, serve(t, func(conn *net.TCPConn, _ *bufio.Reader, _ int) { all <- struct{}{}; <-over }),
		exchange.Limits{Max: connections, Reuse: true})
	defer close(over)
	r.do(func() {
		for range connections {
			r.e.open()
		}
	})
	for range connections {
		await(t, all)
	}
	for n := 0; n < connections; {
		r.do(func() { n = r.e.idle.len })
	}
	r.do(func() {
		if size := int(unsafe.Sizeof(conn{})); size > 512 {
			t.Errorf("a connection takes %d bytes", size)
		}
		if len(r.e.answers) > spare {
			t.Errorf("%d answers are kept", len(r.e.answers))
		}
		for n := r.e.idle.root.next; n != &r.e.idle.root; n = n.next {
			if n.owner.answer != nil || n.owner.call != nil {
				t.Fatal("an idle connection holds an answer or an exchange")
			}
		}
	})
}

// TestAnswersAreNotHoarded has many answers half there at once.
func TestAnswersAreNotHoarded(t *testing.T) {
	const all = 2 * spare
	half := make(chan struct{}, all)
	rest := make(chan struct{})
	r := newRig(t, serve(t, func(conn *net.TCPConn, in *bufio.Reader, _ int) {
		_, _, _ = next(in)
		_, _ = io.WriteString(conn, hello[:len(hello)-2])
		half <- struct{}{}
		<-rest
		_, _ = io.WriteString(conn, hello[len(hello)-2:])
		_, _, _ = next(in)
	}), exchange.Limits{Max: all, Reuse: true})
	var results []<-chan *result
	for range all {
		results = append(results, r.start(get("/"), long))
	}
	for range all {
		await(t, half)
	}
	for reading := 0; reading < all; {
		r.do(func() {
			reading = 0
			for n := r.e.busy.root.next; n != &r.e.busy.root; n = n.next {
				if n.owner.answer != nil {
					reading++
				}
			}
		})
	}
	close(rest)
	for _, done := range results {
		wantOK(t, await(t, done), "hello", false)
	}
	r.do(func() {
		if n := len(r.e.answers); n != spare {
			t.Errorf("%d answers are kept, want %d", n, spare)
		}
	})
}
