package enginetest

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

var failures = []obligation{
	{"a refused connection must be told, with nothing sent", refused},
	{"what goes wrong with an answer must be named", badAnswers},
	{"nothing may be sent twice", neverTwice},
	{"a failure must not touch the exchanges after it", failureIsAlone},
}

func refused(t *testing.T, maker Maker) {
	r := newRig(t, maker, nobody(t), one)
	for range 3 {
		c := r.get("/").fails(journal.Refused).sent(false)
		if !errors.Is(c.x.Err, syscall.ECONNREFUSED) || c.x.Own != "" {
			t.Errorf("error %v, own %q", c.x.Err, c.x.Own)
		}
	}
}

// badAnswers ends every connection after its first request in another way.
func badAnswers(t *testing.T, maker Maker) {
	for _, c := range []struct {
		name, answer string
		reset        bool
		want         journal.Failure
	}{
		{"closed before an answer", "", false, journal.Closed},
		{"reset before an answer", "", true, journal.Reset},
		{"closed within the head", "HTTP/1.1 200 OK\r\nContent-Le", false, journal.Truncated},
		{"closed within the first line", "HTTP/1.1 2", false, journal.Truncated},
		{"closed within the body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", false, journal.Truncated},
		{"closed within a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", false, journal.Truncated},
		{"closed between chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", false, journal.Truncated},
		{"another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", false, journal.BadResponse},
		{"no status", "HTTP/1.1 OK\r\n\r\n", false, journal.BadResponse},
		{"a field without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", false, journal.BadResponse},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", false, journal.BadResponse},
		{"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nab", false, journal.BadResponse},
		{"a chunk size that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n", false, journal.BadResponse},
		{"a head without end", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-More: and more\r\n", 6000), false, journal.BadResponse},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, func(p *peer, _ int) {
				if p.request() == nil {
					return
				}
				p.write(c.answer)
				if c.reset {
					p.reset()
				}
			})
			r := newRig(t, maker, s.addr, one)
			for i := range 2 {
				r.get("/").fails(c.want).sent(true)
				if n := s.requests(); n != i+1 {
					t.Fatalf("%d requests reached the server, want %d", n, i+1)
				}
			}
		})
	}
}

// neverTwice has a server that reads the second request on a connection and
// ends it: what net/http's own pool takes for a reason to send it again.
func neverTwice(t *testing.T, maker Maker) {
	for name, c := range map[string]struct {
		request exchange.Request
		reset   bool
		want    journal.Failure
	}{
		"GET, closed": {exchange.Request{Method: "GET"}, false, journal.Closed},
		"GET, reset":  {exchange.Request{Method: "GET"}, true, journal.Reset},
		"POST with an idempotency key": {exchange.Request{Method: "POST", Body: []byte("x"),
			Header: []exchange.Field{{Name: "Idempotency-Key", Value: "k1"}}}, false, journal.Closed},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(p *peer, _ int) {
				p.request()
				p.write(hello)
				p.request()
				if c.reset {
					p.reset()
				}
			})
			r := newRig(t, maker, s.addr, exchange.Limits{Max: 4, Reuse: true})
			r.get("/").ok(200)
			c.request.Path = "/"
			r.begin(c.request, long).fails(c.want).sent(true).reused(true)
			if n := s.requests(); n != 2 {
				t.Errorf("%d requests reached the server, want 2", n)
			}
			if n := s.connections(); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
		})
	}
}

func failureIsAlone(t *testing.T, maker Maker) {
	s := serve(t, func(p *peer, nth int) {
		if p.request() == nil {
			return
		}
		if nth%2 == 1 {
			p.reset()
			return
		}
		p.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")
	})
	r := newRig(t, maker, s.addr, one)
	var all []*call
	for range 10 {
		all = append(all, r.get("/"))
	}
	for i, c := range all {
		if i%2 == 0 {
			c.fails(journal.Reset)
		} else {
			c.ok(200)
		}
	}
}
