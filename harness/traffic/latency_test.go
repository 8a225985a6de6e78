package traffic

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/arrivals"
)

// percentile of a sample, by its definition.
func percentile(sample []time.Duration, p float64) time.Duration {
	slices.Sort(sample)
	return sample[min(int(p/100*float64(len(sample))), len(sample)-1)]
}

// A comparison of what the driver measured with the truth. Reporting less than
// the truth is an error whatever the machine does (5 % are histogram and clock).
// Reporting up to ratio times as much is fine; more is an error too, unless the
// witness saw that this machine could not even keep a ticker: then the rest of
// the test is skipped, and says so.
type comparison struct {
	what            string
	measured, truth time.Duration
	ratio           float64
}

func compare(t *testing.T, w *witness, all ...comparison) {
	t.Helper()
	busy, unproven := w.late(), ""
	for _, c := range all {
		r := float64(c.measured) / float64(c.truth)
		switch {
		case r < 0.95:
			t.Errorf("%s is %v, the truth %v: ratio %.2f, want 0.95 at least", c.what, c.measured, c.truth, r)
		case r > c.ratio && float64(busy) > (c.ratio-1)/4*float64(c.truth):
			unproven = fmt.Sprintf("%s is %v, the truth %v, but a ticker was late by %v meanwhile: this machine is too busy to tell", c.what, c.measured, c.truth, busy)
		case r > c.ratio:
			t.Errorf("%s is %v, the truth %v: ratio %.2f, want %.2f at most", c.what, c.measured, c.truth, r, c.ratio)
		}
	}
	if unproven != "" {
		t.Skip(unproven)
	}
}

// A witness watches how late a ticker comes while a test runs.
type witness struct {
	stop, stopped chan struct{}
	most          time.Duration
}

func watch() *witness {
	w := &witness{stop: make(chan struct{}), stopped: make(chan struct{})}
	go func() {
		defer close(w.stopped)
		const period = 5 * time.Millisecond
		for last := time.Now(); ; last = time.Now() {
			select {
			case <-w.stop:
				return
			case <-time.After(period):
				w.most = max(w.most, time.Since(last)-period)
			}
		}
	}()
	return w
}

// late ends the watch and gives the longest delay.
func (w *witness) late() time.Duration {
	close(w.stop)
	<-w.stopped
	return w.most
}

// The server knows how long it took; the driver must say the same, and count
// every one.
func TestCountsAndPercentiles(t *testing.T) {
	var mutex sync.Mutex
	var truth []time.Duration
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		began, delay := time.Now(), 30*time.Millisecond
		if strings.HasSuffix(r.Header.Get(RequestHeader), "7") || strings.HasSuffix(r.Header.Get(RequestHeader), "8") {
			delay = 120 * time.Millisecond
		}
		<-time.After(delay)
		mutex.Lock()
		defer mutex.Unlock()
		truth = append(truth, time.Since(began))
	})
	w := watch()
	totals, rec := play(t, planOf(200, ms(1500), get("/a")), addr)
	compared := []comparison{{"session p50", quantile(rec.times("", "", journal.Response), 50), percentile(truth, 50), 1.5}}
	if want := (counts{intended: 300, sent: 300, ok: 300}); rec.sum("", "a") != want || rec.sum("", "") != want {
		t.Errorf("step %+v, session %+v, want %+v", rec.sum("", "a"), rec.sum("", ""), want)
	}
	if totals.Sessions != 300 || totals.Requests != 300 || totals.OK != 300 || len(truth) != 300 {
		t.Errorf("totals %+v, the server saw %d", totals, len(truth))
	}
	for _, measure := range []string{journal.Response, journal.Service} {
		h := rec.times("", "a", measure)
		if h.TotalCount() != 300 {
			t.Errorf("%d %s times", h.TotalCount(), measure)
		}
		compared = append(compared,
			comparison{measure + " p50", quantile(h, 50), percentile(truth, 50), 1.5},
			comparison{measure + " p90", quantile(h, 90), percentile(truth, 90), 1.5}, // among the slow fifth
			comparison{measure + " p99", quantile(h, 99), percentile(truth, 99), 2})
	}
	if n := rec.times("", "a", journal.Lag).TotalCount(); n != 300 {
		t.Errorf("%d lags", n)
	}
	compare(t, w, compared...)
}

