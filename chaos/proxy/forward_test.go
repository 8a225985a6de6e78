package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// script is an upstream that says what the test wants, connection by connection.
func script(t testing.TB, talk func(c *net.TCPConn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			all.Go(func() {
				defer func() { _ = c.Close() }()
				talk(c.(*net.TCPConn), bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

// readHead reads the head of a request as text.
func readHead(r *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String()
		}
	}
}

func TestHeadsPassAsTheyAre(t *testing.T) {
	heads := make(chan string, 1)
	_, addr := start(t, Config{Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) {
		heads <- readHead(r)
		_, _ = io.WriteString(c, "HTTP/1.1 299 Fine, thanks\r\nx-ODD:  a\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok")
	})})
	c := dial(t, addr)
	c.write("GET /a%2Fb?x=1&y HTTP/1.1\r\nhOST: api\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-Shakedown-Request: 9\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n")
	want := "GET /a%2Fb?x=1&y HTTP/1.1\r\nhOST: api\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-Shakedown-Request: 9\r\nX-Forwarded-For: 10.9.9.9, 127.0.0.1\r\n\r\n"
	if head := <-heads; head != want {
		t.Errorf("the upstream got %q, want %q", head, want)
	}
	b := make([]byte, 200)
	n, _ := io.ReadAtLeast(c, b, 98)
	if got, want := string(b[:n]), "HTTP/1.1 299 Fine, thanks\r\nx-ODD: a\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok"; got != want {
		t.Errorf("the caller got %q, want %q", got, want)
	}
}

// TestExchanges runs what HTTP/1.1 allows through the proxy, all on one
// connection where it may stay open.
func TestExchanges(t *testing.T) {
	for _, c := range []struct {
		name, request, method, response string
		status                          int
		body                            string
		keep                            bool
	}{
		{"a length", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", true},
		{"chunks and a trailer", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n", 200, "abcde", true},
		{"to the end of the connection", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "HTTP/1.1 200 OK\r\n\r\nabc", 200, "abc", false},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n", 200, "", true},
		{"no content", "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
		{"interim responses", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 103, "", true},
		{"the upstream closes", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", false},
		{"the caller closes", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", false},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET", "HTTP/1.0 200 OK\r\n\r\nabc", 200, "abc", false},
		{"HTTP/1.0 that stays", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", 200, "a", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := start(t, Config{Upstream: script(t, func(up *net.TCPConn, r *bufio.Reader) {
				for strings.HasPrefix(readHead(r), c.method) {
					_, _ = io.WriteString(up, c.response)
					if !c.keep {
						return
					}
				}
			})})
			conn := dial(t, addr)
			for range 2 {
				conn.write(c.request)
				g := conn.response(c.method)
				if g.status == 103 { // the final one follows
					g = conn.response(c.method)
					g.status, g.body = 103, ""
				}
				if g.err != nil || g.status != c.status || g.body != c.body {
					t.Fatalf("got %+v, want %d %q", g, c.status, c.body)
				}
				if !c.keep {
					if err := conn.end(); !errors.Is(err, io.EOF) {
						t.Fatalf("the connection ended with %v", err)
					}
					return
				}
			}
		})
	}
}

func TestRequestBodies(t *testing.T) {
	_, addr := start(t, Config{Upstream: server(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "%d %v %v", n, err, r.Trailer)
	})})
	big := strings.Repeat("x", 300<<10)
	c := dial(t, addr)
	for request, want := range map[string]string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd":                                                       "4 <nil> map[]",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 307200\r\n\r\n" + big:                                                "307200 <nil> map[]",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":                             "3 <nil> map[]",
		"POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: yes\r\n\r\n": "3 <nil> map[X-T:[yes]]",
		"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n":                                                                                "0 <nil> map[]",
	} {
		c.write(request)
		if g := c.response("POST"); g.body != want {
			t.Errorf("%.60q: got %+v, want %q", request, g, want)
		}
	}
}

func TestExpectContinue(t *testing.T) {
	_, addr := start(t, Config{Upstream: server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})})
	c := dial(t, addr)
	c.write("POST /yes HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if line := c.line(); !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, want an invitation", line)
	}
	c.line()
	c.write("body")
	if g := c.response("POST"); g.body != "body" {
		t.Fatalf("got %+v", g)
	}
	c.write("POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if g := c.response("POST"); g.status != 417 {
		t.Fatalf("got %+v", g)
	}
}

// TestEarlyAnswer has an upstream that answers before it has the whole request,
// and reads the rest of it later.
func TestEarlyAnswer(t *testing.T) {
	_, addr := start(t, Config{Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) {
		for strings.HasPrefix(readHead(r), "POST") {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			if _, err := io.CopyN(io.Discard, r, 6); err != nil {
				return
			}
		}
	})})
	c := dial(t, addr)
	for range 2 {
		c.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
		if g := c.response("POST"); g.body != "ok" {
			t.Fatalf("got %+v", g)
		}
		c.write("def")
	}
}

