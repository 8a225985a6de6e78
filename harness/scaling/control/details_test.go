package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Events of services that the controller has nothing to do with are none of its,
// and an exit that was asked for is no reason to look.
func TestEventsOfOthers(t *testing.T) {
	plan := planOf(1, importers(scenarios.ProactivePolicy))
	plan.Services["measured"] = scenarios.PlannedService{Metrics: map[string]scenarios.MetricSource{"jobs": {Exposition: &scenarios.Exposition{Series: "jobs"}}}}
	r := newRun(t, plan)
	for _, service := range []string{"nobody", "measured", "api"} {
		for _, b := range []journal.Body{
			journal.Tally{Service: service, Instance: service + "-1", Total: 1}, journal.ActionStarted{Service: service, Action: "release"},
			journal.ActionEnded{Service: service, Action: "release"}, journal.InstanceExited{Service: service, Instance: service + "-1", Wanted: true},
		} {
			r.emit(b)
		}
	}
	r.emit(journal.InstanceExited{Service: "measured", Instance: "measured-1"})
	if err := r.faults.err(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"api", "measured"} {
		if len(r.service(name).wake) != 0 {
			t.Errorf("%s is woken by exits that it has nothing to do with", name)
		}
	}
	r.emit(journal.InstanceExited{Service: "api", Instance: "api-1"})
	if len(r.service("api").wake) != 1 {
		t.Error("api is not woken by an exit that nobody asked for")
	}
}

// What recommenders see of instances.
func TestInstancesAsTheyStand(t *testing.T) {
	r := newRun(t, planOf(2, tracked()))
	for _, m := range []stack.Member{
		{Name: "new"}, {Name: "ready before its start is known", Ready: true, Changed: time.Second},
		{Name: "started", Started: 2 * time.Second, Changed: 2 * time.Second}, {Name: "ready", Started: 2 * time.Second, Ready: true, Changed: 3 * time.Second},
		{Name: "ready at once", Started: 2 * time.Second, Ready: true, Changed: time.Second}, {Name: "broken", Started: time.Second, Exited: true},
	} {
		r.cluster.of["api"] = append(r.cluster.of["api"], &instance{Member: m})
	}
	r.cluster.starts, r.cluster.readys = time.Hour, time.Hour
	at := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) } // of the loop's time, twice as fast
	want := []scaling.Instance{
		{Name: "new"}, {Name: "ready before its start is known"}, {Name: "started", Started: at(4)},
		{Name: "ready", Started: at(4), Ready: at(6)}, {Name: "ready at once", Started: at(4), Ready: at(4)},
		{Name: "broken"}, // it is owed
	}
	v := r.service("api").look()
	if fmt.Sprint(v.state.Instances) != fmt.Sprint(want) || v.live != 5 || v.state.Min != 1 || v.state.Max != 8 {
		t.Errorf("%+v, want %+v", v, want)
	}
}

// The resolution is the plan's, in the control loop's time.
func TestTheResolutionIsThePlans(t *testing.T) {
	s := cpuHPA()
	s.Autoscale.Resolution = seconds(60)
	if u := newRun(t, planOf(5, s)).service("api").usage; u.every != 12*time.Second || u.resolution != 12*time.Second {
		t.Errorf("sampled every %v, averaged over %v", u.every, u.resolution)
	}
}

// Two readings that carry the same moment have no rate.
func TestAReadingThatIsReadTwice(t *testing.T) {
	u := newUsage(time.Second, false)
	for range 2 {
		u.add("i", sample{time.Second, platform.Stats{CPU: time.Second}}, nil)
	}
	if r, err := u.rate("i", time.Second); err == nil {
		t.Errorf("a rate of %+v", r)
	}
}

// A metric that no pod has is an error where reading it was one.
func TestPodsOfNobody(t *testing.T) {
	s := newRun(t, planOf(1, cpuHPA())).service("api")
	failed := errors.New("status 503")
	if r := s.pods(scaling.Reading{Err: failed}); !errors.Is(r.Err, failed) {
		t.Errorf("%+v", r)
	}
	if r := s.pods(scaling.Reading{Err: failed, Each: map[string]float64{"api-1": 2}}); r.Err != nil || r.Pods["api-1"].Value != 2000 {
		t.Errorf("%+v", r)
	}
}

func TestWhatAClaimNeeds(t *testing.T) {
	on := func(instance, class string) resize { return resize{instance, want{class: class}} }
	one, every := needed(journal.Claim{Instance: "i-1"}), needed(journal.Claim{})
	for r, want := range map[resize][2]bool{
		on("i-1", "large"): {true, true}, on("i-2", "large"): {false, true}, on("i-1", "base"): {false, false}, on("i-2", "base"): {false, false},
	} {
		if got := [2]bool{one(r), every(r)}; got != want {
			t.Errorf("%s %s: %v, want %v", r.instance, r.want.class, got, want)
		}
	}
}

