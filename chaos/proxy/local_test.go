package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// TestThirdParty has a Handler answer, and everything around it as with an
// upstream.
func TestThirdParty(t *testing.T) {
	p, addr := start(t, Config{Service: "payments", WriteCalls: true, KeyHeader: "Idempotency-Key", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/panic":
			panic("no")
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
			return
		case "/early":
			w.WriteHeader(http.StatusConflict)
			return
		}
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Shakedown-Effect", "1")
		_, _ = fmt.Fprintf(w, "%s %s %s %d %s", r.Method, r.URL, r.Host, r.ContentLength, b)
	})})
	c := dial(t, addr)
	for request, want := range map[string]string{
		"GET /a?b=c HTTP/1.1\r\nHost: pay\r\n\r\n":                                                          "GET /a?b=c pay 0 ",
		"POST / HTTP/1.1\r\nHost: pay\r\nContent-Length: 4\r\nIdempotency-Key: k1\r\n\r\nbody":              "POST / pay 4 body",
		"POST / HTTP/1.1\r\nHost: pay\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n": "POST / pay -1 body",
	} {
		c.write(request)
		g := c.response("GET")
		if g.body != want || g.header.Get("X-Shakedown-Effect") != "" || g.header.Get("Date") == "" {
			t.Errorf("%q: got %+v, want %q", request, g, want)
		}
		if calls := total(t, p, 1); !calls.Calls[0].Effect || calls.Calls[0].Status != 200 {
			t.Errorf("noted %+v", calls)
		}
	}
	c.write("HEAD / HTTP/1.1\r\nHost: pay\r\n\r\nGET /empty HTTP/1.1\r\nHost: pay\r\n\r\n") // two at once
	if g := c.response("HEAD"); g.status != 200 || g.body != "" || g.header.Get("Content-Length") == "" {
		t.Errorf("got %+v", g)
	}
	if g := c.response("GET"); g.status != 204 {
		t.Errorf("got %+v", g)
	}
	c.write("POST / HTTP/1.1\r\nHost: pay\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if line := c.line(); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q", line)
	}
	c.line()
	c.write("body")
	if g := c.response("POST"); !strings.HasSuffix(g.body, "4 body") {
		t.Errorf("got %+v", g)
	}
	c.write("POST /early HTTP/1.1\r\nHost: pay\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if g := c.response("POST"); g.status != 409 {
		t.Errorf("got %+v", g)
	}
	if err := c.end(); wasReset(err) {
		t.Errorf("ended with %v", err)
	}
	if g := get(web(t), "http://"+addr+"/panic"); g.err == nil {
		t.Errorf("got %+v", g)
	}
	apply(t, p, "late", order.HTTP{Errors: &order.Errors{AfterWork: true}})
	total(t, p, 5)
	if g := get(web(t), "http://"+addr); g.status != 503 {
		t.Errorf("got %+v", g)
	}
	if call := total(t, p, 1).Calls[0]; !call.Effect || call.Status != 503 || call.Fault != "late" { // it was done all the same
		t.Errorf("noted %+v", call)
	}
}

// TestOwnRateLimit is no fault, and always there.
func TestOwnRateLimit(t *testing.T) {
	p, addr := start(t, Config{Service: "payments", Handler: http.HandlerFunc(greet), RateLimit: &order.RateLimit{Rate: 0.001, Burst: 1, RetryAfter: time.Second}})
	c := web(t)
	if a, b := get(c, "http://"+addr), get(c, "http://"+addr); a.status != 200 || b.status != 429 || b.header.Get("Retry-After") != "1" {
		t.Errorf("got %+v and %+v", a, b)
	}
	if calls := total(t, p, 2); calls.Told != 1 || calls.Injected != 0 {
		t.Errorf("noted %+v", calls)
	}
	if n := p.Counters(); len(n) != 0 {
		t.Errorf("counted %v", n)
	}
}

// TestCallerThatGaveUp is not said to have been answered, whatever was done.
func TestCallerThatGaveUp(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	p, addr := start(t, Config{Service: "payments", WriteCalls: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-release
		w.Header().Set("X-Shakedown-Effect", "1")
	})})
	c := dial(t, addr)
	c.write("GET / HTTP/1.1\r\nHost: pay\r\n\r\n")
	<-began
	_ = c.Close()
	time.Sleep(20 * time.Millisecond) // longer than what is taken for an answer at once
	close(release)
	if call := total(t, p, 1).Calls[0]; call.Status != 0 || !call.Effect {
		t.Errorf("noted %+v", call)
	}
}

func TestConfigs(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no way": {}, "two ways": {Upstream: "a:1", Handler: http.NotFoundHandler()}, "TLS without an authority": {Handler: http.NotFoundHandler(), TLS: true},
		"a limit that is none": {Handler: http.NotFoundHandler(), RateLimit: &order.RateLimit{Rate: -1}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
