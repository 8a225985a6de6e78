package enginetest

import (
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

var deadlines = []obligation{
	{"a deadline must end an exchange in every state", deadlineEverywhere},
	{"a deadline that is over already must end the exchange", deadlineOver},
	{"an endless answer must end at the deadline", endless},
}

var abandonments = []obligation{
	{"an exchange must be abandoned in every state", abandonEverywhere},
	{"abandoning must close the connection", abandonCloses},
	{"one that waits must leave the others' order alone", abandonQueued},
}

// A state is one in which an exchange can be stuck.
type state struct {
	name    string
	script  func(p *peer, nth int)
	request exchange.Request
	failure journal.Failure // at the deadline
	sent    bool
}

var get = exchange.Request{Method: "GET", Path: "/", Keep: 100}

// states are those with a server that has accepted the connection.
var states = []state{
	{"no answer", silent, get, journal.Timeout, true},
	{"within the head", stuckAfter("HTTP/1.1 200 OK\r\nContent-"), get, journal.Timeout, true},
	{"after a 1xx", stuckAfter("HTTP/1.1 100 Continue\r\n\r\n"), get, journal.Timeout, true},
	{"within the body", stuckAfter("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), get, journal.Timeout, true},
	{"between chunks", stuckAfter("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"), get, journal.Timeout, true},
	{"while it is sent", unread, exchange.Request{Method: "POST", Path: "/", Body: make([]byte, 32<<20)}, journal.Timeout, true},
}

// stuckAfter answers a part and then nothing more.
func stuckAfter(part string) func(*peer, int) {
	return func(p *peer, _ int) {
		if p.request() != nil {
			p.write(part)
			p.gone()
		}
	}
}

// unread reads the head of a request and nothing of its body.
func unread(p *peer, _ int) {
	p.head()
	<-p.over
}

func deadlineEverywhere(t *testing.T, maker Maker) {
	check := func(t *testing.T, c *call, want journal.Failure, sent bool) {
		t.Helper()
		c.fails(want).sent(sent)
		if c.x.Ended < c.x.Deadline {
			t.Errorf("ended at %v, before its deadline at %v", c.x.Ended, c.x.Deadline)
		}
	}
	for _, at := range states {
		t.Run(at.name, func(t *testing.T) {
			r := newRig(t, maker, serve(t, at.script).addr, one)
			check(t, r.begin(at.request, short), at.failure, at.sent)
			if n := r.stats().Queued; n != 0 {
				t.Errorf("%d exchanges wait", n)
			}
		})
	}
	t.Run("waiting for a connection", func(t *testing.T) {
		r := newRig(t, maker, serve(t, silent).addr, one)
		r.get("/first")
		check(t, r.begin(get, short), journal.Timeout, false)
	})
	t.Run("while it is dialled", func(t *testing.T) {
		r := newRig(t, maker, unanswered(t), exchange.Limits{Max: 2, Reuse: true})
		check(t, r.begin(get, short), journal.DialTimeout, false)
		check(t, r.begin(get, short), journal.DialTimeout, false)
	})
}

func deadlineOver(t *testing.T, maker Maker) {
	r := newRig(t, maker, serve(t, silent).addr, one)
	if c := r.begin(get, -short).wait(); c.x.Err == nil {
		t.Errorf("status %d, want a failure", c.x.Status)
	}
}

func endless(t *testing.T, maker Maker) {
	for name, c := range map[string]struct{ head, part string }{
		"chunks":                  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nmore\r\n"},
		"until the end":           {"HTTP/1.1 200 OK\r\n\r\n", "and more and more and more"},
		"fields":                  {"HTTP/1.1 200 OK\r\n", ""},
		"answers before the real": {"", "HTTP/1.1 102 Processing\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			stopped := make(chan struct{})
			s := serve(t, func(p *peer, _ int) {
				defer close(stopped)
				p.request()
				p.write(c.head)
				if c.part == "" {
					p.gone()
					return
				}
				for {
					if _, err := p.conn.Write([]byte(c.part)); err != nil {
						return
					}
				}
			})
			r := newRig(t, maker, s.addr, one)
			got := r.begin(exchange.Request{Method: "GET", Path: "/", Keep: 16}, short).wait()
			if got.x.Err == nil || len(got.body) > 16 {
				t.Errorf("%v, status %d, %d bytes kept", errorOf(got), got.x.Status, len(got.body))
			}
			await(t, stopped, "the connection to be closed")
		})
	}
}

func abandonEverywhere(t *testing.T, maker Maker) {
	// An exchange is in the state when the server has done its part; that needs
	// no exact moment, because the outcome is the same in all of them.
	for _, at := range states {
		t.Run(at.name, func(t *testing.T) {
			reached := make(chan struct{}, 1)
			s := serve(t, func(p *peer, nth int) {
				if _, err := p.r.Peek(1); err == nil {
					reached <- struct{}{}
				}
				at.script(p, nth)
			})
			r := newRig(t, maker, s.addr, one)
			c := r.begin(at.request, long)
			await(t, reached, "the first byte of the request")
			r.abandon(c)
			c.fails(journal.ClientGone).sent(true)
		})
	}
	t.Run("waiting for a connection", func(t *testing.T) {
		r := newRig(t, maker, serve(t, silent).addr, one)
		r.get("/first")
		c := r.get("/second")
		r.abandon(c)
		c.fails(journal.ClientGone).sent(false)
	})
	t.Run("while it is dialled", func(t *testing.T) {
		r := newRig(t, maker, unanswered(t), one)
		c := r.get("/")
		r.abandon(c)
		c.fails(journal.ClientGone).sent(false)
	})
	t.Run("within Done of another", func(t *testing.T) {
		s := serve(t, answering(hello))
		r := newRig(t, maker, s.addr, one)
		first, second := r.prepare(get), r.prepare(get)
		first.then = func() { r.engine.Abandon(&second.x) }
		r.do(func() {
			first.begin(long)
			second.begin(long)
		})
		first.ok(200)
		second.fails(journal.ClientGone)
	})
}

func abandonCloses(t *testing.T, maker Maker) {
	gone, reached := make(chan struct{}), make(chan struct{})
	s := serve(t, func(p *peer, nth int) {
		p.request()
		if nth == 1 {
			close(reached)
			p.gone()
			close(gone)
			return
		}
		p.write(hello)
	})
	r := newRig(t, maker, s.addr, one)
	c, next := r.get("/"), r.get("/next")
	await(t, reached, "the request")
	r.abandon(c)
	c.fails(journal.ClientGone)
	await(t, gone, "the connection to be closed")
	next.ok(200).reused(false)
}

func abandonQueued(t *testing.T, maker Maker) {
	release := make(chan struct{})
	paths := make(chan string, 8)
	s := serve(t, func(p *peer, _ int) {
		for req := p.request(); req != nil; req = p.request() {
			paths <- req.URL.Path
			p.hold(release)
			p.write(hello)
		}
	})
	r := newRig(t, maker, s.addr, one)
	var all []*call
	for _, path := range []string{"/0", "/1", "/2", "/3"} {
		all = append(all, r.get(path))
	}
	await(t, paths, "the first request")
	r.abandon(all[1])
	all[1].fails(journal.ClientGone)
	for _, want := range []string{"/2", "/3"} {
		let(t, release)
		if got := await(t, paths, "a request"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
