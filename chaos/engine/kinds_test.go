package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Each kind, but for those of databases, once from beginning to end: what is done, that it
// counts as applied, and that nothing is left.
func TestKinds(t *testing.T) {
	half := scenarios.Percent(50)
	all := scenarios.Selection{Pick: "all"}
	for kind, c := range map[string]struct {
		spec  scenarios.Fault
		set   func(w *world)
		while func(w *world)
		told  func(f order.Fault) bool // of every order
		done  string                   // is among what was done
	}{
		"kill":       {spec: killOf("one"), done: "kill db-1"},
		"stop":       {spec: scenarios.Fault{Stop: &scenarios.StopFault{}}, done: "stop db-1"},
		"pause":      {spec: pauseOf("one"), done: "resume db-1"},
		"restart":    {spec: scenarios.Fault{Restart: &scenarios.RestartFault{}}, done: "replace db-1"},
		"crash_loop": {spec: scenarios.Fault{CrashLoop: &scenarios.CrashLoopFault{}}, done: "kill db-2"},
		"zone_loss": {spec: scenarios.Fault{Target: scenarios.Selection{Zone: "a"}, ZoneLoss: &scenarios.ZoneLossFault{As: "partition"}}, told: func(f order.Fault) bool {
			return f.Packets.Kind == order.Partition && f.Packets.Direction == order.Both && f.Packets.Peers == nil
		}},
		"reclaim": {spec: scenarios.Fault{Reclaim: &scenarios.ReclaimFault{Notice: scenarios.Duration(second)}}, done: "interrupt [db-1] 1s true"},
		"delay": {spec: delayOf("all"), told: func(f order.Fault) bool {
			return f.Packets.Kind == order.Delay && f.Packets.Latency == 50*time.Millisecond
		}},
		"loss":      {spec: scenarios.Fault{Loss: &scenarios.LossFault{Share: 20}}, told: func(f order.Fault) bool { return f.Packets.Kind == order.Loss && f.Packets.Share == 0.2 }},
		"bandwidth": {spec: scenarios.Fault{Bandwidth: &scenarios.BandwidthFault{Rate: 1000}}, told: func(f order.Fault) bool { return f.Packets.Rate == 1000 }},
		"partition": {spec: scenarios.Fault{Partition: &scenarios.PartitionFault{Peer: "api"}}, told: func(f order.Fault) bool { return len(f.Packets.Peers) == 1 }},
		"reset": {spec: scenarios.Fault{Reset: &scenarios.ResetFault{Port: 5432}}, told: func(f order.Fault) bool {
			return f.Packets.Kind == order.Reset && f.Packets.Port == 5432 && f.Packets.Existing == order.ResetExisting
		}},
		"connection_limit": {spec: scenarios.Fault{ConnectionLimit: &scenarios.ConnectionLimitFault{Limit: 4}}, told: func(f order.Fault) bool { return f.Packets.Limit == 4 && f.Packets.Direction == order.In }},
		"dns": {spec: scenarios.Fault{DNS: &scenarios.DNSFault{Answer: "nxdomain", Names: []string{"api"}}}, set: func(w *world) { w.counters = map[string]int64{"queries": 3, "injected": 2} },
			told: func(f order.Fault) bool { return f.DNS.Answer == order.NXDomain && f.DNS.Names[0] == "api" }},
		"cpu_pressure": {spec: scenarios.Fault{CPUPressure: &scenarios.CPUPressureFault{Cores: 1}}, set: func(w *world) { w.usage = w.loaded }, told: func(f order.Fault) bool { return f.Pressure.Cores == 1 }},
		"cpu_throttle": {spec: scenarios.Fault{CPUThrottle: &scenarios.CPUThrottleFault{CPUs: 0.5}}, set: func(w *world) { w.usage = w.loaded }, done: "limit db-1 to 2"},
		"memory_pressure": {spec: scenarios.Fault{MemoryPressure: &scenarios.MemoryPressureFault{OOM: true}}, while: func(w *world) { w.lose("db-1", 137, true) }, done: "replace db-1",
			told: func(f order.Fault) bool { return f.Pressure.OOM && f.Pressure.Memory == 100<<20 }},
		"disk_fill": {spec: scenarios.Fault{DiskFill: &scenarios.DiskFillFault{Volume: "data", Fill: &half}}, set: func(w *world) { w.counters = map[string]int64{"bytes": 1 << 20} }, told: func(f order.Fault) bool {
			return f.Pressure.Disk.Fill == 0.5 && f.Pressure.Disk.Path == volumePath
		}},
		"http_latency": {spec: scenarios.Fault{HTTPLatency: &scenarios.LatencyFault{P50: scenarios.Duration(second)}}, told: func(f order.Fault) bool { return f.HTTP.Latency.P50 == second }},
		"http_errors": {spec: scenarios.Fault{HTTPErrors: &scenarios.HTTPErrorsFault{Statuses: map[string]int{"500": 2}}, Match: &scenarios.RequestMatch{Method: "POST", Share: &half}}, told: func(f order.Fault) bool {
			return f.HTTP.Errors.Statuses[500] == 2 && len(f.HTTP.Errors.Statuses) == 1 && f.HTTP.Match == order.Match{Method: "POST", Share: 0.5}
		}},
		"http_abort":     {spec: scenarios.Fault{HTTPAbort: &scenarios.HTTPAbortFault{AfterWork: true}}, told: func(f order.Fault) bool { return f.HTTP.Abort.AfterWork }},
		"http_slow_body": {spec: scenarios.Fault{HTTPSlowBody: &scenarios.SlowBodyFault{Rate: 9}}, told: func(f order.Fault) bool { return f.HTTP.SlowBody.Rate == 9 }},
		"http_truncate":  {spec: scenarios.Fault{HTTPTruncate: &scenarios.TruncateFault{After: 9}}, told: func(f order.Fault) bool { return f.HTTP.Truncate.After == 9 }},
		"http_corrupt":   {spec: scenarios.Fault{HTTPCorrupt: &scenarios.CorruptFault{}}, told: func(f order.Fault) bool { return f.HTTP.Corrupt != nil }},
		"brownout":       {spec: scenarios.Fault{Brownout: &scenarios.BrownoutFault{P50: 5, Peak: 3}}, told: func(f order.Fault) bool { return f.HTTP.Brownout.P50 == 5 && f.HTTP.Brownout.Peak == 3 }},
		"flapping": {spec: scenarios.Fault{Target: all, Flapping: &scenarios.FlappingFault{Down: scenarios.Duration(second), Up: scenarios.Duration(second), As: "refuse"}}, set: func(w *world) { w.counters = map[string]int64{"packets": 2, "reset": 2} },
			told: func(f order.Fault) bool { return f.Packets.Kind == order.Reset && f.Packets.Port == 8080 }},
		"rate_limit": {spec: scenarios.Fault{RateLimit: &scenarios.RateLimitFault{Rate: 2.5}}, told: func(f order.Fault) bool { return f.HTTP.RateLimit.Burst == 3 && f.HTTP.RateLimit.RetryAfter == second }},
		"outage": {spec: scenarios.Fault{Target: all, Outage: &scenarios.OutageFault{As: "hang"}}, set: func(w *world) { w.counters = map[string]int64{"packets": 2, "dropped": 2} },
			told: func(f order.Fault) bool { return f.Packets.Kind == order.Partition && f.Packets.Port == 8080 }},
		"tls_handshake": {spec: scenarios.Fault{TLSHandshake: &scenarios.TLSHandshakeFault{Delay: 9}, Egress: "api.pay.example:443"}, told: func(f order.Fault) bool {
			return f.HTTP.Handshake.Delay == 9 && f.HTTP.Egress.Port == 443 && !f.HTTP.Egress.TLS && len(f.HTTP.Egress.Addresses) == 2
		}},
		"tls_reset": {spec: scenarios.Fault{TLSReset: &scenarios.TLSResetFault{Names: []string{"x"}}, Egress: "10.1.2.3:443"}, told: func(f order.Fault) bool {
			return f.HTTP.TLSReset.Names[0] == "x" && f.HTTP.Existing == order.ResetExisting && f.HTTP.Egress.Addresses[0].String() == "10.1.2.3"
		}},
		"tls_expired": {spec: scenarios.Fault{TLSExpired: &scenarios.TLSExpiredFault{}, Egress: "api:443"}, told: func(f order.Fault) bool { return f.HTTP.Expired != nil && f.HTTP.Egress.TLS }},
		"cache_flush": {spec: scenarios.Fault{CacheFlush: &scenarios.CacheFlushFault{Request: "POST /purge"}}, done: "fetch db-1 POST /purge"},
	} {
		t.Run(kind, func(t *testing.T) {
			var w *world
			http := strings.HasPrefix(kind, "http_") || kind == "brownout" || kind == "rate_limit"
			length := 4 * second
			play(t, []scenarios.PlannedFault{planned("f", kind, 5*second, length, c.spec, "db")}, func(x *world) {
				w = x
				w.plan.Services["api"] = scenarios.PlannedService{}
				if http {
					w.front("db")
				}
				if c.set != nil {
					c.set(w)
				}
			}, func(_ *testing.T, w *world) {
				if c.while != nil {
					time.Sleep(7 * second)
					c.while(w)
				}
			})
			states := map[string]bool{}
			for state := range w.reasons() {
				states[state[strings.LastIndex(state, " ")+1:]] = true
			}
			if !states[journal.FaultApplied] || !states[journal.FaultReverted] || len(states) != 2 {
				t.Errorf("%q\n%q", w.reasons(), w.said())
			}
			told := 0
			for _, a := range w.agents {
				for _, f := range a.all {
					if told++; c.told == nil || !c.told(f) {
						t.Errorf("told %+v", f)
					}
				}
			}
			if c.told != nil && told == 0 {
				t.Error("told nothing")
			}
			if c.done != "" && !slices.ContainsFunc(w.done(), func(l string) bool { return strings.HasSuffix(l, " "+c.done) }) {
				t.Errorf("%s is not among %q", c.done, w.done())
			}
			nothingLeft(t, w)
		})
	}
}

