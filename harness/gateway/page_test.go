package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestPage(t *testing.T) {
	g, _ := start(t, Config{})
	addr := upstream(t, func(conn *net.TCPConn, in *bufio.Reader) {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body := map[string]string{
			"/metrics?all=1": "up 1\n", "/long": strings.Repeat("x", PageLimit+1), "/full": strings.Repeat("x", PageLimit),
		}[req.URL.RequestURI()]
		status := "200 OK"
		if body == "" {
			status = "404 Not Found"
		}
		if req.URL.Path == "/silent" {
			_, _ = io.Copy(io.Discard, in)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\nConnection: close\r\n\r\n"+body)
	})
	for _, c := range []struct {
		addr, path, want, fails string
		status                  int
	}{
		{addr, "/metrics?all=1", "up 1\n", "", 200},
		{addr, "/none", "", "", 404},
		{addr, "/full", strings.Repeat("x", PageLimit), "", 200},
		{addr, "/long", "", "longer than 512 KiB", 0},
		{addr, "/silent", "", "no whole answer within 2s", 0},
		{addr, "no path", "", "is not a path", 0},
		{addr, "http://elsewhere/metrics", "", "is not a path", 0},
		{"127.0.0.1", "/metrics", "", "not host:port", 0},
		{"127.0.0.1:1", "/metrics", "", "refused", 0},
	} {
		page, err := g.Page(c.addr, c.path)
		switch {
		case (err != nil) != (c.fails != ""), err != nil && !strings.Contains(err.Error(), c.fails):
			t.Errorf("%s %s: %v, want %q", c.addr, c.path, err, c.fails)
		case page.Status != c.status || string(page.Body) != c.want:
			t.Errorf("%s: status %d and %d bytes, want %d and %d", c.path, page.Status, len(page.Body), c.status, len(c.want))
		}
	}
}

// A page under way does not hold Close up.
func TestPageEndsWithTheGateway(t *testing.T) {
	g, _ := start(t, Config{})
	asked := make(chan struct{})
	addr := upstream(t, func(_ *net.TCPConn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err == nil {
			close(asked)
		}
		_, _ = io.Copy(io.Discard, in)
	})
	failed := make(chan error)
	go func() { _, err := g.Page(addr, "/metrics"); failed <- err }()
	<-asked
	_ = g.Close()
	if err := <-failed; err == nil || strings.Contains(err.Error(), "within 2s") {
		t.Errorf("got %v, want the end of the gateway", err)
	}
}

// TestSend: method, headers and host reach the address.
func TestSend(t *testing.T) {
	g, _ := start(t, Config{})
	addr := upstream(t, func(conn *net.TCPConn, in *bufio.Reader) {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		said := r.Method + " " + r.URL.RequestURI() + " " + r.Host + " " + r.Header.Get("X-Key")
		_, _ = io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nConnection: close\r\n\r\n"+said)
	})
	for _, c := range []struct {
		letter Letter
		want   string
	}{
		{Letter{Method: "POST", Path: "/purge?all=1", Headers: map[string]string{"X-Key": "k"}}, "POST /purge?all=1 " + addr + " k"},
		{Letter{Path: "/", Headers: map[string]string{"host": "edge.example"}}, "GET / edge.example "},
	} {
		page, err := g.Send(addr, c.letter)
		if string(page.Body) != c.want || page.Status != http.StatusAccepted || err != nil {
			t.Errorf("%+v: %d %q, %v; want %q", c.letter, page.Status, page.Body, err, c.want)
		}
	}
	if _, err := g.Send("127.0.0.1:1", Letter{Method: "PURGE", Path: "/"}); err == nil || !strings.Contains(err.Error(), "purge http://127.0.0.1:1/") {
		t.Errorf("got %v", err)
	}
}
