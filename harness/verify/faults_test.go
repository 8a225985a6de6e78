package verify

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/race"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// faultCases are the runs of testdata whose plan has faults, by name.
func faultCases(t *testing.T) map[string]*txtar.Archive {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]*txtar.Archive{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(section(archive, "plan.json"), `"faults": [`) {
			cases[strings.TrimSuffix(filepath.Base(file), ".txtar")] = archive
		}
	}
	return cases
}

// Without any one word of what shows that a fault was applied and reverted, no run
// passes, and nothing that depends on the fault does.
func TestNoFaultDoesNothingInSilence(t *testing.T) {
	t.Parallel()
	if testing.Short() || race.On {
		t.Skip("judges some hundred runs")
	}
	// The faults of these cases are shown twice, or say something of no weight.
	more := []string{"faults-effect-later", "faults-reapplied", "faults-passed-by"}
	dependent := []string{"recovery", "third_party", "blast_radius", "stampede", "faults"}
	tried := 0
	for name, archive := range faultCases(t) {
		rec, plan := readCase(t, archive)
		if Judge(rec, plan).Verdict != Pass || plan.Faults[0].Spec.Permanent || slices.Contains(more, name) {
			continue
		}
		for n, e := range rec.Events {
			switch e.Body.(type) {
			case journal.FaultStarted, journal.FaultEnded, journal.FaultState:
			default:
				continue
			}
			tried++
			less := &journal.Record{Events: slices.Delete(slices.Clone(rec.Events), n, n+1), Latency: rec.Latency}
			r := Judge(less, plan)
			if r.Verdict == Pass {
				t.Errorf("%s passes without %s at %v", name, e.Body.Kind(), e.T)
			}
			for _, f := range r.Checks {
				if len(plan.Faults) == 1 && f.Verdict == Pass && slices.Contains(dependent, f.Kind) {
					t.Errorf("%s: %s passes without %s at %v", name, f.ID, e.Body.Kind(), e.T)
				}
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d words were left out", tried)
	}
}

// However a run with faults is cut short, nothing of it passes.
func TestAPartOfARunWithFaultsNeverPasses(t *testing.T) {
	t.Parallel()
	if testing.Short() || race.On {
		t.Skip("judges some hundred runs")
	}
	for name, archive := range faultCases(t) {
		rec, plan := readCase(t, archive)
		ended := slices.IndexFunc(rec.Events, func(e journal.Event) bool { _, ok := e.Body.(journal.RunEnded); return ok })
		for n := 1; n < ended; n += 1 + ended/4 {
			for _, f := range Judge(&journal.Record{Events: rec.Events[:n], Latency: rec.Latency}, plan).Checks {
				if f.Verdict == Pass && f.ID != "drain/api/D7-settings" {
					t.Fatalf("%s: after %d of %d events %s passes", name, n, len(rec.Events), f.ID)
				}
			}
		}
	}
}

// The order of counts and calls with the same time is chance, and must not show.
func TestOrderOfCallsDoesNotShow(t *testing.T) {
	for _, name := range []string{"third-backoff", "third-amplification-storm", "blast-radius-reached", "recovery-in-time"} {
		rec, plan := readCase(t, faultCases(t)[name])
		want := string(renderVerdict(t, Judge(rec, plan)))
		other := &journal.Record{Events: slices.Clone(rec.Events), Latency: slices.Clone(rec.Latency)}
		slices.Reverse(other.Events)
		slices.SortStableFunc(other.Events, func(a, b journal.Event) int { return int(min(1, max(-1, a.T-b.T))) })
		slices.Reverse(other.Latency)
		for i, e := range other.Events {
			if c, ok := e.Body.(journal.Calls); ok {
				c.Calls = slices.Clone(c.Calls)
				slices.Reverse(c.Calls)
				other.Events[i].Body = c
			}
		}
		if have := string(renderVerdict(t, Judge(other, plan))); have != want {
			t.Errorf("%s: have\n%s\nwant\n%s", name, have, want)
		}
	}
}

func TestUnited(t *testing.T) {
	for _, test := range []struct{ spans, united []span }{
		{nil, nil},
		{[]span{{3, 5}, {1, 2}}, []span{{1, 2}, {3, 5}}},
		{[]span{{1, 4}, {2, 3}}, []span{{1, 4}}},         // one in another
		{[]span{{1, 2}, {2, 3}}, []span{{1, 3}}},         // one after another
		{[]span{{5, 5}, {1, 9}, {9, 9}}, []span{{1, 9}}}, // nothing long
	} {
		if have := united(test.spans); !slices.Equal(have, test.united) {
			t.Errorf("%v: %v, want %v", test.spans, have, test.united)
		}
	}
}

func TestBesides(t *testing.T) {
	for _, test := range []struct {
		whole        span
		others, want []span
	}{
		{span{0, 10}, nil, []span{{0, 10}}},
		{span{0, 10}, []span{{2, 4}, {6, 8}}, []span{{0, 2}, {4, 6}, {8, 10}}},
		{span{3, 7}, []span{{0, 4}, {6, 9}}, []span{{4, 6}}}, // over both ends
		{span{3, 7}, []span{{0, 9}}, nil},
		{span{3, 7}, []span{{0, 3}, {7, 9}}, []span{{3, 7}}},
		{span{7, 3}, []span{{0, 1}}, nil},
	} {
		if have := besides(test.whole, test.others); !slices.Equal(have, test.want) {
			t.Errorf("%v without %v: %v, want %v", test.whole, test.others, have, test.want)
		}
	}
}

func TestRising(t *testing.T) {
	var r rising
	r.grow(span{1 * time.Second, 2 * time.Second}, 10)
	r.grow(span{2 * time.Second, 3 * time.Second}, 30)
	r.grow(span{5 * time.Second, 6 * time.Second}, 40) // nothing from 3s to 5s
	for _, test := range []struct {
		at   float64
		want float64
	}{{0, 0}, {1, 0}, {1.5, 5}, {2, 10}, {2.25, 15}, {3, 30}, {4.9, 30}, {5.5, 35}, {6, 40}, {99, 40}} {
		if have := r.by(seconds(test.at)); math.Abs(have-test.want) > 1e-9 {
			t.Errorf("by %v s: %v, want %v", test.at, have, test.want)
		}
	}
	if have := (rising)(nil).in(span{0, time.Hour}); have != 0 {
		t.Errorf("of nothing: %v", have)
	}
}

// Stretches one after the other hold together what the whole does.
func TestRisingAddsUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var r rising
		at, n := time.Duration(0), 0.0
		for range rapid.IntRange(0, 20).Draw(rt, "intervals") {
			from := at + time.Duration(rapid.IntRange(0, 3).Draw(rt, "pause"))*time.Second
			at, n = from+time.Second, n+float64(rapid.IntRange(0, 50).Draw(rt, "more"))
			r.grow(span{from, at}, n)
		}
		moment := rapid.Int64Range(0, int64(80*time.Second))
		cuts := []time.Duration{time.Duration(moment.Draw(rt, "a")), time.Duration(moment.Draw(rt, "b")), time.Duration(moment.Draw(rt, "c"))}
		slices.Sort(cuts)
		parts := r.in(span{cuts[0], cuts[1]}) + r.in(span{cuts[1], cuts[2]})
		if whole := r.in(span{cuts[0], cuts[2]}); math.Abs(whole-parts) > 1e-6 {
			rt.Fatalf("%v in the whole, %v in its parts", whole, parts)
		}
		if all := r.in(span{0, time.Hour}); math.Abs(all-n) > 1e-9 {
			rt.Fatalf("%v in all, want %v", all, n)
		}
	})
}

