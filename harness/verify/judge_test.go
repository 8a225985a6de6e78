package verify

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/race"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// everyCheck is a plan with all kinds of checks, every option of them set.
func everyCheck() *scenarios.Plan {
	limit, percent, ready := scenarios.Duration(time.Second), scenarios.Percent(99), scenarios.Duration(3*time.Second)
	floor, of, read := 2, &scenarios.Acknowledged{Journey: "shop", Step: "buy", Key: "${order}"}, scenarios.Truth{SQL: &scenarios.SQLRead{Service: "api"}}
	factor := scenarios.Factor(1.5)
	objectives, per := scenarios.Objectives{P95: &limit, P99: &limit, Availability: &percent}, scenarios.UserStep{Journey: "shop", Step: "buy"}
	tracked := &scenarios.PlannedAutoscale{TargetTracking: &scenarios.TargetTracking{Metric: "p95"}, Min: 1, Max: 3, Capacity: 2}
	low, high, burn := scenarios.Level(0.5), scenarios.Level(0.9), 6.0
	levels := map[string]scenarios.Threshold{"p99": {Warning: &low, Critical: &high, Journey: "shop"}, "error_rate": {Critical: &low}, "availability": {Critical: &high},
		"cpu": {Warning: &low, Critical: &high, Service: "api"}, "depth": {Query: "queue_depth", Critical: &high}}
	whole := scenarios.ReadinessCheck{Service: "api", TimeToReady: &ready, FirstRequests: &limit, Dependency: "db", UnreadyWithin: &limit}
	return &scenarios.Plan{
		Scenario: "drill",
		Services: map[string]scenarios.PlannedService{
			"api":    {Port: 8080, Balance: "request", Drain: scenarios.Drain{Grace: scenarios.Duration(10 * time.Second)}, Driven: true, Autoscale: tracked},
			"worker": {}, "importer": {Prescale: &scenarios.Prescale{Tier: "enterprise"}},
		},
		Phases: []scenarios.PlannedPhase{{Name: "surge", End: scenarios.Duration(30 * time.Second)}},
		Faults: []scenarios.PlannedFault{
			{ID: "errors", At: limit, End: ready, Services: []string{"api"}, Spec: scenarios.Fault{HTTPErrors: &scenarios.HTTPErrorsFault{}}},
			{ID: "kill", At: ready, End: ready, Services: []string{"api"}, Spec: scenarios.Fault{Kill: &scenarios.KillFault{}}},
		},
		Journeys: map[string][]scenarios.PlannedStep{"shop": {{Name: "browse", Service: "api"}, {Name: "buy", Service: "api"}}},
		SLOs: []scenarios.PlannedSLO{
			{Name: "sold", Objective: 99.9, Window: scenarios.Duration(30 * 24 * time.Hour), Journey: "shop", Latency: limit, Slice: limit, SliceTarget: 90},
			{Name: "counted", Objective: 99, Window: scenarios.Duration(24 * time.Hour), Bad: "errors_total", Total: "requests_total"},
		},
		Checks: []scenarios.Check{
			{SLO: &scenarios.SLOCheck{Journey: "shop", P50: &limit, P95: &limit, P99: &limit, Availability: &percent}},
			{Drain: &scenarios.DrainCheck{Service: "api", Work: &scenarios.Work{}}},
			{Readiness: &whole},
			{Release: &scenarios.ReleaseCheck{Service: "api", Floor: &floor, Job: &scenarios.JobCheck{Name: "backfill", Read: &read}}},
			{Release: &scenarios.ReleaseCheck{Service: "api", Job: &scenarios.JobCheck{Name: "backfill"}}},
			{Stateless: &scenarios.StatelessCheck{Service: "api", Journey: "shop"}},
			{Stateless: &scenarios.StatelessCheck{Service: "api", Journey: "shop", Steps: []string{"buy"}}},
			{Integrity: &scenarios.IntegrityCheck{Name: "orders", Want: "once", Of: of, Read: read}},
			{Integrity: &scenarios.IntegrityCheck{Name: "charges", Want: "once", Read: read}},
			{Integrity: &scenarios.IntegrityCheck{Name: "drift", Want: "none", Read: read}},
			{Scaling: &scenarios.ScalingCheck{Service: "api", Reaction: &limit, Recovery: &scenarios.Recovery{Journey: "shop", P95: limit, Within: ready},
				UnderProvisioned: &percent, UnderTime: &percent, OverProvisioned: &factor, OverTime: &percent, Overshoot: &floor}},
			{Queue: &scenarios.QueueCheck{Service: "worker", Backlog: "depth", Age: "age", MaxBacklog: &floor, MaxAge: &limit, Surge: "surge", DrainedWithin: &limit, Work: &scenarios.Work{}}},
			{Prescale: &scenarios.PrescaleCheck{Service: "importer", Journey: "import", Step: "upload"}},
			{Cost: &scenarios.CostCheck{Service: "api", Replicas: &factor, CPU: &percent}},
			{SteadyState: &scenarios.SteadyStateCheck{Journey: "shop", Steady: objectives, During: &objectives}},
			{Recovery: &scenarios.RecoveryCheck{Journey: "shop", Step: "buy", Objectives: objectives, Within: ready}},
			{ThirdParty: &scenarios.ThirdPartyCheck{Service: "api", Per: per, Amplification: &factor, Backoff: &scenarios.BackoffWanted{Least: limit}, RetryAfter: true,
				Breaker: &scenarios.BreakerWanted{OpensWithin: limit, ClosesWithin: limit}, Errors: &percent, FailFast: &limit}},
			{BlastRadius: &scenarios.BlastRadiusCheck{Journey: "shop", Faults: []string{"errors"}, Objectives: objectives}},
			{Stampede: &scenarios.StampedeCheck{Service: "db", Metric: "reads", Peak: &factor, Saves: &percent, Per: &per}},
			{Alert: &scenarios.AlertCheck{Alert: "ManyErrors", Fault: "errors", Within: &ready, Resolves: &ready, Labels: map[string]string{"severity": "page"},
				Silent: []string{"surge"}, Independent: "api", Only: true}},
			{Alert: &scenarios.AlertCheck{Alert: "Slow", Phase: "surge", Labels: map[string]string{"severity": "page"}}},
			{AlertCoverage: &scenarios.AlertCoverageCheck{Within: &ready, For: &limit, Ignore: []string{"Watchdog"}}},
			{AlertLint: &scenarios.AlertLintCheck{Ignore: []string{"Watchdog"}}},
			{Threshold: &scenarios.ThresholdCheck{Metrics: levels, Phases: []string{"surge"}, For: &limit, FailOn: "warning", LeftOut: []string{"disk"}}},
			{PromQL: &scenarios.PromQLCheck{Name: "depth", Query: "queue_depth", Max: &high, Min: &low, Phases: []string{"surge"}, Step: limit, For: ready, Skip: limit}},
			{ErrorBudget: &scenarios.ErrorBudgetCheck{SLO: "sold", Spend: &percent, Burn: &burn, Phases: []string{"surge"}}},
			{ErrorBudget: &scenarios.ErrorBudgetCheck{SLO: "counted"}},
			{Dashboard: &scenarios.DashboardCheck{Services: []string{"api"}, Signals: map[string][]string{"rate": {"requests_total"}}}},
		},
	}
}

