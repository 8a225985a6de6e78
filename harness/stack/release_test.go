package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// rolling is a release with surge 1 and unavailable 0, in which V is new.
func rolling(service string) *scenarios.PlannedRelease {
	return &scenarios.PlannedRelease{
		Strategy: scenarios.RollingStrategy, Service: service, From: "v1", Version: "v2",
		Environment: map[string]string{"V": "2"}, MaxSurge: scenarios.Portion{Number: 1}, Deadline: 60e9,
	}
}

func blueGreen() *scenarios.PlannedRelease {
	r := rolling("api")
	r.Strategy = scenarios.BlueGreenStrategy
	return r
}

func replaceAll(startFirst bool) *scenarios.PlannedRelease {
	r := rolling("api")
	r.Strategy, r.StartFirst = scenarios.ReplaceStrategy, startFirst
	return r
}

// newReleased is a stack that is up, whose plan has a release: three of its
// service take 1s from start to ready and 2s to drain.
func newReleased(t *testing.T, r *scenarios.PlannedRelease, change ...func(*Config)) *rig {
	t.Helper()
	drain := scenarios.Drain{Grace: 10e9, EndpointLag: lagOf(500 * time.Millisecond)}
	rig := newRig(t, small, map[string]scenarios.PlannedService{
		"api": {Port: 80, Replicas: 3, Drain: drain, Ready: scenarios.Probe{Path: "/ready"}}, "worker": {Replicas: 3, Drain: drain},
	}, slices.Insert(change, 0, func(cfg *Config) {
		cfg.Plan.Actions = []scenarios.PlannedAction{{Release: r}}
	})...)
	for n := 1; n <= 12; n++ {
		for _, service := range []string{"api", "worker"} {
			rig.platform.make(instanceName(service, n), behaviour{drains: 2 * time.Second})
			rig.gateways.readyAfter[instanceName(service, n)] = time.Second
		}
	}
	if err := rig.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return rig
}

// release performs it and returns how many instances it began with.
func (r *rig) release(t *testing.T, release *scenarios.PlannedRelease) (before int, err error) {
	before = -1
	err = r.Release(t.Context(), release, "test", func(replicas int) { before = replicas })
	return before, err
}

// counts follows how many instances of a service there are, from what the
// journal says: those that run and were not told to stop, and those in the list.
func counts(r *record, service string) (most, least int) {
	here, listed := map[string]bool{}, map[string]bool{}
	least = 1 << 30
	full := false
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		switch b := e.Body.(type) {
		case journal.InstanceStarted:
			if b.Service == service {
				here[b.Instance] = true
			}
		case journal.InstanceTerminating:
			delete(here, b.Instance)
		case journal.EndpointAdded:
			listed[b.Instance] = true
		case journal.EndpointRemoved:
			delete(listed, b.Instance)
		}
		most = max(most, len(here))
		if full = full || len(listed) == 3; full {
			least = min(least, len(listed))
		}
	}
	return most, least
}

func TestRollingRelease(t *testing.T) {
	portion := func(n int) scenarios.Portion { return scenarios.Portion{Number: n} }
	for _, c := range []struct {
		name               string
		surge, unavailable int
		minReady           time.Duration
		most, least        int
		took               time.Duration
	}{
		// Each new one takes 1s to be ready; the last old one 2s to drain.
		{"one more", 1, 0, 0, 4, 3, 5 * time.Second},
		{"one less", 0, 1, 0, 3, 2, 4 * time.Second}, // what terminates is not waited for
		{"two more", 2, 0, 0, 5, 3, 4 * time.Second},
		{"all at once", 3, 0, 0, 6, 3, 3 * time.Second},
		{"one more, ready for 3s", 1, 0, 3 * time.Second, 4, 3, 14 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := rolling("api")
				release.MaxSurge, release.MaxUnavailable, release.MinReady = portion(c.surge), portion(c.unavailable), scenarios.Duration(c.minReady)
				r := newReleased(t, release)
				began := r.cfg.Clock.Now()
				if before, err := r.release(t, release); err != nil || before != 3 {
					t.Fatalf("from %d instances: %v", before, err)
				}
				if took := r.cfg.Clock.Now() - began; took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if most, least := counts(r.record, "api"); most != c.most || least < c.least {
					t.Errorf("up to %d instances, down to %d endpoints; want %d and %d", most, least, c.most, c.least)
				}
				if here := fmt.Sprint(r.platform.here()); here != "[api-4 api-5 api-6 gateway-api worker-1 worker-2 worker-3]" {
					t.Errorf("there are %s", here)
				}
				var left []string
				terminating, _ := bodies[journal.InstanceTerminating](r.record)
				for _, e := range terminating {
					left = append(left, e.Instance)
				}
				slices.Sort(left)
				if fmt.Sprint(left) != "[api-1 api-2 api-3]" || terminating[0].Instance != "api-1" && c.surge+c.unavailable == 1 {
					t.Errorf("told to stop: %+v, want the oldest first", terminating)
				}
				down(t, r)
			})
		})
	}
}