// Calls that hang count when they begin, not when they are given up.
func TestCallsCountFromTheirBeginning(t *testing.T) {
	h := newHistory(&journal.Record{Events: []journal.Event{
		{T: 1 * time.Second, Body: journal.Calls{Service: "payments", For: time.Second, InFlight: 10}},
		{T: 2 * time.Second, Body: journal.Calls{Service: "payments", For: time.Second, InFlight: 30}},
		{T: 3 * time.Second, Body: journal.Calls{Service: "payments", For: time.Second, Total: 30}},
	}}, &scenarios.Plan{})
	c := h.callsTo("payments")
	for _, test := range []struct {
		s    span
		want float64
	}{{span{0, time.Second}, 10}, {span{time.Second, 2 * time.Second}, 20}, {span{2 * time.Second, 3 * time.Second}, 0}} {
		if have := c.in(test.s); have != test.want {
			t.Errorf("%v: %v calls, want %v", test.s, have, test.want)
		}
	}
}

// More calls never make for less amplification, whether they stand in the record one
// by one or not, and a verdict that fails stays one.
func TestMoreCallsNeverLowerAmplification(t *testing.T) {
	rec, plan := readCase(t, faultCases(t)["third-amplification"])
	ratio := func(r *journal.Record) float64 {
		h := newHistory(r, plan)
		p := h.partyOf(*plan.Checks[0].ThirdParty)
		return p.calls.in(p.during[0]) / p.requests.in(p.during[0])
	}
	before := ratio(rec)
	rapid.Check(t, func(rt *rapid.T) {
		at := time.Duration(rapid.IntRange(23, 41).Draw(rt, "second")) * time.Second
		n := rapid.IntRange(1, 500).Draw(rt, "calls")
		c := journal.Calls{Service: "payments", For: time.Second, Total: n, Failed: n}
		if rapid.Bool().Draw(rt, "one by one") {
			for range n {
				c.Calls = append(c.Calls, journal.Call{At: at - time.Duration(rapid.IntRange(1, 999).Draw(rt, "ago"))*time.Millisecond, Status: 503})
			}
		}
		i := slices.IndexFunc(rec.Events, func(e journal.Event) bool {
			x, ok := e.Body.(journal.Calls)
			return ok && e.T == at && x.Service == c.Service
		})
		more := &journal.Record{Events: slices.Clone(rec.Events), Latency: rec.Latency}
		was := more.Events[i].Body.(journal.Calls)
		c.Total, c.Failed, c.Calls = c.Total+was.Total, c.Failed+was.Failed, slices.Concat(was.Calls, c.Calls)
		more.Events[i].Body = c
		if after := ratio(more); after < before-1e-9 {
			rt.Fatalf("%v calls for a request with %d more, %v without", after, n, before)
		}
		if f := Judge(more, plan).Checks[0]; n > 24*50 && f.Verdict != Fail {
			rt.Fatalf("%+v", f)
		}
	})
}

