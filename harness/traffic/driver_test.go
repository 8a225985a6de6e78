package traffic

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/results"
	"github.com/shakedown-dev/shakedown/harness/wire"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The same plan sends the same bytes, whatever is drawn in it.
func TestRunsSendTheSameBytes(t *testing.T) {
	order := scenarios.PlannedStep{
		Name: "order", Service: "api", Method: "POST", Path: "/orders/${session}", Think: &scenarios.Think{Median: ms(5), P95: ms(20)},
		Headers: map[string]string{"Content-Type": "application/json", "Idempotency-Key": "${uuid}", "X-Tenant": "${tenant}", "Host": "shop.test"},
		Payload: &scenarios.Payload{Count: "${objects}", Item: `{"n": ${index}, "key": "${uuid}"}`, Separator: ","},
	}
	plan := planOf(200, ms(200), get("/a"),
		scenarios.PlannedStep{Choose: []scenarios.PlannedOption{{Weight: 1, Steps: []scenarios.PlannedStep{order}}, {Weight: 1}}},
		scenarios.PlannedStep{Repeat: &scenarios.PlannedRepeat{Times: scenarios.Size{Values: []int{0, 2}}, Steps: []scenarios.PlannedStep{get("/b/${uuid}")}}})
	plan.Load[0].Tenants, plan.Load[0].Skew = 100, 1.1
	plan.Load[0].Sizes = map[string]scenarios.Size{"objects": {Median: 20, P95: 100}}
	seen := func(seed int64) []string {
		var got asked
		addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.Host != "shop.test" {
				r.Host = ""
			}
			got.add(sent(r))
		})
		plan.Seed = seed
		play(t, plan, addr)
		slices.Sort(got.all)
		return got.all
	}
	one, again, two := seen(1), seen(1), seen(2)
	if len(one) < 60 || !slices.Equal(one, again) {
		t.Errorf("%d and %d requests, want the same", len(one), len(again))
	}
	if slices.Equal(one, two) {
		t.Error("another seed sent the same")
	}
}

// The report can say what carried the requests, and why.
func TestEnginesAreOnRecord(t *testing.T) {
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	upload := scenarios.PlannedStep{
		Name: "upload", Service: "api", Method: "POST", Path: "/", Timeout: ms(60_000),
		Payload: &scenarios.Payload{Count: "5000", Item: "an item ${index}"},
	}
	totals, rec := play(t, planOf(20, ms(100), get("/a"), upload, get("/b")), addr)
	requests, streamed := 0, false
	for _, body := range rec.others {
		if e, is := body.(journal.Engine); is {
			requests += e.Requests
			streamed = streamed || e.Engine == "net/http" && strings.Contains(e.Why, "streamed bodies")
			if e.Service != "api" || e.Why == "" {
				t.Errorf("%+v", e)
			}
		}
	}
	if totals.OK != 6 || requests != 6 || !streamed {
		t.Errorf("%+v, %d requests on record: %+v", totals, requests, rec.others)
	}
}

// A target of the plan itself, over TLS and HTTP/2, is called by its name and
// port.
func TestTargetWithTLS(t *testing.T) {
	var seen atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen.Store(fmt.Sprintf("%s %s", r.Proto, r.Host))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(authority, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := server.Listener.Addr().String()
	for proto, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		plan := planOf(50, ms(100), get("/a"))
		plan.Targets = map[string]scenarios.PlannedTarget{"api": {Address: addr, TLS: true, HTTP2: http2, CA: authority, Host: "127.0.0.1"}}
		totals, rec := play(t, plan, "", func(c *Config) { c.Targets = nil })
		if got := seen.Load(); totals.OK != 5 || got != proto+" "+addr {
			t.Errorf("%s: the server saw %v; %+v, %+v", proto, got, totals, rec.groups)
		}
	}
}

// An answer without an end is given up at the deadline; nobody knows what
// became of the request.
func TestEndlessAnswer(t *testing.T) {
	addr := raw(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range 3000 { // to a driver without deadlines it is an answer like others
			if _, err := io.WriteString(c, "5\r\nagain\r\n"); err != nil {
				return
			}
			<-time.After(time.Millisecond)
		}
		_, _ = io.WriteString(c, "0\r\n\r\n")
	})
	step := get("/a")
	step.Timeout = ms(200)
	_, rec := play(t, planOf(10, ms(100), step), addr)
	if got, want := rec.sum("", "a"), (counts{intended: 1, sent: 1, unknown: 1}); got != want || messages(rec) != "no complete answer within 200ms" {
		t.Errorf("%+v with %q, want %+v", got, messages(rec), want)
	}
}

