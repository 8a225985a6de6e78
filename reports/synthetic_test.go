package reports

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A synthetic run is made by a small model of traffic and instances, so that
// pictures and tables have something realistic to show.
type synthetic struct {
	events  []journal.Event
	latency []journal.Interval
	random  *rand.Rand
	fine    bool // one histogram a second, as the driver writes them
}

const (
	second = time.Second
	ms     = time.Millisecond
)

func (s *synthetic) at(t time.Duration, body journal.Body) {
	s.events = append(s.events, journal.Event{T: t, Body: body})
}

// run is the finished record.
func (s *synthetic) record() *journal.Record {
	slices.SortStableFunc(s.events, func(a, b journal.Event) int { return int(min(1, max(-1, a.T-b.T))) })
	return &journal.Record{Events: s.events, Latency: s.latency}
}

// A load is what a synthetic step sends and how it fares.
type load struct {
	from, to time.Duration
	phase    string
	step     string
	rate     int
	base     time.Duration                  // median response time
	worse    func(time.Duration) float64    // factor on response times, nil for 1
	failed   func(time.Duration) (int, int) // failed and unknown in the second that ends then
}

// traffic writes one Traffic event a second, and the histograms of the phase:
// of response times one a second if they are fine, of lag one.
func (s *synthetic) traffic(l load) {
	tag := journal.Tag{Phase: l.phase, Cohort: "free", Tier: "basic", Journey: "shop", Step: l.step, Measure: journal.Response}
	lag := journal.NewHistogram()
	response := map[string]*hdrhistogram.Histogram{}
	instances := []string{"api-1", "api-2", ""} // that answered; nobody knows of some
	if l.step == "" {
		instances = []string{""}
	}
	for _, name := range instances {
		response[name] = journal.NewHistogram()
	}
	for t := l.from + second; t <= l.to; t += second {
		b := s.second(l, t)
		s.at(t, b)
		for i := range 12 { // enough to tell quantiles apart
			rank := float64(i) / 12
			_ = response[instances[i%len(instances)]].RecordValue(int64(float64(b.P50.Microseconds()) * math.Exp(2.4*(rank-.5))))
			_ = lag.RecordValue(50 + int64(rank*300))
		}
		if s.fine || t+second > l.to {
			from := map[bool]time.Duration{true: t - second, false: l.from}[s.fine]
			for _, name := range instances {
				tag.Instance = name
				s.latency = append(s.latency, journal.Interval{Tag: tag, From: from, To: t, Histogram: response[name]})
				response[name] = journal.NewHistogram()
			}
		}
	}
	tag.Measure, tag.Instance = journal.Lag, ""
	s.latency = append(s.latency, journal.Interval{Tag: tag, From: l.from, To: l.to, Histogram: lag})
}

// second is what a step did in the second that ends at t.
func (s *synthetic) second(l load, t time.Duration) journal.Traffic {
	factor := 1 + s.random.Float64()*.15
	if l.worse != nil {
		factor *= l.worse(t)
	}
	p50 := time.Duration(float64(l.base) * factor)
	n, failed, unknown := l.rate+s.random.IntN(3)-1, 0, 0
	if l.failed != nil {
		failed, unknown = l.failed(t)
	}
	b := journal.Traffic{
		Phase: l.phase, Cohort: "free", Tier: "basic", Journey: "shop", Step: l.step, For: second,
		Intended: n, Sent: n, OK: n - failed - unknown, Failed: failed, Unknown: unknown,
		P50: p50, P95: time.Duration(float64(p50) * 2.6), P99: time.Duration(float64(p50) * (4 + s.random.Float64())),
	}
	b.Max = b.P99 + b.P99/3
	return b
}

// generator writes what the driver says of itself, once a second.
func (s *synthetic) generator(from, to time.Duration) {
	for t := from + second; t <= to; t += second {
		wave := .5 + .5*math.Sin(t.Seconds()/3)
		s.at(t, journal.Generator{
			For: second, InFlight: 2 + int(3*wave), Sessions: 8, Queued: int(2 * wave), Area: 3 + wave, Sojourn: 3 + wave,
			CPU: time.Duration((.5 + .3*wave) * float64(second)), Thread: time.Duration((.3 + .1*wave) * float64(second)), CPUs: 2,
			Busy: .6, Steal: .01 * wave, Files: 60 + int(8*wave), FileLimit: 1024, Connections: 16, Dialled: int(3 * wave),
			Dispersion: .14, Asked: .12, Memory: 22 << 20,
		})
	}
	s.at(to, journal.Engine{Engine: "event loop", Service: "api", Requests: 4498, Why: "HTTP/1.1 without TLS"})
	s.at(to, journal.Engine{Engine: "net/http", Service: "payments", Requests: 1500, Why: "TLS"})
}

