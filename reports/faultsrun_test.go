package reports

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// faultsRun is a run with a fault of every fate: one that is as it should be, one
// on some of its targets, one without effect, one that was lost, one that is still
// there, one that went wrong, one that is over at once and one that the stop
// condition kept from being done.
func faultsRun() Run {
	s := &synthetic{random: rand.New(rand.NewPCG(11, 12)), fine: true}
	s.stack()
	s.at(origin, journal.TrafficStarted{})
	for i, name := range []string{"baseline", "trouble", "recovery"} {
		from := origin + time.Duration(i)*10*second
		s.at(from, journal.PhaseStarted{Phase: name, For: 10 * second})
		s.at(from+10*second, journal.PhaseEnded{Phase: name})
		s.traffic(load{from, from + 10*second, name, "home", 40, 4 * ms, nil, nil})
		s.traffic(load{from, from + 10*second, name, "", 40, 160 * ms, nil, nil})
	}
	s.generator(origin, origin+30*second)
	s.broken("outage-payments", "outage", "payments", 10*second, 8*second, journal.FaultApplied, "312 of 312 requests were answered in its place", journal.FaultReverted)
	s.broken("delay-api", "delay", "api-2", 12*second, 6*second, journal.FaultPartial, "0 packets seen of 1 of 2 peers", journal.FaultReverted)
	s.broken("dns-web", "dns", "web-1", 13*second, 5*second, journal.FaultNoEffect, "0 look-ups: the target keeps its connections", journal.FaultReverted)
	s.broken("loss-worker", "loss", "worker-1", 14*second, 2*second, journal.FaultLost, "worker-1 exited 2 s after it began", journal.FaultReverted)
	s.broken("pause-importer", "pause", "importer-1", 15*second, 3*second, journal.FaultApplied, "importer-1 is frozen", journal.FaultStuck)
	s.at(origin+16*second, journal.FaultStarted{Fault: "kill-api", FaultKind: "kill", Targets: []string{}, Planned: 16 * second, Backend: "engine", Revert: "api",
		Detail: "kill one of api", Error: "choose one of api: none of its instances runs"})
	s.at(origin+17*second, journal.FaultStarted{Fault: "flush", FaultKind: "cache_flush", Targets: []string{"redis-1"}, Planned: 17 * second, Took: 2 * ms, Backend: "agent", Revert: "irreversible", Detail: "empty redis-1"})
	s.at(origin+17*second, journal.FaultState{Fault: "flush", Target: "redis-1", State: journal.FaultApplied, Reason: "1,204 keys before, 0 after"})
	s.at(origin+17*second, journal.FaultEnded{Fault: "flush", Targets: []string{"redis-1"}, Planned: 17 * second, By: "at once"})
	s.at(origin+17*second, journal.FaultState{Fault: "flush", Target: "redis-1", State: journal.FaultReverted, Reason: "it fills again by itself"})
	for i := range 20 {
		c := journal.Calls{Service: "payments", For: second, Total: 39, InFlight: 2}
		if i >= 8 && i < 18 {
			c.Failed, c.Injected, c.Told, c.Early = 39, 39, 20, 3
		}
		s.at(origin+time.Duration(i+1)*second, c)
	}
	s.at(origin+28*second, journal.StopTriggered{Condition: "availability of shop at least 50% over 10 s", Measured: "31.2 %", For: 10 * second})
	s.end()
	run := Run{Dir: "runs/20261201-140000-trouble", Intent: intent(), Record: s.record()}
	run.Intent.Command = []string{"shakedown", "run", "trouble"}
	plan := *run.Intent.Plan
	plan.Faults = []scenarios.PlannedFault{
		{ID: "outage-payments", Kind: "outage", At: scenarios.Duration(10 * second), End: scenarios.Duration(18 * second), Services: []string{"payments"},
			Spec: scenarios.Fault{At: scenarios.Moment{Phase: "trouble"}, Outage: &scenarios.OutageFault{As: "status"}}},
		{ID: "never", Kind: "pause", At: scenarios.Duration(29 * second), End: scenarios.Duration(30 * second), Services: []string{"api"}, Picked: []string{"api-1"},
			Spec: scenarios.Fault{At: scenarios.Moment{Phase: "recovery"}, Pause: &scenarios.PauseFault{}}},
	}
	run.Intent.Plan = &plan
	run.Result = verify.Result{Scenario: "trouble", Verdict: verify.Inconclusive, Checks: []verify.Finding{{
		ID: "faults/dns-web", Kind: "faults", Verdict: verify.Inconclusive, Wanted: "in force, with evidence, and over", Measured: "no effect",
		Reason: "0 look-ups: the target keeps its connections", Evidence: []verify.Evidence{},
	}}}
	return run
}

