package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What the peers print, shortened to the lines that count.
func TestPeersAreUnderstood(t *testing.T) {
	for _, c := range []struct {
		peer peer
		out  string
		want report
	}{
		{wrk, "  Latency Distribution\n     50%  702.00us\n     99%    4.22ms\n  148225 requests in 2.00s\nRequests/sec:  74045.12\n", report{74045.12, 4220 * time.Microsecond}},
		{wrk2, "  Latency Distribution (HdrHistogram - Recorded Latency)\n 50.000%    1.04ms\n 99.000%    1.80ms\n 99.900%    3.02ms\nRequests/sec:   9896.40\n", report{9896.4, 1800 * time.Microsecond}},
		{wrk2, " 99.000%    0.95s \nRequests/sec:   1998.00\n", report{1998, 950 * time.Millisecond}},
		{h2load, "finished in 2.00s, 68462.50 req/s, 6.01MB/s\n", report{68462.5, 0}},
		{hey, "  Requests/sec:\t7051.3000\n\n  95%% in 0.0210 secs\n  99%% in 0.0441 secs\n", report{7051.3, 44100 * time.Microsecond}},
		{fortio, `{"ActualQPS": 9998.5, "DurationHistogram": {"Percentiles": [{"Percentile": 99, "Value": 0.0019}]}}`, report{9998.5, 1900 * time.Microsecond}},
		{bombardier, `{"result": {"rps": {"mean": 10004.2}, "latency": {"mean": 90, "percentiles": {"50": 80, "99": 1600}}}}`, report{10004.2, 1600 * time.Microsecond}},
		{vegeta, `{"latencies": {"99th": 10300000}, "rate": 10000, "throughput": 2691.5}`, report{2691.5, 10300 * time.Microsecond}},
		{k6, `{"metrics": {"http_reqs": {"count": 1, "rate": 7786.5}, "http_req_duration": {"p(99)": 189.5}}}`, report{7786.5, 189500 * time.Microsecond}},
	} {
		got, err := c.peer.read([]byte(c.out))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.peer.name, got, err, c.want)
		}
		if _, err := c.peer.read([]byte("something went wrong")); err == nil {
			t.Errorf("%s: output without figures is no error", c.peer.name)
		}
	}
}

// A peer with an open loop must be told the rate, one without must not be asked.
func TestPeersAreAskedForTheSame(t *testing.T) {
	j := job{url: "http://127.0.0.1:1/", dir: t.TempDir(), seconds: 7, connections: 250, rate: 10_000}
	for _, p := range peers {
		if p.prepare != nil {
			if err := p.prepare(j); err != nil {
				t.Errorf("prepare %s: %v", p.name, err)
			}
			continue // what it is asked stands in its files
		}
		for kind, command := range map[string]func(job) []string{"closed": p.closed, "open": p.open} {
			if command == nil {
				continue
			}
			text := strings.Join(command(j), " ")
			for _, part := range []string{j.url, "7", "250"} {
				if !strings.Contains(text, part) {
					t.Errorf("%s, %s: %q lacks %s", p.name, kind, text, part)
				}
			}
			if kind == "open" && !strings.Contains(text, "10000") && !strings.Contains(text, "-q 40") {
				t.Errorf("%s: %q lacks the rate", p.name, text)
			}
		}
	}
}

func TestAnOrderReachesTheChild(t *testing.T) {
	want := order{addr: "127.0.0.1:9", seconds: 2.5, closed: 3, rate: 12.5, steps: 4, think: 1500 * time.Millisecond, connections: 77, keys: true}
	var got order
	if err := got.flags().Parse(want.args()[1:]); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestASeriesShowsItsMiddleAndItsEnds(t *testing.T) {
	for _, c := range []struct {
		values series
		want   string
	}{
		{nil, "-"},
		{series{7}, "7/s"},
		{series{5, 1, 9}, "5/s (1/s-9/s)"},
		{series{4, 1, 2, 3}, "2/s (1/s-4/s)"},
	} {
		before := slices.Clone(c.values)
		if got := c.values.text(perSecond); got != c.want || !slices.Equal(before, c.values) {
			t.Errorf("%v is %q and %v afterwards, want %q", before, got, c.values, c.want)
		}
	}
}
