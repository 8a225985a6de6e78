package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// newScaled is a stack that is up: so many of api, which take 200ms to start and
// 1s more to be ready, and 2s to drain.
func newScaled(t *testing.T, replicas int, change ...func(*Config)) *rig {
	t.Helper()
	drain := scenarios.Drain{Grace: 10e9, EndpointLag: lagOf(500 * time.Millisecond)}
	r := newRig(t, small, map[string]scenarios.PlannedService{
		"api": {Port: 80, Replicas: replicas, Drain: drain}, "worker": {Replicas: 1, Drain: drain},
	}, change...)
	for n := 1; n <= 40; n++ {
		r.platform.make(instanceName("api", n), behaviour{drains: 2 * time.Second})
		r.gateways.readyAfter[instanceName("api", n)] = time.Second
	}
	r.platform.took = 200 * time.Millisecond
	if err := r.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// adjust fails the test if Adjust does, or takes any time.
func adjust(t *testing.T, r *rig, to int) (started, stopping []string) {
	t.Helper()
	began := time.Now()
	started, stopping, err := r.Adjust(t.Context(), "api", to, journal.DecisionCause(3, "because"))
	if took := time.Since(began); err != nil || took != 0 {
		t.Fatalf("Adjust took %v: %v", took, err)
	}
	return started, stopping
}

func memberNames(r *rig) (names []string) {
	for _, m := range r.Members("api") {
		names = append(names, m.Name)
	}
	return names
}

func wantNames(t *testing.T, what string, have []string, want ...string) {
	t.Helper()
	if !slices.Equal(have, want) {
		t.Errorf("%s: %v, want %v", what, have, want)
	}
}

// New instances count at once, and come up side by side.
func TestAdjustUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 2)
		began := r.cfg.Clock.Now()
		started, stopping := adjust(t, r, 7)
		wantNames(t, "started", started, "api-3", "api-4", "api-5", "api-6", "api-7")
		wantNames(t, "stopping", stopping)
		wantNames(t, "members", memberNames(r), "api-1", "api-2", "api-3", "api-4", "api-5", "api-6", "api-7")
		if m := r.Members("api")[4]; m.Created != began || m.Started != 0 || m.Ready || m.Class != baseClass {
			t.Errorf("just chosen: %+v", m)
		}
		synctest.Wait()
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		for _, m := range r.Members("api")[2:] {
			if m.Started != began+200*time.Millisecond || m.Ready {
				t.Errorf("after a start: %+v, which began at %v", m, began)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for _, m := range r.Members("api")[2:] {
			if m.Changed != began+1200*time.Millisecond || !m.Ready {
				t.Errorf("when ready: %+v, which began at %v", m, began)
			}
		}
		for _, s := range must(bodies[journal.InstanceStarted](r.record))[3:] {
			if journal.DecisionOf(s.Cause) != 3 {
				t.Errorf("%s started because of %q", s.Instance, s.Cause)
			}
		}
		adjust(t, r, 7) // nothing to do
		if n := len(must(bodies[journal.InstanceStarted](r.record))); n != 8 {
			t.Errorf("%d instances were started", n)
		}
		if asked := r.platform.index("image api"); asked >= 0 && slices.Contains(r.platform.calls[asked+1:], "image api") {
			t.Error("the image was asked for again")
		}
		down(t, r)
	})
}

// Those go that do not take work, then the highest numbers; they do not count
// from that moment on, and drain.
func TestAdjustDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 4)
		r.gateways.links["api"].turn("api-2", false)
		began := r.cfg.Clock.Now()
		started, stopping := adjust(t, r, 2)
		wantNames(t, "started", started)
		wantNames(t, "stopping", stopping, "api-2", "api-4")
		wantNames(t, "members", memberNames(r), "api-1", "api-3")
		time.Sleep(time.Second)
		started, _ = adjust(t, r, 3) // while they drain
		wantNames(t, "started meanwhile", started, "api-5")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		wantNames(t, "members", memberNames(r), "api-1", "api-3", "api-5")
		wantNames(t, "on the platform", r.platform.here(), "api-1", "api-3", "api-5", "gateway-api", "worker-1")
		for i, e := range must(bodies[journal.InstanceTerminating](r.record)) {
			_, at := bodies[journal.InstanceTerminating](r.record)
			if at[i] != began || journal.DecisionOf(e.Cause) != 3 {
				t.Errorf("%+v at %v, want it at %v", e, at[i], began)
			}
		}
		for _, e := range must(bodies[journal.InstanceExited](r.record)) {
			if !e.Wanted || e.Code != 0 {
				t.Errorf("exit %+v", e)
			}
		}
		down(t, r)
	})
}