// healthy is the run of testdata/healthy.txtar.
func healthy(t testing.TB) (*journal.Record, *scenarios.Plan) {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/healthy.txtar")
	if err != nil {
		t.Fatal(err)
	}
	return readCase(t, archive)
}

func TestCombine(t *testing.T) {
	for _, test := range []struct {
		verdicts []Verdict
		want     Verdict
	}{
		{nil, Inconclusive},
		{[]Verdict{Pass}, Pass},
		{[]Verdict{Pass, Inconclusive}, Inconclusive},
		{[]Verdict{Inconclusive, Pass}, Inconclusive},
		{[]Verdict{Inconclusive, Fail, Pass}, Fail},
		{[]Verdict{Pass, ""}, Inconclusive},
	} {
		var findings []Finding
		for _, v := range test.verdicts {
			findings = append(findings, Finding{Verdict: v})
		}
		if have := Combine(findings); have != test.want {
			t.Errorf("%v: %s, want %s", test.verdicts, have, test.want)
		}
	}
}

func TestNothingToJudge(t *testing.T) {
	for _, r := range []Result{Judge(nil, nil), Judge(&journal.Record{}, everyCheck()), Judge(nil, everyCheck())} {
		if r.Verdict != Inconclusive || r.Checks == nil {
			t.Errorf("%+v", r)
		}
		for _, f := range r.Checks {
			if f.Verdict != Inconclusive || f.Reason == "" || f.Evidence == nil {
				t.Errorf("%+v", f)
			}
		}
	}
}