// loaded is an instance that uses what it may, and is throttled for half of the
// time when a fault is at work.
func (w *world) loaded(i string) Usage {
	now := w.clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	u := Usage{CPU: now / 10, CPUs: w.cpus[i], Limit: 100 << 20, Memory: 10 << 20}
	if now > 5*second {
		u.CPU, u.Throttled = u.CPU+(now-5*second), (now-5*second)/2
	}
	return u
}

// A flapping service without a proxy is cut off and let go by turns.
func TestFlappingByTurns(t *testing.T) {
	spec := scenarios.Fault{Target: scenarios.Selection{Pick: "all"}, Flapping: &scenarios.FlappingFault{Down: scenarios.Duration(2 * second), Up: scenarios.Duration(second), As: "refuse"}}
	var w *world
	play(t, []scenarios.PlannedFault{planned("flap", "flapping", 5*second, 7*second, spec, "db")}, func(x *world) {
		w = x
		w.counters = map[string]int64{"packets": 1, "reset": 1}
	}, nil)
	same(t, without(w.done(), "accompany"), []string{
		"5s apply flap beside db-1", "7s revert flap beside db-1", "8s apply flap beside db-1", "10s revert flap beside db-1",
		"11s apply flap beside db-1", "12s revert flap beside db-1",
	})
	nothingLeft(t, w)
}

