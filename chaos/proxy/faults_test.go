package proxy

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// TestDecisionsAreTheSeeds: what is done to the n-th request depends on seed and
// n alone, whatever the order in which other faults and other numbers are drawn.
func TestDecisionsAreTheSeeds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := order.Fault{ID: "mix", Seed: rapid.Uint64().Draw(r, "seed"), HTTP: &order.HTTP{
			Match:  order.Match{Share: rapid.Float64Range(0.05, 0.95).Draw(r, "share")},
			Errors: &order.Errors{Statuses: map[int]int{500: 1, 503: 3, 429: 2}},
		}}
		play := func(others int) (statuses []int) {
			f, err := newFault(o)
			if err != nil {
				r.Fatal(err)
			}
			waiting := make([]hit, 0, 50)
			for range 50 {
				if h, ok := f.draw(); ok {
					for range others {
						h := h // what another request draws from
						h.below(100)
					}
					waiting = append(waiting, h)
				}
			}
			for i := range waiting { // later, and in another order
				statuses = append(statuses, f.errors.status(&waiting[len(waiting)-1-i]))
			}
			return statuses
		}
		if a, b := play(0), play(3); !slices.Equal(a, b) {
			r.Fatalf("%v\nand then\n%v", a, b)
		}
	})
}

// TestDecisionsReachTheCaller: the same holds of what callers see, on one
// connection or on many, with requests and faults beside it that do not matter.
func TestDecisionsReachTheCaller(t *testing.T) {
	up := server(t, nil)
	play := func(seed uint64, noise bool) (statuses []int) {
		p, addr := start(t, Config{Upstream: up})
		faults := []order.Fault{{ID: "mix", Seed: seed, HTTP: &order.HTTP{
			Match: order.Match{Path: "/x", Share: 0.5}, Errors: &order.Errors{Statuses: map[int]int{500: 1, 503: 3, 429: 2}},
		}}}
		if noise {
			faults = append(faults, order.Fault{ID: "other", Seed: seed, HTTP: &order.HTTP{
				Match: order.Match{Share: 0.5}, Latency: &order.Latency{P50: time.Microsecond},
			}})
		}
		for _, f := range faults {
			if err := p.Apply(f); err != nil {
				t.Fatal(err)
			}
		}
		c := web(t)
		c.Transport.(*http.Transport).DisableKeepAlives = noise
		for range 40 {
			if noise {
				get(c, "http://"+addr+"/other") // not a request that the fault takes
			}
			statuses = append(statuses, get(c, "http://"+addr+"/x").status)
		}
		return statuses
	}
	for seed := range uint64(3) {
		a, b := play(seed, false), play(seed, true)
		if !slices.Equal(a, b) {
			t.Errorf("%v\nand then\n%v", a, b)
		}
		if !slices.Contains(a, 200) || !slices.Contains(a, 503) {
			t.Errorf("%v is no mix", a)
		}
	}
	if slices.Equal(play(1, false), play(2, false)) {
		t.Error("two seeds decide the same")
	}
}

