package enginetest

import (
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

var answers = []obligation{
	{"an answer must be read to where its framing ends it", framings},
	{"an answer without a body must not be waited for", withoutBody},
	{"a 1xx answer must be followed by the real one", informational},
	{"what is wanted of a body must be kept, and what was cut told", keepAndCut},
	{"an answer must count although the request was not read", earlyAnswer},
	{"a large answer must be read whole", largeAnswer},
}

func framings(t *testing.T, maker Maker) {
	for _, c := range []struct {
		name, answer, body string
		status             int
		kept               bool // the connection carries the next exchange
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", 200, true},
		{"length 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, true},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", "abc", 200, true},
		{"chunks and a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", "abc", 200, true},
		{"the end of the connection", "HTTP/1.1 200 OK\r\n\r\nabc", "abc", 200, false},
		{"a close asked for", "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", "abc", 503, false},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", 200, false},
		{"HTTP/1.0 kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", "abc", 200, true},
		{"no reason", "HTTP/1.1 404\r\nContent-Length: 3\r\n\r\nabc", "abc", 404, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, func(p *peer, _ int) {
				for p.request() != nil {
					p.write(c.answer)
					if !c.kept {
						return
					}
				}
			})
			r := newRig(t, maker, s.addr, one)
			for i := range 3 {
				got := r.get("/").ok(c.status).reused(c.kept && i > 0)
				if got.body != c.body || got.x.Cut {
					t.Errorf("body %q, cut %v; want %q", got.body, got.x.Cut, c.body)
				}
			}
		})
	}
}

func withoutBody(t *testing.T, maker Maker) {
	for name, c := range map[string]struct {
		method, answer string
		status         int
	}{
		"HEAD": {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 200},
		"204":  {"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204},
		"304":  {"GET", "HTTP/1.1 304 Not Modified\r\nEtag: \"1\"\r\n\r\n", 304},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, answering(c.answer))
			r := newRig(t, maker, s.addr, one)
			for i := range 2 {
				got := r.begin(exchange.Request{Method: c.method, Path: "/", Keep: 10}, long).ok(c.status).reused(i > 0)
				if got.body != "" || got.x.Cut {
					t.Errorf("body %q, cut %v; want none", got.body, got.x.Cut)
				}
			}
		})
	}
}

func informational(t *testing.T, maker Maker) {
	s := serve(t, answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+hello))
	r := newRig(t, maker, s.addr, one)
	for i := range 2 {
		if got := r.get("/").ok(200).reused(i > 0); got.body != "hello" || got.header["Link"] != "" {
			t.Errorf("body %q, header %v", got.body, got.header)
		}
	}
}

func keepAndCut(t *testing.T, maker Maker) {
	s := serve(t, answering("HTTP/1.1 200 OK\r\nX-Kind: digits\r\nContent-Length: 10\r\n\r\n0123456789"))
	r := newRig(t, maker, s.addr, one)
	for _, c := range []struct {
		keep int
		body string
		cut  bool
	}{{0, "", true}, {4, "0123", true}, {10, "0123456789", false}, {11, "0123456789", false}} {
		got := r.begin(exchange.Request{Method: "GET", Path: "/", Keep: c.keep}, long).ok(200)
		if got.body != c.body || got.x.Cut != c.cut {
			t.Errorf("keep %d: body %q, cut %v; want %q, %v", c.keep, got.body, got.x.Cut, c.body, c.cut)
		}
		if got.header["X-Kind"] != "digits" {
			t.Errorf("header %v", got.header)
		}
	}
	if n := s.connections(); n != 1 {
		t.Errorf("%d connections: what was not kept must be read all the same", n)
	}
}

// earlyAnswer has a server that answers after the head of a request whose body
// does not fit into the buffers between.
func earlyAnswer(t *testing.T, maker Maker) {
	const refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
	for name, script := range map[string]func(*peer, int){
		"and waits": func(p *peer, _ int) {
			p.head()
			p.write(refusal)
			<-p.over
		},
		"and closes": func(p *peer, _ int) {
			p.head()
			p.write(refusal)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, script)
			r := newRig(t, maker, s.addr, one)
			for range 3 {
				got := r.begin(exchange.Request{Method: "POST", Path: "/", Body: make([]byte, 16<<20), Keep: 10}, long)
				if got.ok(413).reused(false); got.body != "no" {
					t.Errorf("body %q", got.body)
				}
			}
			if n := s.connections(); n != 3 {
				t.Errorf("%d connections, want 3: none of them could be used again", n)
			}
		})
	}
}

func largeAnswer(t *testing.T, maker Maker) {
	const size = 5 << 20
	s := serve(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 5242880\r\n\r\n"+strings.Repeat("y", size)))
	r := newRig(t, maker, s.addr, one)
	got := r.begin(exchange.Request{Method: "GET", Path: "/", Keep: size}, long).ok(200)
	if len(got.body) != size || strings.Trim(got.body, "y") != "" {
		t.Errorf("%d bytes, want %d", len(got.body), size)
	}
}