func TestUpgrade(t *testing.T) {
	p, addr := start(t, Config{WriteCalls: true, Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) {
		readHead(r)
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhi\n")
		_, _ = io.Copy(c, r)
		_ = c.CloseWrite()
	})})
	c := dial(t, addr)
	c.write("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly\n")
	for _, want := range []string{"HTTP/1.1 101 Switching Protocols\r\n", "Connection: Upgrade\r\n", "Upgrade: echo\r\n", "\r\n", "hi\n", "early\n"} {
		if got := c.line(); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	c.write("more\n")
	if got := c.line(); got != "more\n" {
		t.Fatalf("got %q", got)
	}
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	if err := c.end(); !errors.Is(err, io.EOF) {
		t.Fatalf("ended with %v", err)
	}
	if calls := total(t, p, 1); calls.Calls[0].Status != 101 {
		t.Fatalf("noted %+v", calls.Calls)
	}
}

// TestEndsArePassedOn: the caller sees of a failing upstream what it would see
// without the proxy, and nothing is made up or sent twice.
func TestEndsArePassedOn(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, c := range []struct {
		name  string
		talk  func(*net.TCPConn, *bufio.Reader)
		reset bool
		sees  string
	}{
		{"closed without an answer", func(_ *net.TCPConn, r *bufio.Reader) { readHead(r) }, false, ""},
		{"reset without an answer", func(c *net.TCPConn, r *bufio.Reader) { readHead(r); _ = c.SetLinger(0) }, true, ""},
		{"closed in the middle", func(c *net.TCPConn, r *bufio.Reader) {
			readHead(r)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
		}, false, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"},
		{"nonsense", func(c *net.TCPConn, r *bufio.Reader) { readHead(r); _, _ = io.WriteString(c, "what?\r\n\r\n") }, true, ""},
		{"switched unasked", func(c *net.TCPConn, r *bufio.Reader) {
			readHead(r)
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			connections := make(chan int, 10)
			p, addr := start(t, Config{WriteCalls: true, Upstream: script(t, func(up *net.TCPConn, r *bufio.Reader) {
				connections <- 1
				c.talk(up, r)
			})})
			conn := dial(t, addr)
			conn.write(request)
			b, err := io.ReadAll(conn.r)
			if string(b) != c.sees || wasReset(err) != c.reset {
				t.Errorf("the caller saw %q and %v, want %q, reset %v", b, err, c.sees, c.reset)
			}
			if calls := total(t, p, 1); calls.Calls[0].Status != 0 || calls.Failed != 1 || calls.InFlight != 0 {
				t.Errorf("noted %+v", calls)
			}
			if len(connections) != 1 {
				t.Errorf("%d connections to the upstream", len(connections))
			}
		})
	}
}

func TestNobodyUpstream(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	p, addr := start(t, Config{Upstream: l.Addr().String()})
	if g := get(web(t), "http://"+addr); g.err == nil {
		t.Fatalf("got %+v", g)
	}
	apply(t, p, "errors", order.HTTP{Errors: &order.Errors{}})
	if g := get(web(t), "http://"+addr); g.status != 503 { // a fault answers in place of what is not there
		t.Fatalf("got %+v", g)
	}
}

// TestSlowDialBlocksNobody: one dead address does not hold up other connections.
func TestSlowDialBlocksNobody(t *testing.T) {
	up := server(t, nil)
	release := make(chan struct{})
	defer close(release)
	first := make(chan struct{}, 1)
	first <- struct{}{}
	_, addr := start(t, Config{Upstream: up, Dial: dialing(func(conn net.Conn, err error) (net.Conn, error) {
		select {
		case <-first:
			<-release
		default:
		}
		return conn, err
	})})
	stuck := dial(t, addr)
	stuck.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	await(t, "first dial", func() bool { return len(first) == 0 })
	if g := get(web(t), "http://"+addr); g.body != greeting {
		t.Fatalf("got %+v", g)
	}
}

func TestIdleEndOfTheUpstream(t *testing.T) {
	ended := make(chan struct{})
	_, addr := start(t, Config{Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) {
		readHead(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		<-ended
	})})
	c := dial(t, addr)
	c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if g := c.response("GET"); g.body != "ok" {
		t.Fatalf("got %+v", g)
	}
	close(ended)
	if err := c.end(); !errors.Is(err, io.EOF) {
		t.Fatalf("ended with %v", err)
	}
}

func TestHalfClosedCallerGetsItsAnswer(t *testing.T) {
	_, addr := start(t, Config{Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) {
		readHead(r)
		_, _ = io.Copy(io.Discard, r) // the end of the caller is passed on
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})})
	c := dial(t, addr)
	c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	if g := c.response("GET"); g.body != "ok" {
		t.Fatalf("got %+v", g)
	}
}

// TestCallerThatGoes takes its upstream connection with it.
func TestCallerThatGoes(t *testing.T) {
	ended := make(chan error, 1)
	began := make(chan struct{})
	p, addr := start(t, Config{Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) {
		readHead(r)
		close(began)
		_, err := io.Copy(io.Discard, r)
		ended <- err
	})})
	c := dial(t, addr)
	c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-began
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
	if err := <-ended; !wasReset(err) {
		t.Errorf("the upstream saw %v, want a reset", err)
	}
	if calls := total(t, p, 1); calls.Failed != 1 {
		t.Errorf("noted %+v", calls)
	}
}

