package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// after reads a request and then does what it is told.
func after(do func(conn *net.TCPConn)) func(*net.TCPConn, *bufio.Reader) {
	return func(conn *net.TCPConn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		do(conn)
	}
}

func says(text string) func(*net.TCPConn, *bufio.Reader) {
	return after(func(conn *net.TCPConn) { _, _ = io.WriteString(conn, text) })
}

func resets(text string) func(*net.TCPConn, *bufio.Reader) {
	return after(func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, text)
		_ = conn.SetLinger(0)
	})
}

// Every way in which an instance can fail an exchange: what the client gets and
// what the record says.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name    string
		serve   func(*net.TCPConn, *bufio.Reader)
		status  int // that the client gets; 0: cut in the middle of the body
		failure journal.Failure
		record  int // status in the record
		keep    bool
	}{
		{"answers", answers(okResponse), 200, journal.NoFailure, 200, true},
		{"answers 500", answers("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), 500, journal.Status5xx, 500, true},
		{"answers 404", answers("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), 404, journal.NoFailure, 404, true},
		{"closes without a word", says(""), 502, journal.Closed, 0, true},
		{"resets without a word", resets(""), 502, journal.Reset, 0, true},
		{"closes in the head", says("HTTP/1.1 200 OK\r\nConte"), 502, journal.Truncated, 0, true},
		{"closes in the body", says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), 0, journal.Truncated, 200, false},
		{"closes in a chunk", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf"), 0, journal.Truncated, 200, false},
		{"closes before the last chunk", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), 0, journal.Truncated, 200, false},
		{"is not HTTP", says("SSH-2.0-OpenSSH_9.6\r\n\r\n"), 502, journal.BadResponse, 0, true},
		{"bad chunk size", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), 0, journal.BadResponse, 200, false},
		{"two lengths", says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 502, journal.BadResponse, 200, true},
		{"switches protocols unasked", says("HTTP/1.1 101 Go\r\n\r\n"), 502, journal.BadResponse, 101, true},
		{"endless head", says("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 70<<10) + "\r\n\r\n"), 502, journal.BadResponse, 0, true},
		{"never answers", after(func(conn *net.TCPConn) { _, _ = conn.Read(make([]byte, 1)) }), 504, journal.Timeout, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := Config{}
			if test.failure == journal.Timeout {
				cfg.Timeout = 50 * time.Millisecond
			}
			g, r := start(t, cfg)
			add(t, g, r, "api-1", upstream(t, test.serve))
			b := open(t, g)
			b.send("GET /x?secret=1 HTTP/1.1\r\nHost: api\r\nX-Shakedown-Request: 41\r\n\r\n")
			resp, body, err := b.receive("GET")
			switch {
			case test.status == 0 && err == nil:
				t.Errorf("the client got a whole response %d %q, want it cut", resp.StatusCode, body)
			case test.status != 0 && (resp.StatusCode != test.status || err != nil):
				t.Errorf("the client got %d, %v, want %d", resp.StatusCode, err, test.status)
			case resp.StatusCode > 500 && body != fmt.Sprintf("shakedown gateway: api-1: %s\n", test.failure):
				t.Errorf("the body says %q", body)
			}
			got, _ := requestAt(t, r, "/x")
			if got.Failure != test.failure || got.Status != test.record || got.Instance != "api-1" || got.ID != "41" || got.Nth != 1 || got.Reused {
				t.Errorf("record %+v, want failure %q and status %d", got, test.failure, test.record)
			}
			if test.failure != "" && test.failure != journal.Status5xx && got.Error == "" {
				t.Error("the record does not say what happened")
			}
			if !test.keep {
				b.wantClosed()
			}
		})
	}
}

// The whole response in raw bytes: what goes to the client for what comes from
// the instance.
func TestResponseFraming(t *testing.T) {
	for _, test := range []struct {
		name, request, response, want string
		closed                        bool
	}{
		{"length", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", okResponse, okResponse, false},
		{"hop-by-hop fields stay behind", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nX-Mine: 1\r\nConnection: x-mine, close\r\nX-yours: 2\r\nContent-Length: 2\r\n\r\nok",
			"HTTP/1.1 200 OK\r\nX-yours: 2\r\nContent-Length: 2\r\n\r\nok", false},
		{"the driver is told the instance, whatever the instance says", "GET / HTTP/1.1\r\nHost: a\r\nX-Shakedown-Request: 7\r\n\r\n",
			"HTTP/1.1 200 OK\r\nX-Shakedown-Instance: liar\r\nContent-Length: 2\r\n\r\nok",
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Shakedown-Instance: api-1\r\n\r\nok", false},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", false},
		{"204", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", false},
		{"304 with the length of what is not sent", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false},
		{"chunks and trailer", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-Sum: 3\r\nContent-Length: 9\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 3\r\n\r\n", false},
		{"chunks win over length", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false},
		{"until close becomes chunks", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nok",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false},
		{"client asks for close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", okResponse,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true},
		{"HTTP/1.0 client", "GET / HTTP/1.0\r\n\r\n", okResponse,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true},
		{"HTTP/1.0 client with keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", okResponse,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", false},
		{"HTTP/1.0 client and chunks", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", true},
		{"interim responses", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + okResponse,
			"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + okResponse, false},
		{"interim responses are not for HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n" + okResponse,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, r := start(t, Config{})
			add(t, g, r, "api-1", upstream(t, says(test.response)))
			b := open(t, g)
			b.send(test.request)
			got := make([]byte, len(test.want))
			_, err := io.ReadFull(b.r, got)
			if string(got) != test.want || err != nil {
				t.Fatalf("got  %q, %v\nwant %q", got, err, test.want)
			}
			if record, _ := requestAt(t, r, "/"); record.Failure != "" {
				t.Errorf("record %+v, want success", record)
			}
			if test.closed {
				b.wantClosed()
				return
			}
			_ = b.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err := b.r.ReadByte(); !isTimeout(err) {
				t.Errorf("after the response came more: %v", err)
			}
		})
	}
}

// What is not HTTP, or could be read in two ways, is refused and reaches no
// instance.
func TestRefusedRequests(t *testing.T) {
	for _, test := range []struct {
		name, request string
		status        int
	}{
		{"length and coding", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
		{"list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
		{"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400},
		{"huge length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
		{"coding on HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400},
		{"disguised coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 400},
		{"two codings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", 400},
		{"space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\n", 400},
		{"folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400},
		{"bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", 400},
		{"NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		{"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
		{"not HTTP", "hello\r\n\r\n", 400},
		{"head too large", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", 431},
		{"too many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 20<<10) + "\r\n", 431},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, r := start(t, Config{})
			add(t, g, r, "api-1", upstream(t, after(func(*net.TCPConn) { t.Error("the request reached the instance") })))
			b := open(t, g)
			b.send(test.request)
			resp, _, _ := b.receive("GET")
			if resp.StatusCode != test.status || !resp.Close {
				t.Errorf("got %d, close %t, want %d and close", resp.StatusCode, resp.Close, test.status)
			}
			b.wantClosed()
		})
	}
}

// The request as the instance gets it, byte for byte.
func TestRequestAsForwarded(t *testing.T) {
	for _, test := range []struct{ name, request, want string }{
		{"order and spelling are kept", "GET /a?b=c HTTP/1.1\r\nhOST: shop:80\r\nx-B: 1\r\nAccept: *\r\nx-a:2\r\n\r\n",
			"GET /a?b=c HTTP/1.1\r\nhOST: shop:80\r\nx-B: 1\r\nAccept: *\r\nx-a: 2\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"},
		{"forwarded-for grows", "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 127.0.0.1\r\n\r\n"},
		{"for this connection only", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop, Host\r\nX-Hop: 1\r\nTE: trailers\r\nX-Shakedown-Request: 9\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"},
		{"body with length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-Forwarded-For: 127.0.0.1\r\n\r\nabc"},
		{"empty body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"},
		{"body in chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"},
		{"HTTP/1.0 without host", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: api\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, r := start(t, Config{})
			got := make(chan string, 1)
			add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
				buf := make([]byte, len(test.want))
				if _, err := io.ReadFull(r, buf); err == nil {
					got <- string(buf)
					_, _ = io.WriteString(conn, okResponse)
				}
			}))
			b := open(t, g)
			b.send(test.request)
			b.receive("GET")
			if text := <-got; text != test.want {
				t.Errorf("got  %q\nwant %q", text, test.want)
			}
		})
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(req.Body)
			text := req.URL.Path + string(body)
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		}
	}))
	b := open(t, g)
	b.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab" +
		"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n" +
		"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
	for _, want := range []string{"/1ab", "/2c", "/3"} {
		if _, body, err := b.receive("GET"); body != want || err != nil {
			t.Fatalf("got %q, %v, want %q", body, err, want)
		}
	}
}

// Nothing waits for a buffer to fill: each piece of both bodies goes on at
// once, and in both directions at the same time.
func TestBodiesStreamBothWays(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		buf := make([]byte, 1)
		for {
			n, err := req.Body.Read(buf)
			if n > 0 {
				_, _ = fmt.Fprintf(conn, "1\r\n%s\r\n", buf[:n])
			}
			if err != nil {
				_, _ = io.WriteString(conn, "0\r\n\r\n")
				return
			}
		}
	}))
	b := open(t, g)
	b.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	resp, err := http.ReadResponse(b.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{"a", "b", "c"} {
		b.send("1\r\n" + piece + "\r\n")
		got := make([]byte, 1)
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != piece {
			t.Fatalf("got %q, %v, want %q before the next piece is sent", got, err, piece)
		}
	}
	b.send("0\r\n\r\n")
	if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
		t.Fatalf("got %q, %v, want the end", rest, err)
	}
	if record, _ := requestAt(t, r, "/echo"); record.Failure != "" || record.Status != 200 {
		t.Errorf("record %+v", record)
	}
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	const size = 3 << 20
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
		_, _ = io.Copy(conn, req.Body)
	}))
	b := open(t, g)
	go func() {
		_, _ = fmt.Fprintf(b.conn, "PUT /big HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size)
		_, _ = b.conn.Write([]byte(strings.Repeat("0123456789abcdef", size/16)))
	}()
	_, body, err := b.receive("PUT")
	if err != nil || body != strings.Repeat("0123456789abcdef", size/16) {
		t.Errorf("got %d bytes, %v", len(body), err)
	}
}

func TestUpgradeIsSplicedThrough(t *testing.T) {
	for _, balance := range []string{PerRequest, PerConnection} {
		g, r := start(t, Config{Balance: balance})
		add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
			req, err := http.ReadRequest(r)
			if err != nil || req.Header.Get("Upgrade") != "echo" || req.Header.Get("Connection") != "Upgrade" {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello ")
			_, _ = io.Copy(conn, r)
		}))
		b := open(t, g)
		b.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly ")
		want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello early "
		got := make([]byte, len(want))
		if _, err := io.ReadFull(b.r, got); string(got) != want || err != nil {
			t.Fatalf("%s: got %q, %v", balance, got, err)
		}
		b.send("late")
		_ = b.conn.CloseWrite()
		if rest, err := io.ReadAll(b.r); string(rest) != "late" || err != nil {
			t.Errorf("%s: got %q, %v", balance, rest, err)
		}
		if record, _ := requestAt(t, r, "/ws"); record.Status != 101 || record.Failure != "" {
			t.Errorf("%s: record %+v", balance, record)
		}
	}
}

// A client that gives up is nobody's failure but its own, and the instance
// learns of it.
func TestClientGone(t *testing.T) {
	for _, test := range []struct {
		name, request string
		say           string // by the instance before the client goes
	}{
		{"before the response", "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n", ""},
		{"in the response", "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"},
		{"in its own body", "POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, r := start(t, Config{})
			hungUp := make(chan struct{})
			add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
				if _, err := http.ReadRequest(r); err == nil {
					_, _ = io.WriteString(conn, test.say)
					_, _ = io.Copy(io.Discard, r)
					close(hungUp)
				}
			}))
			b := open(t, g)
			b.send(test.request)
			if test.say != "" {
				if _, err := b.r.ReadByte(); err != nil {
					t.Fatal(err)
				}
			}
			_ = b.conn.Close()
			if record, _ := requestAt(t, r, "/gone"); record.Failure != journal.ClientGone {
				t.Errorf("record %+v, want %s", record, journal.ClientGone)
			}
			<-hungUp
		})
	}
}

func TestNoEndpoint(t *testing.T) {
	g, r := start(t, Config{})
	b := open(t, g)
	status, body := b.get("/none")
	if status != 503 || !strings.HasPrefix(body, "shakedown gateway: no endpoint") {
		t.Errorf("got %d %q", status, body)
	}
	if record, _ := requestAt(t, r, "/none"); record.Failure != journal.NoEndpoint || record.Instance != "" || record.Nth != 0 {
		t.Errorf("record %+v", record)
	}
	b.wantOpen()
	_ = g.Close()
	if sum := totals(r); sum.Total != 2 || sum.Failed[journal.NoEndpoint] != 2 || sum.New != 0 || sum.Individual != 2 {
		t.Errorf("tallies %+v", sum)
	}
}
