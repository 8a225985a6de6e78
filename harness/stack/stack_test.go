package stack

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
)

// healthyAfter makes every healthcheck pass a while after the test began.
func healthyAfter(d time.Duration) func(string) platform.Health {
	began := time.Now()
	return func(string) platform.Health {
		if time.Since(began) < d {
			return platform.Starting
		}
		return platform.Healthy
	}
}

func newShop(t *testing.T, change ...func(*Config)) *rig {
	r := newRig(t, shop, shopServices(), change...)
	r.platform.health = healthyAfter(3 * time.Second)
	r.platform.make("migrate-1", behaviour{exitAt: time.Second})
	r.platform.took = 200 * time.Millisecond
	return r
}

func TestUpInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newShop(t)
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range [][2]string{
			{"image postgres:15", "network back"},
			{"image web", "network back"},
			{"network back", "create db-1"},
			{"volume data", "create db-1"},
			{"start db-1", "start migrate-1"},
			{"start migrate-1", "start api-1"},
			{"start cache-1", "start api-2"},
			{"attach gateway-api", "start gateway-api"},
			{"connect api", "start api-1"},
			{"start api-1", "add api-1 api-1:8080"},
			{"add api-1 api-1:8080", "start web-1"},
			{"add api-2 api-2:8080", "start web-1"},
		} {
			first, second := r.platform.index(strings.Replace(c[0], "postgres:15", "db", 1)), r.platform.index(c[1])
			if first < 0 || second < 0 || first > second {
				t.Errorf("%q is call %d, %q is call %d; want it before", c[0], first, c[1], second)
			}
		}
		started, at := bodies[journal.InstanceStarted](r.record)
		for i, s := range started {
			if s.Service == "api" && at[i] < 4*time.Second { // db healthy at 3 s, migrate 1 s more
				t.Errorf("%s started at %v, before its dependencies' conditions held", s.Instance, at[i])
			}
		}
		exits, _ := bodies[journal.InstanceExited](r.record)
		if len(exits) != 1 || exits[0].Instance != "migrate-1" || !exits[0].Wanted {
			t.Errorf("exits: %+v, want the wanted one of migrate-1", exits)
		}
		want := map[string]string{"api": "127.0.0.1:48080", "web": "127.0.0.1:40080"}
		for service, target := range want {
			if have := r.Targets()[service]; have != target {
				t.Errorf("target of %s is %q, want %q", service, have, target)
			}
		}
		down(t, r)
	})
}

// down takes the stack down and checks that nothing is left.
func down(t *testing.T, r *rig) {
	t.Helper()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Down(cancelled); err != nil {
		t.Errorf("down: %v", err)
	}
	if here := r.platform.here(); len(here) > 0 {
		t.Errorf("left behind: %v", here)
	}
	if r.gateways.open != 0 {
		t.Errorf("%d gateways are still connected", r.gateways.open)
	}
	if r.platform.index("teardown") < 0 {
		t.Error("the platform was not torn down")
	}
	exits, _ := bodies[journal.InstanceExited](r.record)
	for _, e := range exits {
		if e.Code == 137 && !e.Wanted {
			t.Errorf("the exit of %s by the tear-down is not marked as wanted", e.Instance)
		}
	}
}

// Every operation of the plan is journaled once, with cause and duration.
func TestOperationsAreJournaled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newShop(t)
		plan := r.Plan()
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		operations, _ := bodies[journal.Operation](r.record)
		for _, o := range operations {
			count[o.Op+" "+o.Subject]++
			if o.Cause == "" {
				t.Errorf("%s %s has no cause", o.Op, o.Subject)
			}
			if o.Op == opStart && o.Took < 200*time.Millisecond {
				t.Errorf("start of %s took %v in the journal, want the 200ms of the call", o.Subject, o.Took)
			}
		}
		for _, op := range plan.Operations {
			if n := count[op.Op+" "+op.Subject]; n != 1 {
				t.Errorf("%s %s is journaled %d times", op.Op, op.Subject, n)
			}
		}
		if len(operations) != len(plan.Operations) {
			t.Errorf("%d operations journaled, %d planned", len(operations), len(plan.Operations))
		}
		down(t, r)
	})
}

