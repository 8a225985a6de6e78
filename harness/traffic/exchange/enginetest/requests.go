package enginetest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

var requests = []obligation{
	{"a request must go out as it was given", requestAsGiven},
	{"nothing may be added to a request but its framing", nothingAdded},
	{"a body must arrive whole, by length and in chunks", bodies},
}

// received is a request that a server read, and its body.
type received struct {
	*http.Request
	body string
}

// receiving is a server that hands over what it read and answers 200.
func receiving(t *testing.T) (*server, <-chan received) {
	t.Helper()
	all := make(chan received, 16)
	s := serve(t, func(p *peer, _ int) {
		for {
			req := p.request()
			if req == nil {
				return
			}
			body, _ := io.ReadAll(req.Body)
			all <- received{req, string(body)}
			p.write(hello)
		}
	})
	return s, all
}

func requestAsGiven(t *testing.T, maker Maker) {
	for _, path := range []string{"/", "/a%2Fb/c%20d?q=1&q=%7e", "//two/slashes?", "/~user/;p=1?a=b#", "/ümlaut"} {
		t.Run(path, func(t *testing.T) {
			got := make(chan string, 1)
			s := serve(t, func(p *peer, _ int) {
				line, _ := p.r.ReadString('\n')
				got <- line
				for line != "\r\n" && line != "" {
					line, _ = p.r.ReadString('\n')
				}
				p.write(hello)
			})
			r := newRig(t, maker, s.addr, one)
			r.get(path).ok(200)
			if line, want := await(t, got, "the request"), "GET "+path+" HTTP/1.1\r\n"; line != want {
				t.Errorf("request line %q, want %q", line, want)
			}
		})
	}
	s, all := receiving(t)
	r := newRig(t, maker, s.addr, one)
	r.begin(exchange.Request{Method: "DELETE", Path: "/x", Host: "shop.example:81", Header: []exchange.Field{
		{Name: "X-Twice", Value: "1"}, {Name: "Accept", Value: "text/*"}, {Name: "X-Twice", Value: "2"}, {Name: "User-Agent", Value: "probe/1"},
	}}, long).ok(200)
	req := await(t, all, "the request")
	switch {
	case req.Method != "DELETE" || req.Host != "shop.example:81":
		t.Errorf("%s of host %s", req.Method, req.Host)
	case !slices.Equal(req.Header["X-Twice"], []string{"1", "2"}) || req.Header.Get("Accept") != "text/*" || req.UserAgent() != "probe/1":
		t.Errorf("header %v", req.Header)
	}
}

func nothingAdded(t *testing.T, maker Maker) {
	s, all := receiving(t)
	r := newRig(t, maker, s.addr, one)
	r.get("/").ok(200)
	if req := await(t, all, "the request"); len(req.Header) != 0 {
		t.Errorf("header %v, want none", slices.Sorted(maps.Keys(req.Header)))
	}
}

func bodies(t *testing.T, maker Maker) {
	s, all := receiving(t)
	r := newRig(t, maker, s.addr, one)
	for _, size := range []int{1, 1000, 70_000, 3 << 20} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bytes, chunked %v", size, chunked), func(t *testing.T) {
				want := strings.Repeat("x1", size/2+1)[:size]
				r.begin(exchange.Request{Method: "POST", Path: "/", Body: []byte(want), Chunked: chunked}, long).ok(200)
				req := await(t, all, "the request")
				if req.body != want {
					t.Errorf("%d bytes arrived", len(req.body))
				}
				if got := req.ContentLength < 0; got != chunked {
					t.Errorf("chunked %v, want %v", got, chunked)
				}
			})
		}
	}
	if n := s.connections(); n != 1 {
		t.Errorf("%d connections, want all on one", n)
	}
}
