package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// exchange does one on a connection that stays open.
func (c *rawConn) exchange() got {
	c.t.Helper()
	c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	return c.response("GET")
}

// TestRefusing: the socket really refuses, and everything is
// as before in the end, several times over.
func TestRefusing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("connections are accepted and reset here")
	}
	for _, listen := range []string{"127.0.0.1:0", ":0", "[::1]:0", "fixed"} {
		t.Run(listen, func(t *testing.T) {
			p, _ := start(t, Config{Upstream: server(t, nil)})
			if listen == "fixed" {
				listen = freePort(t)
			}
			addr := serveAt(t, p, listen)
			for range 3 {
				old := dial(t, addr)
				if g := old.exchange(); g.body != greeting {
					t.Fatalf("got %+v", g)
				}
				apply(t, p, "gone", order.HTTP{Outage: &order.Outage{As: order.AsRefuse}})
				if err := old.end(); !wasReset(err) {
					t.Errorf("the open connection ended with %v", err)
				}
				for range 3 {
					if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
						t.Fatalf("connecting gave %v, %v", c, err)
					}
				}
				if n := revert(t, p, "gone"); n["reset"] < 1 {
					t.Errorf("counted %v", n)
				}
				if g := get(web(t), "http://"+addr); g.body != greeting {
					t.Fatalf("after the revert: %+v", g)
				}
			}
			// Close in the middle of it.
			apply(t, p, "gone", order.HTTP{Outage: &order.Outage{As: order.AsRefuse}})
		})
	}
}

func serveAt(t *testing.T, p *Proxy, addr string) string {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skip(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Serve(l) }()
	t.Cleanup(func() {
		_ = p.Close()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// freePort is an address with a port that is asked for, and not chosen by the system.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestTwoThatRefuse(t *testing.T) {
	p, addr := start(t, Config{Upstream: server(t, nil)})
	get(web(t), "http://"+addr) // it serves
	apply(t, p, "a", order.HTTP{Outage: &order.Outage{As: order.AsRefuse}})
	apply(t, p, "b", order.HTTP{Flapping: &order.Flapping{As: order.AsRefuse, Down: time.Hour, Up: time.Hour}})
	revert(t, p, "a")
	if g := get(web(t), "http://"+addr); runtime.GOOS == "linux" && !errors.Is(g.err, syscall.ECONNREFUSED) {
		t.Errorf("one of two was enough: %+v", g)
	}
	revert(t, p, "b")
	if g := get(web(t), "http://"+addr); g.body != greeting {
		t.Errorf("got %+v", g)
	}
}

// TestHanging: requests are held, on open connections and on new ones, and
// answered when it is over; whoever went away meanwhile reaches nobody.
func TestHanging(t *testing.T) {
	var worked atomic.Int32
	p, addr := start(t, Config{WriteCalls: true, Upstream: server(t, func(w http.ResponseWriter, r *http.Request) {
		worked.Add(1)
		greet(w, r)
	})})
	old := dial(t, addr)
	old.exchange()
	worked.Store(0)
	apply(t, p, "hang", order.HTTP{Outage: &order.Outage{As: order.AsHang}})
	answers := make(chan got, 2)
	go func() { answers <- old.exchange() }()
	go func() { answers <- get(web(t), "http://"+addr) }()
	gone := dial(t, addr)
	gone.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	counted(t, p, "hang", "held", 3)
	_ = gone.Close()
	if calls := total(t, p, 2); calls.Calls[1].Status != 0 || calls.Calls[1].Fault != "hang" { // seen while it lasts
		t.Errorf("noted %+v", calls)
	}
	revert(t, p, "hang")
	for range 2 {
		if g := <-answers; g.body != greeting {
			t.Errorf("got %+v", g)
		}
	}
	if n := worked.Load(); n != 2 {
		t.Errorf("the upstream worked %d times, want 2", n)
	}
}

func TestHangingBytes(t *testing.T) {
	p, addr := start(t, Config{Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) { _, _ = io.Copy(c, r) })})
	old := dial(t, addr)
	old.write("*1\n")
	old.line()
	apply(t, p, "hang", order.HTTP{Outage: &order.Outage{As: order.AsHang}})
	counted(t, p, "hang", "held", 1)
	fresh := dial(t, addr)
	fresh.write("*2\n")
	counted(t, p, "hang", "held", 2)
	old.write("*3\n")
	_ = old.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if line, err := old.r.ReadString('\n'); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%q got through, %v", line, err)
	}
	_ = old.SetReadDeadline(time.Now().Add(10 * time.Second))
	revert(t, p, "hang")
	if got := old.line() + fresh.line(); got != "*3\n*2\n" {
		t.Errorf("got %q", got)
	}
	apply(t, p, "reset", order.HTTP{Outage: &order.Outage{As: order.AsReset}})
	if err := old.end(); !wasReset(err) {
		t.Errorf("ended with %v", err)
	}
}