func TestUpFails(t *testing.T) {
	lost := errors.New("engine on fire")
	for _, c := range []struct {
		name    string
		arrange func(*rig)
		want    []string // parts of the error
		never   string   // call that must not have been made
	}{
		{
			name:    "image that cannot be had, before anything starts",
			arrange: func(r *rig) { r.platform.refuse["image api"] = lost; r.platform.refuse["image migrate"] = lost },
			want:    []string{"get the image of shop: engine on fire"}, never: "create db-1",
		},
		{
			name:    "create",
			arrange: func(r *rig) { r.platform.refuse["create api-2"] = lost },
			want:    []string{"create api-2: engine on fire"}, never: "start web-1",
		},
		{
			name:    "start in the middle",
			arrange: func(r *rig) { r.platform.refuse["start api-1"] = lost },
			want:    []string{"start api-1: engine on fire"}, never: "start web-1",
		},
		{
			name:    "port taken, as the gateway reports it",
			arrange: func(r *rig) { r.platform.refuse["connect web"] = errors.New("listen on :80: address in use") },
			want:    []string{"set up gateway-web: listen on :80: address in use"}, never: "start web-1",
		},
		{
			name: "instance exits at start",
			arrange: func(r *rig) {
				r.platform.make("api-1", behaviour{exitAt: 50 * time.Millisecond, exitCode: 3, log: "one\npassword is hunter2\nno config"})
				r.gateways.readyAfter["api-1"] = -1
			},
			want:  []string{"api-1 exited with code 3; its last log lines:\n  one\n  password is [password]\n  no config"},
			never: "start web-1",
		},
		{
			name: "instance behind a gateway exits with 0",
			arrange: func(r *rig) {
				r.platform.make("api-2", behaviour{exitAt: 50 * time.Millisecond})
				r.gateways.readyAfter["api-2"] = -1
			},
			want: []string{"api-2 exited with code 0; it wrote no log"}, never: "start web-1",
		},
		{
			name:    "instance without gateway exits while others come up",
			arrange: func(r *rig) { r.platform.make("cache-1", behaviour{exitAt: time.Second, exitCode: 139}) },
			want:    []string{"start cache-1: cache-1 exited with code 139 (killed by signal 11)"}, never: "start web-1",
		},
		{
			name:    "job that others wait for fails",
			arrange: func(r *rig) { r.platform.make("migrate-1", behaviour{exitAt: time.Second, exitCode: 1}) },
			want:    []string{"migrate-1 exited with code 1"}, never: "start api-1",
		},
		{
			name:    "job that others wait for hangs",
			arrange: func(r *rig) { r.platform.make("migrate-1", behaviour{}) },
			want:    []string{"wait for migrate: migrate-1 has not completed within 1m0s"}, never: "start api-1",
		},
		{
			name: "readiness never reached",
			arrange: func(r *rig) {
				r.gateways.readyAfter["api-2"] = -1
				r.platform.make("api-2", behaviour{log: "warming up\n"})
			},
			want: []string{
				"wait for api-2: api-2 was not ready within 1m0s",
				"by the readiness probe GET /readyz on port 8080 it is unready (status 503)", "warming up",
			},
			never: "start web-1",
		},
		{
			name:    "unhealthy",
			arrange: func(r *rig) { r.platform.health = func(string) platform.Health { return platform.Unhealthy } },
			want:    []string{"wait for db: db-1: its healthcheck says it is unhealthy"}, never: "start api-1",
		},
		{
			name:    "never healthy",
			arrange: func(r *rig) { r.platform.health = func(string) platform.Health { return platform.Starting } },
			want:    []string{"wait for db: db-1: it was not healthy within 1m0s"}, never: "start api-1",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newShop(t, func(cfg *Config) {
					cfg.Redact = func(s string) string { return strings.ReplaceAll(s, "hunter2", "[password]") }
				})
				c.arrange(r)
				err := r.Up(t.Context())
				for _, part := range c.want {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("error %v\nlacks %q", err, part)
					}
				}
				if r.platform.index(c.never) >= 0 {
					t.Errorf("went on to %q", c.never)
				}
				down(t, r)
			})
		})
	}
}

// depends_on with required: false goes on with a warning.
func TestOptionalDependency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `
services:
  flaky: {image: a, healthcheck: {test: [CMD, x]}}
  api: {image: b, depends_on: {flaky: {condition: service_healthy, required: false}}}
`, nil)
		r.platform.health = func(string) platform.Health { return platform.Unhealthy }
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		notes, _ := bodies[journal.Note](r.record)
		if len(notes) != 1 || notes[0].Level != "warning" || !strings.Contains(notes[0].Text, "unhealthy") {
			t.Errorf("notes: %+v, want one warning", notes)
		}
		down(t, r)
	})
}