func TestACrashOfACheckIsNoVerdict(t *testing.T) {
	findings := guard("drain", "api", func() []Finding { panic("index out of range\ngoroutine 1") })
	if len(findings) != 1 || findings[0].Verdict != Inconclusive || findings[0].ID != "drain/api/crashed" ||
		findings[0].Reason != "checker crashed: index out of range" {
		t.Errorf("%+v", findings)
	}
}

// Every rule has a case in testdata that makes it fail, and the healthy run
// passes it: no rule is vacuous.
func TestEveryRuleCanFailAndPass(t *testing.T) {
	rules := []string{"/p50", "/p95", "/p99", "/availability", "D1-in-flight", "D2-endpoint-lag", "D3-after-removal",
		"D4-told-to-close", "D5-exit", "D6-work", "D7-settings", "R1-initialized", "R2-first-requests", "R3-time-to-ready", "R4-flaps",
		"R5-together", "R6-unready-after-term", "/before", "/during", "/after", "T1-amplification", "T2-backoff", "T3-retry-after", "T4-breaker",
		"T5-errors", "T6-fail-fast", "M1-peak", "M2-settled", "M3-saves"}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]map[Verdict]bool{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range recorded(t, archive).Checks {
			i := slices.IndexFunc(rules, func(rule string) bool { return strings.HasSuffix(strings.TrimRight(f.ID, "#2"), rule) })
			if i < 0 {
				continue
			}
			if seen[rules[i]] == nil {
				seen[rules[i]] = map[Verdict]bool{}
			}
			seen[rules[i]][f.Verdict] = true
		}
	}
	for _, rule := range rules {
		for _, v := range []Verdict{Pass, Fail, Inconclusive} {
			if !seen[rule][v] {
				t.Errorf("no case in testdata where %s is %s", rule, v)
			}
		}
	}
}

// Requests that the client gave up, whatever their number and time, never turn
// a verdict into a fail.
func TestClientsThatGiveUpFailNobody(t *testing.T) {
	rec, plan := healthy(t)
	rapid.Check(t, func(rt *rapid.T) {
		more := *rec
		more.Events = slices.Clone(rec.Events)
		for range rapid.IntRange(1, 10).Draw(rt, "n") {
			start := time.Duration(rapid.Int64Range(int64(13*time.Second), int64(22700*time.Millisecond)).Draw(rt, "start"))
			more.Events = insert(more.Events, journal.Event{T: start + time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(rt, "length")),
				Body: journal.Request{Service: "api", Instance: "api-3", Start: start, Failure: journal.ClientGone, Reused: rapid.Bool().Draw(rt, "reused")}})
		}
		if r := Judge(&more, plan); r.Verdict != Pass {
			rt.Fatalf("%s", renderVerdict(t, r))
		}
	})
}

// One failed request between the start of the termination and its end turns
// the drain check into a fail that names the instance; the same request at
// any other time does not.
func TestOneLostRequestIsEnough(t *testing.T) {
	rec, plan := healthy(t)
	const terminating, exit = 22 * time.Second, 22900 * time.Millisecond
	rapid.Check(t, func(rt *rapid.T) {
		start := time.Duration(rapid.Int64Range(int64(13*time.Second), int64(31*time.Second)).Draw(rt, "start"))
		end := start + time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(rt, "length"))
		if start >= exit {
			rt.Skip("nobody is there any more")
		}
		lost := journal.Request{Service: "api", Instance: "api-3", Start: start, Reused: rapid.Bool().Draw(rt, "reused"),
			Failure: rapid.SampledFrom([]journal.Failure{journal.Refused, journal.Closed, journal.Status5xx, journal.Timeout}).Draw(rt, "failure")}
		more := *rec
		more.Events = insert(slices.Clone(rec.Events), journal.Event{T: end, Body: lost})
		r := Judge(&more, plan)
		sigterm := terminating + time.Millisecond
		touches := start >= terminating || start < sigterm && end > sigterm
		if want := map[bool]Verdict{true: Fail, false: Pass}[touches]; r.Verdict != want {
			rt.Fatalf("a request from %v to %v: %s, want %s\n%s", start, end, r.Verdict, want, renderVerdict(t, r))
		}
		for _, f := range r.Checks {
			if f.Verdict == Fail && (f.Kind != "drain" || !strings.Contains(f.Reason, "api-3: 1 request")) {
				rt.Fatalf("%s fails: %s", f.ID, f.Reason)
			}
		}
	})
}

