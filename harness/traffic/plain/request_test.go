//go:build linux

package plain

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// written is a request as it goes out on a connection that takes, of what it is
// offered, as many bytes as takes says.
func written(t interface{ Fatal(...any) }, r exchange.Request, reuse bool, takes func(offered int) int) []byte {
	c := &conn{
		e:    &Engine{out: make([]byte, 0, outSize+headRoom), limits: exchange.Limits{Reuse: reuse}},
		call: &call{x: &exchange.Exchange{Request: r}},
	}
	head, err := appendHead(c.e.out[:0], &r, reuse)
	if err != nil {
		t.Fatal(err)
	}
	c.head = len(head)
	c.size = c.head + bodySize(&r)
	var out []byte
	for c.pos < c.size {
		b := c.rest()
		if len(b) == 0 {
			t.Fatal("nothing is offered before the end")
		}
		n := takes(len(b))
		out = append(out, b[:n]...)
		c.pos += n
	}
	return out
}

func TestRequestIsTheSameInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := bytes.Repeat([]byte("0123456789abcdef!"), 5*chunkSize/17+1)
		n := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(chunkSize-2, chunkSize+2),
			rapid.IntRange(outSize-2, outSize+2), rapid.IntRange(0, 5*chunkSize)).Draw(t, "length")
		r := exchange.Request{
			Method: rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE"}).Draw(t, "method"),
			Path:   "/a?b=c", Host: "api.test", Body: body[:n], Chunked: rapid.Bool().Draw(t, "chunked"),
			Header: []exchange.Field{{Name: "X-A", Value: "1"}, {Name: "X-B", Value: strings.Repeat("b", rapid.IntRange(0, 100).Draw(t, "value"))}},
		}
		reuse := rapid.Bool().Draw(t, "reuse")
		whole := written(t, r, reuse, func(offered int) int { return offered })
		least := rapid.SampledFrom([]int{1, 100, 9000}).Draw(t, "least")
		if n > 2000 {
			least = max(least, 100)
		}
		pieces := written(t, r, reuse, func(offered int) int {
			return min(offered, rapid.IntRange(least, 2*least).Draw(t, "taken"))
		})
		if !bytes.Equal(whole, pieces) {
			t.Fatalf("%d bytes at once, %d in pieces, and not the same", len(whole), len(pieces))
		}
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(whole)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(req.Body)
		if err != nil || !bytes.Equal(got, r.Body) {
			t.Fatalf("a body of %d bytes arrives as %d, %v", n, len(got), err)
		}
		if inChunks := len(req.TransferEncoding) > 0; inChunks != (r.Chunked && n > 0) {
			t.Fatalf("in chunks: %v", inChunks)
		}
		if req.Host != r.Host || req.RequestURI != r.Path || req.Method != r.Method || req.Close == reuse {
			t.Fatalf("%+v", req)
		}
	})
}

func TestRequestAsItGoesOut(t *testing.T) {
	for _, c := range []struct {
		name  string
		r     exchange.Request
		reuse bool
		want  string
	}{
		{"plain", exchange.Request{Method: "GET", Path: "/"}, true, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"a connection each", exchange.Request{Method: "GET", Path: "/"}, false, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
		{"a method with a body, without one", exchange.Request{Method: "POST", Path: "/"}, true, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{"empty chunked body", exchange.Request{Method: "POST", Path: "/", Chunked: true}, true, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{"body", exchange.Request{Method: "DELETE", Path: "/", Body: []byte("abc")}, true, "DELETE / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"},
		{"chunks", exchange.Request{Method: "PUT", Path: "/", Body: []byte("0123456789abcdef"), Chunked: true}, true,
			"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"},
		{"fields that are the engine's", exchange.Request{Method: "GET", Path: "/", Header: []exchange.Field{
			{Name: "Host", Value: "x"}, {Name: "X-A", Value: "a\tb"}, {Name: "Content-Length", Value: "9"},
			{Name: "Transfer-Encoding", Value: "chunked"}, {Name: "Connection", Value: "upgrade"}}}, true,
			"GET / HTTP/1.1\r\nHost: h\r\nX-A: a\tb\r\n\r\n"},
	} {
		c.r.Host = "h"
		if got := string(written(t, c.r, c.reuse, func(n int) int { return n })); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestRequestsThatAreNotOne lists what would arrive as something else.
func TestRequestsThatAreNotOne(t *testing.T) {
	good := exchange.Request{Method: "GET", Path: "/", Host: "h"}
	if _, err := appendHead(nil, &good, true); err != nil {
		t.Fatal(err)
	}
	field := func(name, value string) func(*exchange.Request) {
		return func(r *exchange.Request) { r.Header = []exchange.Field{{Name: name, Value: value}} }
	}
	for i, spoil := range []func(*exchange.Request){
		func(r *exchange.Request) { r.Method = "" },
		func(r *exchange.Request) { r.Method = "GET /x" },
		func(r *exchange.Request) { r.Path = "" },
		func(r *exchange.Request) { r.Path = "/a b" },
		func(r *exchange.Request) { r.Path = "/ HTTP/1.1\r\nX: y\r\n\r\nGET /" },
		func(r *exchange.Request) { r.Host = "h\r\nX: y" },
		field("", "x"), field("X Y", "x"), field("X:", "x"), field("X\r\nY", "x"),
		field("X", "a\r\nb: c"), field("X", "a\nb"), field("X", "a\x00"), field("X", "\x7f"),
	} {
		r := good
		spoil(&r)
		var protocol wire.ProtocolError
		if _, err := appendHead(nil, &r, true); !errors.As(err, &protocol) {
			t.Errorf("number %d, %+v: %v, want a ProtocolError", i, r, err)
		}
	}
}

func TestCan(t *testing.T) {
	stream := func() (io.ReadCloser, error) { return nil, nil }
	got := []bool{
		Can(exchange.Target{}, &exchange.Request{}),
		Can(exchange.Target{}, &exchange.Request{Chunked: true, Body: []byte("x")}),
		Can(exchange.Target{TLS: true}, &exchange.Request{}),
		Can(exchange.Target{HTTP2: true}, &exchange.Request{}),
		Can(exchange.Target{}, &exchange.Request{Stream: stream}),
	}
	if want := []bool{true, true, false, false, false}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