// replay writes what was read from an access log, a little of it malformed.
func (s *synthetic) replay() {
	s.at(origin-100*ms, journal.Replayed{
		Cohort: "yesterday", File: "/srv/logs/access.log", Format: "access-log", Lines: 12040, Requests: 11980, Malformed: 2,
		Samples: []string{`10.0.0.7 - - [bad time] "GET /`, "\x16\x03\x01<script>"}, Skipped: map[string]int{"to another host": 58},
	})
}

func (s *synthetic) start(t time.Duration, service, instance string, ready time.Duration) {
	yes := true
	s.at(t, journal.InstanceStarted{Service: service, Instance: instance, Cause: "stack up"})
	s.at(t+ready-80*ms, journal.InitializationDone{Service: service, Instance: instance})
	s.at(t+ready, journal.ProbeChanged{Service: service, Instance: instance, Ready: true, Detail: "status 200"})
	s.at(t+ready, journal.EndpointAdded{Service: service, Instance: instance, Initialized: &yes})
}

// tallies writes what an instance served, a line a second.
func (s *synthetic) tallies(service, instance string, from, to time.Duration, rate int) {
	for t := from.Truncate(second) + second; t < to+second; t += second {
		n := max(0, rate+s.random.IntN(7)-3)
		if t > to {
			n = n * int((to-t+second)/ms) / 1000
		}
		s.at(min(t, to), journal.Tally{Service: service, Instance: instance, For: second, Total: n, New: n / 20, Reused: n - n/20, InFlight: 2})
	}
}

// drain writes an orderly termination.
func (s *synthetic) drain(t time.Duration, service, instance, cause string, took time.Duration) {
	s.at(t, journal.InstanceTerminating{Service: service, Instance: instance, Cause: cause, Lag: 700 * ms, Grace: 10 * second})
	s.at(t+ms, journal.InstanceSignalled{Service: service, Instance: instance, Signal: "SIGTERM"})
	s.at(t+700*ms, journal.EndpointRemoved{Service: service, Instance: instance, Reason: "terminating"})
	s.at(t+took, journal.InstanceExited{Service: service, Instance: instance, Code: 0, Wanted: true})
}

// stack starts what does not change during the run.
func (s *synthetic) stack() {
	s.at(0, journal.RunStarted{Run: "8f3a", Scenario: "scale-under-load", Platform: "docker", Seed: 7})
	for i, name := range []string{"postgres-1", "redis-1"} {
		s.at(time.Duration(i+1)*200*ms, journal.InstanceStarted{Service: name[:len(name)-2], Instance: name, Cause: "stack up"})
	}
	for i, service := range []string{"web", "payments"} {
		s.start(2*second+time.Duration(i)*150*ms, service, service+"-1", 700*ms)
	}
	s.start(2400*ms, "api", "api-1", 1900*ms)
	s.start(2600*ms, "api", "api-2", 1800*ms)
}

const origin = 5 * second // of traffic

// phases writes the three phases of scale-under-load and its actions.
func (s *synthetic) phases() {
	s.at(origin, journal.TrafficStarted{})
	for i, name := range []string{"baseline", "scale-up", "scale-down"} {
		from := origin + time.Duration(i)*10*second
		s.at(from, journal.PhaseStarted{Phase: name, For: 10 * second})
		s.at(from+10*second, journal.PhaseEnded{Phase: name})
	}
	for _, a := range []struct {
		at, took time.Duration
		detail   string
	}{{12 * second, 2100 * ms, "scale api to 3"}, {22 * second, 1900 * ms, "scale api to 1"}} {
		s.at(origin+a.at, journal.ActionStarted{Service: "api", Planned: a.at, Detail: a.detail})
		s.at(origin+a.at+a.took, journal.ActionEnded{Service: "api", Detail: a.detail})
	}
}

// end closes the journal after traffic.
func (s *synthetic) end() {
	s.at(origin+30*second+120*ms, journal.TrafficEnded{})
	s.at(origin+30*second+130*ms, journal.RunEnded{Reason: "completed"})
	for _, i := range []string{"api-1", "web-1", "payments-1"} {
		s.at(origin+31*second, journal.InstanceTerminating{Service: i[:len(i)-2], Instance: i, Cause: "stack down", Lag: 0, Grace: 10 * second})
		s.at(origin+31*second+50*ms, journal.InstanceExited{Service: i[:len(i)-2], Instance: i, Code: 0, Wanted: true})
	}
}