func TestPauses(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	call := func(key string, at, took, status int) journal.Call {
		return journal.Call{At: ms(at), Took: ms(took), Key: key, Status: status}
	}
	during := []span{{ms(0), ms(1000)}}
	for _, test := range []struct {
		name       string
		calls      []journal.Call
		lengths    []time.Duration
		attempts   []int
		overlapped int
	}{
		{"after a failure", []journal.Call{call("a", 10, 5, 503), call("a", 115, 5, 200)}, []time.Duration{ms(100)}, []int{2}, 0},
		{"in any order", []journal.Call{call("a", 115, 5, 200), call("a", 10, 5, 503)}, []time.Duration{ms(100)}, []int{2}, 0},
		{"not after a success", []journal.Call{call("a", 10, 5, 200), call("a", 115, 5, 200)}, nil, nil, 0},
		{"not without a key", []journal.Call{call("", 10, 5, 503), call("", 115, 5, 503)}, nil, nil, 0},
		{"not of another key", []journal.Call{call("a", 10, 5, 503), call("b", 115, 5, 503)}, nil, nil, 0},
		{"not after the fault", []journal.Call{call("a", 1001, 5, 503), call("a", 1115, 5, 503)}, nil, nil, 0},
		{"told to come again", []journal.Call{call("a", 10, 5, 429), call("a", 115, 5, 200)}, []time.Duration{ms(100)}, []int{2}, 0},
		{"cut", []journal.Call{call("a", 10, 5, 0), call("a", 115, 5, 200)}, []time.Duration{ms(100)}, []int{2}, 0},
		{"given up before it was over", []journal.Call{call("a", 10, 500, 0), call("a", 115, 5, 200)}, nil, nil, 1},
		{"at the same time", []journal.Call{call("a", 10, 500, 503), call("a", 115, 5, 200)}, []time.Duration{0}, []int{2}, 0},
		{"three times", []journal.Call{call("a", 0, 0, 503), call("a", 100, 0, 503), call("a", 300, 0, 200)}, []time.Duration{ms(100), ms(200)}, []int{2, 3}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			pauses, overlapped := pausesOf(test.calls, during)
			var lengths []time.Duration
			var attempts []int
			for _, p := range pauses {
				lengths, attempts = append(lengths, p.length), append(attempts, p.attempt)
			}
			if !slices.Equal(lengths, test.lengths) || !slices.Equal(attempts, test.attempts) || overlapped != test.overlapped {
				t.Errorf("%v before attempts %v, %d overlapped; want %v, %v, %d", lengths, attempts, overlapped, test.lengths, test.attempts, test.overlapped)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	even := make([]time.Duration, 100)
	for i := range even {
		even[i] = time.Duration(101+i) * time.Millisecond // 101 to 200
	}
	for _, test := range []struct {
		lengths []time.Duration
		want    float64
	}{
		{nil, 0},
		{[]time.Duration{0, 0, 0}, 0},
		{[]time.Duration{5, 5, 5}, 0},
		{even, 80.0 / 150},
		{[]time.Duration{100, 100, 100, 100, 100, 100, 100, 100, 100, 900}, 0}, // one that stands out is no spread
	} {
		if have := spread(test.lengths); math.Abs(have-test.want) > 1e-9 {
			t.Errorf("%v: %v, want %v", test.lengths, have, test.want)
		}
	}
}

// Twice the pauses are as far apart, compared with themselves; a pause more for each
// of them brings them together.
func TestSpreadIsAShare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var lengths, twice, longer []time.Duration
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 10_000), 1, 60).Draw(rt, "pauses") {
			lengths, twice, longer = append(lengths, time.Duration(n)), append(twice, time.Duration(2*n)), append(longer, time.Duration(n+5000))
		}
		have := spread(lengths)
		if have < 0 || math.Abs(have-spread(twice)) > 1e-9 || spread(longer) > have+1e-9 {
			rt.Fatalf("%v, twice %v, longer %v", have, spread(twice), spread(longer))
		}
	})
}