// What a release changes holds for what starts later, and builds up.
func TestVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := rolling("api"), rolling("api")
		first.Image = "shop:2"
		second.From, second.Version, second.Environment = "v2", "v3", map[string]string{"W": "3"}
		r := newReleased(t, first)
		r.platform.specs["api-1"].Config.Environment["untouched"] = nil // instances do not share maps
		for _, release := range []*scenarios.PlannedRelease{first, second} {
			if _, err := r.release(t, release); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Scale(t.Context(), "api", 4, "more"); err != nil {
			t.Fatal(err)
		}
		if err := r.Restart(t.Context(), scenarios.Pick{Service: "api"}, "again"); err != nil {
			t.Fatal(err)
		}
		versions := map[string]string{}
		started, _ := bodies[journal.InstanceStarted](r.record)
		for _, s := range started {
			versions[s.Instance] = s.Version
		}
		for name, want := range map[string][4]string{ // version, image, V, W
			"api-1": {"v1", "shop"}, "api-4": {"v2", "shop:2", "2"}, "api-7": {"v3", "shop:2", "2", "3"},
			"api-10": {"v3", "shop:2", "2", "3"}, "api-11": {"v3", "shop:2", "2", "3"}, "worker-1": {"", "shop"},
		} {
			config := r.platform.specs[name].Config
			have := [4]string{versions[name], config.Image}
			for i, key := range []string{"V", "W"} {
				if value := config.Environment[key]; value != nil {
					have[2+i] = *value
				}
			}
			if have != want {
				t.Errorf("%s is %q, want %q", name, have, want)
			}
		}
		operations, _ := bodies[journal.Operation](r.record)
		if i := slices.IndexFunc(operations, func(o journal.Operation) bool { return o.Op == opImage && o.Subject == "shop:2" }); i < 0 || operations[i].Cause != "test (present)" {
			t.Errorf("the image of the release was not made available: %+v", operations)
		}
		down(t, r)
	})
}