func TestSharesAndWeights(t *testing.T) {
	f, err := newFault(order.Fault{ID: "x", Seed: 3, HTTP: &order.HTTP{
		Match: order.Match{Share: 0.3}, Errors: &order.Errors{Statuses: map[int]int{500: 1, 503: 3}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	hits := map[int]int{}
	for range n {
		if h, ok := f.draw(); ok {
			hits[f.errors.status(&h)]++
		}
	}
	for status, want := range map[int]float64{500: 0.3 / 4, 503: 0.3 * 3 / 4} {
		if got := float64(hits[status]) / n; math.Abs(got-want) > 0.012 {
			t.Errorf("%d: %.3f of all, want %.3f", status, got, want)
		}
	}
}

func TestBrownoutGrows(t *testing.T) {
	b := order.Brownout{Latency: order.Latency{P50: 100}, PerRequest: 10, Peak: 3}
	f, err := newFault(order.Fault{ID: "x", For: 1000, HTTP: &order.HTTP{Brownout: &b}})
	if err != nil {
		t.Fatal(err)
	}
	f.begun = 5000
	for _, c := range []struct {
		now    time.Duration
		others int64
		want   time.Duration
	}{
		{5000, 0, 100},  // at the beginning, alone
		{5000, 4, 140},  // four beside it
		{5500, 0, 200},  // half way to three times
		{6000, 0, 300},  // at the end
		{9000, 0, 300},  // no further
		{6000, 10, 600}, // both
	} {
		h, _ := f.draw()
		if got := h.latency(c.now, c.others); got != c.want {
			t.Errorf("at %d beside %d: %d, want %d", c.now-f.begun, c.others, got, c.want)
		}
	}
}

func TestBucket(t *testing.T) {
	b := newBucket(2, 3)
	for i, c := range []struct {
		now  time.Duration
		want bool
	}{
		{0, true}, {0, true}, {0, true}, {0, false}, // the burst
		{400 * time.Millisecond, false}, // 0.8 of one
		{500 * time.Millisecond, true},  // one in half a second
		{500 * time.Millisecond, false},
		{time.Minute, true}, {time.Minute, true}, {time.Minute, true}, {time.Minute, false}, // no more than the burst
	} {
		if got := b.take(c.now); got != c.want {
			t.Errorf("%d: at %s: %v, want %v", i, c.now, got, c.want)
		}
	}
}

func TestKinds(t *testing.T) {
	long := strings.Repeat("0123456789", 1000)
	worked := make(chan string, 100)
	up := server(t, func(w http.ResponseWriter, r *http.Request) {
		worked <- r.Method
		w.Header().Set("Content-Length", fmt.Sprint(len(long)))
		_, _ = io.WriteString(w, long)
	})
	for _, c := range []struct {
		name string
		h    order.HTTP
		want func(got) bool
		work bool
		call order.Call
	}{
		{"errors", order.HTTP{Errors: &order.Errors{Statuses: map[int]int{418: 1}, RetryAfter: 1500 * time.Millisecond}},
			func(g got) bool { return g.status == 418 && g.header.Get("Retry-After") == "2" }, false, order.Call{Status: 418, Wait: 2 * time.Second}},
		{"errors after the work", order.HTTP{Errors: &order.Errors{AfterWork: true}}, func(g got) bool { return g.status == 503 }, true, order.Call{Status: 503}},
		{"abort", order.HTTP{Abort: &order.Abort{}}, func(g got) bool { return wasReset(g.err) }, false, order.Call{}},
		{"abort after the work", order.HTTP{Abort: &order.Abort{AfterWork: true}}, func(g got) bool { return wasReset(g.err) }, true, order.Call{}},
		{"truncate", order.HTTP{Truncate: &order.Truncate{}},
			func(g got) bool { return errors.Is(g.err, io.ErrUnexpectedEOF) && g.body == long[:5000] }, true, order.Call{}},
		{"truncate after", order.HTTP{Truncate: &order.Truncate{After: 7}},
			func(g got) bool { return errors.Is(g.err, io.ErrUnexpectedEOF) && g.body == long[:7] }, true, order.Call{}},
		{"truncate what is shorter", order.HTTP{Truncate: &order.Truncate{After: 1 << 20}}, func(g got) bool { return g.body == long }, true, order.Call{Status: 200, Fault: "-"}},
		{"corrupt", order.HTTP{Corrupt: &order.Corrupt{}}, func(g got) bool { return differs(g.body, long) == 100 }, true, order.Call{Status: 200}},
		{"another method", order.HTTP{Abort: &order.Abort{}, Match: order.Match{Method: "POST"}}, func(g got) bool { return g.body == long }, true, order.Call{Status: 200, Fault: "-"}},
		{"another path", order.HTTP{Abort: &order.Abort{}, Match: order.Match{Path: "/b"}}, func(g got) bool { return g.body == long }, true, order.Call{Status: 200, Fault: "-"}},
		{"this path", order.HTTP{Abort: &order.Abort{}, Match: order.Match{Path: "/a"}}, func(g got) bool { return wasReset(g.err) }, false, order.Call{}},
		{"outage", order.HTTP{Outage: &order.Outage{}}, func(g got) bool { return g.status == 503 }, false, order.Call{Status: 503}},
		{"outage as reset", order.HTTP{Outage: &order.Outage{As: order.AsReset}}, func(g got) bool { return wasReset(g.err) }, false, order.Call{}},
		{"flapping", order.HTTP{Flapping: &order.Flapping{Down: time.Hour, Up: time.Hour}}, func(g got) bool { return g.status == 503 }, false, order.Call{Status: 503}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, addr := start(t, Config{Upstream: up, WriteCalls: true, KeyHeader: "Idempotency-Key"})
			apply(t, p, "it", c.h)
			req, _ := http.NewRequest("GET", "http://"+addr+"/a/b?c", nil)
			req.Header.Set("Idempotency-Key", "k1")
			req.Header.Set("X-Shakedown-Request", "42")
			if g := do(web(t), req); !c.want(g) {
				t.Errorf("got %d %.60q %v %v", g.status, g.body, g.header, g.err)
			}
			if worked := len(worked) == 1; worked != c.work {
				t.Errorf("the upstream worked: %v, want %v", worked, c.work)
			}
			for len(worked) > 0 {
				<-worked
			}
			call := total(t, p, 1).Calls[0]
			want := c.call
			want.At, want.Took, want.Caller, want.ID, want.Method, want.Path, want.Key = call.At, call.Took, "127.0.0.1", "42", "GET", "/a/b", "k1"
			if want.Fault == "-" {
				want.Fault = ""
			} else {
				want.Fault = "it"
			}
			if call != want {
				t.Errorf("noted %+v, want %+v", call, want)
			}
			if g := get(web(t), "http://"+addr+"/.shakedown/x"); g.body != long { // ours
				t.Errorf("the run itself got %d %v", g.status, g.err)
			}
			<-worked
			if n := p.Calls().Total; n != 0 {
				t.Errorf("%d calls of the run's own were counted", n)
			}
		})
	}
}

// differs counts bytes that are not the same.
func differs(a, b string) (n int) {
	if len(a) != len(b) {
		return -1
	}
	for i := range len(a) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// TestBodiesWithoutLength are spoiled too, and so are small ones.
func TestBodiesWithoutLength(t *testing.T) {
	_, addr := start(t, Config{Upstream: server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/empty" {
			return
		}
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "0123456789")
	})})
	p, _ := start(t, Config{Upstream: addr}) // one proxy behind another
	second := serve(t, p)
	apply(t, p, "it", order.HTTP{Corrupt: &order.Corrupt{}})
	if g := get(web(t), "http://"+second); differs(g.body, "0123456789") != 1 {
		t.Errorf("got %+v", g)
	}
	if g := get(web(t), "http://"+second+"/empty"); g.status != 200 || g.err != nil {
		t.Errorf("got %+v", g)
	}
	if n := revert(t, p, "it"); n["injected"] != 1 || n["requests"] != 2 || n["bytes"] != 1 {
		t.Errorf("counted %v", n)
	}
	apply(t, p, "it", order.HTTP{Truncate: &order.Truncate{}})
	if g := get(web(t), "http://"+second); g.body != "01234" || g.err == nil {
		t.Errorf("got %+v", g)
	}
}