// broken writes a fault from its beginning to its end, on one target.
func (s *synthetic) broken(id, kind, target string, at, length time.Duration, state, reason, over string) {
	from, to := origin+at, origin+at+length
	probe := func(t time.Duration, stage string, value float64) {
		s.at(t, journal.FaultProbe{Fault: id, Target: target, Stage: stage, What: "connect to " + target, Value: value, Unit: "s"})
	}
	probe(from-500*ms, "before", 0.0007)
	s.at(from+ms, journal.FaultStarted{Fault: id, FaultKind: kind, Targets: []string{target}, Planned: at, Late: ms, Took: 800 * time.Microsecond,
		Backend: "proxy", Revert: "agent", Detail: kind + " of " + target})
	probe(from+500*ms, "during", 0.052)
	s.at(from+600*ms, journal.FaultState{Fault: id, Target: target, State: state, Reason: reason})
	s.at(to+4*ms, journal.FaultCounters{Fault: id, Target: target, Counters: map[string]int64{"requests": 312, "injected": 312}})
	s.at(to+4*ms, journal.FaultEnded{Fault: id, Targets: []string{target}, Planned: at + length, Late: 4 * ms, Took: 3 * ms, By: "schedule"})
	probe(to+500*ms, "after", 0.0008)
	s.at(to+600*ms, journal.FaultState{Fault: id, Target: target, State: over, Reason: "as before"})
}

func TestFaultsAreSummedUpByTheirWorstTarget(t *testing.T) {
	f := faultsOf(faultsRun())
	got := map[string]string{}
	var unsound []string
	for _, r := range f.Faults {
		got[r.ID] = r.lasted() + "; " + r.state()
		if !r.sound() {
			unsound = append(unsound, r.ID)
		}
	}
	for id, want := range map[string]string{
		"outage-payments": "8 s; applied, reverted",
		"delay-api":       "6 s; partial, reverted",
		"dns-web":         "5 s; no-effect, reverted",
		"loss-worker":     "2 s; lost, reverted",
		"pause-importer":  "3 s; applied, not seen to be over",
		"kill-api":        "no end; went wrong",
		"flush":           "at once; applied, reverted",
		"never":           "never; not done",
	} {
		if got[id] != want {
			t.Errorf("%s: %q, want %q", id, got[id], want)
		}
	}
	slices.Sort(unsound)
	if want := "delay-api dns-web kill-api loss-worker never pause-importer"; strings.Join(unsound, " ") != want {
		t.Errorf("unsound are %v, want %s", unsound, want)
	}
	if c := f.Calls[0]; c.Total != 780 || c.Injected != 390 || c.Told != 200 || c.Early != 30 {
		t.Errorf("calls: %+v", c)
	}
}

// What is gone for good is not over, and need not be.
func TestAPermanentFaultIsNotToBeOver(t *testing.T) {
	began := time.Duration(1)
	r := FaultRun{Began: &began, Permanent: true, On: []FaultTarget{{States: []StateChange{{State: "applied"}}}}}
	if !r.sound() || r.state() != "applied, for good" || r.lasted() != "for good" {
		t.Errorf("sound %v, %q, %q", r.sound(), r.state(), r.lasted())
	}
}

// How many requests it was done to is known at its end, and not when it was first
// seen to do something.
func TestAFaultOfRequestsIsCountedToItsEnd(t *testing.T) {
	on := func(reason string) FaultRun {
		began := time.Duration(1)
		return FaultRun{Began: &began, On: []FaultTarget{{
			States: []StateChange{{State: "applied", Reason: reason}, {State: "reverted"}}, Counters: map[string]int64{"requests": 2070, "injected": 44},
		}}}
	}
	for reason, want := range map[string]string{
		"done to 2 of 9 requests":    "done to 44 of 2,070 requests",
		"90 of 100 packets held up":  "90 of 100 packets held up",
		"api-1 exited with code 137": "api-1 exited with code 137",
	} {
		if have := on(reason).evidence(); have != want {
			t.Errorf("%q: %q, want %q", reason, have, want)
		}
	}
}

// One target of two without effect makes the whole fault so.
func TestAFaultIsAsGoodAsItsWorstTarget(t *testing.T) {
	states := func(all ...string) FaultTarget {
		var f FaultTarget
		for _, s := range all {
			f.States = append(f.States, StateChange{State: s, Reason: s})
		}
		return f
	}
	began := time.Duration(1)
	for _, c := range []struct {
		on    []FaultTarget
		sound bool
		state string
	}{
		{[]FaultTarget{states("applied", "reverted"), states("applied", "reverted")}, true, "applied, reverted"},
		{[]FaultTarget{states("applied", "reverted"), states("no-effect", "reverted")}, false, "no-effect, reverted"},
		{[]FaultTarget{states("applied", "reverted"), states("applied")}, false, "applied, not seen to be over"},
		{[]FaultTarget{states("lost", "applied", "reverted")}, true, "applied, reverted"},
		{[]FaultTarget{states("applied", "lost")}, false, "lost, not seen to be over"},
		{[]FaultTarget{states("applied", "reverted", "stuck")}, false, "applied, not seen to be over"},
		{nil, false, "unknown"},
	} {
		r := FaultRun{Began: &began, On: c.on}
		if r.sound() != c.sound || r.state() != c.state {
			t.Errorf("%v: sound %v, %q; want %v, %q", c.on, r.sound(), r.state(), c.sound, c.state)
		}
	}
}

// What is done at once may take its time to be over.
func TestHowLongARestartLasted(t *testing.T) {
	began := 10 * second
	for took, want := range map[time.Duration]string{0: "at once", 40 * ms: "at once", 2900 * ms: "2.9 s"} {
		ended := began + took
		if have := (FaultRun{Began: &began, Ended: &ended, By: "at once"}).lasted(); have != want {
			t.Errorf("over after %v: %q, want %q", took, have, want)
		}
	}
}