// A release that cannot work stops, says why, and leaves the old ones serving.
func TestReleaseStops(t *testing.T) {
	never := func(r *rig, name string) {
		r.gateways.readyAfter[name] = -1
		r.platform.make(name, behaviour{log: "connecting to hunter2\nwarming up for ever\n"})
	}
	exits := func(r *rig, name string) {
		r.gateways.readyAfter[name] = -1
		r.platform.make(name, behaviour{exitAt: time.Second, exitCode: 3, log: "no such setting: V\n"})
	}
	unready := []string{
		"was not ready within 1m0s of its start; by the readiness probe GET /ready on port 80 it is unready (status 503)",
		"its last log lines:\n  connecting to [password]\n  warming up for ever",
	}
	exited := []string{
		"exited with code 3", "by the readiness probe GET /ready on port 80 it is unready (status 503)", "never was ready",
		"its last log lines:\n  no such setting: V",
	}
	for _, c := range []struct {
		name    string
		release *scenarios.PlannedRelease
		arrange func(*rig)
		want    []string
		here    string // of api, afterwards
	}{
		{"rolling, never ready", rolling("api"), func(r *rig) { never(r, "api-4") },
			append(unready, "rolling release of api: stopped with 3 of 3 old instances left: api-4"), "[api-1 api-2 api-3]"},
		{"rolling, exits", rolling("api"), func(r *rig) { exits(r, "api-4") }, append(exited, "api-4"), "[api-1 api-2 api-3]"},
		{"rolling, the second is not ready", rolling("api"), func(r *rig) { never(r, "api-5") },
			append(unready, "2 of 3 old instances left: api-5"), "[api-2 api-3 api-4]"},
		{"blue-green", blueGreen(), func(r *rig) { never(r, "api-5") }, append(unready, "blue-green release of api: stopped with 3 of 3"), "[api-1 api-2 api-3]"},
		{"blue-green, exits", blueGreen(), func(r *rig) { exits(r, "api-6") }, exited, "[api-1 api-2 api-3]"},
		{"start first", replaceAll(true), func(r *rig) { never(r, "api-6") }, append(unready, "replacement of all of api"), "[api-1 api-2 api-3]"},
		{"stop first", replaceAll(false), func(r *rig) { never(r, "api-6") }, append(unready, "stopped with 0 of 3"), "[api-4 api-5]"},
		{"cannot be created", rolling("api"), func(r *rig) { r.platform.refuse["create api-4"] = errors.New("engine on fire") },
			[]string{"stopped with 3 of 3 old instances left: create api-4: engine on fire"}, "[api-1 api-2 api-3]"},
		{"cannot be started", rolling("api"), func(r *rig) { r.platform.refuse["start api-4"] = errors.New("engine on fire") },
			[]string{"start api-4: engine on fire"}, "[api-1 api-2 api-3]"},
		{"an old one cannot be stopped", rolling("api"), func(r *rig) { r.platform.refuse["remove api-1"] = errors.New("engine on fire") },
			[]string{"stop api-1: remove: engine on fire"}, ""},
		{"blue-green, cannot be switched", blueGreen(), func(r *rig) { r.platform.refuse["switch api-4,api-5,api-6 500ms"] = errors.New("gateway on fire") },
			[]string{"switch to api-4, api-5, api-6: gateway on fire"}, "[api-1 api-2 api-3]"},
		{"unknown strategy", &scenarios.PlannedRelease{Strategy: "magic", Service: "api"}, nil, []string{`release by magic of api: there is no strategy "magic"`}, "[api-1 api-2 api-3]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReleased(t, c.release, func(cfg *Config) {
					cfg.Redact = func(s string) string { return strings.ReplaceAll(s, "hunter2", "[password]") }
				})
				if c.arrange != nil {
					c.arrange(r)
				}
				_, err := r.release(t, c.release)
				for _, part := range c.want {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("error %v\nlacks %q", err, part)
					}
				}
				here := slices.DeleteFunc(r.platform.here(), func(name string) bool { return !strings.HasPrefix(name, "api-") })
				if c.here != "" && fmt.Sprint(here) != c.here {
					t.Errorf("there are %v, want %s", here, c.here)
				}
				if c.here != "" {
					for _, name := range here {
						if n := r.instance(name); n == nil || !n.serves().is {
							t.Errorf("%s does not serve", name)
						}
					}
				}
				for _, e := range must(bodies[journal.InstanceExited](r.record)) {
					if crashed := e.Code == 3; e.Wanted == crashed {
						t.Errorf("journaled %+v", e)
					}
				}
				// What starts now is of the version before.
				if c.here != "" {
					to := len(here) + 1
					if err := r.Scale(t.Context(), "api", to, "more"); err != nil {
						t.Fatal(err)
					}
					started, _ := bodies[journal.InstanceStarted](r.record)
					if last := started[len(started)-1]; last.Version != "v1" && c.release.Strategy != "magic" {
						t.Errorf("started %+v, want v1", last)
					}
				}
				down(t, r)
			})
		})
	}
}

func must[T, U any](v T, _ U) T { return v }

// What never became ready is removed with the reason, and is not said to have
// been told to stop.
func TestRemovalOfTheNeverReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReleased(t, rolling("api"))
		r.gateways.readyAfter["api-4"] = -1
		if _, err := r.release(t, rolling("api")); err == nil {
			t.Fatal("it went through")
		}
		if told, _ := bodies[journal.InstanceTerminating](r.record); len(told) > 0 {
			t.Errorf("told to stop: %+v", told)
		}
		operations, _ := bodies[journal.Operation](r.record)
		last := operations[len(operations)-1]
		if last.Op != "instance.remove" || last.Subject != "api-4" || last.Cause != "test (given up)" {
			t.Errorf("journaled %+v", last)
		}
		if r.platform.index("forget api-4") < 0 {
			t.Error("the gateway goes on probing it")
		}
		down(t, r)
	})
}