// However a run is cut short, it does not pass.
func TestAPartOfARunNeverPasses(t *testing.T) {
	rec, plan := healthy(t)
	ended := slices.IndexFunc(rec.Events, func(e journal.Event) bool { _, ok := e.Body.(journal.RunEnded); return ok })
	for n := range ended {
		part := &journal.Record{Events: rec.Events[:n], Latency: rec.Latency}
		for _, f := range Judge(part, plan).Checks {
			if f.Verdict == Pass {
				t.Fatalf("after %d of %d events %s passes", n, len(rec.Events), f.ID)
			}
		}
	}
}

// Judging changes nothing and depends on nothing but its arguments; no check
// crashes, no table cell is empty, nothing but a pass comes without a reason.
func TestJudgeIsAFunction(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rec, plan := &journal.Record{Events: drawEvents(rt)}, everyCheck()
		plan.Control = rapid.SampledFrom(append(scenarios.Controls(), scenarios.NoControl)).Draw(rt, "control")
		whole := *plan.Checks[0].SLO
		whole.Whole, whole.Cohort, whole.Phases = rapid.Bool().Draw(rt, "whole"), rapid.SampledFrom([]string{"", "free"}).Draw(rt, "cohort"), []string{"surge"}
		plan.Checks = append(plan.Checks, scenarios.Check{SLO: &whole})
		first := Judge(rec, plan)
		second := Judge(rec, plan)
		a, b := renderVerdict(t, first), renderVerdict(t, second)
		if string(a) != string(b) {
			rt.Fatalf("two verdicts on one record:\n%s%s", a, b)
		}
		for _, f := range first.Checks {
			if strings.HasPrefix(f.Reason, "checker crashed") {
				rt.Fatal(f.Reason)
			}
			if f.Verdict != Pass && f.Reason == "" {
				rt.Fatalf("%s is %s without a reason", f.ID, f.Verdict)
			}
			if f.Measured == "" || f.Wanted == "" {
				rt.Fatalf("%s: an empty cell: %+v", f.ID, f)
			}
		}
	})
}

// The order of requests, tallies and counts with the same time is chance, and
// must not show.
func TestOrderOfTheSameMomentDoesNotShow(t *testing.T) {
	rec, plan := healthy(t)
	want := string(renderVerdict(t, Judge(rec, plan)))
	rapid.Check(t, func(rt *rapid.T) {
		same := *rec
		same.Events = slices.Clone(rec.Events)
		requests := []int{}
		for i, e := range same.Events {
			switch e.Body.(type) {
			case journal.Request, journal.Traffic, journal.ErrorGroup:
				requests = append(requests, i)
			}
		}
		order := rapid.Permutation(requests).Draw(rt, "order")
		for i, from := range order {
			same.Events[requests[i]] = rec.Events[from]
		}
		if have := string(renderVerdict(t, Judge(&same, plan))); have != want {
			rt.Fatalf("have\n%s\nwant\n%s", have, want)
		}
	})
}