func TestSlowBody(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	up := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, long) })
	p, addr := start(t, Config{Upstream: up})
	apply(t, p, "slow", order.HTTP{SlowBody: &order.SlowBody{Rate: 2000}})
	begun := time.Now()
	done := make(chan got)
	go func() { done <- get(web(t), "http://"+addr) }()
	counted(t, p, "slow", "bytes", 200)
	if n, most := p.Counters()["slow"]["bytes"], int64(2000*time.Since(begun).Seconds())+80; n > most {
		t.Errorf("%d bytes were sent, want at most %d", n, most)
	}
	revert(t, p, "slow") // the rest goes at full speed: at this rate it would take minutes
	if g := <-done; g.body != long {
		t.Errorf("got %d bytes, %v", len(g.body), g.err)
	}
}

// TestOrder: what holds up comes before what answers, and the first that answers
// is the last that is done.
func TestOrder(t *testing.T) {
	p, addr := start(t, Config{Upstream: server(t, nil)})
	apply(t, p, "abort", order.HTTP{Abort: &order.Abort{}})
	apply(t, p, "errors", order.HTTP{Errors: &order.Errors{Statuses: map[int]int{500: 1}}})
	apply(t, p, "second", order.HTTP{Errors: &order.Errors{Statuses: map[int]int{501: 1}}})
	apply(t, p, "latency", order.HTTP{Latency: &order.Latency{P50: 40 * time.Millisecond}})
	apply(t, p, "brownout", order.HTTP{Brownout: &order.Brownout{Latency: order.Latency{P50: 40 * time.Millisecond}}})
	begun := time.Now()
	if g := get(web(t), "http://"+addr); g.status != 500 {
		t.Errorf("got %+v", g)
	}
	if took := time.Since(begun); took < 80*time.Millisecond {
		t.Errorf("it took %s, want both latencies", took)
	}
	apply(t, p, "outage", order.HTTP{Outage: &order.Outage{}})
	if g := get(web(t), "http://"+addr); g.status != 503 {
		t.Errorf("got %+v", g)
	}
	for id, want := range map[string]int64{"abort": 0, "errors": 1, "second": 0, "latency": 1, "brownout": 1, "outage": 1} {
		if n := p.Counters()[id]["injected"]; n != want {
			t.Errorf("%s was done %d times, want %d", id, n, want)
		}
	}
}

