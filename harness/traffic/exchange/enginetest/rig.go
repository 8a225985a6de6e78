package enginetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

// A rig is a loop with an engine on it. It is taken down when the test ends,
// and then every exchange must have been done exactly once.
type rig struct {
	t      *testing.T
	loop   *loop.Loop
	engine exchange.Engine

	mu    sync.Mutex
	calls []*call
	down  sync.Once
}

// one is the usual limits: a connection that is kept.
var one = exchange.Limits{Max: 1, Reuse: true}

func newRig(t *testing.T, maker Maker, addr string, limits exchange.Limits) *rig {
	t.Helper()
	return newTargetRig(t, maker, exchange.Target{Name: "api", Addr: addr}, limits)
}

func newTargetRig(t *testing.T, maker Maker, target exchange.Target, limits exchange.Limits) *rig {
	t.Helper()
	l, err := loop.New(clock.Start())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, loop: l}
	r.engine = maker(t, l, target, limits) // nothing runs yet
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Run()
	}()
	t.Cleanup(func() {
		r.close()
		l.Stop()
		<-ended
	})
	return r
}

// close ends what is under way and closes the engine, once.
func (r *rig) close() {
	r.down.Do(func() {
		for _, c := range r.all() {
			r.abandon(c)
			c.wait()
		}
		r.do(r.engine.Close)
		for _, c := range r.all() {
			if c.dones != 1 {
				r.t.Errorf("Done was called %d times, want once", c.dones)
			}
		}
	})
}

func (r *rig) all() []*call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// do runs f on the loop's thread and waits for it.
func (r *rig) do(f func()) {
	r.t.Helper()
	done := make(chan struct{})
	r.loop.Post(func() {
		defer close(done)
		f()
	})
	await(r.t, done, "the loop's thread")
}

func (r *rig) stats() (s exchange.Stats) {
	r.t.Helper()
	r.do(func() { s = r.engine.Stats() })
	return s
}

// A call is one exchange. What became of it may be read after wait.
type call struct {
	rig   *rig
	x     exchange.Exchange
	done  chan struct{}
	dones int

	begun, after time.Duration // before Begin; when Done ran
	protocol     string
	header       map[string]string
	body         string
	then         func() // called within Done
}

// get begins a GET of a path with a deadline that is not reached.
func (r *rig) get(path string) *call {
	return r.begin(exchange.Request{Method: "GET", Path: path, Keep: 1 << 20}, long)
}

// begin begins an exchange whose deadline is that far away.
func (r *rig) begin(request exchange.Request, deadline time.Duration) *call {
	r.t.Helper()
	c := r.prepare(request)
	r.do(func() { c.begin(deadline) })
	return c
}

// prepare makes an exchange that begin begins, on the loop's thread.
func (r *rig) prepare(request exchange.Request) *call {
	c := &call{rig: r, done: make(chan struct{})}
	if request.Host == "" {
		request.Host = "api.test"
	}
	c.x.Request = request
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
	return c
}

func (c *call) begin(deadline time.Duration) {
	within := true
	c.begun = c.rig.loop.Now()
	c.x.Deadline = c.begun + deadline
	c.x.Done = func(x *exchange.Exchange) {
		if within {
			c.rig.t.Error("Done was called from within Begin")
		}
		c.finished(x)
	}
	c.rig.engine.Begin(&c.x)
	within = false
}

// finished is Done: it keeps what is valid only now and checks the moments.
func (c *call) finished(x *exchange.Exchange) {
	t := c.rig.t
	if c.dones++; c.dones > 1 {
		return
	}
	c.after = c.rig.loop.Now()
	c.body = string(x.Body)
	c.header = map[string]string{}
	if x.Head != nil {
		c.protocol = string(x.Head.Start[0])
		for _, f := range x.Head.Fields {
			c.header[string(f.Name)] = string(f.Value)
		}
	}
	switch {
	case x != &c.x:
		t.Error("Done was called with another exchange")
	case x.Sent != 0 && (x.Sent < c.begun || x.Sent > x.Ended) || x.Ended < c.begun || x.Ended > c.after:
		t.Errorf("begun %v, sent %v, ended %v, done %v: not in this order", c.begun, x.Sent, x.Ended, c.after)
	case x.Err == nil && (x.Sent == 0 || x.Status == 0 || x.Head == nil):
		t.Errorf("a complete answer: sent %v, status %d, head %v", x.Sent, x.Status, x.Head)
	case x.Own != "" && x.Err == nil:
		t.Errorf("want of %s without an error", x.Own)
	}
	if c.then != nil {
		c.then()
	}
	close(c.done)
}

// wait waits until the exchange is done.
func (c *call) wait() *call {
	c.rig.t.Helper()
	await(c.rig.t, c.done, "Done of "+c.x.Request.Method+" "+c.x.Request.Path)
	return c
}

// ok waits for a complete answer.
func (c *call) ok(status int) *call {
	c.rig.t.Helper()
	c.wait()
	if c.x.Err != nil || c.x.Status != status {
		c.rig.t.Fatalf("%s %s: status %d, %v; want %d", c.x.Request.Method, c.x.Request.Path, c.x.Status, errorOf(c), status)
	}
	return c
}

// fails waits for a failure.
func (c *call) fails(want journal.Failure) *call {
	c.rig.t.Helper()
	c.wait()
	if c.x.Err == nil {
		c.rig.t.Fatalf("%s %s: status %d, want it to fail with %s", c.x.Request.Method, c.x.Request.Path, c.x.Status, want)
	}
	if c.x.Err.Failure != want {
		c.rig.t.Fatalf("%s %s: %s (%v), want %s", c.x.Request.Method, c.x.Request.Path, c.x.Err.Failure, c.x.Err, want)
	}
	return c
}

func errorOf(c *call) any {
	if c.x.Err == nil {
		return "no error"
	}
	return c.x.Err
}

// sent checks whether anything of the request was sent.
func (c *call) sent(want bool) *call {
	c.rig.t.Helper()
	if got := c.x.Sent != 0; got != want {
		c.rig.t.Errorf("%s %s: sent at %v, want sent: %v", c.x.Request.Method, c.x.Request.Path, c.x.Sent, want)
	}
	return c
}

// reused checks whether the connection had carried an exchange before.
func (c *call) reused(want bool) *call {
	c.rig.t.Helper()
	if c.x.Reused != want {
		c.rig.t.Errorf("%s %s: reused %v, want %v", c.x.Request.Method, c.x.Request.Path, c.x.Reused, want)
	}
	return c
}

// abandon abandons an exchange unless it is done.
func (r *rig) abandon(c *call) {
	r.t.Helper()
	r.do(func() {
		if c.dones == 0 {
			r.engine.Abandon(&c.x)
		}
	})
}

// await waits for a channel to close or to deliver, but not for ever.
func await[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
	}
	return v
}

// let lets one that holds go on.
func let(t *testing.T, release chan<- struct{}) {
	t.Helper()
	select {
	case release <- struct{}{}:
	case <-time.After(patience):
		t.Fatalf("waited %v for a request to be held", patience)
	}
}