func TestOverlappingFaultsAreOneDisturbance(t *testing.T) {
	f := func(id string, at, end int, permanent bool) *faultRun {
		return &faultRun{PlannedFault: scenarios.PlannedFault{ID: id, At: scenarios.Duration(at), End: scenarios.Duration(end), Spec: scenarios.Fault{Permanent: permanent}}}
	}
	for _, test := range []struct {
		faults []*faultRun
		want   string
	}{
		{nil, ""},
		{[]*faultRun{f("a", 1, 3, false), f("b", 3, 5, false)}, "a|b"},
		{[]*faultRun{f("a", 1, 9, false), f("b", 3, 5, false), f("c", 8, 12, false), f("d", 20, 20, false)}, "b,a,c|d"},
		{[]*faultRun{f("gone", 1, 99, true), f("a", 3, 5, false), f("b", 7, 9, false)}, "a|b"},
	} {
		var groups []string
		for _, g := range together(test.faults) {
			var ids []string
			for _, f := range g {
				ids = append(ids, f.ID)
			}
			groups = append(groups, strings.Join(ids, ","))
		}
		if have := strings.Join(groups, "|"); have != test.want {
			t.Errorf("%s, want %s", have, test.want)
		}
	}
}

func TestConcerns(t *testing.T) {
	of := func(services string, spec scenarios.Fault) *faultRun {
		return &faultRun{PlannedFault: scenarios.PlannedFault{Services: strings.Fields(services), Spec: spec}}
	}
	for _, test := range []struct {
		name string
		f    *faultRun
		want bool
	}{
		{"done to it", of("payments", scenarios.Fault{Outage: &scenarios.OutageFault{}}), true},
		{"done to another", of("api", scenarios.Fault{Outage: &scenarios.OutageFault{}}), false},
		{"what is sent to it", of("api", scenarios.Fault{HTTPErrors: &scenarios.HTTPErrorsFault{}, Egress: "payments"}), true},
		{"what is sent to its other name", of("api", scenarios.Fault{HTTPErrors: &scenarios.HTTPErrorsFault{}, Egress: "api.pay.example:443"}), true},
		{"what it sends", of("payments", scenarios.Fault{HTTPErrors: &scenarios.HTTPErrorsFault{}, Egress: "bank"}), false},
		{"the way to it", of("api", scenarios.Fault{Delay: &scenarios.DelayFault{Peer: "payments"}}), true},
		{"its name", of("api", scenarios.Fault{DNS: &scenarios.DNSFault{Names: []string{"payments"}}}), true},
		{"another name", of("api", scenarios.Fault{DNS: &scenarios.DNSFault{Names: []string{"redis"}}}), false},
	} {
		if have := test.f.concerns("payments", []string{"api.pay.example"}); have != test.want {
			t.Errorf("%s: %v", test.name, have)
		}
	}
}