// The server stands still for 300 ms of every second, and only a few
// connections are allowed. What a user would have waited is known from the
// intended times alone; reports that count from the actual send (the service
// time here) hide most of it.
func TestStallsAreNotHidden(t *testing.T) {
	const period, from, to = time.Second, 400 * time.Millisecond, 700 * time.Millisecond
	clk := clock.Start()
	stall := func(at time.Duration) time.Duration { // how long it lasts from now on
		if at %= period; at >= from && at < to {
			return to - at
		}
		return 0
	}
	addr := serve(t, func(http.ResponseWriter, *http.Request) { <-time.After(stall(clk.Now())) })
	plan := planOf(200, ms(2000), get("/a"))
	w, start := watch(), clk.Now()
	totals, rec := play(t, connections(plan, 4), addr, func(c *Config) { c.Clock, c.Start = clk, start })

	var truth []time.Duration
	for all := arrivals.Merge(plan, nil); ; all.Take() {
		next, more := all.Peek()
		if !more {
			break
		}
		truth = append(truth, stall(start+next.At))
	}
	if totals.OK != 400 {
		t.Fatalf("totals %+v, want 400 ok", totals)
	}
	response, service := rec.times("", "a", journal.Response), rec.times("", "a", journal.Service)
	compare(t, w,
		comparison{"p90", quantile(response, 90), percentile(truth, 90), 1.5},
		comparison{"p99", quantile(response, 99), percentile(truth, 99), 1.5},
		// Waiting for the stack must not be taken for the driver's own delay.
		comparison{"p99 with the lag's p99 on top", quantile(response, 99) + totals.LagP99, percentile(truth, 99), 1.6})
	if hidden := quantile(service, 90); hidden*2 > quantile(response, 90) {
		t.Errorf("service p90 is %v: the stall does not separate the two measures, the test proves nothing", hidden)
	}
}

// The second step is due one pause after the end of the first, however long
// that took, and the session's time holds both and the pause.
func TestThinkTime(t *testing.T) {
	type visit struct{ began, ended time.Time }
	var mutex sync.Mutex
	visits := map[string][]visit{}
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		began := time.Now()
		if r.URL.Path == "/first" {
			<-time.After(50 * time.Millisecond)
		}
		mutex.Lock()
		defer mutex.Unlock()
		session := r.Header.Get("X-Session")
		visits[session] = append(visits[session], visit{began, time.Now()})
	})
	first, second := get("/first"), get("/second")
	first.Headers = map[string]string{"X-Session": "${session}"}
	second.Headers, second.Think = first.Headers, think(80)
	w := watch()
	_, rec := play(t, planOf(50, ms(400), first, second), addr)
	if len(visits) != 20 {
		t.Fatalf("%d sessions, want 20", len(visits))
	}
	for session, v := range visits {
		if len(v) != 2 || v[1].began.Sub(v[0].ended) < 80*time.Millisecond {
			t.Errorf("session %s: %d visits, the second %v after the first", session, len(v), v[1].began.Sub(v[0].ended))
		}
	}
	firsts, seconds := rec.times("", "first", journal.Response), rec.times("", "second", journal.Response)
	compare(t, w,
		comparison{"first p50", quantile(firsts, 50), 50 * time.Millisecond, 2},
		comparison{"session p50", quantile(rec.times("", "", journal.Response), 50), 130 * time.Millisecond, 2},
		// The pause is not latency: the second step is as quick as the server.
		comparison{"pause and second p50", 80*time.Millisecond + quantile(seconds, 50), 80 * time.Millisecond, 1.5})
}

// A driver that comes late sends what is due at once; the delay is its own
// lag, and part of the response time, but none of the service.
func TestLatenessIsLagAndCounts(t *testing.T) {
	clk := clock.Start()
	<-time.After(300 * time.Millisecond)
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	totals, rec := play(t, planOf(100, ms(100), get("/a")), addr, func(c *Config) { c.Clock = clk })
	if totals.OK != 10 || totals.LagP50 < 200*time.Millisecond || totals.LagMax < totals.LagP99 || totals.LagP99 < totals.LagP50 {
		t.Errorf("%+v, want 10 ok, late by 200ms and more", totals)
	}
	response, service := rec.times("", "a", journal.Response), rec.times("", "a", journal.Service)
	if quantile(response, 0) < 195*time.Millisecond || quantile(service, 50) > quantile(response, 50)*9/10 {
		t.Errorf("response at least %v, service %v", quantile(response, 0), quantile(service, 50))
	}
}

// By Little's law the requests under way, summed over time, are the times that
// each took, to the nanosecond: with either engine, and with requests that are
// given up at the end.
func TestBooksBalance(t *testing.T) {
	gone := make(chan struct{})
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stuck" {
			<-gone
		}
	})
	t.Cleanup(func() { close(gone) }) // before the server is closed
	quick, stuck, streamed := get("/quick"), get("/stuck"), get("/streamed")
	streamed.Method, streamed.Body, streamed.Gzip = "POST", "${session}", true
	for _, step := range []scenarios.PlannedStep{quick, stuck, streamed} {
		t.Run(step.Name, func(t *testing.T) {
			_, rec := play(t, planOf(400, ms(300), step), addr, func(c *Config) { c.Drain = 100 * time.Millisecond })
			var area, sojourn float64
			for _, g := range rec.generator {
				area, sojourn = area+g.Area, sojourn+g.Sojourn
			}
			if sojourn <= 0 || math.Abs(area-sojourn) > 1e-6 {
				t.Errorf("%.9f s under way by the clock, %.9f s by their own times", area, sojourn)
			}
		})
	}
}
