package wire

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// serve runs a scripted server; each connection is closed after its script.
func serve(t *testing.T, script func(conn *net.TCPConn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer func() { _ = conn.Close() }()
				script(conn.(*net.TCPConn), bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return l.Addr().String()
}

// repeats answers every request with the same bytes.
func repeats(response string) func(*net.TCPConn, *bufio.Reader) {
	return func(conn *net.TCPConn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if _, err := io.WriteString(conn, response); err != nil {
				return
			}
		}
	}
}

// once answers one request and closes.
func once(response string) func(*net.TCPConn, *bufio.Reader) {
	return func(conn *net.TCPConn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(conn, response)
		}
	}
}

func pool(t *testing.T, addr string, opts Options) *Pool {
	t.Helper()
	p := NewPool(addr, opts)
	t.Cleanup(p.Close)
	return p
}

func request(t *testing.T, method, body string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, "http://shop/path?q=1", r)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// do sends a request and reads the response to its end.
func do(t *testing.T, p *Pool, req *http.Request) (*Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	resp, err := p.Do(ctx, req)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp, string(body), err
}

func TestResponses(t *testing.T) {
	for _, test := range []struct {
		name, response, body string
		method               string
		status               int
		reusable             bool
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello", "hello", "GET", 200, true},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", "", "DELETE", 204, true},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", "GET", 200, true},
		{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", "x", "GET", 200, true},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", "HEAD", 200, true},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n", "hello0123456789", "GET", 200, true},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "", "POST", 201, true},
		{"close", "HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 1\r\n\r\nx", "x", "GET", 200, false},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", "GET", 200, false},
		{"HTTP/1.0 with keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", "x", "GET", 200, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pool(t, serve(t, repeats(test.response)), Options{})
			for n := range 3 {
				resp, body, err := do(t, p, request(t, test.method, ""))
				if err != nil || body != test.body || resp.Status != test.status {
					t.Fatalf("got %d %q, %v", resp.Status, body, err)
				}
				if want := test.reusable && n > 0; resp.Reused != want || resp.Close == test.reusable {
					t.Errorf("request %d: reused %t, close %t", n, resp.Reused, resp.Close)
				}
			}
		})
	}
}

func TestResponseUntilClose(t *testing.T) {
	p := pool(t, serve(t, once("HTTP/1.1 200 OK\r\n\r\nto the end")), Options{})
	if _, body, err := do(t, p, request(t, "GET", "")); body != "to the end" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	if p.Idle() != 0 {
		t.Error("a connection that ended is kept")
	}
}

func TestHeaderStaysValidAfterClose(t *testing.T) {
	p := pool(t, serve(t, repeats("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: first\r\n\r\n")), Options{})
	resp, _, err := do(t, p, request(t, "GET", ""))
	if err != nil {
		t.Fatal(err)
	}
	_, _, _ = do(t, p, request(t, "GET", ""))
	if resp.Header("x-a") != "first" || resp.Header("X-B") != "" {
		t.Errorf("got %q", resp.Header("x-a"))
	}
}