// A job that fails is no reason to give up where nothing requires it.
func TestOptionalJobFails(t *testing.T) {
	for _, c := range []struct{ name, more, want string }{
		{"nobody requires it", "", ""},
		{"somebody does", "  web: {image: c, depends_on: {flaky: {condition: service_started}}}", "flaky-1 exited with code 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, `
services:
  flaky: {image: a}
  api: {image: b, depends_on: {flaky: {condition: service_completed_successfully, required: false}}}
`+c.more, nil)
				r.platform.make("flaky-1", behaviour{exitAt: time.Second, exitCode: 3})
				r.platform.took = 200 * time.Millisecond
				err := r.Up(t.Context())
				if c.want != "" {
					if err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("error %v\nlacks %q", err, c.want)
					}
					down(t, r)
					return
				}
				if err != nil || r.platform.index("start api-1") < 0 {
					t.Errorf("up: %v; want api-1 started all the same", err)
				}
				notes, _ := bodies[journal.Note](r.record)
				if len(notes) != 1 || notes[0].Level != "warning" || !strings.Contains(notes[0].Text, "flaky-1 exited with code 3") {
					t.Errorf("notes: %+v, want one warning", notes)
				}
				down(t, r)
			})
		})
	}
}

func TestHealthyWithoutHealthcheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `
services:
  db: {image: a}
  api: {image: b, depends_on: {db: {condition: service_healthy}}}
`, nil)
		err := r.Up(t.Context())
		if err == nil || !strings.Contains(err.Error(), "db has no healthcheck, so it never becomes service_healthy") {
			t.Errorf("error: %v", err)
		}
		down(t, r)
	})
}

func TestInterruptedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newShop(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		if err := r.Up(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error: %v, want the cancellation", err)
		}
		down(t, r)
	})
}

// Down ends what is under way, and what comes later is refused.
func TestDownDuringUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newShop(t)
		var wait sync.WaitGroup
		wait.Go(func() {
			if err := r.Up(t.Context()); !errors.Is(err, errDown) {
				t.Errorf("up: %v", err)
			}
		})
		time.Sleep(2 * time.Second)
		down(t, r)
		wait.Wait()
		if err := r.Scale(t.Context(), "api", 3, "late"); !errors.Is(err, errDown) {
			t.Errorf("scale after down: %v", err)
		}
		if err := r.Down(t.Context()); err != nil {
			t.Errorf("down again: %v", err)
		}
	})
}

func TestDownWithoutUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { down(t, newShop(t)) })
}

func TestDownReportsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newShop(t)
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.platform.refuse["teardown"] = errors.New("container api-1: device busy")
		err := r.Down(t.Context())
		if err == nil || !strings.Contains(err.Error(), "tear down: container api-1: device busy") {
			t.Errorf("error: %v", err)
		}
	})
}

// An exit after Up is journaled and ends nothing.
func TestUnwantedExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newShop(t)
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.platform.exit("api-1", 1)
		synctest.Wait()
		exits, _ := bodies[journal.InstanceExited](r.record)
		last := exits[len(exits)-1]
		if last.Instance != "api-1" || last.Code != 1 || last.Wanted || last.Service != "api" {
			t.Errorf("journaled %+v", last)
		}
		if err := r.Scale(t.Context(), "api", 3, "more"); err != nil {
			t.Errorf("scale: %v", err)
		}
		down(t, r)
	})
}

type sheet struct {
	strings.Builder
	closed bool
}

func (s *sheet) Close() error { s.closed = true; return nil }

func TestLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		sheets := map[string]*sheet{}
		r := newShop(t, func(cfg *Config) {
			cfg.Log = func(instance string) io.WriteCloser {
				mu.Lock()
				defer mu.Unlock()
				sheets[instance] = &sheet{}
				return sheets[instance]
			}
		})
		r.platform.make("api-1", behaviour{log: "hello\n"})
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		down(t, r)
		if sheets["api-1"].String() != "hello\n" {
			t.Errorf("log of api-1 is %q", sheets["api-1"])
		}
		for name, s := range sheets {
			if !s.closed {
				t.Errorf("log of %s is not closed", name)
			}
		}
	})
}

func TestInStep(t *testing.T) {
	for _, c := range []struct{ step, err, want string }{
		{"create api-1", "api-1: no such image", "create api-1: no such image"},
		{"create network back", "network back: no address left", "create network back: no address left"},
		{"start api-1", "api-10: wrong one", "start api-1: api-10: wrong one"},
		{"wait for api-1", "api-1 exited with code 3", "wait for api-1: api-1 exited with code 3"},
	} {
		if have := inStep(c.step, errors.New(c.err)).Error(); have != c.want {
			t.Errorf("%q in %q is %q, want %q", c.err, c.step, have, c.want)
		}
	}
}

func TestTail(t *testing.T) {
	var tail tail
	for _, piece := range []string{"a", "b\nc", "", "d\n", strings.Repeat("x\n", tailLines-1), strings.Repeat("y", 2*tailKept), "\nlast"} {
		if n, err := tail.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	lines := tail.lines()
	if len(lines) != tailLines+1 || lines[0] != "x" || lines[tailLines] != "last" || len(lines[tailLines-1]) != tailKept {
		t.Errorf("kept %d lines, first %q, last %q", len(lines), lines[0], lines[len(lines)-1])
	}
}