func TestTheWorseAnswer(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"", "none", "none"}, {"none", "granted", "granted"}, {"granted", "renewed", "granted"}, {"queued", "granted", "queued"},
		{"queued", "rejected", "rejected"}, {"rejected", "none", "rejected"},
	} {
		if got := worse(gateway.Answer{State: c.a, Reason: "first"}, gateway.Answer{State: c.b}); got.State != c.want || (got.Reason == "first") != (c.want == c.a) {
			t.Errorf("%s and %s: %+v", c.a, c.b, got)
		}
	}
}

func TestInbox(t *testing.T) {
	var i inbox
	for n, account := range []string{"a", "b", "a"} {
		i.put(journal.SessionSignal{Account: account, Wants: fmt.Sprint(n)})
	}
	if got := i.take(); len(got) != 2 || got[0].Wants != "2" || got[1].Wants != "1" {
		t.Errorf("%+v", got)
	}
	if got := i.take(); len(got) != 0 {
		t.Errorf("after that %+v", got)
	}
	p := newRun(t, planOf(1, importers(scenarios.ReactivePolicy))).service("api").prescaler
	if p.seenBy(journal.SessionSignal{Service: "web", Tier: "enterprise"}) {
		t.Error("signals are kept for a policy that never looks")
	}
}

// The record leads from each resize of the reactive policy to the evaluation that
// it comes from, and what replaces one that ran out of memory is no reason to
// create others large for longer than it takes to start.
func TestTheReactivePolicyIsAccountedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Policy = scenarios.ReactivePolicy
			c.memory = func(name string) int64 {
				if name == "importer-1" && c.clock.Now() < 20*time.Second {
					return 170 << 20
				}
				return 20 << 20
			}
			c.lives = func(name string) (time.Duration, int, bool) {
				if name == "importer-2" {
					return 30 * time.Second, 137, true
				}
				return 0, 0, false
			}
		})
		r.until(35 * time.Second)
		did := r.cluster.did()
		if !strings.Contains(did, "importer created base") {
			t.Errorf("others are still created large:\n%s", did)
		}
		r.until(80 * time.Second)
		did += "\n" + r.cluster.did()
		r.end()
		reasons := map[string]int{}
		for _, d := range all[journal.ScaleDecision](r) {
			if d.Body.Reason == scaling.Enlarged || d.Body.Reason == scaling.GivenBack {
				reasons[d.Body.Reason+" "+map[bool]string{true: "importer-1", false: "importer-3"}[strings.Contains(d.Body.Message, "importer-1")]] = d.Body.ID
			}
		}
		for line, reason := range map[string]string{
			"importer-1 large 0.25 512MiB": "Enlarged importer-1", "importer-1 base 0.25 192MiB": "GivenBack importer-1", "importer-3 base 0.25 192MiB": "GivenBack importer-3",
		} {
			if want := fmt.Sprintf("%s, decision %d", line, reasons[reason]); !strings.Contains(did, want) {
				t.Errorf("no %q in\n%s", want, did)
			}
		}
	})
}

// Under frozen control a change of the reactive policy is held, and only that.
func TestAFrozenReactivePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(plan *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Policy, plan.Control = scenarios.ReactivePolicy, scenarios.ControlFrozen
			c.memory = func(string) int64 {
				if c.clock.Now() > 20*time.Second {
					return 170 << 20
				}
				return 20 << 20
			}
		})
		r.until(40 * time.Second)
		r.end()
		held := map[string]int{}
		for _, d := range all[journal.ScaleDecision](r) {
			held[d.Body.Reason+" "+d.Body.Held]++
		}
		if len(held) != 2 || held["DesiredWithinRange "] == 0 || held["Enlarged frozen"] == 0 || r.cluster.did() != "" {
			t.Errorf("%v; changes %s", held, r.cluster.did())
		}
	})
}