// shop is the traffic of the journey with four steps; failed applies to one of them.
func (s *synthetic) shop(worse func(time.Duration) float64, failed func(time.Duration) (int, int)) {
	for i, phase := range []string{"baseline", "scale-up", "scale-down"} {
		from := origin + time.Duration(i)*10*second
		to := from + 10*second
		s.traffic(load{from, to, phase, "home", 50, 2 * ms, worse, nil})
		s.traffic(load{from, to, phase, "session", 50, 6 * ms, worse, nil})
		s.traffic(load{from, to, phase, "catalogue", 50, 4 * ms, worse, failed})
		s.traffic(load{from, to, phase, "checkout", 50, 14 * ms, worse, nil})
		s.traffic(load{from, to, phase, "", 50, 160 * ms, worse, nil})
	}
}

// intent is the run.json of both synthetic runs.
func intent() rundir.Intent {
	limit, availability := scenarios.Duration(300*ms), scenarios.Percent(99.9)
	return rundir.Intent{
		Run: "8f3a", Version: "0.1.0", Started: time.Date(2026, 11, 30, 9, 15, 0, 0, time.UTC), Platform: "docker",
		Command: []string{"/opt/bin/shakedown", "run", "scale-under-load", "--out", "runs/demo"},
		Machine: rundir.Machine{OS: "linux", Arch: "amd64", CPUs: 2, Kernel: "6.1.0", Go: "go1.26.8", Engine: "20.10.24"},
		Notes:   []string{"Network faults were not part of this run."},
		Plan: &scenarios.Plan{
			Scenario: "scale-under-load", Summary: "An instance joins and two leave while 200 requests a second flow.",
			Digest: "3b1f6c0a9d2e", Seed: 7, Tempo: 1, Multiple: 3,
			Journeys: map[string][]scenarios.PlannedStep{"shop": {{Name: "home"}, {Name: "session"}, {Name: "catalogue"}, {Name: "checkout"}}},
			Checks:   []scenarios.Check{{SLO: &scenarios.SLOCheck{Journey: "shop", P99: &limit, Availability: &availability}}},
		},
	}
}

func passed(id, kind, service, wanted, measured string) verify.Finding {
	return verify.Finding{ID: id, Kind: kind, Service: service, Verdict: verify.Pass, Wanted: wanted, Measured: measured}
}

// healthyRun is a run in which everything went well.
func healthyRun() Run {
	s := &synthetic{random: rand.New(rand.NewPCG(1, 2)), fine: true}
	s.stack()
	s.phases()
	s.shop(nil, nil)
	s.generator(origin, origin+30*second)
	s.start(origin+12*second, "api", "api-3", 1800*ms)
	s.tallies("api", "api-1", origin, origin+30*second, 66)
	s.tallies("api", "api-2", origin, origin+22700*ms, 66)
	s.tallies("api", "api-3", origin+13800*ms, origin+22700*ms, 66)
	s.tallies("web", "web-1", origin, origin+30*second, 50)
	s.tallies("payments", "payments-1", origin, origin+30*second, 50)
	s.drain(origin+22*second, "api", "api-3", "scale api to 1", 1400*ms)
	s.drain(origin+22*second, "api", "api-2", "scale api to 1", 1500*ms)
	s.end()
	return Run{
		Dir: "runs/20261130-091500-scale-under-load", Intent: intent(), Record: s.record(),
		Result: verify.Result{Scenario: "scale-under-load", Verdict: verify.Pass, Checks: []verify.Finding{
			passed("slo/shop/p99", "slo", "", "p99 ≤ 300 ms", "46.2 ms of 6,000 requests"),
			passed("slo/shop/availability", "slo", "", "≥ 99.9 % ok", "100 % of 6,000 requests"),
			passed("drain/api/D1-in-flight", "drain", "api", "all in flight at SIGTERM complete", "9 of 9 on 2 instances"),
			passed("drain/api/D2-endpoint-lag", "drain", "api", "no failure while still listed", "0 of 94 failed"),
			passed("drain/api/D5-exit", "drain", "api", "exit 0 within 80 % of 10 s", "exit 0 after at most 1.5 s"),
			passed("readiness/api/R1-initialized", "readiness", "api", "no request before initialization", "0 early requests"),
		}},
	}
}

