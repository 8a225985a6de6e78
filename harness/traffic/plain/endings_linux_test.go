package plain

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

// TestBytesNobodyAskedFor must end with the connection, whenever they come.
func TestBytesNobodyAskedFor(t *testing.T) {
	bogus := "HTTP/1.1 500 Bogus\r\nContent-Length: 0\r\n\r\n"
	for name, c := range map[string]struct{ first, later string }{
		"with the answer":        {hello + bogus, ""},
		"one byte with it":       {hello + "\n", ""},
		"after it":               {hello, bogus},
		"after a full buffer":    {full(inSize), bogus},
		"behind a full buffer":   {full(inSize) + bogus, ""},
		"one byte behind one":    {full(inSize) + "x", ""},
		"with two full buffers":  {full(inSize) + full(inSize), ""},
		"after more than buffer": {full(inSize + 1), bogus},
	} {
		t.Run(name, func(t *testing.T) {
			wrote, later := make(chan bool, 2), make(chan bool)
			r := newRig(t, serve(t, func(conn *net.TCPConn, in *bufio.Reader, nth int) {
				if nth > 1 {
					repeats(hello)(conn, in, nth)
					return
				}
				_, _, _ = next(in)
				_, _ = io.WriteString(conn, c.first)
				wrote <- true
				<-later
				_, _ = io.WriteString(conn, c.later)
				wrote <- true
				_, _, _ = next(in)
			}), one)
			r.opened()
			first, second := make(chan *result, 1), make(chan *result, 1)
			begin := func() { r.begin(get("/"), long, func(got *result) { second <- got }) }
			r.do(func() {
				r.begin(exchange.Request{Method: "GET", Path: "/"}, long, func(got *result) {
					if first <- got; c.later == "" {
						begin() // at once, before the loop can hear of anything
					}
				})
				await(t, wrote) // the loop looks when all is there
			})
			if got := await(t, first); got.Err != nil || got.Status != 200 {
				t.Fatalf("status %d, %v", got.Status, got.Err)
			}
			close(later)
			await(t, wrote)
			if c.later != "" {
				r.do(begin)
			}
			wantOK(t, await(t, second), "hello", false)
		})
	}
}

// full is an answer of exactly n bytes.
func full(n int) string {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", n)
	body := n - len(head)
	head = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", body)
	return head + strings.Repeat("x", n-len(head))
}

// opened opens a connection and waits until it is there.
func (r *rig) opened() {
	r.t.Helper()
	r.do(func() { r.e.open() })
	for n := 0; n == 0; {
		r.do(func() { n = r.e.idle.len })
	}
}

// TestTheEndWithTheAnswer has answers that allow another exchange come together
// with the end of the connection: one event tells of both. The next exchange is
// begun at once.
func TestTheEndWithTheAnswer(t *testing.T) {
	gone := make(chan bool, 2)
	r := newRig(t, serve(t, func(conn *net.TCPConn, in *bufio.Reader, nth int) {
		if _, _, ok := next(in); ok {
			_, _ = io.WriteString(conn, hello)
			_ = conn.CloseWrite()
			gone <- true
			_, _, _ = next(in)
		}
	}), exchange.Limits{Max: 1, Reuse: true})
	for range 20 {
		r.opened()
		done := make(chan *result, 2)
		r.do(func() {
			r.begin(get("/"), long, func(got *result) {
				done <- got
				r.begin(get("/"), long, func(got *result) { done <- got })
			})
			await(t, gone) // the loop looks when both are there
		})
		wantOK(t, await(t, done), "hello", false)
		wantOK(t, await(t, done), "hello", false)
		await(t, gone)
		for n := 1; n > 0; { // the loop sees the end of the second connection
			r.do(func() { n = r.e.idle.len })
		}
	}
}

// TestTheEndWithAPart is the same with an answer that is not complete.
func TestTheEndWithAPart(t *testing.T) {
	gone := make(chan bool, 1)
	r := newRig(t, serve(t, func(conn *net.TCPConn, in *bufio.Reader, nth int) {
		_, _, _ = next(in)
		_, _ = io.WriteString(conn, hello[:len(hello)-1])
		_ = conn.CloseWrite()
		gone <- true
		_, _, _ = next(in)
	}), one)
	r.opened()
	done := make(chan *result, 1)
	r.do(func() {
		r.begin(get("/"), 10*time.Second, func(got *result) { done <- got })
		await(t, gone)
	})
	wantFailure(t, await(t, done), journal.Truncated, "read body")
}

// TestTheEndBeforeItsEvent closes an idle connection and begins an exchange
// while the loop has had no chance to hear of it.
func TestTheEndBeforeItsEvent(t *testing.T) {
	leave, left := make(chan bool), make(chan bool)
	r := newRig(t, serve(t, func(conn *net.TCPConn, in *bufio.Reader, nth int) {
		if nth > 1 {
			repeats(hello)(conn, in, nth)
			return
		}
		_, _, _ = next(in)
		_, _ = io.WriteString(conn, hello)
		<-leave
		conn.Close()
		left <- true
	}), one)
	wantOK(t, r.ask(get("/")), "hello", false)
	done := make(chan *result, 1)
	r.do(func() {
		leave <- true
		<-left
		r.begin(get("/"), long, func(got *result) { done <- got })
	})
	wantOK(t, await(t, done), "hello", false)
}