func TestBytesAreAfflicted(t *testing.T) {
	p, addr := start(t, Config{Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) { _, _ = io.Copy(c, r) })})
	apply(t, p, "latency", order.HTTP{Latency: &order.Latency{P50: 50 * time.Millisecond}})
	apply(t, p, "of requests", order.HTTP{Abort: &order.Abort{}, Match: order.Match{Path: "/"}})
	begun := time.Now()
	c := dial(t, addr)
	c.write("*1\n")
	c.line()
	if took := time.Since(begun); took < 50*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	apply(t, p, "abort", order.HTTP{Abort: &order.Abort{}})
	c.write("*2\n") // what is open stays
	c.line()
	c = dial(t, addr)
	c.write("*1\n")
	if err := c.end(); !wasReset(err) {
		t.Errorf("ended with %v", err)
	}
	if n := revert(t, p, "latency"); n["connections"] != 2 || n["injected"] != 2 {
		t.Errorf("counted %v", n)
	}
}

func TestExistingConnections(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	up := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(began)
			<-release
		}
		greet(w, r)
	})
	fault := func(existing string) order.HTTP {
		return order.HTTP{Errors: &order.Errors{}, Existing: existing}
	}
	t.Run("kept and affected", func(t *testing.T) {
		p, addr := start(t, Config{Upstream: up})
		c := dial(t, addr)
		c.exchange()
		apply(t, p, "f", fault(""))
		if g := c.exchange(); g.status != 503 {
			t.Errorf("got %+v", g)
		}
		revert(t, p, "f")
		if g := c.exchange(); g.status != 200 { // and kept after it
			t.Errorf("got %+v", g)
		}
	})
	t.Run("reset", func(t *testing.T) {
		p, addr := start(t, Config{Upstream: up})
		c := dial(t, addr)
		c.exchange()
		apply(t, p, "f", fault(order.ResetExisting))
		if err := c.end(); !wasReset(err) {
			t.Errorf("ended with %v", err)
		}
		if n := revert(t, p, "f"); n["reset"] != 1 {
			t.Errorf("counted %v", n)
		}
	})
	t.Run("new-only", func(t *testing.T) {
		p, addr := start(t, Config{Upstream: up})
		c := dial(t, addr)
		c.exchange()
		apply(t, p, "f", fault(order.SpareExisting))
		if g := c.exchange(); g.status != 200 {
			t.Errorf("got %+v", g)
		}
		if g := dial(t, addr).exchange(); g.status != 503 {
			t.Errorf("got %+v", g)
		}
	})
	t.Run("drain", func(t *testing.T) {
		p, addr := start(t, Config{Upstream: up})
		idle, busy := dial(t, addr), dial(t, addr)
		idle.exchange()
		busy.exchange()
		busy.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		<-began
		apply(t, p, "f", fault(order.DrainExisting))
		if err := idle.end(); !errors.Is(err, io.EOF) {
			t.Errorf("the idle one ended with %v", err)
		}
		close(release)
		if g := busy.response("GET"); g.status != 200 || g.header.Get("Connection") != "" && g.header.Get("Connection") != "close" {
			t.Errorf("got %+v", g)
		}
		if err := busy.end(); !errors.Is(err, io.EOF) {
			t.Errorf("the busy one ended with %v", err)
		}
	})
}