// What has exited by itself is seen as such until the next change, which takes
// it away and puts another in its place.
func TestAdjustRemovesTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 3)
		r.platform.make("api-2", behaviour{oom: true})
		r.platform.exit("api-2", 9)
		synctest.Wait()
		if m := r.Members("api")[1]; !m.Exited || m.Code != 9 || !m.OOM || m.Ready {
			t.Errorf("dead: %+v", m)
		}
		started, stopping := adjust(t, r, 3)
		wantNames(t, "started", started, "api-4")
		wantNames(t, "stopping", stopping)
		wantNames(t, "members", memberNames(r), "api-1", "api-3", "api-4")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for _, call := range []string{"forget api-2", "remove api-2"} {
			if r.platform.index(call) < 0 {
				t.Errorf("no %s", call)
			}
		}
		for _, e := range must(bodies[journal.InstanceTerminating](r.record)) {
			t.Errorf("terminating: %+v", e)
		}
		down(t, r)
	})
}

// What is still being brought in can go again: one that never ran is removed
// without a word about its termination.
func TestAdjustDownWhileStarting(t *testing.T) {
	for _, c := range []struct {
		name     string
		at       string // the call during which it is told to go
		announce int
		fails    bool // that call does
	}{
		{"created", "create api-2", 0, false}, {"started", "start api-2", 1, false}, {"known to the gateway", "add api-2 api-2:80", 1, false},
		{"not created", "create api-2", 0, true}, {"not started", "start api-2", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newScaled(t, 1)
				reached := make(chan struct{})
				if c.fails {
					r.platform.refuse[c.at] = errors.New("it is going")
				}
				r.platform.hook = func(call string) {
					if call == c.at {
						close(reached)
						time.Sleep(100 * time.Millisecond)
					}
				}
				adjust(t, r, 2)
				<-reached
				_, stopping := adjust(t, r, 1)
				wantNames(t, "stopping", stopping, "api-2")
				wantNames(t, "members", memberNames(r), "api-1")
				time.Sleep(10 * time.Second)
				synctest.Wait()
				wantNames(t, "on the platform", r.platform.here(), "api-1", "gateway-api", "worker-1")
				if n := len(must(bodies[journal.InstanceTerminating](r.record))); n != c.announce {
					t.Errorf("%d terminations are announced, want %d", n, c.announce)
				}
				noWarnings(t, r)
				down(t, r)
			})
		})
	}
}

func noWarnings(t *testing.T, r *rig) {
	t.Helper()
	for _, n := range must(bodies[journal.Note](r.record)) {
		if n.Level == "warning" {
			t.Errorf("warning: %s", n.Text)
		}
	}
}

// What cannot be started is journaled and noted, and is there no more.
func TestAdjustThatGoesWrong(t *testing.T) {
	for _, call := range []string{"create api-2", "start api-2"} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newScaled(t, 1)
				r.platform.refuse[call] = errors.New("api-2: the disk is full")
				started, _ := adjust(t, r, 3)
				wantNames(t, "started", started, "api-2", "api-3")
				time.Sleep(5 * time.Second)
				synctest.Wait()
				wantNames(t, "members", memberNames(r), "api-1", "api-3")
				wantNames(t, "on the platform", r.platform.here(), "api-1", "api-3", "gateway-api", "worker-1")
				failed := 0
				for _, op := range must(bodies[journal.Operation](r.record)) {
					if op.Error == call+": the disk is full" {
						failed++
					}
				}
				noted := 0
				for _, n := range must(bodies[journal.Note](r.record)) {
					if n.Level == "warning" && n.Text == "api-2 did not come up: "+call+": the disk is full" {
						noted++
					}
				}
				if failed != 1 || noted != 1 {
					t.Errorf("journaled %d times, noted %d times", failed, noted)
				}
				started, _ = adjust(t, r, 3) // the next decision tries again
				wantNames(t, "started again", started, "api-4")
				down(t, r)
			})
		})
	}
}

// One that exits while it starts stays to be seen as what it is.
func TestAdjustOfWhatExitsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 1)
		r.platform.make("api-2", behaviour{exitAt: time.Nanosecond, exitCode: 3})
		adjust(t, r, 2)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if m := r.Members("api"); len(m) != 2 || !m[1].Exited || m[1].Code != 3 || m[1].Ready {
			t.Errorf("members %+v", m)
		}
		down(t, r)
	})
}

func TestAdjustRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 1)
		for service, to := range map[string]int{"api": -1, "nobody": 1} {
			if _, _, err := r.Adjust(t.Context(), service, to, "test"); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("adjust %s to %d", service, to)) {
				t.Errorf("%s to %d: %v", service, to, err)
			}
		}
		if r.Members("nobody") != nil {
			t.Error("nobody has members")
		}
		down(t, r)
		if _, _, err := r.Adjust(t.Context(), "api", 2, "test"); !errors.Is(err, errDown) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// The end of the stack ends what is under way.
func TestDownDuringAdjust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 4)
		adjust(t, r, 12)
		time.Sleep(100 * time.Millisecond) // the first of them start, others wait
		adjust(t, r, 1)
		down(t, r)
		noWarnings(t, r)
	})
}

