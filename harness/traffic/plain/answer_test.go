//go:build linux

package plain

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// An outcome is all that can be known of an answer.
type outcome struct {
	status  int
	fields  string
	body    string
	cut     bool
	clean   bool
	rest    int // bytes after the end of the answer
	failure string
}

// byReader is what package wire's reader makes of a connection's bytes.
func byReader(data []byte, method string, keep int) (o outcome) {
	r := bufio.NewReaderSize(bytes.NewReader(data), 8<<10)
	var head wire.Head
	for {
		if err := head.ReadResponse(r, wire.MaxHead); err != nil {
			return outcome{failure: wire.ReadError(err, head.Size > 0).Error() + string(wire.ReadError(err, head.Size > 0).Failure)}
		}
		if s := head.Status(); s >= 200 || s == 101 {
			break
		}
	}
	framing, err := head.ResponseFraming(method)
	if err != nil {
		return outcome{failure: wire.ReadError(err, true).Error() + string(wire.ReadError(err, true).Failure)}
	}
	var body wire.Body
	body.Reset(r, framing)
	all, err := io.ReadAll(&body)
	if err != nil {
		return outcome{failure: "body: " + wire.ReadError(err, true).Error() + string(wire.ReadError(err, true).Failure)}
	}
	rest, _ := io.Copy(io.Discard, r)
	kept := all[:max(0, min(keep, len(all)))]
	return outcome{
		status: head.Status(), fields: fmt.Sprintf("%s", head.Fields), body: string(kept), cut: len(kept) < len(all),
		clean: head.Status() >= 200 && framing.Kind != wire.UntilClose && head.KeepAlive(), rest: int(rest),
	}
}

// byPieces is what an answer makes of the same bytes when they come in pieces.
func byPieces(a *answer, data []byte, method string, keep int, pieces func(left int) int) (o outcome) {
	a.reset(&exchange.Request{Method: method, Keep: keep})
	failed := func(err error) outcome {
		c := conn{answer: a}
		e := c.failure(err)
		o := outcome{failure: e.Error() + string(e.Failure)}
		if rest, ok := strings.CutPrefix(o.failure, "read body: "); ok {
			o.failure = "body: read response: " + rest
		}
		return o
	}
	rest := 0
	for len(data) > 0 {
		n := pieces(len(data))
		piece := bytes.Clone(data[:n])
		data = data[n:]
		left, err := a.feed(piece)
		if err != nil {
			return failed(err)
		}
		if rest += len(left); a.stage == complete {
			rest += len(data)
			break
		}
		for i := range piece {
			piece[i] = 'X' // the buffer belongs to others now
		}
	}
	if a.stage != complete {
		if err := a.end(); err != nil {
			return failed(err)
		}
	}
	return outcome{
		status: a.head.Status(), fields: fmt.Sprintf("%s", a.head.Fields), body: string(a.body), cut: a.cut,
		clean: a.clean, rest: rest,
	}
}

// answers are streams of bytes, good and bad.
var answers = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
	"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\n\nuntil the end",
	"HTTP/1.1 200\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/1.1",
	"HTTP/1.1 304 Not Modified\r\n\r\n",
	"HTTP/1.1 101 Switching Protocols\r\n\r\nbytes",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 100 Continue\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHT",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6; x=y\r\n world\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\nTrailer: yes\n\nrest",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n\r\na\r\n0123456789\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nuntil the end",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\n folded\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
	"HTTP/1.1 2000 OK\r\n\r\n",
	"HTTP/1.1 099 OK\r\n\r\n",
	"HTTP/2.0 200 OK\r\n\r\n",
	"\r\nHTTP/1.1 200 OK\r\n\r\n",
	"\n", "\r\n", "\r", "", "\r\r\n\r\n", "a\r\n\r", "a\n\r\r\n\r\n",
	"SSH-2.0-OpenSSH_9.2\r\n",
	"HTTP/1.1 200 OK\r\nX: \r\n\r\r\n\r\n",
}

func TestEverySplitReadsAsTheWhole(t *testing.T) {
	a := new(answer) // one for all: nothing may be left of the one before
	for _, data := range answers {
		for _, method := range []string{"GET", "HEAD"} {
			for _, keep := range []int{-1, 0, 3, 1 << 20} {
				want := byReader([]byte(data), method, keep)
				check := func(how string, pieces func(int) int) {
					t.Helper()
					if got := byPieces(a, []byte(data), method, keep, pieces); got != want {
						t.Errorf("%s %q, keep %d, %s:\n got %+v\nwant %+v", method, data, keep, how, got, want)
					}
				}
				check("whole", func(left int) int { return left })
				check("byte by byte", func(int) int { return 1 })
				for at := 1; at < len(data); at++ {
					first := true
					check(fmt.Sprint("split at ", at), func(left int) int {
						if first {
							first = false
							return at
						}
						return left
					})
				}
			}
		}
	}
}

// TestBoundsOfHeadsAndLines tries the sizes around each bound.
func TestBoundsOfHeadsAndLines(t *testing.T) {
	a := new(answer)
	for _, around := range []struct {
		name  string
		bound int
		data  func(n int) string // with n bytes where the bound counts
	}{
		{"head", wire.MaxHead, func(n int) string {
			return "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", n-24) + "\r\n\r\nbody"
		}},
		{"head without an end", wire.MaxHead, func(n int) string {
			return "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", n-20)
		}},
		{"head of many lines", wire.MaxHead, func(n int) string {
			rest := n - 19 - n%5
			return "HTTP/1.1 200 OK\r\n" + strings.Repeat("X:y\r\n", rest/5) + "\r\nbody"
		}},
		{"chunk line", wire.MaxChunkLine, func(n int) string {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", n-4) + "\r\nx\r\n0\r\n\r\n"
		}},
		{"chunk line without an end", wire.MaxChunkLine, func(n int) string {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", n-2)
		}},
		{"trailer", wire.MaxHead, func(n int) string {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + strings.Repeat("x", n-7) + "\r\n\r\n"
		}},
	} {
		for n := around.bound - 6; n <= around.bound+6; n++ {
			data := []byte(around.data(n))
			want := byReader(data, "GET", 100)
			for _, size := range []int{1000, 4096, 1 << 20} {
				if got := byPieces(a, data, "GET", 100, func(left int) int { return min(left, size) }); got != want {
					t.Errorf("%s of %d bytes in pieces of %d:\n got %+v\nwant %+v", around.name, n, size, got, want)
				}
			}
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for i, data := range answers {
		f.Add([]byte(data), []byte{byte(i), 1, 7}, uint16(i), i%3 == 0)
	}
	f.Fuzz(func(t *testing.T, data, sizes []byte, keep uint16, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		want := byReader(data, method, int(keep))
		i := 0
		got := byPieces(new(answer), data, method, int(keep), func(left int) int {
			if len(sizes) == 0 {
				return left
			}
			i++
			return min(left, 1+int(sizes[i%len(sizes)]))
		})
		if got != want {
			t.Errorf("%s %q in pieces %v:\n got %+v\nwant %+v", method, data, sizes, got, want)
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	data := []byte("HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sun, 22 Nov 2026 05:00:00 GMT\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\nHello, World!")
	a, r := new(answer), &exchange.Request{Method: "GET", Keep: 1 << 10}
	b.ReportAllocs()
	for b.Loop() {
		a.reset(r)
		if _, err := a.feed(data); err != nil || a.stage != complete {
			b.Fatal(err)
		}
	}
}