// failingRun is a run in which api closes its listener at SIGTERM and one
// check had too few samples.
func failingRun() Run {
	s := &synthetic{random: rand.New(rand.NewPCG(3, 4)), fine: true}
	s.stack()
	s.phases()
	leave := origin + 22*second
	s.shop(func(t time.Duration) float64 {
		if t > leave && t < leave+4*second {
			return 3.5
		}
		return 1
	}, func(t time.Duration) (int, int) {
		if t > leave && t <= leave+2*second {
			return 22, 3
		}
		return 0, 0
	})
	s.generator(origin, origin+30*second)
	s.replay()
	s.polls()
	s.start(origin+12*second, "api", "api-3", 1800*ms)
	s.tallies("api", "api-1", origin, origin+30*second, 66)
	s.tallies("api", "api-2", origin, leave+700*ms, 66)
	s.tallies("api", "api-3", origin+13800*ms, leave+700*ms, 66)
	s.tallies("web", "web-1", origin, origin+30*second, 50)
	s.drain(leave, "api", "api-3", "scale api to 1", 900*ms)
	s.kill(leave, "api", "api-2")
	s.failures(leave)
	s.at(origin+30*second, journal.ErrorGroup{
		Journey: "shop", Step: "catalogue", Outcome: "fail", Message: "status 502, wanted below 400", Count: 44,
		First: leave + 200*ms, Last: leave + 1100*ms, Sample: "HTTP/1.1 502 Bad Gateway\ncontent-length: 21\n\nconnection refused",
	})
	s.at(origin+30*second, journal.ErrorGroup{
		Journey: "shop", Step: "checkout", Outcome: "unknown", Message: "no answer within 10 s", Count: 6, First: leave + 300*ms, Last: leave + 2*second,
	})
	s.at(origin+30*second, journal.Note{Level: "warning", Text: "api-2 wrote no log after SIGTERM."})
	s.end()
	return Run{Dir: "runs/20261130-091500-scale-under-load", Intent: intent(), Record: s.record(), Result: failingResult(leave)}
}

// polls writes how long a step that polls took.
func (s *synthetic) polls() {
	waited := journal.NewHistogram()
	for i := range int64(40) {
		_ = waited.RecordValue(800_000 + i*50_000)
	}
	s.latency = append(s.latency, journal.Interval{
		Tag: journal.Tag{Phase: "scale-up", Cohort: "free", Tier: "basic", Journey: "shop", Step: "checkout", Measure: journal.Waited}, From: origin, To: origin + second, Histogram: waited,
	})
}

// kill writes a termination that ended with SIGKILL.
func (s *synthetic) kill(t time.Duration, service, instance string) {
	s.at(t, journal.InstanceTerminating{Service: service, Instance: instance, Cause: "scale api to 1", Lag: 700 * ms, Grace: 6 * second})
	s.at(t+ms, journal.InstanceSignalled{Service: service, Instance: instance, Signal: "SIGTERM"})
	s.at(t+700*ms, journal.EndpointRemoved{Service: service, Instance: instance, Reason: "terminating"})
	s.at(t+6*second, journal.InstanceSignalled{Service: service, Instance: instance, Signal: "SIGKILL"})
	s.at(t+6*second+40*ms, journal.InstanceExited{Service: service, Instance: instance, Code: 137, Wanted: true})
}

// failures writes the requests that failed on the leaving instances.
func (s *synthetic) failures(leave time.Duration) {
	for i := range 34 {
		t := leave + 200*ms + time.Duration(i)*27*ms
		s.at(t, journal.Request{
			ID: fmt.Sprint(4000 + i), Service: "api", Instance: "api-2", Method: "GET", Path: "/v1/catalogue",
			Start: t - 3*ms, Reused: i%9 != 0, ConnAge: 8 * second, Failure: map[bool]journal.Failure{true: journal.Closed, false: journal.Refused}[i%9 != 0],
		})
	}
	for i := range 10 {
		t := leave + 240*ms + time.Duration(i)*41*ms
		s.at(t, journal.Request{
			ID: fmt.Sprint(5000 + i), Service: "api", Instance: "api-3", Method: "GET", Path: "/v1/catalogue",
			Start: t - 2*ms, Failure: journal.Refused,
		})
	}
	for i := range 2 {
		s.at(leave+900*ms+time.Duration(i)*ms, journal.Request{Service: "api", Method: "GET", Path: "/v1/catalogue", Start: leave + 890*ms, Status: 503, Failure: journal.NoEndpoint})
	}
}