// Every kind is known to be seen, or not, by whoever counts calls.
func TestUnseenKinds(t *testing.T) {
	seen := []string{"restart", "delay", "bandwidth", "cpu_pressure", "cpu_throttle", "memory_pressure", "disk_fill", "http_latency", "http_errors", "http_abort",
		"http_slow_body", "http_truncate", "http_corrupt", "brownout", "flapping", "rate_limit", "outage", "tls_handshake", "cache_flush", "pool_exhaustion", "slow_queries"}
	unseen := []string{"kill", "stop", "pause", "crash_loop", "zone_loss", "reclaim", "loss", "partition", "reset", "connection_limit", "dns", "tls_reset", "tls_expired"}
	for _, kind := range scenarios.FaultKinds() {
		if slices.Contains(seen, kind) == slices.Contains(unseen, kind) {
			t.Errorf("%s: whether its calls are seen has not been thought of", kind)
		}
	}
	for _, as := range []string{scenarios.OutageStatus, scenarios.OutageRefuse, scenarios.OutageReset, scenarios.OutageHang} {
		want := as == scenarios.OutageRefuse
		if have := unseenKind(scenarios.Fault{Outage: &scenarios.OutageFault{As: as}}) != ""; have != want {
			t.Errorf("outage as %s: %v", as, have)
		}
		if have := unseenKind(scenarios.Fault{Flapping: &scenarios.FlappingFault{As: as}}) != ""; have != want {
			t.Errorf("flapping as %s: %v", as, have)
		}
	}
	if unseenKind(scenarios.Fault{HTTPErrors: &scenarios.HTTPErrorsFault{}}) != "" || unseenKind(scenarios.Fault{DNS: &scenarios.DNSFault{}}) == "" {
		t.Error("errors are seen, a name that is not found keeps callers away")
	}
}