func TestRateLimitRemembers(t *testing.T) {
	now := time.Duration(0)
	var mu sync.Mutex
	clock := func() time.Duration { mu.Lock(); defer mu.Unlock(); return now }
	p, addr := start(t, Config{Upstream: server(t, nil), KeyHeader: "K", WriteCalls: true, Now: clock})
	apply(t, p, "limit", order.HTTP{RateLimit: &order.RateLimit{Rate: 1, Burst: 2, RetryAfter: 3 * time.Second, By: "Who"}})
	c := web(t)
	for i, r := range []struct {
		at       time.Duration
		who, key string
		status   int
		told     string
		early    bool
	}{
		{0, "a", "1", 200, "", false},
		{0, "a", "2", 200, "", false},
		{0, "a", "3", 429, "3", false},                      // nothing is left
		{time.Millisecond, "a", "4", 429, "3", false},       // crossed that: refused, and no blame
		{time.Millisecond, "a", "3", 429, "3", true},        // the same again cannot have
		{2500 * time.Millisecond, "a", "5", 429, "1", true}, // there are tokens again, but not for this one
		{2500 * time.Millisecond, "b", "3", 429, "1", true}, // nor for this key, whoever comes with it
		{2500 * time.Millisecond, "d", "6", 200, "", false}, // others are let through
		{3 * time.Second, "a", "3", 200, "", false},         // it has waited
		{3 * time.Second, "c", "7", 429, "3", false},        // the bucket is for all together
	} {
		mu.Lock()
		now = r.at
		mu.Unlock()
		req, _ := http.NewRequest("POST", "http://"+addr, nil)
		req.Header.Set("Who", r.who)
		req.Header.Set("K", r.key)
		g := do(c, req)
		call := total(t, p, 1).Calls[0]
		if g.status != r.status || g.header.Get("Retry-After") != r.told || call.Early != r.early || (call.Wait > 0) != (r.told != "") {
			t.Errorf("%d: got %d, told %q, early %v, wait %s; want %+v", i, g.status, g.header.Get("Retry-After"), call.Early, call.Wait, r)
		}
	}
	if n := revert(t, p, "limit"); n["requests"] != 10 || n["injected"] != 6 || n["told"] != 6 || n["early"] != 3 {
		t.Errorf("counted %v", n)
	}
	mu.Lock()
	now = 3500 * time.Millisecond
	mu.Unlock()
	req, _ := http.NewRequest("POST", "http://"+addr, nil)
	req.Header.Set("Who", "c")
	if g := do(c, req); g.status != 200 { // the limit is gone; that it was early is not
		t.Errorf("got %+v", g)
	}
	if calls := total(t, p, 1); calls.Early != 1 {
		t.Errorf("noted %+v", calls)
	}
}

