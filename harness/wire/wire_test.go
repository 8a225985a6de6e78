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
	t.Cleanup(p.Retire)
	return p
}

func request(t *testing.T, method string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, "http://shop/path?q=1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// do sends a request on a connection of its own and reads the response to its
// end.
func do(t *testing.T, addr string, req *http.Request) (*Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := pool(t, addr, Options{}).Dial(ctx)
	if err != nil {
		return nil, "", err
	}
	resp, err := c.Exchange(ctx, req)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp, string(body), err
}

// converse makes an exchange on a pooled connection, as the gateway does, and
// puts it back.
func converse(t *testing.T, p *Pool) (reused bool, err error) {
	t.Helper()
	c, err := p.Get(t.Context())
	if err != nil {
		return false, err
	}
	_ = c.Net().SetDeadline(time.Now().Add(patience))
	reused = c.Reused()
	c.Uses++
	_, _ = io.WriteString(c.W, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
	if err := c.W.Flush(); err != nil {
		_ = c.Close()
		return reused, WriteError(err)
	}
	var head Head
	if err := head.ReadResponse(c.R, MaxHead); err != nil {
		_ = c.Close()
		return reused, ReadError(err, head.Size > 0)
	}
	p.Put(c)
	return reused, nil
}

func TestResponses(t *testing.T) {
	for _, test := range []struct {
		name, response, body string
		method               string
		status               int
		keepAlive            bool
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello", "hello", "GET", 200, true},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", "", "DELETE", 204, true},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", "GET", 200, true},
		{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", "x", "GET", 200, true},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", "HEAD", 200, true},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n", "hello0123456789", "GET", 200, true},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "", "GET", 201, true},
		{"close", "HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 1\r\n\r\nx", "x", "GET", 200, false},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", "GET", 200, false},
		{"HTTP/1.0 with keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", "x", "GET", 200, true},
		{"until close", "HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", "GET", 200, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp, body, err := do(t, serve(t, once(test.response)), request(t, test.method))
			if err != nil || body != test.body || resp.Status != test.status || resp.Head.KeepAlive() != test.keepAlive {
				t.Fatalf("got %+v %q, %v", resp, body, err)
			}
		})
	}
}

