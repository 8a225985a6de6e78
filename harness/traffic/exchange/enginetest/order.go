package enginetest

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

var order = []obligation{
	{"no exchange may overtake another, nor more connections be open than allowed", firstComeFirstServed},
	{"an exchange may be begun from within Done", beginWithinDone},
	{"an exchange may be used again once it is done", exchangeAgain},
}

var accounts = []obligation{
	{"10,000 exchanges must go through 8 connections", tenThousand},
	{"nothing may be left after Close", nothingLeft},
}

func firstComeFirstServed(t *testing.T, maker Maker) {
	const cap, all = 3, 20
	release := make(chan struct{})
	paths := make(chan string, all)
	s := serve(t, func(p *peer, _ int) {
		for req := p.request(); req != nil; req = p.request() {
			paths <- req.URL.Path
			p.hold(release)
			p.write(hello)
		}
	})
	r := newRig(t, maker, s.addr, exchange.Limits{Max: cap, Reuse: true})
	var calls []*call
	for i := range all {
		calls = append(calls, r.get(fmt.Sprintf("/%d", i)))
	}
	// Those that go out at once may arrive in any order; each later one follows
	// an answer.
	first := map[string]bool{}
	for range cap {
		first[await(t, paths, "the first requests")] = true
	}
	for i := range cap {
		if !first[fmt.Sprintf("/%d", i)] {
			t.Errorf("%v went out first", first)
		}
	}
	if got, want := r.stats(), (exchange.Stats{Connections: cap, Dialled: cap, Queued: all - cap, Begun: all}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for i := cap; i < all; i++ {
		let(t, release)
		if got, want := await(t, paths, "a request"), fmt.Sprintf("/%d", i); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	close(release)
	for _, c := range calls {
		c.ok(200)
	}
	if n := s.connections(); n != cap {
		t.Errorf("%d connections, want %d", n, cap)
	}
}

func beginWithinDone(t *testing.T, maker Maker) {
	s := serve(t, answering(hello))
	r := newRig(t, maker, s.addr, one)
	const all = 200
	last := make(chan struct{})
	var next func(i int) *call
	next = func(i int) *call {
		c := r.prepare(get)
		c.then = func() {
			if i < all {
				next(i + 1).begin(long)
				return
			}
			close(last)
		}
		return c
	}
	r.do(func() { next(1).begin(long) })
	await(t, last, "the last of a chain")
	for _, c := range r.all() {
		c.ok(200)
	}
	if n := s.requests(); n != all {
		t.Errorf("%d requests reached the server, want %d", n, all)
	}
}

// exchangeAgain uses one exchange over and over, with its buffers.
func exchangeAgain(t *testing.T, maker Maker) {
	s, all := receiving(t)
	r := newRig(t, maker, s.addr, one)
	done := make(chan int, 1)
	x := &exchange.Exchange{Done: func(x *exchange.Exchange) { done <- x.Status }}
	payload := make([]byte, 1000)
	for i := range 50 {
		r.do(func() {
			x.Reset()
			for j := range payload {
				payload[j] = byte('a' + i%26)
			}
			x.Request.Method, x.Request.Path, x.Request.Host, x.Request.Body = "PUT", "/", "api.test", payload
			x.Request.Header = append(x.Request.Header, exchange.Field{Name: "X-Nth", Value: fmt.Sprint(i)})
			x.Deadline = r.loop.Now() + long
			r.engine.Begin(x)
		})
		req := await(t, all, "the request")
		if status := await(t, done, "Done"); status != 200 {
			t.Fatalf("status %d", status)
		}
		if want := string(rune('a' + i%26)); req.body[:1] != want || req.body[999:] != want || req.Header.Get("X-Nth") != fmt.Sprint(i) {
			t.Fatalf("request %d carries the body %q... and %v", i, req.body[:1], req.Header)
		}
	}
}

func tenThousand(t *testing.T, maker Maker) {
	s := serve(t, answering(hello))
	r := newRig(t, maker, s.addr, exchange.Limits{Max: 8, Reuse: true})
	const all = 10_000
	most := 0
	r.do(func() {
		for range all {
			c := r.prepare(get)
			c.then = func() { most = max(most, r.engine.Stats().Connections) }
			c.begin(long)
		}
	})
	for _, c := range r.all() {
		if c.ok(200); c.body != "hello" {
			t.Fatalf("body %q", c.body)
		}
	}
	if n := s.requests(); n != all {
		t.Errorf("%d requests reached the server, want %d", n, all)
	}
	// A connection may be given up now and then, for the sake of caution, but not
	// used once and thrown away.
	if n := s.connections(); most > 8 || n > all/100 {
		t.Errorf("%d connections, %d of them at once; want 8 at once at most", n, most)
	}
}

func nothingLeft(t *testing.T, maker Maker) {
	s := serve(t, answering(hello))
	before := goleak.IgnoreCurrent()
	t.Run("with kept connections", func(t *testing.T) {
		r := newRig(t, maker, s.addr, exchange.Limits{Max: 4, Reuse: true})
		var all []*call
		for range 4 {
			all = append(all, r.get("/"))
		}
		for _, c := range all {
			c.ok(200)
		}
		r.close()
		if got := r.stats().Connections; got != 0 {
			t.Errorf("%d connections are open after Close", got)
		}
	})
	for _, p := range s.accepted() {
		await(t, p.ended, "a connection to be closed")
	}
	goleak.VerifyNone(t, before)
}