// Large answers are judged elsewhere, with the same verdict.
func TestLargeAnswersAreJudged(t *testing.T) {
	large := `{"items": [` + strings.Repeat(`{"name": "x"}, `, 5000) + `{"name": "last"}]}`
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Kind", "model")
		if r.URL.Path == "/list" {
			_, _ = io.WriteString(w, large)
		}
	})
	list := get("/list")
	list.Expect = scenarios.Expect{Headers: map[string]string{"X-Kind": "model"}, JSON: map[string]string{"$.items[-1].name": "last"}}
	list.Extract = map[string]scenarios.Extract{"kind": {Header: "X-Kind"}, "name": {Regexp: `"name": "(l\w+)"`}}
	use := get("/use/${kind}/${name}")
	use.Name = "use"
	wrong := get("/list")
	wrong.Name, wrong.Expect.JSON = "wrong", map[string]string{"$.items[0].name": "y"}
	totals, rec := play(t, planOf(200, ms(200), list, use, wrong), addr)
	if totals.OK != 80 || totals.Failed != 40 || messages(rec) != `$.items[0].name is "x", expected "y"` {
		t.Errorf("%+v, %q", totals, messages(rec))
	}
}

// Which instance answered is in the tags of the response times.
func TestInstances(t *testing.T) {
	var n atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(InstanceHeader, []string{"api-1", "api-2", "not a name"}[n.Add(1)%3])
	})
	_, rec := play(t, planOf(300, ms(100), get("/a")), addr)
	byInstance := map[string]int64{}
	for _, i := range rec.intervals {
		if i.Tag.Measure == journal.Response && i.Tag.Step == "a" {
			byInstance[i.Tag.Instance] += i.Histogram.TotalCount()
		}
	}
	if fmt.Sprint(byInstance) != "map[:10 api-1:10 api-2:10]" {
		t.Errorf("times by instance: %v, want 10 each", byInstance)
	}
}

// A lacking engine has nothing left to send with.
type lacking struct {
	exchange.Engine
	*driver
}

func (e lacking) Begin(x *exchange.Exchange) {
	e.loop.Post(func() {
		x.Own, x.Ended = "ports", e.clock.Now()
		x.Err = &wire.Error{Failure: journal.DialTimeout, Op: "dial", Err: errors.New("cannot assign requested address")}
		x.Done(x)
	})
}
func (lacking) Stats() exchange.Stats { return exchange.Stats{} }
func (lacking) Close()                {}

// What the generator lacks is its own fault: failed, said so, and no sign that
// the target is away.
func TestOwnExhaustion(t *testing.T) {
	rec := &recorder{}
	d, err := newDriver(Config{
		Plan: planOf(200, ms(500), get("/a")), Targets: map[string]string{"api": "127.0.0.1:1"}, Clock: clock.Start(), Sink: rec,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.targets["api"].plain.engine, d.targets["api"].full.engine = lacking{driver: d}, lacking{driver: d}
	totals, err := d.run(t.Context())
	if err != nil || totals.Failed != 100 || totals.Requests != 0 {
		t.Errorf("%+v, %v, want 100 failed and none sent", totals, err)
	}
	own, exhausted := 0, 0
	for _, traffic := range rec.traffic {
		own += traffic.Own
	}
	for _, g := range rec.generator {
		exhausted += g.Exhausted["ports"]
	}
	if own != 100 || exhausted != 100 || !strings.HasPrefix(messages(rec), "not sent: the generator ran out of local ports") {
		t.Errorf("%d own, %d exhausted, %q", own, exhausted, messages(rec))
	}
}

// A sink that takes its time holds nothing up and loses nothing.
func TestSlowSink(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a slow sink, a second at a time")
	}
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	slow := &slowSink{recorder: &recorder{}, delay: 400 * time.Millisecond}
	w := watch()
	totals, err := Run(t.Context(), Config{
		Plan: planOf(200, ms(2200), get("/a")), Targets: map[string]string{"api": addr}, Clock: clock.Start(), Sink: slow,
	})
	if err != nil || totals.OK != 440 {
		t.Errorf("%+v, %v", totals, err)
	}
	if got, want := slow.sum("", "a"), (counts{intended: 440, sent: 440, ok: 440}); got != want {
		t.Errorf("on record %+v, want %+v", got, want)
	}
	if busy := w.late(); totals.LagMax > slow.delay/2 && busy < slow.delay/4 {
		t.Errorf("a lag of %v behind a sink that takes %v", totals.LagMax, slow.delay)
	}
}

type slowSink struct {
	*recorder
	delay time.Duration
}

func (s *slowSink) Append(e journal.Event) error {
	<-time.After(s.delay)
	return s.recorder.Append(e)
}

// Every request can be had in vegeta's encoding.
func TestResults(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/b" {
			w.WriteHeader(500)
		}
		_, _ = io.WriteString(w, "hello")
	})
	var out bytes.Buffer
	writer, err := results.New(&out, results.CSV)
	if err != nil {
		t.Fatal(err)
	}
	first := get("/a?secret=1")
	first.Name = "a"
	play(t, planOf(100, ms(100), first, get("/b")), addr, func(c *Config) { c.Results = writer })
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if a := strings.Count(out.String(), "http://api/a,"); len(lines) != 20 || a != 10 || strings.Contains(out.String(), "secret") {
		t.Errorf("%d lines, %d of the first step:\n%s", len(lines), a, out.String())
	}
	if !strings.Contains(out.String(), "status 500") || !strings.Contains(out.String(), "http://api/b") {
		t.Errorf("results:\n%s", out.String())
	}
}