func TestHeaderStaysValidAfterClose(t *testing.T) {
	resp, _, err := do(t, serve(t, once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: first\r\n\r\n")), request(t, "GET"))
	if err != nil {
		t.Fatal(err)
	}
	if string(resp.Head.Get("x-a")) != "first" || resp.Head.Get("X-B") != nil {
		t.Errorf("got %q", resp.Head.Get("x-a"))
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
			c, err := pool(t, test.addr(t), Options{}).Dial(ctx)
			if err == nil {
				err = finish(c.Exchange(ctx, request(t, "GET")))
			}
			if got := Classify(err); got != test.want {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

// finish reads a response to its end.
func finish(resp *Response, err error) error {
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.ReadAll(resp.Body)
	return err
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
		addr   string
		header int // bytes
	}{
		"head": {hang("", true), 0},
		"body": {hang("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", true), 0},
		"send": {hang("", false), 32 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "send" {
				defer close(over)
			}
			ctx, cancel := context.WithCancel(t.Context())
			c, err := pool(t, test.addr, Options{}).Dial(ctx)
			if err != nil {
				t.Fatal(err)
			}
			req := request(t, "GET")
			req.Header.Set("X-Long", strings.Repeat("x", test.header))
			time.AfterFunc(20*time.Millisecond, cancel)
			if err := finish(c.Exchange(ctx, req)); Classify(err) != journal.ClientGone || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if _, err := c.Net().Write([]byte("x")); err == nil {
				t.Error("an interrupted connection is left open")
			}
		})
	}
}

func TestStaleConnections(t *testing.T) {
	for name, after := range map[string]string{
		"closed":       "",
		"unasked data": "HTTP/1.1 408 Too Late\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			answered := make(chan struct{})
			closed := make(chan struct{}, 2)
			p := pool(t, serve(t, func(conn *net.TCPConn, r *bufio.Reader) {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				<-answered
				_, _ = io.WriteString(conn, after)
				_ = conn.CloseWrite()
				closed <- struct{}{}
			}), Options{})
			if _, err := converse(t, p); err != nil {
				t.Fatal(err)
			}
			close(answered)
			<-closed
			if reused, err := converse(t, p); reused || err != nil {
				t.Errorf("reused %t, %v", reused, err)
			}
		})
	}
}

// Pending sees what has come, in the buffer or not, and nothing else.
func TestPending(t *testing.T) {
	say := make(chan string)
	said := make(chan struct{})
	p := pool(t, serve(t, func(conn *net.TCPConn, _ *bufio.Reader) {
		for text := range say {
			_, _ = io.WriteString(conn, text)
			said <- struct{}{} // on loopback it has arrived
		}
	}), Options{})
	c, err := p.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if c.Pending() {
		t.Error("something is there before anything was said")
	}
	say <- "ab"
	<-said
	if !c.Pending() || c.R.Buffered() != 0 {
		t.Error("what the machine has got is not seen")
	}
	if _, err := c.R.ReadByte(); err != nil || !c.Pending() {
		t.Errorf("what stands in the buffer is not seen (%v)", err)
	}
	if _, err := c.R.ReadByte(); err != nil || c.Pending() {
		t.Errorf("what was read is still there (%v)", err)
	}
	close(say)
	if _, err := c.R.Peek(1); err != io.EOF || c.Pending() {
		t.Errorf("the end counts as something (%v)", err)
	}
}

func TestBodyLeftUnread(t *testing.T) {
	c, err := pool(t, serve(t, once("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")), Options{}).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Exchange(t.Context(), request(t, "GET"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	_ = resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("read after close: %v", err)
	}
}

func TestAnswerBeforeTheRequestWasTaken(t *testing.T) {
	addr := serve(t, func(conn *net.TCPConn, r *bufio.Reader) {
		_, _ = r.ReadByte()
		_, _ = io.WriteString(conn, "HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_ = conn.CloseRead()
		_, _ = io.CopyN(io.Discard, r, 1<<20)
	})
	req := request(t, "GET")
	req.Header.Set("X-Long", strings.Repeat("x", 1<<20))
	// The reset may overtake the answer; but an answer that came counts.
	if resp, _, err := do(t, addr, req); err == nil && resp.Status != 431 {
		t.Errorf("got %d", resp.Status)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	got := make(chan string, 1)
	addr := serve(t, func(conn *net.TCPConn, r *bufio.Reader) {
		var all bytes.Buffer
		if _, err := http.ReadRequest(bufio.NewReader(io.TeeReader(r, &all))); err != nil {
			return
		}
		got <- all.String()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	other := request(t, "HEAD")
	other.Host = "other"
	other.Header.Set("X-A", "1")
	other.Header.Set("Content-Length", "77")
	for _, test := range []struct {
		req  *http.Request
		want string
	}{
		{request(t, "GET"), "GET /path?q=1 HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"},
		{other, "HEAD /path?q=1 HTTP/1.1\r\nHost: other\r\nX-A: 1\r\nConnection: close\r\n\r\n"},
	} {
		if _, _, err := do(t, addr, test.req); err != nil {
			t.Fatal(err)
		}
		if text := <-got; text != test.want {
			t.Errorf("got  %q\nwant %q", text, test.want)
		}
	}
}

// A field is found in a head that could not be read, if its line has come.
func TestSalvage(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"malformed before it", "GET / HTTP/1.1\r\nbad field: 1\r\nX-N: 7\r\n\r\n", "7"},
		{"malformed after it", "nonsense\r\nx-n:7\r\n\x00\r\n\r\n", "7"},
		{"too long after it", "GET / HTTP/1.1\r\nX-N: 7\r\nA: " + strings.Repeat("a", 1<<10) + "\r\n\r\n", "7"},
		{"too long before it", "GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 1<<10) + "\r\nX-N: 7\r\n\r\n", ""},
		{"none", "\x00\r\n\r\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var h Head
			if err := h.ReadRequest(bufio.NewReader(strings.NewReader(test.text)), 1<<9); err == nil {
				t.Fatal("it could be read")
			}
			if got := string(h.Salvage("X-N")); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
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
}

func TestIdleTimeout(t *testing.T) {
	addr := serve(t, repeats("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	for limit, want := range map[time.Duration]bool{time.Nanosecond: false, time.Hour: true} {
		p := pool(t, addr, Options{IdleTimeout: limit})
		if _, err := converse(t, p); err != nil {
			t.Fatal(err)
		}
		if reused, err := converse(t, p); err != nil || reused != want {
			t.Errorf("idle for up to %s: reused %t, %v", limit, reused, err)
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
