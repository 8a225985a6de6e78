package enginetest

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

var secured = []obligation{
	{"TLS must be spoken with the authority that was named", overTLS},
	{"a certificate that will not do must be told, with what to do", badCertificates},
}

var multiplexed = []obligation{
	{"HTTP/2 must be spoken by prior knowledge", priorKnowledge},
	{"over HTTP/2 nothing may be sent twice", neverTwiceMultiplexed},
}

var negotiated = []obligation{
	{"HTTP/2 must be negotiated with TLS", overALPN},
	{"a server that has no HTTP/2 must be spoken to without", withoutALPN},
}

// echo answers with what it was asked.
var echo = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	w.Header().Set("X-Agent", req.UserAgent())
	_, _ = fmt.Fprintf(w, "%s %s %s %s", req.Method, req.Host, req.RequestURI, body)
})

// secure starts a server with TLS and returns it as a target.
func secure(t *testing.T, http2 bool, handler http.Handler) (exchange.Target, *counter) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	counted := &counter{}
	s.Config.ConnState = counted.note
	s.EnableHTTP2 = http2
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return exchange.Target{Name: "shop", Addr: s.Listener.Addr().String(), TLS: true, CA: ca, ServerName: "example.com"}, counted
}

// A counter counts the connections of an http.Server.
type counter struct{ n atomic.Int64 }

func (c *counter) note(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		c.n.Add(1)
	}
}

func overTLS(t *testing.T, maker Maker) {
	target, counted := secure(t, false, echo)
	r := newTargetRig(t, maker, target, one)
	for i := range 3 {
		c := r.begin(exchange.Request{Method: "POST", Path: "/a?b", Host: "shop.test", Body: []byte("hi"), Keep: 100}, long)
		if c.ok(200).reused(i > 0); c.body != "POST shop.test /a?b hi" {
			t.Errorf("body %q", c.body)
		}
	}
	if n := counted.n.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func badCertificates(t *testing.T, maker Maker) {
	good, _ := secure(t, false, echo)
	other, _ := secure(t, false, echo)
	plain := serve(t, func(p *peer, _ int) {
		p.head()
		p.write("HTTP/1.1 400 Bad Request\r\n\r\n")
	})
	for name, c := range map[string]struct {
		change  func(*exchange.Target)
		failure journal.Failure
		advice  string
	}{
		"signed by nobody known": {func(x *exchange.Target) { x.CA = "" }, journal.BadResponse, "ca of target shop"},
		"for another name":       {func(x *exchange.Target) { x.ServerName = "shop.test" }, journal.BadResponse, "example.com"},
		"no TLS at all":          {func(x *exchange.Target) { x.Addr = plain.addr }, journal.BadResponse, "http://"},
		"nobody there":           {func(x *exchange.Target) { x.Addr = nobody(t) }, journal.Refused, "refused"},
		"the right one":          {func(x *exchange.Target) { x.Addr = other.Addr }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := good
			c.change(&target)
			r := newTargetRig(t, maker, target, one)
			got := r.get("/")
			if c.failure == "" {
				got.ok(200)
				return
			}
			got.fails(c.failure).sent(false)
			if text := got.x.Err.Error(); !strings.Contains(text, c.advice) {
				t.Errorf("%q does not say %q", text, c.advice)
			}
		})
	}
}

func overALPN(t *testing.T, maker Maker) {
	gate := newGate(20)
	target, counted := secure(t, true, gate)
	target.HTTP2 = true
	together(t, newTargetRig(t, maker, target, exchange.Limits{Max: 20, Reuse: true}), gate)
	if n := counted.n.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func withoutALPN(t *testing.T, maker Maker) {
	target, _ := secure(t, false, echo)
	target.HTTP2 = true
	r := newTargetRig(t, maker, target, exchange.Limits{Max: 2, Reuse: true})
	for _, c := range []*call{r.get("/"), r.get("/"), r.get("/")} {
		if c.ok(200); c.protocol != "HTTP/1.1" {
			t.Errorf("spoke %s", c.protocol)
		}
	}
}

func priorKnowledge(t *testing.T, maker Maker) {
	gate := newGate(20)
	target, counted := clear2(t, gate)
	together(t, newTargetRig(t, maker, target, exchange.Limits{Max: 20, Reuse: true}), gate)
	if n := counted.n.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// clear2 starts a server that speaks HTTP/2 without TLS.
func clear2(t *testing.T, handler http.Handler) (exchange.Target, *counter) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = &http.Protocols{}
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	counted := &counter{}
	s.Config.ConnState = counted.note
	s.Start()
	t.Cleanup(s.Close)
	return exchange.Target{Name: "shop", Addr: s.Listener.Addr().String(), HTTP2: true}, counted
}

// A gate answers nobody before a number of requests are there at once.
type gate struct {
	missing atomic.Int64
	open    chan struct{}
}

func newGate(n int) *gate {
	g := &gate{open: make(chan struct{})}
	g.missing.Store(int64(n))
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if g.missing.Add(-1) == 0 {
		close(g.open)
	}
	select {
	case <-g.open:
		echo(w, req)
	case <-req.Context().Done():
	}
}

// together has as many exchanges under way as the gate asks for.
func together(t *testing.T, r *rig, g *gate) {
	t.Helper()
	var all []*call
	for i := range int(g.missing.Load()) {
		all = append(all, r.begin(exchange.Request{Method: "PUT", Path: fmt.Sprintf("/%d", i), Host: "shop.test", Body: []byte("hi"), Keep: 100}, long))
	}
	for i, c := range all {
		c.ok(200)
		if want := fmt.Sprintf("PUT shop.test /%d hi", i); c.body != want || c.protocol != "HTTP/2.0" {
			t.Errorf("body %q over %s, want %q", c.body, c.protocol, want)
		}
		if agent := c.header["X-Agent"]; agent != "" {
			t.Errorf("the engine calls itself %q", agent)
		}
	}
}

// neverTwiceMultiplexed has a handler that ends the stream without an answer.
func neverTwiceMultiplexed(t *testing.T, maker Maker) {
	var asked atomic.Int64
	target, _ := clear2(t, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	}))
	r := newTargetRig(t, maker, target, one)
	for i := range 3 {
		r.get("/").fails(journal.Reset).sent(true)
		if n := asked.Load(); n != int64(i+1) {
			t.Fatalf("%d requests reached the server, want %d", n, i+1)
		}
	}
}