// TestRevertUnderLoad: under traffic of every sort each revert comes to its end
// at once, and what comes after it is as it was.
func TestRevertUnderLoad(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	p, addr := start(t, Config{KeyHeader: "K", Upstream: server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, long)
	})})
	faults := map[string]order.HTTP{
		"latency": {Latency: &order.Latency{P50: time.Hour}}, "brownout": {Brownout: &order.Brownout{PerRequest: time.Hour}},
		"errors": {Errors: &order.Errors{}}, "late": {Errors: &order.Errors{AfterWork: true}},
		"abort": {Abort: &order.Abort{}}, "abort-late": {Abort: &order.Abort{AfterWork: true}},
		"slow": {SlowBody: &order.SlowBody{Rate: 100}}, "truncate": {Truncate: &order.Truncate{}}, "corrupt": {Corrupt: &order.Corrupt{}},
		"flapping": {Flapping: &order.Flapping{Down: 20 * time.Millisecond, Up: 5 * time.Millisecond, As: order.AsRefuse}},
		"limit":    {RateLimit: &order.RateLimit{Rate: 10, RetryAfter: time.Second}},
		"status":   {Outage: &order.Outage{}}, "refuse": {Outage: &order.Outage{As: order.AsRefuse}},
		"reset": {Outage: &order.Outage{As: order.AsReset}}, "hang": {Outage: &order.Outage{As: order.AsHang}},
	}
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i := range 20 {
		load.Go(func() {
			c := web(t)
			body := strings.Repeat("y", i*1000)
			for {
				select {
				case <-stop:
					return
				default:
					send(c, "POST", "http://"+addr, body)
				}
			}
		})
	}
	for _, existing := range []string{"", order.ResetExisting, order.DrainExisting} {
		for id, h := range faults {
			h.Existing = existing
			apply(t, p, id, h)
			time.Sleep(10 * time.Millisecond) // of load; nothing depends on it
			done := make(chan struct{})
			go func() { defer close(done); revert(t, p, id) }()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Fatalf("the revert of %s hangs", id)
			}
		}
	}
	close(stop)
	load.Wait()
	if g := get(web(t), "http://"+addr); g.body != long {
		t.Errorf("in the end: %d, %d bytes, %v", g.status, len(g.body), g.err)
	}
	if n := p.Calls().InFlight; n != 0 {
		t.Errorf("%d calls are under way", n)
	}
}

// TestRevertWaitsForNobody who does not read, nor for long bodies.
func TestRevertWaitsForNobody(t *testing.T) {
	long := strings.Repeat("x", 16<<20)
	p, addr := start(t, Config{Drain: time.Millisecond, Upstream: server(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, long) })})
	for id, h := range map[string]order.HTTP{
		"slow": {SlowBody: &order.SlowBody{Rate: 1 << 30}}, "corrupt": {Corrupt: &order.Corrupt{}}, "truncate": {Truncate: &order.Truncate{After: 15 << 20}},
	} {
		apply(t, p, id, h)
	}
	c := dial(t, addr)
	c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	counted(t, p, "slow", "bytes", 100<<10) // and from some point on it is stuck in the write
	for _, id := range []string{"slow", "corrupt", "truncate"} {
		begun := time.Now()
		revert(t, p, id)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("the revert of %s took %s", id, took)
		}
	}
	if g := c.response("GET"); len(g.body) != len(long) || g.err != nil {
		t.Errorf("got %d bytes and %v", len(g.body), g.err)
	}
}

func TestCloseWithHeldRequests(t *testing.T) {
	p, addr := start(t, Config{Upstream: server(t, nil), Drain: 5 * time.Second})
	apply(t, p, "hang", order.HTTP{Outage: &order.Outage{As: order.AsHang}})
	answer := make(chan got, 1)
	go func() { answer <- get(web(t), "http://"+addr) }()
	counted(t, p, "hang", "held", 1)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if g := <-answer; g.body != greeting { // held requests are answered before the end
		t.Errorf("got %+v", g)
	}
}

// TestManyConnections are served at a time, and none is left behind.
func TestManyConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("opens two thousand connections")
	}
	const many = 1000
	p, addr := start(t, Config{Upstream: server(t, nil)})
	var all sync.WaitGroup
	var bad atomic.Int32
	conns := make([]*rawConn, many)
	for i := range conns {
		conns[i] = dial(t, addr)
	}
	for range 3 {
		for _, c := range conns {
			all.Go(func() {
				if g := c.exchange(); g.body != greeting {
					bad.Add(1)
				}
			})
		}
		all.Wait()
	}
	if n := bad.Load(); n != 0 {
		t.Errorf("%d exchanges failed", n)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	await(t, "the end of all connections", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.conns) == 0
	})
	if calls := p.Calls(); calls.Total != 3*many || calls.Failed != 0 {
		t.Errorf("noted %+v", calls)
	}
}
