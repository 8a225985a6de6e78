package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
)

// TestMain lets the test program be its own children, as the benchmark is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "drive") {
		if err := run(context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The server answers however the requests are cut, and tells how many.
func TestTheServerAnswers(t *testing.T) {
	s, err := startServer(t.Context(), lab.Stall{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	const one = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	requests := 0
	for _, parts := range [][]string{{one}, {one[:5], one[5:]}, {one[:len(one)-2], one[len(one)-2:]}, {one + one + one[:9], one[9:]}} {
		for _, part := range parts {
			if _, err := io.WriteString(c, part); err != nil {
				t.Fatal(err)
			}
		}
		n := 1
		if len(parts[0]) > 2*len(one) {
			n = 3
		}
		for range n {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
				t.Errorf("status %d, %v", resp.StatusCode, err)
			}
			requests++
		}
	}
	said, err := s.stop()
	if err != nil || said.Requests != int64(requests) || said.Connections != 1 || said.P99 <= 0 {
		t.Errorf("%+v, %v; want %d requests on 1 connection", said, err, requests)
	}
}

// What the driver and the server say of a run must be the same, and what it was
// asked for.
func TestTheDriverIsMeasured(t *testing.T) {
	b := newBench(t.Context(), true)
	for name, o := range map[string]order{
		"open":     {seconds: 1, rate: 300, steps: 1, connections: 8},
		"sessions": {seconds: 1, rate: 100, steps: 3, think: 100 * time.Millisecond, connections: 8},
		"closed":   {seconds: 0.5, closed: 4, steps: 1, connections: 4},
	} {
		t.Run(name, func(t *testing.T) {
			var d drove
			var used usage
			said, err := b.against(lab.Stall{}, func(s *server) (err error) {
				o.addr = s.addr
				d, used, err = b.drivenBy(o)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := int(o.rate) * o.steps; o.closed == 0 && d.OK != want || d.OK == 0 || said.Requests != int64(d.OK) {
				t.Errorf("%d answers, the server gave %d, want %d", d.OK, said.Requests, want)
			}
			if said.Connections > o.connections || d.P99 <= 0 || used.cpu <= 0 || used.memory <= 0 {
				t.Errorf("%+v, %+v, %+v", said, d, used)
			}
		})
	}
}

// A stall must be seen in what the driver reports.
func TestTheServerStalls(t *testing.T) {
	b := newBench(t.Context(), true)
	all, err := b.hold(contest{
		order: order{seconds: 1, rate: 200, steps: 1, connections: 8}, repeat: 1,
		stall: lab.Stall{Every: time.Hour, From: 200 * time.Millisecond, For: 400 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p99 := time.Duration(all[0].p99.median()); p99 < 300*time.Millisecond || all[0].dropped != 0 {
		t.Errorf("p99 %v, %d without an answer", p99, all[0].dropped)
	}
}