// drawEvents makes any events at all, most of them about one service.
func drawEvents(rt *rapid.T) []journal.Event {
	when := rapid.Int64Range(0, int64(40*time.Second))
	name := rapid.SampledFrom([]string{"api-1", "api-2", "api-3", "gateway-api", ""})
	failure := rapid.SampledFrom([]journal.Failure{"", journal.Refused, journal.ClientGone, journal.Status5xx})
	drawn := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) journal.Event {
		at, in := time.Duration(when.Draw(rt, "at")), name.Draw(rt, "instance")
		bodies := []journal.Body{
			journal.TrafficStarted{}, journal.TrafficEnded{}, journal.RunEnded{Reason: rapid.SampledFrom([]string{"completed", "interrupted", ""}).Draw(rt, "reason")},
			journal.InstanceStarted{Service: "api", Instance: in, Version: rapid.SampledFrom([]string{"", "v1", "v2"}).Draw(rt, "version")},
			journal.InstanceStarted{Service: "backfill", Instance: "backfill-1", Job: true}, journal.InstanceExited{Service: "backfill", Instance: "backfill-1"},
			journal.InstanceTerminating{Service: "api", Instance: in, Grace: 10 * time.Second},
			journal.InstanceSignalled{Service: "api", Instance: in, Signal: rapid.SampledFrom([]string{"SIGTERM", "SIGQUIT", "SIGKILL"}).Draw(rt, "signal")},
			journal.InstanceExited{Service: "api", Instance: in, Code: rapid.SampledFrom([]int{0, 1, 137, 143}).Draw(rt, "code"), Wanted: rapid.Bool().Draw(rt, "wanted")},
			journal.EndpointAdded{Service: "api", Instance: in, Initialized: rapid.Ptr(rapid.Bool(), true).Draw(rt, "initialized")},
			journal.EndpointRemoved{Service: "api", Instance: in, Reason: rapid.SampledFrom([]string{"unready", "terminating", "gone", "switched"}).Draw(rt, "why")},
			journal.InitializationDone{Service: "api", Instance: in},
			journal.ProbeChanged{Service: "api", Instance: in, Ready: rapid.Bool().Draw(rt, "passes")},
			journal.MainProcess{Service: "api", Instance: in, Command: "sh", Shell: rapid.Bool().Draw(rt, "shell")},
			journal.Operation{Op: "instance.signal", Subject: in},
			drawAction(rt), journal.ActionEnded{Service: "api", Action: "rolling_release", Detail: "release", Error: rapid.SampledFrom([]string{"", "no\nlog"}).Draw(rt, "error")},
			journal.ActionEnded{Service: "backfill", Action: "job", Detail: "run job backfill"},
			journal.Moved{Service: "api", Home: in, Journey: "shop", Step: "buy", For: time.Second, Total: rapid.IntRange(-1, 3).Draw(rt, "moved"), Refused: rapid.IntRange(0, 1).Draw(rt, "refused")},
			journal.Ledger{ID: rapid.SampledFrom([]string{"drain/api", "integrity/orders", "integrity/charges", "integrity/drift", "release/api/backfill"}).Draw(rt, "ledger"),
				Found: rapid.IntRange(-1, 9).Draw(rt, "found"), Lost: rapid.IntRange(0, 1).Draw(rt, "lost"),
				Error:        rapid.SampledFrom([]string{"", "refused"}).Draw(rt, "error of ledger"),
				Acknowledged: rapid.IntRange(-1, 9).Draw(rt, "acknowledged"), Missing: rapid.IntRange(-1, 9).Draw(rt, "missing"),
				Repeated: rapid.IntRange(0, 2).Draw(rt, "repeated"), MostDeliveries: rapid.IntRange(0, 3).Draw(rt, "deliveries")},
			journal.Request{Service: "api", Instance: in, Start: at - time.Duration(rapid.Int64Range(-5, int64(at)).Draw(rt, "length")), Failure: failure.Draw(rt, "failure"),
				Nth: rapid.IntRange(-1, 21).Draw(rt, "nth"), Close: rapid.Bool().Draw(rt, "close")},
			journal.Tally{Service: "api", Instance: in, For: time.Second, Suppressed: rapid.IntRange(0, 3).Draw(rt, "suppressed"), Failed: map[journal.Failure]int{"reset": 2}},
			journal.Traffic{Journey: "shop", Step: "buy", Intended: 5, Sent: 5, OK: rapid.IntRange(0, 5).Draw(rt, "ok"), For: time.Second},
			journal.Traffic{Journey: "shop", Intended: 5, Sent: 5, OK: 4, Failed: 1, Own: rapid.IntRange(0, 5).Draw(rt, "own"), For: time.Second},
			journal.Generator{For: time.Duration(rapid.IntRange(-1, 1).Draw(rt, "for")) * time.Second, Area: rapid.Float64().Draw(rt, "area"), Thread: time.Second, CPUs: -1,
				Steal: rapid.Float64().Draw(rt, "steal"), Exhausted: map[string]int{"ports": rapid.IntRange(-1, 9).Draw(rt, "ports")}, FileLimit: 1},
			journal.ErrorGroup{Journey: "shop", Count: 3}, journal.Unknown{Type: "later"},
		}
		bodies = append(bodies, drawFault(rt, in), journal.Measured{Service: "db", Metric: "reads", Value: rapid.Float64().Draw(rt, "reads")})
		return journal.Event{T: at, Body: rapid.SampledFrom(bodies).Draw(rt, "body")}
	}), 0, 60).Draw(rt, "events")
	slices.SortStableFunc(drawn, func(a, b journal.Event) int { return int(a.T - b.T) })
	return drawn
}

