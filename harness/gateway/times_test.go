package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A tally says how long complete answers took, and of what was none nothing.
func TestTallyOfTimes(t *testing.T) {
	inVirtualTime(t, time.Hour, func(p *pipes, g *Gateway, r *recorder) {
		p.serve = func(conn net.Conn) {
			defer func() { _ = conn.Close() }()
			req, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil {
				return
			}
			answer := "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
			switch req.URL.Path {
			case "/slow":
				time.Sleep(30 * time.Millisecond)
			case "/broken":
				return
			case "/wrong":
				answer = "HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
			}
			_, _ = io.WriteString(conn, answer)
		}
		for _, path := range []string{"/", "/", "/slow", "/wrong", "/broken"} {
			p.get(t, path)
		}
		if err := g.Remove("api-1"); err != nil {
			t.Fatal(err)
		}
		p.get(t, "/nobody")
		_ = g.Close()
		counted := map[string]map[int]int{}
		for _, tally := range of[journal.Tally](r) {
			for bucket, n := range tally.Times {
				if counted[tally.Instance] == nil {
					counted[tally.Instance] = map[int]int{}
				}
				counted[tally.Instance][bucket] += n
			}
		}
		want := map[string]map[int]int{"api-1": {0: 3, journal.TimesBucket(30 * time.Millisecond): 1}}
		if !reflect.DeepEqual(counted, want) {
			t.Errorf("counted %v, want %v", counted, want)
		}
	})
}

// What the gateway answers by itself says nothing of an instance.
func TestNoTimesOfRefusals(t *testing.T) {
	g, r := start(t, Config{})
	b := open(t, g)
	b.send("GET / HTTP/1.1\r\nX-Shakedown-Request: 7\r\n\r\n") // no Host
	if resp, _, err := b.receive("GET"); err != nil || resp.StatusCode != 400 {
		t.Fatalf("got %+v, %v", resp, err)
	}
	_ = g.Close()
	if tallies := of[journal.Tally](r); len(tallies) != 1 || tallies[0].Total != 1 || tallies[0].Times != nil {
		t.Errorf("tallies %+v", tallies)
	}
}

func TestTimes(t *testing.T) {
	var counted times
	if have := counted.take(); have != nil {
		t.Errorf("nothing is %v", have)
	}
	for _, took := range []time.Duration{-1, 0, 100 * time.Microsecond, 101 * time.Microsecond, time.Second, 1 << 62} {
		counted.add(took)
	}
	want := map[int]int{0: 3, journal.TimesBucket(101 * time.Microsecond): 1, journal.TimesBucket(time.Second): 1, len(counted.counts) - 1: 1}
	if have := counted.take(); !reflect.DeepEqual(have, want) {
		t.Errorf("counted %v, want %v", have, want)
	}
	if have := counted.take(); have != nil {
		t.Errorf("taken twice: %v", have)
	}
	if n := testing.AllocsPerRun(100, func() { counted.add(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

// BenchmarkTimes is what counting the time of an answer costs.
func BenchmarkTimes(b *testing.B) {
	var counted times
	b.ReportAllocs()
	for i := range b.N {
		counted.add(time.Duration(i) * time.Microsecond)
	}
}
