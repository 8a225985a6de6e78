package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

func TestExpectContinue(t *testing.T) {
	t.Run("granted", func(t *testing.T) {
		g, r := start(t, Config{})
		add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
			body, _ := io.ReadAll(req.Body)
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			_, _ = r.ReadByte()
		}))
		b := open(t, g)
		b.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
		line, _ := b.r.ReadString('\n')
		_, _ = b.r.ReadString('\n')
		if line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("got %q, want the go-ahead before the body was sent", line)
		}
		b.send("body")
		if _, body, err := b.receive("POST"); body != "body" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		g, r := start(t, Config{})
		add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
				_, _ = r.ReadByte()
			}
		}))
		b := open(t, g)
		b.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
		if resp, _, err := b.receive("POST"); resp.StatusCode != 417 || err != nil {
			t.Errorf("got %d, %v", resp.StatusCode, err)
		}
		b.wantClosed() // nobody knows whether the body will come
		if record, _ := requestAt(t, r, "/no"); record.Status != 417 || record.Failure != "" {
			t.Errorf("record %+v", record)
		}
	})
}

// An answer that comes before the request was read counts, although the
// instance then hangs up on the rest.
func TestEarlyAnswerToALargeUpload(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, func(conn *net.TCPConn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_, _ = io.CopyN(io.Discard, r, 64<<10)
			_ = conn.CloseWrite()
			_, _ = io.Copy(io.Discard, r)
		}
	}))
	b := open(t, g)
	b.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n" + strings.Repeat("x", 10<<10))
	if resp, _, err := b.receive("POST"); resp.StatusCode != 413 || err != nil {
		t.Errorf("got %d, %v", resp.StatusCode, err)
	}
	b.wantClosed()
	if record, _ := requestAt(t, r, "/upload"); record.Status != 413 || record.Failure != "" || !record.Close {
		t.Errorf("record %+v", record)
	}
}

// An instance that dies while the client is still sending is to blame itself.
func TestInstanceDiesDuringAnUpload(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, func(_ *net.TCPConn, r *bufio.Reader) { _, _ = http.ReadRequest(r) }))
	b := open(t, g)
	b.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
	if resp, body, _ := b.receive("POST"); resp.StatusCode != 502 || !resp.Close {
		t.Errorf("got %d %q, close %t", resp.StatusCode, body, resp.Close)
	}
	if record, _ := requestAt(t, r, "/upload"); record.Failure != journal.Closed {
		t.Errorf("record %+v, want %s", record, journal.Closed)
	}
}

func TestMalformedBodyIsTheClientsFault(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, after(func(*net.TCPConn) {})))
	b := open(t, g)
	b.send("POST /bad HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	if resp, _, _ := b.receive("POST"); resp.StatusCode != 400 {
		t.Errorf("got %d, want 400", resp.StatusCode)
	}
	if record, _ := requestAt(t, r, "/bad"); record.Failure != journal.ClientGone {
		t.Errorf("record %+v", record)
	}
}