// On processes the engine itself empties a cache.
func TestCacheFlushOnLoopback(t *testing.T) {
	r := miniredis.RunT(t)
	for i := range 7 {
		if err := r.Set(fmt.Sprint(i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	f := planned("flush", "cache_flush", 50*time.Millisecond, 0, scenarios.Fault{CacheFlush: &scenarios.CacheFlushFault{Port: r.Server().Addr().Port}}, "db")
	w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{f}}).with("db", 1)
	w.platform, w.clock, w.here = "process", clock.Start(), true
	e := w.start(t)
	if err := errors.Join(e.Prepare(t.Context()), e.Run(t.Context(), w.clock.Now()), e.Close()); err != nil {
		t.Fatal(err)
	}
	if keys := r.Keys(); len(keys) != 0 {
		t.Errorf("%d keys are left", len(keys))
	}
	if got := w.reasons()["flush db-1 applied"]; got != "7 keys were in it before" {
		t.Errorf("%q", w.reasons())
	}
}

// A second agent takes the place of one that is gone, for the next fault.
func TestAnotherAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(&scenarios.Plan{Faults: []scenarios.PlannedFault{
			planned("one", "delay", 1*second, 5*second, delayOf("all"), "db"),
			planned("two", "delay", 10*second, 5*second, delayOf("all"), "db"),
		}}).with("db", 1)
		e := w.start(t)
		if err := e.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(3*second, func() { w.agents[0].die(errors.New("signal: killed")) })
		if err := errors.Join(e.Run(t.Context(), 0), e.Close()); err != nil {
			t.Fatal(err)
		}
		same(t, w.done(), []string{
			"0s accompany db-1 (network)", "1s apply one beside db-1", "8s accompany db-1 (network)", "10s apply two beside db-1", "15s revert two beside db-1",
		})
		if reasons := w.reasons(); reasons["one db-1 lost"] == "" || reasons["two db-1 applied"] == "" {
			t.Errorf("%q", reasons)
		}
	})
}
