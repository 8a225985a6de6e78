package traffic

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// What is due in a phase counts under it, whenever it ends; the intervals of
// the journal follow each other without gap or overlap.
func TestPhasesAndIntervals(t *testing.T) {
	addr := serve(t, func(http.ResponseWriter, *http.Request) { <-time.After(150 * time.Millisecond) })
	plan := planOf(0, ms(1200), get("/a"))
	plan.Phases = []scenarios.PlannedPhase{{Name: "calm", End: ms(600)}, {Name: "surge", Start: ms(600), End: ms(1200)}}
	plan.Load[0].Segments = []scenarios.PlannedSegment{constant(0, 600, 50), constant(600, 1200, 100)}
	_, rec := play(t, plan, addr)
	for phase, n := range map[string]int{"calm": 30, "surge": 60} {
		want := counts{intended: n, sent: n, ok: n}
		if got := rec.sum(phase, "a"); got != want {
			t.Errorf("%s: %+v, want %+v", phase, got, want)
		}
		for _, measure := range []string{journal.Response, journal.Service, journal.Lag} {
			if got := rec.times(phase, "a", measure).TotalCount(); got != int64(n) {
				t.Errorf("%s: %d %s times, want %d", phase, got, measure, n)
			}
		}
	}
	var bounds []time.Duration
	for _, i := range rec.intervals {
		if i.Tag.Cohort != "all" || i.Tag.Journey != "shop" {
			t.Errorf("tag %+v", i.Tag)
		}
		if !slices.Contains(bounds, i.From) {
			bounds = append(bounds, i.From)
		}
		if i.To <= i.From {
			t.Errorf("an interval from %v to %v", i.From, i.To)
		}
	}
	if len(bounds) < 2 {
		t.Errorf("intervals begin at %v, want one each second", bounds)
	}
	for _, traffic := range rec.traffic {
		if traffic.OK > 0 && (traffic.P50 < 140*time.Millisecond || traffic.Max < traffic.P99 || traffic.For <= 0) {
			t.Errorf("quantiles %+v", traffic)
		}
	}
}

// Two cohorts share nothing but the targets, and the connections to them.
func TestConnectionsAreCapped(t *testing.T) {
	var now, most atomic.Int64
	addr := serve(t, func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-time.After(20 * time.Millisecond)
	})
	plan := planOf(200, ms(300), get("/a"))
	plan.Load = append(plan.Load, plan.Load[0])
	plan.Load[1].Cohort = "others"
	totals, _ := play(t, connections(plan, 3), addr)
	if totals.OK != 120 || most.Load() != 3 {
		t.Errorf("%+v with %d at once, want 120 ok and 3", totals, most.Load())
	}
}

// The same seed sends the same requests, another one other ids.
func TestRunsAreReproducible(t *testing.T) {
	seen := func(seed int64) []string {
		var mutex sync.Mutex
		var all []string
		addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			mutex.Lock()
			defer mutex.Unlock()
			all = append(all, r.URL.Path)
		})
		plan := planOf(200, ms(150), get("/a/${session}/${uuid}"), get("/b/${session}/${uuid}"))
		plan.Seed = seed
		play(t, plan, addr)
		slices.Sort(all)
		return all
	}
	one, again, two := seen(1), seen(1), seen(2)
	if len(one) != 60 || !slices.Equal(one, again) {
		t.Errorf("%d and %d requests, want the same 60", len(one), len(again))
	}
	if slices.Equal(one, two) {
		t.Error("another seed sent the same")
	}
}

