package engine

import (
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

type counts = map[string]int64
type readings = map[string]order.Reading

func reads(key string, v float64) readings { return readings{key: {Value: v}} }
func fails(key, err string) readings       { return readings{key: {Error: err}} }

func cpu(used, throttled, limit float64) readings {
	return readings{"cpu": {Value: used}, "throttled": {Value: throttled}, "limit": {Value: limit}}
}

// For every kind: what is made of what is known.
func TestEvidence(t *testing.T) {
	applied, partial, none := journal.FaultApplied, journal.FaultPartial, journal.FaultNoEffect
	exited := &journal.InstanceExited{Code: 137}
	oom := &journal.InstanceExited{Code: 137, OOM: true}
	half := scenarios.Percent(50)
	of := func(set func(f *scenarios.Fault)) (f scenarios.PlannedFault) {
		set(&f.Spec)
		return f
	}
	fill := of(func(f *scenarios.Fault) { f.DiskFill = &scenarios.DiskFillFault{Fill: &half} })
	kills := of(func(f *scenarios.Fault) { f.MemoryPressure = &scenarios.MemoryPressureFault{OOM: true} })
	cut := of(func(f *scenarios.Fault) { f.ZoneLoss = &scenarios.ZoneLossFault{As: "partition"} })
	half2 := of(func(f *scenarios.Fault) { f.CPUThrottle = &scenarios.CPUThrottleFault{CPUs: 0.5} })
	out := of(func(f *scenarios.Fault) { f.Outage = &scenarios.OutageFault{As: "refuse"} })
	leave := of(func(f *scenarios.Fault) { f.PoolExhaustion = &scenarios.PoolExhaustionFault{Leave: 5} })
	type row struct {
		e      evidence
		state  string
		reason string
	}
	request := []row{
		{evidence{}, none, "0 requests came by while it lasted"},
		{evidence{counters: counts{"requests": 7, "injected": 0}}, none, "7 requests came by, and it was done to none of them"},
		{evidence{counters: counts{"requests": 7, "injected": 0, "reset": 5}}, none, "7 requests came by"}, // connections that were open are no requests
		{evidence{counters: counts{"requests": 7, "injected": 3}}, applied, "done to 3 of 7 requests"},
	}
	connection := []row{
		{evidence{}, none, "0 connections came by"},
		{evidence{counters: counts{"requests": 0, "connections": 2, "injected": 0}}, none, "2 connections came by, and"},
		{evidence{counters: counts{"requests": 0, "connections": 2, "injected": 2}}, applied, "done to 2 of 2 connections"},
	}
	dropped := []row{
		{evidence{counters: counts{"packets": 0, "dropped": 0}}, none, "0 packets came by"},
		{evidence{counters: counts{"packets": 9, "dropped": 0}}, none, "9 packets came by, and none was"},
		{evidence{counters: counts{"packets": 9, "dropped": 4}, before: reads("connect", 0.001), during: fails("connect", "timeout")}, applied, "4 of 9 packets "},
	}
	exits := []row{
		{evidence{there: true}, none, " did not exit"},
		{evidence{there: true, trouble: "stop api-1: refused"}, none, "stop api-1: refused"},
		{evidence{exited: exited}, applied, " exited with code 137"},
		{evidence{}, applied, " is gone"},
	}
	table := map[string][]row{
		"kill": exits, "stop": exits, "restart": exits, "reclaim": exits,
		"pause": {
			{evidence{}, applied, "the platform confirmed"},
			{evidence{during: reads("cpu", 0)}, applied, " used no CPU"},
			{evidence{during: reads("cpu", 0.2)}, none, " used 0.200 cores"},
		},
		"crash_loop": {
			{evidence{there: true}, none, " did not exit"},
			{evidence{counters: counts{"kills": 3}}, applied, "3 kills"},
			{evidence{counters: counts{"kills": 1}, trouble: "1 kill, and then nothing"}, partial, "1 kill, and then nothing"},
		},
		"zone_loss": append([]row{{evidence{fault: cut, counters: counts{"packets": 3, "dropped": 3}}, applied, "3 of 3 packets dropped"}}, exits...),
		"delay": {
			{evidence{counters: counts{"packets": 0}}, none, "0 packets came by"},
			{evidence{counters: counts{"packets": 5, "delayed": 5}, before: reads("connect", 0.001), during: reads("connect", 0.101)}, applied, "5 of 5 packets held up; connect took 101ms, before 1ms"},
			{evidence{backend: backendRedirect, counters: counts{"requests": 0, "injected": 0}}, none, "0 requests"},
			{evidence{backend: backendProxy, counters: counts{"requests": 2, "injected": 2}}, applied, "2 held up of 2 requests"},
		},
		"loss": dropped, "partition": dropped, "connection_limit": dropped,
		"bandwidth": append([]row{{evidence{counters: counts{"packets": 8, "delayed": 3, "dropped": 1}}, applied, "4 of 8 packets above the rate"}}, dropped...),
		"reset":     append([]row{{evidence{counters: counts{"packets": 2, "reset": 2}}, applied, "2 of 2 packets answered with a reset"}}, dropped...),
		"dns": {
			{evidence{}, none, "0 look-ups: the target keeps its connections"},
			{evidence{counters: counts{"queries": 4, "injected": 0}}, none, "4 look-ups, none of a name"},
			{evidence{counters: counts{"queries": 4, "injected": 1}, before: reads("look-up", 0.001), during: fails("look-up", "NXDOMAIN")}, applied, "1 look-up spoiled; look-up: NXDOMAIN, before it took 1ms"},
		},
		"cpu_pressure": {
			{evidence{}, none, "nobody could see"},
			{evidence{before: cpu(0.1, 0, 1), during: cpu(0.1, 0, 1)}, none, "0.10 cores used"},
			{evidence{before: cpu(0.1, 0, 1), during: cpu(0.9, 0, 1)}, applied, "0.90 cores used in its limits, before 0.10"},
			{evidence{before: cpu(0.95, 0, 1), during: cpu(1, 0.4, 1)}, applied, "1.00 cores"},
		},
		"cpu_throttle": {
			{evidence{fault: half2, during: fails("throttled", "no control group")}, none, "nobody could see whether it was throttled: no control group"},
			{evidence{fault: half2, before: cpu(0.2, 0, 2), during: cpu(0.2, 0, 0.5)}, none, "the limit was lowered and never reached: it used 0.20 cores"},
			{evidence{fault: half2, before: cpu(0.2, 0, 2), during: cpu(0.5, 0.3, 0.5)}, applied, "throttled for 300 ms a second"},
			{evidence{fault: half2, before: cpu(0.2, 0, 2), during: cpu(0.5, 0.3, 2)}, none, "its limit was 2.00 cores, not 0.50"},
		},
		"memory_pressure": {
			{evidence{fault: kills}, none, " was not killed"},
			{evidence{fault: kills, exited: oom}, applied, " was killed for want of memory"},
			{evidence{fault: kills, exited: exited}, partial, " exited with code 137, and not"},
			{evidence{counters: counts{"bytes": 50 << 20}, before: reads("memory", 10<<20), during: reads("memory", 60<<20)}, applied, ""},
			{evidence{counters: counts{"bytes": 50 << 20}, before: reads("memory", 10<<20), during: reads("memory", 11<<20)}, none, ""},
			{evidence{}, none, "nobody could see"},
		},
		"disk_fill": {
			{evidence{fault: fill, before: reads("disk", 10), during: reads("disk", 50)}, applied, "50.0% of the volume in use, before 10.0%"},
			{evidence{fault: fill, before: reads("disk", 10), during: reads("disk", 30)}, partial, "30.0% of the volume in use, not 50%"},
			{evidence{fault: fill, before: reads("disk", 10), during: reads("disk", 10)}, none, ""},
			{evidence{counters: counts{"bytes": 100}, during: reads("disk", 10)}, applied, "100 bytes of the volume used up; 10.0% in use"},
			{evidence{counters: counts{"bytes": 100}}, applied, "100 bytes of the volume used up"},
			{evidence{fault: fill, counters: counts{"bytes": 100}}, partial, "100 bytes of the volume used up; nobody could see"},
			{evidence{}, none, "nobody could see"},
		},
		"http_latency": request, "http_errors": request, "http_abort": request, "http_slow_body": request,
		"http_truncate": request, "http_corrupt": request, "brownout": request, "rate_limit": request,
		"tls_handshake": connection, "tls_reset": connection, "tls_expired": connection,
		"outage": append([]row{
			{evidence{fault: out, counters: counts{"requests": 0, "injected": 0, "connections": 4, "reset": 4}}, applied, "done to 4 of 4"},
			{evidence{counters: counts{"packets": 4, "reset": 4}}, applied, "4 of 4 packets refused"},
			{evidence{exited: exited}, applied, " exited with code 137"},
			{evidence{before: reads("cpu", 1), during: reads("cpu", 0)}, applied, " used no CPU"},
		}, request...),
		"flapping": append([]row{{evidence{counters: counts{"packets": 4, "reset": 4}}, applied, "4 of 4 packets refused"}}, request...),
		"cache_flush": {
			{evidence{before: reads("keys", 0)}, none, "the cache was empty before"},
			{evidence{counters: counts{"keys": 0}}, none, "the cache was empty before"},
			{evidence{before: reads("keys", 12)}, applied, "12 keys were in it before"},
			{evidence{before: fails("keys", "NOAUTH")}, applied, "T confirmed it; how many keys there were nobody could see: NOAUTH"},
			{evidence{}, applied, "T confirmed that it is empty"},
		},
		"pool_exhaustion": {
			{evidence{}, none, "no connection could be held"},
			{evidence{counters: counts{"connections": 90, "wanted": 97}}, partial, "90 of 97 connections held, the rest is others'"},
			{evidence{counters: counts{"connections": 90, "wanted": 97}, during: fails("connection", "too many clients")}, applied, "90 of 97 connections held; a new one: too many"},
			{evidence{fault: leave, counters: counts{"connections": 90, "wanted": 92}, during: fails("connection", "too many clients")}, partial, "90 of 92"},
			{evidence{fault: leave, counters: counts{"connections": 92, "wanted": 92}}, applied, "92 of 92"},
		},
		"slow_queries": {
			{evidence{trouble: "syntax error"}, none, "0 queries ran: syntax error"},
			{evidence{counters: counts{"queries": 3, "running": 4}, before: reads("SELECT 1", 0.001), during: reads("SELECT 1", 0.01)}, applied, "3 queries over, 4 under way; SELECT 1 took 10ms, before 1ms"},
			{evidence{counters: counts{"queries": 3, "running": 2}, trouble: "a session is lost"}, partial, "3 queries over, 2 under way; a session is lost"},
		},
	}
	for _, kind := range scenarios.FaultKinds() {
		t.Run(kind, func(t *testing.T) {
			rows := table[kind]
			if len(rows) == 0 {
				t.Fatal("no row")
			}
			states := map[string]bool{}
			for i, r := range rows {
				r.e.target = "T"
				state, reason := kindOf(kind).effect(r.e)
				if state != r.state || !strings.Contains(reason, r.reason) || reason == "" {
					t.Errorf("row %d: %s: %s; want %s: %s", i, state, reason, r.state, r.reason)
				}
				states[state] = true
			}
			if !states[applied] || !states[none] {
				t.Errorf("only %v", states)
			}
		})
	}
}

func TestOver(t *testing.T) {
	slow := scenarios.PlannedFault{Spec: delayOf("all")}
	half := scenarios.PlannedFault{Spec: scenarios.Fault{CPUThrottle: &scenarios.CPUThrottleFault{CPUs: 0.5}}}
	for _, c := range []struct {
		kind string
		e    evidence
		is   bool
		want string
	}{
		{"delay", evidence{fault: slow, before: reads("connect", 0.001), after: reads("connect", 0.002)}, true, "connect takes 2ms again"},
		{"delay", evidence{fault: slow, before: reads("connect", 0.001), after: reads("connect", 0.101)}, false, "connect takes 101ms, before the fault 1ms"},
		{"partition", evidence{before: reads("connect", 0.001), after: fails("connect", "timeout")}, false, "connect: timeout"},
		{"partition", evidence{before: fails("connect", "refused"), after: fails("connect", "refused")}, true, "whoever did it confirmed"},
		{"partition", evidence{}, true, "whoever did it confirmed"},
		{"dns", evidence{before: reads("look-up", 0.001), after: fails("look-up", "NXDOMAIN")}, false, "look-up: NXDOMAIN"},
		{"cpu_throttle", evidence{fault: half, before: cpu(0, 0, 2), after: cpu(0, 0, 0.5)}, false, "its limit is 0.50 cores, before 2.00"},
		{"cpu_throttle", evidence{fault: half, before: cpu(0, 0, 2), after: cpu(0, 0, 2)}, true, "its limit is what it was"},
		{"disk_fill", evidence{before: reads("disk", 10), during: reads("disk", 90), after: reads("disk", 90)}, false, "90.0% of the volume"},
		{"disk_fill", evidence{before: reads("disk", 10), during: reads("disk", 90), after: reads("disk", 11)}, true, "whoever did it"},
		{"memory_pressure", evidence{before: reads("memory", 10), during: reads("memory", 90), after: reads("memory", 89)}, false, ""},
		{"pool_exhaustion", evidence{before: reads("connection", 0.01), after: fails("connection", "too many clients")}, false, "connection: too many clients"},
		{"kill", evidence{replaced: []string{"db-2"}}, true, "db-2 took its place"},
	} {
		if is, reason := kindOf(c.kind).gone(c.e); is != c.is || !strings.HasPrefix(reason, c.want) {
			t.Errorf("%s: %t, %s; want %t, %s", c.kind, is, reason, c.is, c.want)
		}
	}
}