// An image that cannot be had is found out before anything is touched.
func TestReleaseWithoutImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := replaceAll(false)
		release.Image = "shop:none"
		r := newReleased(t, release)
		r.platform.refuse["image shop:none"] = errors.New("no registry")
		calls := len(r.platform.calls)
		_, err := r.release(t, release)
		if err == nil || !strings.Contains(err.Error(), "replacement of all of api: nothing was touched: get the image of shop:none: no registry") {
			t.Errorf("error: %v", err)
		}
		if more := r.platform.calls[calls:]; len(more) > 0 {
			t.Errorf("went on to %q", more)
		}
		down(t, r)
	})
}

// A new instance that becomes unready again before it has counted holds the
// release up, and in the end stops it.
func TestReleaseOfWhatFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := rolling("api")
		release.MinReady, release.Deadline = 5e9, 20e9
		r := newReleased(t, release)
		flapping, stop := context.WithCancel(t.Context())
		defer stop()
		go func() {
			for flapping.Err() == nil {
				time.Sleep(3 * time.Second)
				r.gateways.links["api"].turn("api-4", false)
				r.gateways.links["api"].turn("api-4", true)
			}
		}()
		began := r.cfg.Clock.Now()
		_, err := r.release(t, release)
		if err == nil || !strings.Contains(err.Error(), "api-4 was ready, but not for 5s without a break, within 25s") {
			t.Errorf("error: %v", err)
		}
		if took := r.cfg.Clock.Now() - began; took != 25*time.Second {
			t.Errorf("took %v", took)
		}
		if told, _ := bodies[journal.InstanceTerminating](r.record); len(told) > 0 {
			t.Errorf("told to stop for it: %+v", told)
		}
		stop()
		time.Sleep(4 * time.Second)
		down(t, r)
	})
}

// Services without a port: running counts, or healthy where the compose file
// declares a healthcheck.
func TestReleaseOfWorkers(t *testing.T) {
	for _, c := range []struct {
		name, check string
		took        time.Duration
	}{
		{"running", "", 2150 * time.Millisecond}, // all at one moment, but for the last one's drain
		{"healthy", ", healthcheck: {test: [CMD, x]}", 3*1550*time.Millisecond + 2*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := rolling("worker")
				r := newRig(t, "services: {worker: {image: shop"+c.check+"}}", map[string]scenarios.PlannedService{
					"worker": {Replicas: 3, Drain: scenarios.Drain{Grace: 10e9}},
				}, func(cfg *Config) { cfg.Plan.Actions = []scenarios.PlannedAction{{Release: release}} })
				var mu sync.Mutex
				healthy := map[string]time.Time{}
				r.platform.health = func(name string) platform.Health {
					mu.Lock()
					defer mu.Unlock()
					if c.check == "" {
						return platform.NoHealthcheck
					}
					if healthy[name].IsZero() {
						healthy[name] = time.Now().Add(1500 * time.Millisecond)
					}
					if time.Now().Before(healthy[name]) {
						return platform.Starting
					}
					return platform.Healthy
				}
				for n := range 10 {
					r.platform.make(instanceName("worker", n), behaviour{drains: 2 * time.Second})
				}
				r.platform.hook = func(call string) { // nothing new starts before an old one is told to stop
					if strings.HasPrefix(call, "stopsignal") {
						time.Sleep(50 * time.Millisecond)
					}
				}
				if err := r.Up(t.Context()); err != nil {
					t.Fatal(err)
				}
				began := r.cfg.Clock.Now()
				if _, err := r.release(t, release); err != nil {
					t.Fatal(err)
				}
				if took := r.cfg.Clock.Now() - began; took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if here := fmt.Sprint(r.platform.here()); here != "[worker-4 worker-5 worker-6]" {
					t.Errorf("there are %s", here)
				}
				if most, _ := counts(r.record, "worker"); most != 4 {
					t.Errorf("up to %d instances", most)
				}
				began = r.cfg.Clock.Now()
				if err := r.Scale(t.Context(), "worker", 4, "more"); err != nil {
					t.Fatal(err)
				}
				if took := r.cfg.Clock.Now() - began; (took > 0) != (c.check != "") {
					t.Errorf("scaling took %v", took)
				}
				if err := r.Stop(t.Context(), scenarios.Pick{Service: "worker", Instance: "newest"}, "enough"); err != nil || r.Replicas("worker") != 3 {
					t.Errorf("stop: %v; %d are left", err, r.Replicas("worker"))
				}
				down(t, r)
			})
		})
	}
}

func TestBlueGreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := blueGreen()
		release.Keep = 4e9
		r := newReleased(t, release)
		r.gateways.readyAfter["api-6"] = 3 * time.Second
		began := r.cfg.Clock.Now()
		if _, err := r.release(t, release); err != nil {
			t.Fatal(err)
		}
		at := func(what string, when []time.Duration, want time.Duration) {
			t.Helper()
			if len(when) != 3 {
				t.Errorf("%s: %d times, want 3", what, len(when))
			}
			for _, w := range when {
				if w-began != want {
					t.Errorf("%s at %v, want %v", what, w-began, want)
				}
			}
		}
		added, addedAt := bodies[journal.EndpointAdded](r.record)
		removed, removedAt := bodies[journal.EndpointRemoved](r.record)
		_, told := bodies[journal.InstanceTerminating](r.record)
		_, started := bodies[journal.InstanceStarted](r.record)
		at("started", started[len(started)-3:], 0)
		at("added", addedAt[3:], 3*time.Second)                               // when the last of them is ready
		at("removed", removedAt[:3], 3500*time.Millisecond)                   // after the lag
		at("told to stop", told, 7500*time.Millisecond)                       // after Keep
		if took := r.cfg.Clock.Now() - began; took != 9500*time.Millisecond { // and drained
			t.Errorf("took %v", took)
		}
		for _, e := range removed {
			if e.Reason != "switched" {
				t.Errorf("journaled %+v", e)
			}
		}
		for _, e := range added[3:] {
			if !slices.Contains([]string{"api-4", "api-5", "api-6"}, e.Instance) {
				t.Errorf("journaled %+v", e)
			}
		}
		order := []string{"hold api-6 api-6:80", "switch api-4,api-5,api-6 500ms", "terminate api-1 500ms", "signal api-1 terminated", "forget api-1", "remove api-1"}
		for i := 1; i < len(order); i++ {
			if a, b := r.platform.index(order[i-1]), r.platform.index(order[i]); a < 0 || b < a {
				t.Errorf("%q is call %d, %q call %d", order[i-1], a, order[i], b)
			}
		}
		down(t, r)
	})
}

// What fails after the switch gives the traffic back.
func TestBlueGreenSwitchesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := blueGreen()
		release.Keep = 10e9
		r := newReleased(t, release)
		r.platform.make("api-5", behaviour{exitAt: 5 * time.Second, exitCode: 2, log: "cannot read the new column\n"})
		_, err := r.release(t, release)
		if err == nil || !strings.Contains(err.Error(), "stopped with 3 of 3 old instances left: the traffic was switched back: api-5 exited with code 2") ||
			!strings.Contains(err.Error(), "cannot read the new column") {
			t.Errorf("error: %v", err)
		}
		for _, i := range r.replicas(r.layout.service("api")) {
			if !i.serves().is {
				t.Errorf("%s does not serve", i.name)
			}
		}
		if here := fmt.Sprint(r.platform.here()); here != "[api-1 api-2 api-3 gateway-api worker-1 worker-2 worker-3]" {
			t.Errorf("there are %s", here)
		}
		told, _ := bodies[journal.InstanceTerminating](r.record)
		if len(told) != 2 {
			t.Errorf("told to stop: %+v, want api-4 and api-6, which had served", told)
		}
		down(t, r)
	})
}