// A session in flight at the end may finish within Drain, and is given up
// after it, between two steps or in the middle of one.
func TestDrain(t *testing.T) {
	for name, c := range map[string]struct {
		drain, first, think, second float64 // milliseconds
		want                        counts
	}{
		"finishes":           {5000, 1, 300, 1, counts{intended: 1, sent: 1, ok: 1}},
		"given up in a step": {200, 5000, 0, 0, counts{intended: 1, sent: 1, unknown: 1}},
		"given up thinking":  {200, 1, 5000, 1, counts{intended: 1, sent: 1, unknown: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				delay := c.first
				if r.URL.Path == "/second" {
					delay = c.second
				}
				select {
				case <-time.After(ms(delay).Std()):
				case <-r.Context().Done():
				}
			})
			second := get("/second")
			second.Think = think(c.think)
			_, rec := play(t, planOf(10, ms(100), get("/first"), second), addr, func(cfg *Config) { cfg.Drain = ms(c.drain).Std() })
			if got := rec.sum("", ""); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

// Run lasts as long as the phases do, with nothing to send as well.
func TestSilentPhaseIsWaitedFor(t *testing.T) {
	plan := planOf(0, ms(300), get("/a"))
	clk := clock.Start()
	totals, rec := play(t, plan, "127.0.0.1:1", func(c *Config) { c.Clock = clk })
	if totals.Sessions != 0 || totals.Intended != 0 || len(rec.traffic) != 0 || clk.Now() < 300*time.Millisecond {
		t.Errorf("%+v after %v", totals, clk.Now())
	}
}

// Cancelled in the first second of an hour, with one request that will never
// be answered and one session in a long pause.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	var once sync.Once
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			once.Do(func() { cancel(why) })
			<-r.Context().Done()
		}
	})
	hang, pause := get("/hang"), get("/pause")
	hang.Think, hang.Timeout, pause.Think = think(50), ms(60_000), think(600_000)
	plan := planOf(100, ms(3_600_000), get("/first"), hang, pause)
	rec := &recorder{}
	totals, err := Run(ctx, Config{Plan: plan, Targets: map[string]string{"api": addr}, Clock: clock.Start(), Sink: rec})
	if !errors.Is(err, why) {
		t.Errorf("error %v, want the cause", err)
	}
	sessions, first, hung := rec.sum("", ""), rec.sum("", "first"), rec.sum("", "hang")
	if sessions.unknown == 0 || sessions.unknown != sessions.intended || hung.unknown == 0 || hung.ok != 0 {
		t.Errorf("sessions %+v, hang %+v, want all of them unknown", sessions, hung)
	}
	if first.ok != first.intended || totals.Unknown != hung.unknown || totals.Sessions > 1000 {
		t.Errorf("first %+v, totals %+v", first, totals)
	}
	if !strings.Contains(messages(rec), "given up at the end of the run") {
		t.Errorf("messages %q", messages(rec))
	}
}

// Cancelled while a request is on its way: its answer counts, and the session
// goes no further.
func TestCancelledSessionsGoNoFurther(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := serve(t, func(http.ResponseWriter, *http.Request) {
		cancel()
		<-time.After(100 * time.Millisecond)
	})
	rec := &recorder{}
	_, err := Run(ctx, Config{
		Plan: planOf(10, ms(3_600_000), get("/first"), get("/second")), Targets: map[string]string{"api": addr}, Clock: clock.Start(), Sink: rec,
	})
	if !errors.Is(err, context.Canceled) || rec.sum("", "first").ok < 1 || rec.sum("", "second").intended != 0 || rec.sum("", "").ok != 0 {
		t.Errorf("%v, first %+v, second %+v, sessions %+v", err, rec.sum("", "first"), rec.sum("", "second"), rec.sum("", ""))
	}
}

// A run against nothing ends with the reason, long before its hour is over.
func TestNothingAnswers(t *testing.T) {
	for name, addr := range map[string]string{
		"nothing listens":          closedPort(t),
		"a forwarder to nowhere":   raw(t, reset),
		"a listener that hangs up": raw(t, func(net.Conn) {}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := &recorder{}
			_, err := Run(t.Context(), Config{
				Plan: planOf(200, ms(3_600_000), get("/a")), Targets: map[string]string{"api": addr},
				Clock: clock.Start(), Sink: rec,
			})
			want := "nothing answers at " + addr + " (api)"
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error %v, want %s", err, want)
			}
			if n := rec.sum("", "a").intended; n < silentLimit || len(rec.groups) == 0 {
				t.Errorf("%d requests and %d groups on record", n, len(rec.groups))
			}
		})
	}
}

