package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// behaviour is what a request asks of the instance, in its path.
type behaviour struct {
	name   string
	status int // that the client must get; 0: the connection ends
	failed journal.Failure
}

var behaviours = []behaviour{
	{"ok", 200, journal.NoFailure},
	{"chunked", 200, journal.NoFailure},
	{"last", 200, journal.NoFailure}, // Connection: close
	{"error", 500, journal.Status5xx},
	{"close", 502, journal.Closed},
	{"garbage", 502, journal.BadResponse},
	{"cut", 0, journal.Truncated},
}

// misbehave does what the path says.
func misbehave(conn *net.TCPConn, r *bufio.Reader) {
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		what := strings.Split(req.URL.Path, "/")[1]
		text := map[string]string{
			"ok":      okResponse,
			"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
			"last":    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
			"error":   "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
			"garbage": "what?\r\n\r\n",
			"cut":     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
		}[what]
		_, _ = io.WriteString(conn, text)
		if what == "close" || what == "cut" || what == "garbage" || what == "last" {
			return
		}
	}
}

// sender sends its requests one after another, on a new connection whenever the
// gateway has closed the last, and returns what did not come out as it must.
func sender(addr string, work []behaviour, id int, body bool) (wrong []string) {
	var conn net.Conn
	var r *bufio.Reader
	for n, b := range work {
		if conn == nil {
			var err error
			if conn, err = net.Dial("tcp", addr); err != nil {
				return append(wrong, err.Error())
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			r = bufio.NewReader(conn)
		}
		_, _ = fmt.Fprintf(conn, "POST /%s HTTP/1.1\r\nHost: a\r\nX-Shakedown-Request: %d-%d\r\n", b.name, id, n)
		if body {
			_, _ = io.WriteString(conn, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
		} else {
			_, _ = io.WriteString(conn, "Content-Length: 3\r\n\r\nabc")
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return append(wrong, fmt.Sprintf("%s: %v", b.name, err))
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if cut := err != nil; cut != (b.status == 0) || !cut && resp.StatusCode != b.status {
			wrong = append(wrong, fmt.Sprintf("%s: %d, %v", b.name, resp.StatusCode, err))
		}
		if err != nil || resp.Close {
			_ = conn.Close()
			conn = nil
		}
	}
	if conn != nil {
		_ = conn.Close()
	}
	return wrong
}

// Whatever instances and clients do, concurrently and in whatever order: every
// request that was sent has exactly one record, with the right outcome and the
// right instance, and the tallies add up.
func TestEveryExchangeHasExactlyOneRecord(t *testing.T) {
	addrs := []string{upstream(t, misbehave), upstream(t, misbehave)}
	rapid.Check(t, func(rt *rapid.T) {
		balance := rapid.SampledFrom([]string{PerRequest, PerConnection}).Draw(rt, "balance")
		work := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom(behaviours), 1, 8), 1, 5).Draw(rt, "clients")
		bodies := rapid.Bool().Draw(rt, "chunked uploads")
		terminate := rapid.Bool().Draw(rt, "terminate one")
		keepAll := rapid.Bool().Draw(rt, "record all singly")
		first := 1
		if keepAll {
			first = 1 << 30
		}
		r := newRecorder()
		g, err := New(Config{Service: "api", Listen: "127.0.0.1:0", Balance: balance, First: first,
			Tally: 5 * time.Millisecond, Ready: Probe{Failure: 1 << 30}}, clock.Start(), r.emit)
		if err != nil {
			rt.Fatal(err)
		}
		for i, addr := range addrs {
			add(t, g, r, fmt.Sprintf("api-%d", i+1), addr)
		}
		var all sync.WaitGroup
		wrong := make([][]string, len(work))
		for i := range work {
			all.Go(func() { wrong[i] = sender(g.Listening(), work[i], i, bodies) })
		}
		if terminate {
			all.Go(func() { _ = g.Terminate("api-2", time.Millisecond) })
		}
		all.Wait()
		_ = g.Close()
		for _, w := range wrong {
			if len(w) > 0 {
				rt.Errorf("wrong at the client: %v", w)
			}
		}
		checkBooks(rt, r, work, keepAll)
	})
}

func checkBooks(t *rapid.T, r *recorder, work [][]behaviour, keepAll bool) {
	sent, failed := 0, map[journal.Failure]int{}
	want := map[string]journal.Failure{}
	for i, requests := range work {
		for n, b := range requests {
			sent++
			want[strconv.Itoa(i)+"-"+strconv.Itoa(n)] = b.failed
			if b.failed != "" {
				failed[b.failed]++
			}
		}
	}
	sum := totals(r)
	singles := of[journal.Request](r)
	if sum.Total != sent || sum.New+sum.Reused != sent || sum.Individual != len(singles) || sum.Suppressed != 0 {
		t.Errorf("%d sent, %d single records, tallies %+v", sent, len(singles), sum)
	}
	if fmt.Sprint(sum.Failed) != fmt.Sprint(failed) {
		t.Errorf("failed %v, want %v", sum.Failed, failed)
	}
	seen := map[string]bool{}
	for _, q := range singles {
		if failure, ok := want[q.ID]; !ok || seen[q.ID] || failure != q.Failure || q.Instance == "" {
			t.Errorf("record %+v: known %t, seen before %t, want %q", q, ok, seen[q.ID], failure)
		}
		seen[q.ID] = true
	}
	if keepAll && len(singles) != sent {
		t.Errorf("%d single records of %d sent", len(singles), sent)
	}
	checkTimes(t, r)
}

// checkTimes holds what the checks build on: no exchange begins after its
// instance left the list unless it was pinned before, none ends before it
// begins, and events stand in the order of their times.
func checkTimes(t *rapid.T, r *recorder) {
	removed := map[string]time.Duration{}
	var last time.Duration
	for _, e := range r.all() {
		if e.T < last {
			t.Errorf("%s at %s after an event at %s", e.Body.Kind(), e.T, last)
		}
		last = e.T
		switch body := e.Body.(type) {
		case journal.EndpointRemoved:
			removed[body.Instance] = e.T
		case journal.Request:
			at, gone := removed[body.Instance]
			if body.Start > e.T || gone && body.Start > at && !body.Reused {
				t.Errorf("request %+v ended at %s; its instance left the list at %s", body, e.T, at)
			}
		}
	}
}
