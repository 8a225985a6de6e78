package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// pipes is a network without sockets, so that time can be virtual.
type pipes struct {
	clients chan net.Conn
	closed  chan struct{}
	serve   func(net.Conn)
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.clients:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { close(p.closed); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) network() network {
	return network{
		listen: func(string) (net.Listener, error) { return p, nil },
		dial: func(context.Context, string) (net.Conn, error) {
			near, far := net.Pipe()
			go p.serve(far)
			return near, nil
		},
		lookup: func(context.Context, string) (string, error) { return "", errors.New("no names here") },
	}
}

// get sends one request on a connection of its own and returns the status.
func (p *pipes) get(t *testing.T, path string) int {
	t.Helper()
	near, far := net.Pipe()
	defer func() { _ = near.Close() }()
	p.clients <- far
	if _, err := io.WriteString(near, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(near), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// inVirtualTime runs a gateway with one instance of Kubernetes' own probe
// periods; unready from the given moment on.
func inVirtualTime(t *testing.T, unready time.Duration, test func(p *pipes, g *Gateway, r *recorder)) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		p := &pipes{clients: make(chan net.Conn), closed: make(chan struct{})}
		p.serve = func(conn net.Conn) {
			defer func() { _ = conn.Close() }()
			req, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil {
				return
			}
			text := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
			if req.URL.Path == "/readyz" && time.Since(begun) >= unready {
				text = "HTTP/1.1 503 Bye\r\nContent-Length: 0\r\n\r\n"
			}
			_, _ = io.WriteString(conn, text)
		}
		r := newRecorder()
		cfg := Config{Service: "api", Listen: ":0", Ready: Probe{Path: "/readyz", Period: 10 * time.Second}}
		g, err := newGateway(cfg, clock.Start(), r.emit, p.network())
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Add("api-1", "10.0.0.1:80"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		test(p, g, r)
		_ = g.Close()
		synctest.Wait()
	})
}

func TestLagInVirtualTime(t *testing.T) {
	inVirtualTime(t, 20*time.Second, func(p *pipes, g *Gateway, r *recorder) {
		time.Sleep(5 * time.Second)
		if err := g.Terminate("api-1", time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Nanosecond) // unready for long, and yet listed
		if status := p.get(t, "/"); status != 200 {
			t.Errorf("a moment before the lag is over: %d", status)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if status := p.get(t, "/"); status != 503 {
			t.Errorf("when the lag is over: %d", status)
		}
		_, removed := await(t, r, func(e journal.EndpointRemoved) bool { return e.Reason == "terminating" })
		_, unready := await(t, r, func(e journal.ProbeChanged) bool { return !e.Ready })
		if removed != 65*time.Second || unready != 40*time.Second {
			t.Errorf("removed at %s, unready at %s; want 1m5s and 40s (third failed probe)", removed, unready)
		}
	})
}

func TestUnreadyInVirtualTime(t *testing.T) {
	inVirtualTime(t, 15*time.Second, func(p *pipes, g *Gateway, r *recorder) {
		time.Sleep(40*time.Second - time.Nanosecond)
		if status := p.get(t, "/"); status != 200 {
			t.Errorf("before the third failed probe: %d", status)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if status := p.get(t, "/"); status != 503 {
			t.Errorf("after the third failed probe: %d", status)
		}
	})
}

// A client that sends its body slowly uses up nobody's patience: the instance
// cannot answer before it has the request.
func TestSlowUploadInVirtualTime(t *testing.T) {
	inVirtualTime(t, time.Hour, func(p *pipes, g *Gateway, _ *recorder) {
		near, far := net.Pipe()
		defer func() { _ = near.Close() }()
		p.clients <- far
		p.serve = func(conn net.Conn) {
			defer func() { _ = conn.Close() }()
			if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(conn, okResponse)
			}
		}
		_, _ = io.WriteString(near, "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n")
		for range 6 { // three times as long as an instance may stay silent
			time.Sleep(g.cfg.Timeout / 2)
			if _, err := io.WriteString(near, "x"); err != nil {
				t.Fatal(err)
			}
		}
		resp, err := http.ReadResponse(bufio.NewReader(near), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("got %+v, %v", resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	})
}