// A port that speaks no TLS is no target either, and the record says what went
// wrong with it.
func TestNoHandshake(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = conn.(*net.TCPConn).CloseWrite()
			serving.Go(func() { _, _ = io.Copy(io.Discard, conn); _ = conn.Close() })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
	addr := listener.Addr().String()
	plan := planOf(200, ms(3_600_000), get("/a"))
	plan.Targets = map[string]scenarios.PlannedTarget{"api": {Address: addr, TLS: true}}
	rec := &recorder{}
	_, err = Run(t.Context(), Config{Plan: plan, Clock: clock.Start(), Sink: rec})
	if want := "nothing answers at " + addr; err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("error %v, want %s and that it is about TLS", err, want)
	}
	if want := "not sent: TLS handshake with " + addr + " went wrong"; len(rec.groups) == 0 || rec.groups[0].Message != want {
		t.Errorf("groups %+v, want %q", rec.groups, want)
	}
	if got := rec.sum("", "a"); got.sent < silentLimit || got.failed < silentLimit {
		t.Errorf("%+v, want each connection to be a request that was tried", got)
	}
}

// At a low rate nobody waits for fifty of them.
func TestALongSilenceIsEnough(t *testing.T) {
	for name, c := range map[string]struct {
		apart time.Duration
		n     int // of connections until the run is called off; 0: never
	}{
		"many at once":   {time.Millisecond, silentLimit},
		"one a second":   {time.Second, 11},
		"one in a while": {time.Minute, silentSome},
	} {
		quiet, n := &target{}, 0
		for err := error(nil); err == nil && n < 2*silentLimit; n++ {
			x := &exchange.Exchange{Ended: time.Hour + time.Duration(n)*c.apart, Err: &wire.Error{Op: "dial", Failure: journal.Refused, Err: io.EOF}}
			err = quiet.heard(x)
		}
		if n != c.n {
			t.Errorf("%s: called off after %d, want %d", name, n, c.n)
		}
	}
}

// What only the scenario's own dial rate held back is no fault of the system's.
func TestTheDialRateIsTheGeneratorsOwn(t *testing.T) {
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	step := get("/a")
	step.Timeout = ms(200)
	plan := planOf(100, ms(500), step)
	for name, c := range map[string]struct {
		limits scenarios.PlannedConnections
		own    bool
	}{
		"a dial rate":  {scenarios.PlannedConnections{Max: 100, DialRate: 10}, true},
		"no dial rate": {scenarios.PlannedConnections{Max: 100}, false},
	} {
		plan.Connections = c.limits
		_, rec := play(t, plan, addr)
		own := 0
		for _, tr := range rec.traffic {
			own += tr.Own
		}
		if got := own > 0; got != c.own {
			t.Errorf("%s: %d requests were the generator's own, %+v", name, own, rec.groups)
		}
		if told := slices.ContainsFunc(rec.groups, func(g journal.ErrorGroup) bool { return strings.Contains(g.Message, "dial_rate") }); told != c.own {
			t.Errorf("%s: %+v", name, rec.groups)
		}
	}
}

// A target that has answered once may be away for as long as it likes: that is
// for the checks to judge.
func TestLaterSilenceIsNotAnError(t *testing.T) {
	var served atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
	})
	totals, _ := play(t, planOf(400, ms(500), get("/a")), addr)
	if totals.OK != 1 || totals.Unknown != 199 {
		t.Errorf("%+v, want one ok and 199 unknown", totals)
	}
}

// A full disk ends the run: what follows would not be on record.
func TestSinkThatFails(t *testing.T) {
	full := errors.New("no space left")
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, err := Run(t.Context(), Config{
		Plan: planOf(50, ms(3_600_000), get("/a")), Targets: map[string]string{"api": addr},
		Clock: clock.Start(), Sink: &recorder{err: full},
	})
	if !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "record the traffic") {
		t.Errorf("error %v, want that of the sink", err)
	}
}

func TestRunRefuses(t *testing.T) {
	for want, adjust := range map[string]func(*scenarios.Plan){
		"no address of service web is known": func(p *scenarios.Plan) { p.Journeys["shop"][0].Service = "web" },
		"journey shop has no steps":          func(p *scenarios.Plan) { p.Journeys["shop"] = nil },
		"step a: path: ":                     func(p *scenarios.Plan) { p.Journeys["shop"][0].Path = "/${" },
	} {
		plan := planOf(1, ms(100), get("/a"))
		adjust(plan)
		_, err := Run(t.Context(), Config{Plan: plan, Targets: map[string]string{"api": "127.0.0.1:1"}, Clock: clock.Start(), Sink: &recorder{}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
