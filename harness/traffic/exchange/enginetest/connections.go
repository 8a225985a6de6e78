package enginetest

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

var connections = []obligation{
	{"a connection must be kept, and told when it is used again", reuse},
	{"a connection that the server closed must not fail the next exchange", closedIdle},
	{"without reuse every exchange must have its own connection", noReuse},
	{"a connection beyond its age must carry no further exchange", maxAge},
	{"dials must keep to their rate", dialRate},
}

func reuse(t *testing.T, maker Maker) {
	s := serve(t, answering(hello))
	r := newRig(t, maker, s.addr, exchange.Limits{Max: 5, Reuse: true})
	for i := range 5 {
		r.get("/").ok(200).reused(i > 0)
	}
	if n := s.connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	if got, want := r.stats(), (exchange.Stats{Connections: 1, Dialled: 1, Begun: 5}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// closedIdle has a server that closes every connection after its first answer,
// without a word in it.
func closedIdle(t *testing.T, maker Maker) {
	closed := make(chan struct{}, 1)
	s := serve(t, func(p *peer, _ int) {
		p.request()
		p.write(hello)
		p.conn.Close()
		closed <- struct{}{}
	})
	r := newRig(t, maker, s.addr, one)
	for i := range 20 {
		r.begin(exchange.Request{Method: "POST", Path: "/", Body: []byte("x")}, long).ok(200).reused(false)
		await(t, closed, "the server to close")
		if n := s.requests(); n != i+1 {
			t.Fatalf("%d requests reached the server, want %d", n, i+1)
		}
	}
}

func noReuse(t *testing.T, maker Maker) {
	s := serve(t, answering(hello))
	r := newRig(t, maker, s.addr, exchange.Limits{Max: 2})
	var all []*call
	for range 20 {
		all = append(all, r.get("/"))
	}
	for _, c := range all {
		c.ok(200).reused(false)
	}
	if n, dialled := s.connections(), r.stats().Dialled; n != 20 || dialled != 20 {
		t.Errorf("%d connections, %d told, want 20", n, dialled)
	}
}

func maxAge(t *testing.T, maker Maker) {
	s := serve(t, answering(hello))
	const age = 50 * time.Millisecond
	old := newRig(t, maker, s.addr, exchange.Limits{Max: 1, Reuse: true, MaxAge: age})
	young := newRig(t, maker, s.addr, exchange.Limits{Max: 1, Reuse: true, MaxAge: time.Hour})
	for i := range 3 {
		old.get("/").ok(200).reused(false)
		young.get("/").ok(200).reused(i > 0)
		old.after(2 * age)
	}
}

// after waits on the run's clock.
func (r *rig) after(d time.Duration) {
	r.t.Helper()
	over := make(chan struct{})
	timer := &loop.Timer{Fire: func() { close(over) }}
	r.do(func() { r.loop.Set(timer, r.loop.Now()+d) })
	await(r.t, over, "a timer")
}

// dialRate compares with the rate itself, which noise can only lengthen, and
// with an engine that has no limit.
func dialRate(t *testing.T, maker Maker) {
	s := serve(t, answering(hello))
	const dials, rate = 21, 100
	span := func(perSecond float64) time.Duration {
		r := newRig(t, maker, s.addr, exchange.Limits{Max: 1000, DialRate: perSecond})
		var all []*call
		r.do(func() {
			for range dials {
				c := r.prepare(get)
				all = append(all, c)
				c.begin(long)
			}
		})
		first, last := time.Duration(1<<62), time.Duration(0)
		for _, c := range all {
			c.ok(200)
			first, last = min(first, c.x.Sent), max(last, c.x.Sent)
		}
		return last - first
	}
	limited, free := span(rate), span(0)
	if least := time.Second * (dials - 1) / rate * 9 / 10; limited < least {
		t.Errorf("%d dials at %d/s took %v, want %v or more", dials, rate, limited, least)
	}
	if free > limited {
		t.Errorf("%d dials took %v without a limit and %v with one", dials, free, limited)
	}
}