func TestFailuresAreClassified(t *testing.T) {
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = refusing.Close()
	for _, test := range []struct {
		name string
		addr func(t *testing.T) string
		want journal.Failure
	}{
		{"refused", func(*testing.T) string { return refusing.Addr().String() }, journal.Refused},
		{"closed", func(t *testing.T) string { return serve(t, once("")) }, journal.Closed},
		{"reset", func(t *testing.T) string {
			return serve(t, func(conn *net.TCPConn, r *bufio.Reader) {
				_, _ = http.ReadRequest(r)
				_ = conn.SetLinger(0)
			})
		}, journal.Reset},
		{"truncated head", func(t *testing.T) string { return serve(t, once("HTTP/1.1 2")) }, journal.Truncated},
		{"truncated body", func(t *testing.T) string { return serve(t, once("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")) }, journal.Truncated},
		{"truncated chunk", func(t *testing.T) string {
			return serve(t, once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx"))
		}, journal.Truncated},
		{"not HTTP", func(t *testing.T) string { return serve(t, once("220 mail.example ESMTP\r\n\r\n")) }, journal.BadResponse},
		{"bad chunk", func(t *testing.T) string {
			return serve(t, once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"))
		}, journal.BadResponse},
		{"silent", func(t *testing.T) string {
			return serve(t, func(_ *net.TCPConn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) })
		}, journal.Timeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			wait := patience
			if test.want == journal.Timeout {
				wait = 30 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			resp, err := pool(t, test.addr(t), Options{}).Do(ctx, request(t, "GET", ""))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if got := Classify(err); got != test.want {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

func TestDialTimeout(t *testing.T) {
	p := pool(t, "unused", Options{DialTimeout: time.Millisecond, Dial: func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	if _, err := p.Get(t.Context()); Classify(err) != journal.DialTimeout {
		t.Errorf("got %v", err)
	}
}

func TestClassifyForeignErrors(t *testing.T) {
	for _, test := range []struct {
		err  error
		want journal.Failure
	}{
		{nil, journal.NoFailure}, {context.Canceled, journal.ClientGone}, {context.DeadlineExceeded, journal.Timeout},
		{io.ErrUnexpectedEOF, journal.Truncated}, {io.EOF, journal.Closed}, {ProtocolError("x"), journal.BadResponse},
	} {
		if got := Classify(test.err); got != test.want {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
}

// Cancelling interrupts whatever blocks: waiting for the head, for the body, or
// for the peer to take the request.
func TestCancellationInterrupts(t *testing.T) {
	over := make(chan struct{})
	hang := func(say string, readRequest bool) string {
		return serve(t, func(conn *net.TCPConn, r *bufio.Reader) {
			_, _ = io.WriteString(conn, say)
			if readRequest {
				_, _ = io.Copy(io.Discard, r)
				return
			}
			<-over
		})
	}
	for name, test := range map[string]struct {
		addr string
		body string
	}{
		"head": {hang("", true), ""},
		"body": {hang("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", true), ""},
		"send": {hang("", false), strings.Repeat("x", 32<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "send" {
				defer close(over)
			}
			ctx, cancel := context.WithCancel(t.Context())
			p := pool(t, test.addr, Options{})
			time.AfterFunc(20*time.Millisecond, cancel)
			resp, err := p.Do(ctx, request(t, "POST", test.body))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if Classify(err) != journal.ClientGone || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if p.Idle() != 0 {
				t.Error("an interrupted connection is kept")
			}
		})
	}
}

func TestNothingIsSentTwice(t *testing.T) {
	var seen atomic.Int64
	p := pool(t, serve(t, func(conn *net.TCPConn, r *bufio.Reader) {
		for n := 0; ; n++ {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			seen.Add(1)
			if n == 1 {
				return // the close crosses the second request
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	}), Options{})
	if _, _, err := do(t, p, request(t, "GET", "")); err != nil {
		t.Fatal(err)
	}
	_, _, err := do(t, p, request(t, "GET", ""))
	if Classify(err) != journal.Closed || seen.Load() != 2 {
		t.Errorf("got %v after %d requests", err, seen.Load())
	}
}

func TestStaleConnections(t *testing.T) {
	for _, test := range []struct {
		name  string
		opts  Options
		after string // said by the server after its answer
		want  journal.Failure
	}{
		{"dropped", Options{}, "", journal.NoFailure},
		{"taken as they are", Options{NoStaleCheck: true}, "", journal.Closed},
		{"unasked data", Options{}, "HTTP/1.1 408 Too Late\r\nContent-Length: 0\r\n\r\n", journal.NoFailure},
	} {
		t.Run(test.name, func(t *testing.T) {
			answered := make(chan struct{})
			closed := make(chan struct{}, 2)
			p := pool(t, serve(t, func(conn *net.TCPConn, r *bufio.Reader) {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				<-answered
				_, _ = io.WriteString(conn, test.after)
				_ = conn.CloseWrite()
				closed <- struct{}{}
			}), test.opts)
			if _, _, err := do(t, p, request(t, "GET", "")); err != nil {
				t.Fatal(err)
			}
			close(answered)
			<-closed
			resp, _, err := do(t, p, request(t, "GET", ""))
			if Classify(err) != test.want || err == nil && resp.Reused {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestBodyLeftUnread(t *testing.T) {
	p := pool(t, serve(t, repeats("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")), Options{})
	resp, err := p.Do(t.Context(), request(t, "GET", ""))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	_ = resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("read after close: %v", err)
	}
	if _, body, err := do(t, p, request(t, "GET", "")); body != "abc" || err != nil {
		t.Errorf("the next response is %q, %v", body, err)
	}
}

func TestAnswerBeforeTheRequestWasTaken(t *testing.T) {
	p := pool(t, serve(t, func(conn *net.TCPConn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_ = conn.CloseRead()
		_, _ = io.CopyN(io.Discard, r, 1<<20)
	}), Options{})
	resp, _, err := do(t, p, request(t, "POST", strings.Repeat("x", 1<<20)))
	// The reset may overtake the answer; but an answer that came counts.
	if err == nil && (resp.Status != 413 || p.Idle() != 0) {
		t.Errorf("got %d with %d idle", resp.Status, p.Idle())
	}
}

func TestRequestOnTheWire(t *testing.T) {
	got := make(chan string, 1)
	addr := serve(t, func(conn *net.TCPConn, r *bufio.Reader) {
		var all bytes.Buffer
		req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(r, &all)))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		got <- all.String()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	for _, test := range []struct {
		name string
		req  func() *http.Request
		want string
	}{
		{"plain", func() *http.Request { return request(t, "GET", "") }, "GET /path?q=1 HTTP/1.1\r\nHost: shop\r\n\r\n"},
		{"post without body", func() *http.Request { return request(t, "POST", "") },
			"POST /path?q=1 HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n"},
		{"body", func() *http.Request {
			req := request(t, "POST", "abc")
			req.Host, req.Close = "other", true
			req.Header.Set("X-A", "1")
			req.Header.Set("Content-Length", "77")
			return req
		}, "POST /path?q=1 HTTP/1.1\r\nHost: other\r\nX-A: 1\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"},
		{"unknown length", func() *http.Request {
			req := request(t, "POST", "abc")
			req.ContentLength = -1
			return req
		}, "POST /path?q=1 HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := do(t, pool(t, addr, Options{}), test.req()); err != nil {
				t.Fatal(err)
			}
			if text := <-got; text != test.want {
				t.Errorf("got  %q\nwant %q", text, test.want)
			}
		})
	}
}

func TestPoolBounds(t *testing.T) {
	addr := serve(t, repeats("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	p := pool(t, addr, Options{MaxIdle: 1})
	a, err := p.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Put(a)
	p.Put(b)
	if p.Idle() != 1 {
		t.Errorf("%d idle, want 1", p.Idle())
	}
	if c, err := p.Get(t.Context()); err != nil || c != a {
		t.Errorf("got %v, want the connection that was put back", err)
	}
	p.Retire()
	p.Put(a)
	if p.Idle() != 0 {
		t.Error("a retired pool keeps connections")
	}
	if c, err := p.Get(t.Context()); err != nil {
		t.Errorf("a retired pool: %v", err)
	} else {
		p.Put(c)
	}
	p.Close()
	if _, err := p.Get(t.Context()); !errors.Is(err, ErrPoolClosed) {
		t.Errorf("a closed pool: %v", err)
	}
}

func TestIdleTimeout(t *testing.T) {
	p := pool(t, serve(t, repeats("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), Options{IdleTimeout: time.Nanosecond})
	for range 2 {
		if resp, _, err := do(t, p, request(t, "GET", "")); err != nil || resp.Reused {
			t.Errorf("reused %t, %v", resp.Reused, err)
		}
	}
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		var h Head
		if r := bufio.NewReaderSize(bytes.NewReader(input), 16); h.ReadRequest(r, 1<<10) == nil {
			if h.Size > 1<<10 || h.Size > len(input) {
				t.Fatalf("read %d of %d bytes", h.Size, len(input))
			}
			_, _ = h.RequestFraming()
			checkFields(t, &h)
		}
		r := bufio.NewReaderSize(bytes.NewReader(input), 16)
		if h.ReadResponse(r, 1<<10) != nil {
			return
		}
		checkFields(t, &h)
		if framing, err := h.ResponseFraming("GET"); err == nil {
			var b Body
			b.Reset(r, framing)
			n, err := io.Copy(io.Discard, &b)
			if n > int64(len(input)) || (err == nil) != b.Done() {
				t.Fatalf("body of %d bytes, done %t, %v", n, b.Done(), err)
			}
		}
	})
}

// checkFields fails if a field could be read differently when it is written
// again.
func checkFields(t *testing.T, h *Head) {
	for _, f := range h.Fields {
		if bytes.ContainsAny(f.Name, " :\r\n\x00") || bytes.ContainsAny(f.Value, "\r\n\x00") || len(f.Name) == 0 {
			t.Fatalf("field %q: %q", f.Name, f.Value)
		}
	}
}