// A release has its turn first; what starts after it is of its version.
func TestAdjustDuringARelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := rolling("api")
		r := newReleased(t, release)
		over := make(chan struct{})
		go func() {
			defer close(over)
			if err := r.Release(t.Context(), release, "test", func(int) {}); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		started, _, err := r.Adjust(t.Context(), "api", 4, "test")
		if err != nil {
			t.Fatal(err)
		}
		<-over
		time.Sleep(2 * time.Second)
		synctest.Wait()
		all, _ := bodies[journal.InstanceStarted](r.record)
		if last := all[len(all)-1]; last.Instance != started[0] || last.Version != "v2" {
			t.Errorf("%v: %+v", started, last)
		}
		down(t, r)
	})
}

// A service without a gateway takes work when it runs, or is healthy.
func TestAdjustWithoutAGateway(t *testing.T) {
	for _, checked := range []bool{false, true} {
		t.Run(fmt.Sprint("healthcheck ", checked), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				compose := "services: {worker: {image: shop}}"
				if checked {
					compose = "services: {worker: {image: shop, healthcheck: {test: [CMD, ok]}}}"
				}
				r := newRig(t, compose, map[string]scenarios.PlannedService{"worker": {Replicas: 1}})
				began := time.Now()
				r.platform.health = func(string) platform.Health {
					if time.Since(began) < 3*time.Second {
						return platform.Starting
					}
					return platform.Healthy
				}
				if err := r.Up(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, _, err := r.Adjust(t.Context(), "worker", 2, "test"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if m := r.Members("worker")[1]; m.Ready == checked {
					t.Errorf("started: %+v", m)
				}
				time.Sleep(3 * time.Second)
				synctest.Wait()
				if m := r.Members("worker")[1]; !m.Ready {
					t.Errorf("healthy: %+v", m)
				}
				down(t, r)
			})
		})
	}
}

// An image that only autoscaling will need is there from the beginning.
func TestAutoscaledFromNone(t *testing.T) {
	l, err := arrange(project(t, "services: {worker: {image: shop}}"), &scenarios.Plan{Services: map[string]scenarios.PlannedService{
		"worker": {Autoscale: &scenarios.PlannedAutoscale{}},
	}}, ground{images: true})
	if err != nil {
		t.Fatal(err)
	}
	plan := reconcile(l, observed{}, l.initial())
	if !slices.ContainsFunc(plan.Operations, func(op Operation) bool { return op.Op == opImage && op.Subject == "shop" }) {
		t.Errorf("the plan is\n%s", plan)
	}
}

// Whatever is asked for and whatever breaks: in the end there is what was asked
// for last, on the platform and in the gateway too, and no name came twice.
func TestAdjustProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type move struct{ to, crash, wait int }
		moves := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) move {
			return move{rapid.IntRange(0, 12).Draw(rt, "to"), rapid.IntRange(0, 20).Draw(rt, "crash"), rapid.IntRange(0, 3000).Draw(rt, "wait")}
		}), 1, 12).Draw(rt, "moves")
		synctest.Test(t, func(t *testing.T) {
			r := newScaled(t, 2)
			seen, last := map[string]bool{}, 0
			for _, m := range moves {
				r.platform.exit(instanceName("api", m.crash), 1)
				synctest.Wait()
				started, _ := adjust(t, r, m.to)
				for _, name := range started {
					if seen[name] {
						t.Errorf("%s came twice", name)
					}
					seen[name] = true
				}
				if n := len(r.Members("api")); n != m.to {
					t.Errorf("%d members after Adjust to %d", n, m.to)
				}
				time.Sleep(time.Duration(m.wait) * time.Millisecond)
				last = m.to
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			members := memberNames(r)
			if here := slices.DeleteFunc(r.platform.here(), func(name string) bool { return !strings.HasPrefix(name, "api-") }); len(members) != last || len(here) != last {
				t.Errorf("members %v and %v on the platform; want %d", members, here, last)
			}
			listed := 0
			l := r.gateways.links["api"]
			l.mu.Lock()
			for _, e := range l.known {
				listed += map[bool]int{true: 1}[e.listed]
			}
			known := len(l.known)
			l.mu.Unlock()
			if known != last || listed != last {
				t.Errorf("the gateway knows %d instances and lists %d; want %d", known, listed, last)
			}
			down(t, r)
		})
	})
}

// What an autoscaler has begun is waited for: an instance that is cut off in its
// termination proves nothing.
func TestSettleWaitsForWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 3)
		if err := r.Settle(t.Context()); err != nil {
			t.Errorf("nothing is under way: %v", err)
		}
		adjust(t, r, 2)
		impatient, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		if err := r.Settle(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, although an instance is stopping", err)
		}
		if err := r.Settle(t.Context()); err != nil {
			t.Error(err)
		}
		if gone := r.instance("api-3"); gone != nil {
			t.Error("api-3 is there still")
		}
		down(t, r)
	})
}