func TestNumbers(t *testing.T) {
	var n numbers
	for want := 1; want <= 12_000; want++ {
		if got := n.next(); got != strconv.Itoa(want) {
			t.Fatalf("number %s, want %d", got, want)
		}
	}
}

// A request without variables is made of what is there already.
func TestFillAllocatesNothing(t *testing.T) {
	st := stepOf(t, scenarios.PlannedStep{
		Method: "POST", Path: "/orders", Body: `{"n": 1}`, Headers: map[string]string{"Content-Type": "application/json", "X-A": "b"},
	})
	s := &session{variables: *sessionOf(scenarios.PlannedLoad{}, 0), driver: &driver{clock: clock.Start(), traces: tracesOf("run")}}
	fill := func() {
		s.asked = request{step: st, target: st.target, number: s.numbers.next(), trace: s.traces.next()}
		if err := s.fill(st); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	if n := testing.AllocsPerRun(5000, fill); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
	if len(s.x.Request.Header) != 5 || string(s.x.Request.Body) != `{"n": 1}` {
		t.Errorf("%+v", s.x.Request)
	}
}

// Tens of thousands of sessions that think take little more than their places.
func TestManySessionsInFlight(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const sessions = 20_000
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	first, second := get("/a"), get("/b/${session}/${uuid}")
	first.Extract = map[string]scenarios.Extract{"date": {Header: "Date"}}
	second.Think = think(5000)
	plan := planOf(0, ms(4000), first, second)
	plan.Connections = scenarios.PlannedConnections{Max: 64, Reuse: true}
	plan.Load[0].Cookies = true
	plan.Load[0].Segments, plan.Load[0].Bursts = nil, []scenarios.PlannedBurst{{Phase: "steady", End: ms(4000), Sessions: sessions}}
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := memory()
	var during uint64
	rec := &recorder{}
	measured := make(chan struct{})
	go func() {
		defer close(measured)
		<-time.After(3900 * time.Millisecond)
		during = memory()
	}()
	totals, _ := Run(t.Context(), Config{
		Plan: plan, Targets: map[string]string{"api": addr}, Clock: clock.Start(), Sink: rec, Drain: 100 * time.Millisecond,
	})
	<-measured
	most := 0
	for _, g := range rec.generator {
		most = max(most, g.Sessions)
	}
	if totals.Sessions != sessions || most < sessions/2 {
		t.Skipf("%d sessions, %d at once: this machine is too busy to tell", totals.Sessions, most)
	}
	each := (int64(during) - int64(before)) / int64(most)
	t.Logf("%d sessions in flight: %d MiB, %d bytes each, server and all", most, (int64(during)-int64(before))>>20, each)
	if each > 8<<10 {
		t.Errorf("%d bytes a session", each)
	}
}

// An answer that takes long to judge leaves the loop.
func TestLargeAnswersLeaveTheLoop(t *testing.T) {
	d, err := newDriver(Config{Plan: planOf(1, ms(1), get("/a")), Targets: map[string]string{"api": "127.0.0.1:1"}, Clock: clock.Start(), Sink: &recorder{}})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{driver: d}
	s.asked.step = stepOf(t, scenarios.PlannedStep{Path: "/", Expect: scenarios.Expect{Matches: "a+"}})
	s.judge(answered(t, 200, "A: b", strings.Repeat("a", lightAnswer+1)))
	if d.elsewhere != 1 {
		t.Error("a large answer was judged on the loop")
	}
	d.loop.Stop()
	d.loop.Run()
}