// TestToldOnASharedAddress: processes of one machine call from the same address, and
// what one of them was told is not held against the others.
func TestToldOnASharedAddress(t *testing.T) {
	var now atomic.Int64
	p, addr := start(t, Config{Upstream: server(t, nil), KeyHeader: "K", WriteCalls: true, Now: func() time.Duration { return time.Duration(now.Load()) }})
	apply(t, p, "limit", order.HTTP{RateLimit: &order.RateLimit{Rate: 0.001, Burst: 1, RetryAfter: time.Minute}})
	for i, c := range []struct {
		key   string
		early bool
	}{{"1", false}, {"2", false}, {"3", false}, {"3", true}} { // the first is let through, the others are told to wait
		now.Add(int64(2 * crossing))
		req, _ := http.NewRequest("POST", "http://"+addr, nil)
		req.Header.Set("K", c.key)
		do(web(t), req)
		if call := total(t, p, 1).Calls[0]; call.Early != c.early {
			t.Errorf("call %d: early %v, want %v", i, call.Early, c.early)
		}
	}
}

// TestToldByTheUpstream: who answers with Retry-After tells to wait as well.
func TestToldByTheUpstream(t *testing.T) {
	p, addr := start(t, Config{WriteCalls: true, KeyHeader: "K", Upstream: server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusServiceUnavailable)
	})})
	for range 2 {
		req, _ := http.NewRequest("GET", "http://"+addr, nil)
		req.Header.Set("K", "1")
		do(web(t), req)
	}
	calls := total(t, p, 2)
	if calls.Told != 2 || calls.Early != 1 || calls.Failed != 2 || !calls.Calls[1].Early || calls.Calls[0].Wait != time.Minute {
		t.Errorf("noted %+v", calls)
	}
}

func TestLedgerIsCapped(t *testing.T) {
	l := ledger{each: true}
	x := exchange{c: &conn{}, method: []byte("GET"), path: []byte("/<" + strings.Repeat("x", 400)), status: 200}
	note := func(n int, now time.Duration) {
		for range n {
			l.inFlight.Add(1)
			l.note(&x, now)
		}
	}
	note(callsASecond+10, time.Second)
	sum := l.take(2 * time.Second)
	if sum.Total != callsASecond+10 || sum.Suppressed != 10 || sum.For != 2*time.Second || sum.InFlight != 0 {
		t.Errorf("noted %d, suppressed %d, for %s", sum.Total, sum.Suppressed, sum.For)
	}
	size := 0
	for i := range sum.Calls {
		size += jsonSize(&sum.Calls[i])
	}
	if size > callsBytes || len(sum.Calls) < callsASecond/2 {
		t.Errorf("%d calls of %d bytes at once", len(sum.Calls), size)
	}
	first := len(sum.Calls)
	if rest := l.take(3 * time.Second); len(rest.Calls) != callsASecond-first || rest.Total != 0 {
		t.Errorf("the rest is %d calls of %d", len(rest.Calls), rest.Total)
	}
	x.path = x.path[:1]
	for s := range 200 {
		note(callsASecond, time.Duration(s+10)*time.Second)
		l.take(0)
	}
	if l.written != callsARun {
		t.Errorf("%d calls are written in a run, want %d", l.written, callsARun)
	}
}

func TestNames(t *testing.T) {
	p, addr := start(t, Config{Upstream: server(t, nil), WriteCalls: true})
	if p.Name("nobody", "x") == nil {
		t.Error("a name for what is no address")
	}
	for _, want := range []string{"127.0.0.1", "api-1"} {
		if want != "127.0.0.1" {
			if err := p.Name("::ffff:127.0.0.1", want); err != nil {
				t.Fatal(err)
			}
		}
		get(web(t), "http://"+addr)
		if calls := total(t, p, 1); calls.Calls[0].Caller != want {
			t.Errorf("the caller is %q, want %q", calls.Calls[0].Caller, want)
		}
	}
}

// TestFlappingComesAndGoes by its own times, on a clock that does not really pass.
func TestFlappingComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config{Service: "x", Handler: http.NotFoundHandler()})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = p.Close() }()
		apply(t, p, "flap", order.HTTP{Flapping: &order.Flapping{Down: 2 * time.Second, Up: 3 * time.Second}})
		f := p.faults["flap"]
		for at := range 20 {
			time.Sleep(time.Second / 2)
			synctest.Wait()
			if down, want := f.down.Load() != nil, at%5 < 2; down != want {
				t.Errorf("at %d.5 s it is down: %v, want %v", at, down, want)
			}
			time.Sleep(time.Second / 2)
		}
		begun := time.Now()
		revert(t, p, "flap")
		if time.Since(begun) != 0 {
			t.Errorf("the revert took %s", time.Since(begun))
		}
	})
}