func TestReplaceAll(t *testing.T) {
	for _, c := range []struct {
		startFirst  bool
		most, least int
		took        time.Duration
	}{
		{false, 3, 0, 3 * time.Second}, // drain, then warm up
		{true, 6, 3, 3 * time.Second},  // the other way round
	} {
		synctest.Test(t, func(t *testing.T) {
			release := replaceAll(c.startFirst)
			r := newReleased(t, release)
			began := r.cfg.Clock.Now()
			if _, err := r.release(t, release); err != nil {
				t.Fatal(err)
			}
			if took := r.cfg.Clock.Now() - began; took != c.took {
				t.Errorf("start first %v: took %v, want %v", c.startFirst, took, c.took)
			}
			if most, least := counts(r.record, "api"); most != c.most || least != c.least {
				t.Errorf("start first %v: up to %d instances, down to %d endpoints; want %d and %d", c.startFirst, most, least, c.most, c.least)
			}
			_, told := bodies[journal.InstanceTerminating](r.record)
			if len(told) != 3 || told[0] != told[2] {
				t.Errorf("told to stop at %v, want all at once", told)
			}
			down(t, r)
		})
	}
}

// The end of the run in the middle of a release leaves nothing hanging.
func TestInterruptedRelease(t *testing.T) {
	for _, release := range []*scenarios.PlannedRelease{rolling("api"), rolling("worker"), blueGreen(), replaceAll(true), replaceAll(false)} {
		for _, after := range []time.Duration{0, 500 * time.Millisecond, 1200 * time.Millisecond, 1900 * time.Millisecond, 2500 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s of %s after %v", release.Strategy, release.Service, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newReleased(t, release)
					for n := 4; n <= 6; n++ {
						r.gateways.readyAfter[instanceName("api", n)] = 2 * time.Second
					}
					for n := 1; n <= 3; n++ {
						r.platform.make(instanceName(release.Service, n), behaviour{ignores: true})
					}
					ctx, cancel := context.WithTimeout(t.Context(), after)
					defer cancel()
					began := r.cfg.Clock.Now()
					err := r.Release(ctx, release, "test", func(int) {})
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("error: %v", err)
					}
					if took := r.cfg.Clock.Now() - began; took != after {
						t.Errorf("returned after %v, want %v", took, after)
					}
					down(t, r)
				})
			})
		}
	}
}

// Down ends a release that nobody else ends.
func TestDownDuringRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := blueGreen()
		release.Keep = 3600e9
		r := newReleased(t, release)
		ended := make(chan error, 1)
		go func() {
			_, err := r.release(t, release)
			ended <- err
		}()
		time.Sleep(10 * time.Second)
		down(t, r)
		if err := <-ended; !errors.Is(err, errDown) {
			t.Errorf("release: %v", err)
		}
	})
}

// A release waits for its service's turn, and tells what it finds then.
func TestReleaseTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReleased(t, rolling("api"))
		r.gateways.readyAfter["api-4"] = 5 * time.Second
		scaled := make(chan error, 1)
		go func() { scaled <- r.Scale(t.Context(), "api", 4, "busy") }()
		time.Sleep(time.Second)
		if before, err := r.release(t, rolling("api")); err != nil || before != 4 {
			t.Errorf("began with %d: %v", before, err)
		}
		if err := <-scaled; err != nil {
			t.Error(err)
		}
		down(t, r)
	})
}

func TestReleaseOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReleased(t, rolling("api"))
		if err := r.Scale(t.Context(), "api", 0, "off"); err != nil {
			t.Fatal(err)
		}
		if before, err := r.release(t, rolling("api")); err != nil || before != 0 {
			t.Errorf("began with %d: %v", before, err)
		}
		if err := r.Scale(t.Context(), "api", 1, "on"); err != nil {
			t.Fatal(err)
		}
		started, _ := bodies[journal.InstanceStarted](r.record)
		if last := started[len(started)-1]; last.Version != "v2" {
			t.Errorf("started %+v, want v2", last)
		}
		if _, err := r.release(t, &scenarios.PlannedRelease{Strategy: scenarios.BlueGreenStrategy, Service: "worker"}); err == nil || !strings.Contains(err.Error(), "worker has no port") {
			t.Errorf("blue-green without a port: %v", err)
		}
		down(t, r)
	})
}