func TestBytesPass(t *testing.T) {
	echo := func(c *net.TCPConn, r *bufio.Reader) {
		_, _ = io.Copy(c, r)
		_ = c.CloseWrite()
	}
	for name, first := range map[string]string{
		"RESP": "*1\r\n$4\r\nPING\r\n", "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "binary": "\x00\x00\x00\x08\x04\xd2\x16\x2f",
		"a line": "SET key value\r\n", "a word": "QUIT\r\n", "no line": "lower case", "TLS of another kind": "\x16\x03\x01\x00\x02\x01\x00",
		"very long": strings.Repeat("a", 100<<10),
	} {
		t.Run(name, func(t *testing.T) {
			p, addr := start(t, Config{Upstream: script(t, echo)})
			c := dial(t, addr)
			c.write(first)
			_ = c.Conn.(*net.TCPConn).CloseWrite()
			if b, err := io.ReadAll(c.r); string(b) != first || err != nil {
				t.Errorf("got %.50q and %v, want what was sent", b, err)
			}
			if calls := p.Calls(); calls.Total != 0 {
				t.Errorf("noted %+v", calls)
			}
		})
	}
	t.Run("the upstream speaks first", func(t *testing.T) {
		_, addr := start(t, Config{Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) {
			_, _ = io.WriteString(c, "220 ready\r\n")
			_, _ = io.Copy(c, r)
		})})
		c := dial(t, addr)
		if got := c.line(); got != "220 ready\r\n" {
			t.Fatalf("got %q", got)
		}
		c.write("GET / HTTP/1.1\r\n\r\n") // whatever it looks like
		if got := c.line(); got != "GET / HTTP/1.1\r\n" {
			t.Fatalf("got %q", got)
		}
	})
}

func TestMalformed(t *testing.T) {
	_, addr := start(t, Config{Upstream: server(t, nil)})
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"two lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		{"length and chunks", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
		{"no field", "GET / HTTP/1.1\r\nwhat\r\n\r\n", 400},
		{"a huge head", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", 431},
		{"a huge line", "GET /" + strings.Repeat("x", 80<<10) + " HTTP/1.1\r\n\r\n", 431},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, addr)
			go func() { _, _ = io.WriteString(conn, c.request) }()
			if g := conn.response("GET"); g.status != c.status {
				t.Fatalf("got %+v, want %d", g, c.status)
			}
			if err := conn.end(); !errors.Is(err, io.EOF) {
				t.Fatalf("ended with %v", err)
			}
		})
	}
}

// TestSlowHeads: callers that send their heads for ever are in nobody's way, and
// Close does not wait for them.
func TestSlowHeads(t *testing.T) {
	p, addr := start(t, Config{Upstream: server(t, nil), Drain: time.Millisecond})
	for range 50 {
		dial(t, addr).write("GET / HTTP/1.1\r\nX: ")
	}
	if g := get(web(t), "http://"+addr); g.body != greeting {
		t.Fatalf("got %+v", g)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// FuzzCaller sends anything: nobody panics, the connection ends when the caller
// has ended, and no account is left open.
func FuzzCaller(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\nabc"))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n\x00"))
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	f.Add([]byte("\x16\x03\x01\x00\x05\x01"))
	f.Add([]byte("QUIT"))
	p, addr := start(f, Config{Upstream: server(f, nil)})
	f.Fuzz(func(t *testing.T, data []byte) {
		c := dial(t, addr)
		go func() {
			_, _ = c.Write(data)
			_ = c.Conn.(*net.TCPConn).CloseWrite()
		}()
		if err := c.end(); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%q: the connection hangs", data)
		}
		_ = c.Close()
		await(t, "the end of the call", func() bool { return p.Calls().InFlight == 0 })
	})
}

// TestUpstreamEndsWhileARequestIsHeld: the request goes out on a new connection,
// once.
func TestUpstreamEndsWhileARequestIsHeld(t *testing.T) {
	first, ended := make(chan struct{}, 1), make(chan struct{})
	first <- struct{}{}
	p, addr := start(t, Config{Upstream: script(t, func(c *net.TCPConn, r *bufio.Reader) {
		select {
		case <-first: // it does not want to wait for a request
			<-ended
			return
		default:
		}
		for strings.HasPrefix(readHead(r), "GET") {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})})
	apply(t, p, "hang", order.HTTP{Outage: &order.Outage{As: order.AsHang}})
	c := dial(t, addr)
	c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	counted(t, p, "hang", "held", 1)
	await(t, "the first connection", func() bool { return len(first) == 0 })
	close(ended)
	p.each(func(c *conn) {
		await(t, "its end", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.up.gone.Load()
		})
	})
	revert(t, p, "hang")
	for range 2 {
		if g := c.response("GET"); g.body != "ok" {
			t.Fatalf("got %+v", g)
		}
		c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	}
}