// drawFault makes anything that is said of faults.
func drawFault(rt *rapid.T, target string) journal.Body {
	id := rapid.SampledFrom([]string{"errors", "kill", "gone"}).Draw(rt, "fault")
	failed := rapid.SampledFrom([]string{"", "no\nlog"}).Draw(rt, "error of fault")
	return rapid.SampledFrom([]journal.Body{
		journal.FaultStarted{Fault: id, Targets: []string{target}, Took: time.Duration(rapid.IntRange(-1, 1).Draw(rt, "took")) * time.Second, Error: failed},
		journal.FaultEnded{Fault: id, By: rapid.SampledFrom([]string{"schedule", "stop", ""}).Draw(rt, "by"), Error: failed},
		journal.FaultState{Fault: id, Target: target, State: rapid.SampledFrom([]string{journal.FaultApplied, journal.FaultLost, journal.FaultReverted, journal.FaultStuck, "later"}).Draw(rt, "state")},
		journal.FaultCounters{Fault: id, Target: target, Counters: map[string]int64{"requests": 3}},
		journal.FaultProbe{Fault: id, Target: target, Stage: "before", What: "look", Unit: "s", Value: 0.1},
		journal.Calls{Service: "api", For: time.Second, Total: rapid.IntRange(-1, 30).Draw(rt, "calls"), Told: rapid.IntRange(-1, 30).Draw(rt, "told"),
			Early: rapid.IntRange(-1, 3).Draw(rt, "early"), InFlight: rapid.IntRange(-1, 3).Draw(rt, "open"),
			Calls: []journal.Call{{At: time.Duration(rapid.Int64().Draw(rt, "at")), Key: "k", Status: rapid.SampledFrom([]int{0, 200, 503}).Draw(rt, "status")}}},
		journal.StopTriggered{Condition: "p95 of shop", Measured: "3s", For: time.Second},
	}).Draw(rt, "of fault")
}

// drawAction makes a release of any strategy, or a job.
func drawAction(rt *rapid.T) journal.Body {
	strategy := rapid.SampledFrom([]string{scenarios.RollingStrategy, scenarios.BlueGreenStrategy, scenarios.ReplaceStrategy, "job"}).Draw(rt, "strategy")
	if strategy == "job" {
		return journal.ActionStarted{Service: "backfill", Action: strategy, Detail: "run job backfill"}
	}
	return journal.ActionStarted{Service: "api", Action: strategy, Detail: "release", From: rapid.SampledFrom([]string{"", "v1", "v2"}).Draw(rt, "from"),
		Version: rapid.SampledFrom([]string{"", "v1", "v2"}).Draw(rt, "to"), Replicas: 2, Floor: rapid.IntRange(-1, 3).Draw(rt, "floor")}
}

// insert puts an event where its time belongs.
func insert(events []journal.Event, e journal.Event) []journal.Event {
	i := slices.IndexFunc(events, func(x journal.Event) bool { return x.T > e.T })
	if i < 0 {
		i = len(events)
	}
	return slices.Insert(events, i, e)
}

// FuzzJudge: whatever stands in the files of a run, judging it ends in a
// verdict, and no check crashes.
func FuzzJudge(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	apart := 10 // some of every kind
	if race.On {
		apart = 60
	}
	for n := 0; n < len(files); n += apart {
		file := files[n]
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		dir := f.TempDir()
		storeCase(f, dir, archive)
		b, err := os.ReadFile(filepath.Join(dir, journal.EventsFile))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, events []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, journal.EventsFile), events, 0o644); err != nil {
			t.Fatal(err)
		}
		rec, err := journal.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, control := range append(scenarios.Controls(), scenarios.NoControl) {
			plan := everyCheck()
			plan.Control = control
			for _, finding := range Judge(rec, plan).Checks {
				if strings.HasPrefix(finding.Reason, "checker crashed") {
					t.Errorf("%s: %s", finding.ID, finding.Reason)
				}
			}
		}
	})
}

// An hour of traffic is judged in the time of a blink.
func BenchmarkJudge(b *testing.B) {
	rec, plan := healthy(b)
	for i := range 100_000 {
		at := 3*time.Second + time.Duration(i)*200*time.Microsecond
		rec.Events = append(rec.Events, journal.Event{T: at, Body: journal.Request{Service: "api", Instance: "api-3", Start: at - time.Millisecond}})
	}
	slices.SortStableFunc(rec.Events, func(a, b journal.Event) int { return int(a.T - b.T) })
	b.ReportAllocs()
	for b.Loop() {
		Judge(rec, plan)
	}
}