// The age of jobs is read beside the backlog, and each source by itself.
func TestQueueScalingByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scenarios.PlannedService{
			Metrics: map[string]scenarios.MetricSource{
				"jobs": {Exposition: &scenarios.Exposition{Series: "jobs", Combine: "max", Port: 90}, Every: seconds(1)},
				"age":  {Exposition: &scenarios.Exposition{Series: "age", Combine: "max", Port: 90}, Every: seconds(1)},
			},
			Autoscale: &scenarios.PlannedAutoscale{
				Queue: &scenarios.QueueScaling{Backlog: "jobs", PerInstance: 10, Age: "age", MaxAge: to(seconds(30)), Cooldown: to(seconds(5))}, Min: 1, Max: 3, Every: seconds(5),
			},
		}
		r := newRun(t, planOf(1, s))
		r.cluster.add("api", 1, true)
		r.cluster.page = func(string) ([]byte, error) {
			if r.clock.Now() > 14*time.Second {
				return []byte("jobs 5\n"), nil // nobody knows the age any more
			}
			return []byte("jobs 5\nage 31\n"), nil
		}
		r.begin()
		r.until(60 * time.Second)
		r.end()
		var got []string
		for _, d := range r.changes() {
			got = append(got, fmt.Sprint(d.T.Round(time.Second), " ", d.Body.Reason, " ", d.Body.Current, " to ", d.Body.Desired, ", ", *d.Body.Metrics[1].Value))
		}
		same(t, "changes", got, "5s JobTooOld 1 to 2, 31", "10s JobTooOld 2 to 3, 31")
		decisions := all[journal.ScaleDecision](r)
		if last := decisions[len(decisions)-1].Body; last.Desired != 3 || last.Metrics[1].Error == "" || !strings.Contains(last.Message, "age could not be read") {
			t.Errorf("without an age: %+v", last)
		}
	})
}

// What is cancelled while instances are resized ends in time, and whoever is told
// so is told why; nothing goes on afterwards.
func TestTheRunEndsWhileInstancesAreResized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, _ *scenarios.Prescale, c *cluster) { c.hangs = "large" })
		answer := make(chan gateway.Answer)
		go func() { answer <- r.session("acme") }()
		r.until(time.Second)
		go r.end()
		a := <-answer
		if a.State != "rejected" || !strings.Contains(a.Reason, "the run is over") || r.clock.Now() != time.Second {
			t.Errorf("%+v at %v", a, r.clock.Now())
		}
		synctest.Wait()
		if a := r.Session(context.Background(), journal.SessionSignal{Service: "api", Tier: "enterprise"}); a.State != "rejected" {
			t.Errorf("after the run: %+v", a)
		}
	})
}

// Who has exited or has not started runs no work: it is neither asked for its use
// nor resized.
func TestWhoRuns(t *testing.T) {
	r := newRun(t, planOf(1, tracked()))
	for _, m := range []stack.Member{{Name: "new"}, {Name: "runs", Started: 1}, {Name: "broken", Started: 1, Exited: true}, {Name: "stillborn", Exited: true}} {
		r.cluster.of["api"] = append(r.cluster.of["api"], &instance{Member: m})
	}
	r.cluster.starts = time.Hour
	if got := namesOf(r.service("api").running()); len(got) != 1 || got[0] != "runs" {
		t.Errorf("%v", got)
	}
}

// A metrics server that does not know some pods says nothing of them; one that
// knows none says why.
func TestUseOfSomePods(t *testing.T) {
	s := newRun(t, planOf(1, cpuHPA())).service("api")
	failed := errors.New("it is not running")
	s.usage.add("b", sample{}, failed)
	v := view{at: 15 * time.Second, members: []stack.Member{{Name: "a"}, {Name: "b"}}}
	if r := s.resource("cpu", v); !errors.Is(r.Err, failed) {
		t.Errorf("of none: %+v", r)
	}
	for _, at := range []time.Duration{1, 15 * time.Second} {
		s.usage.add("a", sample{at, platform.Stats{CPU: at / 10}}, nil)
	}
	if r := s.resource("cpu", v); r.Err != nil || len(r.Pods) != 1 {
		t.Errorf("of one: %+v", r)
	}
}

// Fewer may be started than were to be replaced: what came of the others is not
// known, and they are not owed twice.
func TestFewerReplacementsThanAsked(t *testing.T) {
	b := newBroken(newTimeline(0, 1))
	due := []breakdown{{name: "a", before: 2, oom: true}, {name: "b"}}
	b.owed = append(b.owed, due...)
	b.settle(due, []string{"c"})
	if len(b.owed) != 0 || b.before["c"] != 3 || !b.oom["c"] || len(b.before) != 1 {
		t.Errorf("%+v", b)
	}
}

// A claim on one instance is on one that runs, not on one that is about to.
func TestAClaimIsOnWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newImport(t, func(_ *scenarios.Plan, p *scenarios.Prescale, c *cluster) {
			p.Instances, p.Budget, c.starts = "one", 9, 5*time.Second
		})
		if _, _, err := r.cluster.Adjust(context.Background(), "importer", 3, "by hand"); err != nil {
			t.Fatal(err)
		}
		var on []string
		for _, account := range []string{"a", "b", "c"} {
			on = append(on, r.session(account).Instance)
		}
		same(t, "instances", on, "importer-1", "importer-2", "importer-1")
		r.end()
	})
}