// The later a journey is well again, the longer its recovery takes, and a longer
// limit never turns a pass into a failure.
func TestRecoveryTakesAsLongAsItDoes(t *testing.T) {
	t.Parallel()
	limit := scenarios.Duration(200 * time.Millisecond)
	aim := scenarios.SLOCheck{Journey: "shop", P95: &limit}
	times := map[bool]*hdrhistogram.Histogram{}
	for missed, value := range map[bool]int64{false: 20_000, true: 900_000} {
		times[missed] = journal.NewHistogram()
		_ = times[missed].RecordValues(value, 50)
	}
	took := func(bad []bool, within time.Duration) Finding {
		var rec journal.Record
		for n, missed := range bad {
			at := time.Duration(n+1) * time.Second
			i := journal.Interval{Tag: journal.Tag{Measure: journal.Response, Journey: "shop", Step: "buy"}, From: at - time.Second, To: at, Histogram: times[missed]}
			rec.Latency = append(rec.Latency, i)
			rec.Events = append(rec.Events, journal.Event{T: at, Body: journal.Traffic{Journey: "shop", Step: "buy", For: time.Second, Sent: 50, OK: 50}})
		}
		end := time.Duration(len(bad)) * time.Second
		h := newHistory(&rec, &scenarios.Plan{})
		return h.windows(aim, span{0, end}).judge(Finding{Verdict: Pass}, within, span{0, end}, "traffic ended")
	}
	rank := map[Verdict]int{Pass: 0, Inconclusive: 1, Fail: 2}
	rapid.Check(t, func(rt *rapid.T) {
		bad := rapid.SliceOfN(rapid.Bool(), 4, 10).Draw(rt, "missed")
		within := time.Duration(rapid.IntRange(0, 20).Draw(rt, "within")) * time.Second
		longer := within + time.Duration(rapid.IntRange(0, 5).Draw(rt, "longer"))*time.Second
		if a, b := took(bad, within), took(bad, longer); rank[b.Verdict] > rank[a.Verdict] {
			rt.Fatalf("within %v: %+v\nwithin %v: %+v", within, a, longer, b)
		}
		worse := slices.Clone(bad)
		worse[rapid.IntRange(0, len(bad)-1).Draw(rt, "second")] = true
		if a, b := took(bad, within), took(worse, within); rank[b.Verdict] < rank[a.Verdict] && a.Verdict == Fail {
			rt.Fatalf("%v: %+v\n%v: %+v", bad, a, worse, b)
		}
		last := -1
		for n, missed := range bad {
			if missed {
				last = n
			}
		}
		if f := took(bad, time.Hour); last >= 0 && last < len(bad)-3 && f.Measured != "after "+offset(time.Duration(last+1)*time.Second) {
			rt.Fatalf("%v: %+v", bad, f)
		}
	})
}

func TestCounter(t *testing.T) {
	for _, test := range []struct {
		n          int64
		name, want string
	}{{1, "queries", "query"}, {1, "packets", "packet"}, {1, "injected", "injected"}, {0, "queries", "queries"}, {2, "requests", "requests"}} {
		if have := counter(test.name, test.n); have != test.want {
			t.Errorf("%d %s: %q, want %q", test.n, test.name, have, test.want)
		}
	}
}

// A generator that was late explains answers that were late, and not requests that
// failed, unless it was so late that it can have missed answers.
func TestALateGeneratorExplainsNoLostRequests(t *testing.T) {
	for _, test := range []struct {
		name string
		lag  time.Duration
		want Verdict
	}{
		{"recovery-never", 300 * time.Millisecond, Fail}, // requests are lost
		{"recovery-never", 3 * time.Second, Inconclusive},
		{"recovery-late", 300 * time.Millisecond, Inconclusive}, // answers are late
	} {
		rec, plan := readCase(t, faultCases(t)[test.name])
		for i, interval := range rec.Latency {
			if interval.Tag.Measure == journal.Lag {
				late := journal.NewHistogram()
				if err := late.RecordValues(test.lag.Microseconds(), interval.Count()); err != nil {
					t.Fatal(err)
				}
				rec.Latency[i].Histogram = late
			}
		}
		for _, f := range Judge(rec, plan).Checks {
			if f.Kind == "recovery" && f.Verdict != test.want {
				t.Errorf("%s with a lag of %v: %v (%s), want %v", test.name, test.lag, f.Verdict, f.Reason, test.want)
			}
		}
	}
}