func failingResult(leave time.Duration) verify.Result {
	return verify.Result{Scenario: "scale-under-load", Verdict: verify.Fail, Checks: []verify.Finding{
		passed("slo/shop/p99", "slo", "", "p99 ≤ 300 ms", "148 ms of 6,000 requests"),
		{
			ID: "slo/shop/availability", Kind: "slo", Verdict: verify.Fail, Wanted: "≥ 99.9 % ok", Measured: "99.17 % of 6,000 requests",
			Reason:   "44 of 6,000 requests failed and 6 are unknown, where 6 may.",
			Evidence: []verify.Evidence{{Text: "44 failed and 6 unknown in scale-down", From: leave, To: leave + 2*second, Count: 50}},
		},
		passed("drain/api/D1-in-flight", "drain", "api", "all in flight at SIGTERM complete", "9 of 9 on 2 instances"),
		{
			ID: "drain/api/D2-endpoint-lag", Kind: "drain", Service: "api", Verdict: verify.Fail,
			Wanted: "no failure while still listed", Measured: "44 of 94 failed on api-2 and api-3",
			Reason: "api-2 and api-3 refused requests that arrived after SIGTERM while they were still in the endpoint list: the listener closed before the list had moved on.",
			Evidence: []verify.Evidence{
				{Text: "34 requests failed 0.2 to 1.1 s after SIGTERM, 30 on reused and 4 on new connections", Instance: "api-2", From: leave + 200*ms, To: leave + 1100*ms, Count: 34},
				{Text: "10 requests failed 0.2 to 0.6 s after SIGTERM, all on new connections", Instance: "api-3", From: leave + 240*ms, To: leave + 610*ms, Count: 10},
				{Text: "GET /v1/catalogue: refused (request 4000)", Instance: "api-2", From: leave + 200*ms, To: leave + 200*ms},
				{Text: "GET /v1/catalogue: closed before the answer (request 4001)", Instance: "api-2", From: leave + 227*ms, To: leave + 227*ms},
			},
		},
		{
			ID: "drain/api/D5-exit", Kind: "drain", Service: "api", Verdict: verify.Fail, Wanted: "exit 0 within 80 % of the grace period", Measured: "api-2: exit 137 after 6.04 s",
			Reason:   "api-2 had to be killed: it was still running when its grace period of 6 s was over.",
			Evidence: []verify.Evidence{{Text: "SIGKILL", Instance: "api-2", From: leave + 6*second, To: leave + 6*second}},
		},
		{
			ID: "readiness/api/R2-warm-up", Kind: "readiness", Service: "api", Verdict: verify.Inconclusive, Wanted: "first 100 requests within 300 ms", Measured: "12 requests",
			Reason: "Only 12 requests reached api-3 in its first seconds; 100 are needed.",
		},
		passed("readiness/api/R1-initialized", "readiness", "api", "no request before initialization", "0 early requests"),
	}}
}

// longRun is a run of many seconds and steps, with instances coming and going.
func longRun(seconds, steps int) Run {
	s := &synthetic{random: rand.New(rand.NewPCG(5, 6))}
	s.stack()
	to := origin + time.Duration(seconds)*second
	s.at(origin, journal.TrafficStarted{})
	s.at(origin, journal.PhaseStarted{Phase: "steady", For: time.Duration(seconds) * second})
	for i := range steps {
		s.traffic(load{origin, to, "steady", fmt.Sprintf("step-%d", i), 20, 5 * ms, nil, func(time.Duration) (int, int) { return s.random.IntN(2), s.random.IntN(2) }})
	}
	for i := range 8 {
		s.tallies("api", fmt.Sprintf("api-%d", i+1), origin, to, 60)
	}
	s.generator(origin, to)
	for n, t := 0, origin+30*second; t < to-30*second; n, t = n+1, t+40*second {
		name := fmt.Sprintf("api-%d", 3+n%6)
		s.start(t, "api", name, second)
		s.drain(t+20*second, "api", name, "scale", second)
		for i := range 30 {
			s.at(t+20*second+time.Duration(i)*20*ms, journal.Request{Service: "api", Instance: name, Method: "GET", Path: "/", Start: t + 20*second, Failure: journal.Reset})
		}
	}
	s.at(to, journal.PhaseEnded{Phase: "steady"})
	s.at(to, journal.TrafficEnded{})
	s.at(to+ms, journal.RunEnded{Reason: "completed"})
	run := failingRun()
	run.Record = s.record()
	return run
}
