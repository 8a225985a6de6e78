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

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func backfill() *scenarios.Job {
	return &scenarios.Job{
		Name: "backfill", Service: "api", Command: []string{"migrate", "--all"}, Process: []string{"shop", "migrate", "{instance}", "db:5432"},
		Environment: map[string]string{"BATCH": "100"}, Within: 30e9,
	}
}

const withJob = `
services:
  api:
    image: shop
    command: [serve]
    entrypoint: [/shop]
    environment: {DB: "db:5432", BATCH: "1"}
    networks: {back: {aliases: [public]}}
    volumes: ["data:/data"]
    healthcheck: {test: [CMD, x]}
    expose: ["80"]
    x-shakedown: {process: {command: [shop, serve], environment: {LISTEN: "{ip}:{port}"}}}
  db: {image: postgres, networks: [back], x-shakedown: {process: {command: [db]}}}
networks: {back: }
volumes: {data: }
`

// newWithJob is a stack that is up, whose plan has a job.
func newWithJob(t *testing.T, job *scenarios.Job) *rig {
	t.Helper()
	r := newRig(t, withJob, map[string]scenarios.PlannedService{
		"api": {Port: 80, Replicas: 1, Drain: scenarios.Drain{Grace: 10e9, EndpointLag: lagOf(0)}},
	}, func(cfg *Config) { cfg.Plan.Actions = []scenarios.PlannedAction{{Job: job}} })
	if err := r.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestJob(t *testing.T) {
	for _, c := range []struct {
		name    string
		behave  behaviour
		end     time.Duration // of the run; 0: later
		took    time.Duration
		code    int
		killed  bool
		refuse  string // a call
		want    []string
		stopped bool // before it started
	}{
		{name: "to its end", behave: behaviour{exitAt: 5 * time.Second, log: "12 rows\n"}, took: 5 * time.Second},
		{name: "fails", behave: behaviour{exitAt: time.Second, exitCode: 3, log: "no such column\n"}, took: time.Second, code: 3,
			want: []string{"run job backfill: backfill-1 exited with code 3; its last log lines:\n  no such column"}},
		{name: "too long", behave: behaviour{ignores: true, log: "row 1\n"}, took: 30 * time.Second, code: 137, killed: true,
			want: []string{"run job backfill: backfill-1 was killed because it ran for longer than 30s; its last log lines:\n  row 1"}},
		{name: "longer than the run", behave: behaviour{}, end: 7 * time.Second, took: 7 * time.Second, code: 137, killed: true,
			want: []string{"backfill-1 was killed because the run ended before it did; it wrote no log"}},
		{name: "cannot be created", refuse: "create backfill-1", want: []string{"run job backfill: create backfill-1: engine on fire"}, stopped: true},
		{name: "cannot be started", refuse: "start backfill-1", want: []string{"run job backfill: start backfill-1: engine on fire"}, stopped: true},
		{name: "image gone", refuse: "image shop", want: []string{"run job backfill: get the image of shop: engine on fire"}, stopped: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newWithJob(t, backfill())
				r.platform.make("backfill-1", c.behave)
				r.platform.refuse[c.refuse] = errors.New("engine on fire")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.end > 0 {
					time.AfterFunc(c.end, cancel)
				}
				began := r.cfg.Clock.Now()
				err := r.RunJob(ctx, backfill(), "test")
				if (err == nil) != (c.want == nil) {
					t.Errorf("error: %v", err)
				}
				for _, part := range c.want {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("error %v\nlacks %q", err, part)
					}
				}
				if took := r.cfg.Clock.Now() - began; took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				exits, _ := bodies[journal.InstanceExited](r.record)
				want := []journal.InstanceExited{{Service: "backfill", Instance: "backfill-1", Code: c.code, Wanted: true}}
				if c.stopped {
					want = nil
				}
				if !slices.Equal(exits, want) {
					t.Errorf("exits %+v, want %+v", exits, want)
				}
				signals, _ := bodies[journal.InstanceSignalled](r.record)
				if (len(signals) == 1) != c.killed || c.killed && signals[0].Signal != "SIGKILL" {
					t.Errorf("signals %+v", signals)
				}
				if here := fmt.Sprint(r.platform.here()); here != "[api-1 db-1 gateway-api]" {
					t.Errorf("there are %s, want the job removed", here)
				}
				if r.Replicas("api") != 1 || r.Replicas("backfill") != 0 {
					t.Error("the job counts as an instance of a service")
				}
				down(t, r)
			})
		})
	}
}

// A job is like its service, but nobody reaches it.
func TestJobIsLikeItsService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWithJob(t, backfill())
		r.platform.make("backfill-1", behaviour{exitAt: time.Second})
		if err := r.RunJob(t.Context(), backfill(), "test"); err != nil {
			t.Fatal(err)
		}
		spec := r.platform.specs["backfill-1"]
		c := spec.Config
		if spec.Service != "api" || fmt.Sprint(spec.Aliases) != "[backfill-1]" || len(spec.Publish) > 0 || len(c.Networks["back"].Aliases) > 0 {
			t.Errorf("it can be reached: %+v", spec)
		}
		if c.Image != "shop" || len(c.Volumes) != 1 || fmt.Sprint(c.Command) != "[migrate --all]" || fmt.Sprint(c.Entrypoint) != "[/shop]" || !c.HealthCheck.Disable {
			t.Errorf("config %+v", c)
		}
		if *c.Environment["BATCH"] != "100" || *c.Environment["DB"] != "db:5432" || *r.platform.specs["api-1"].Config.Environment["BATCH"] != "1" {
			t.Errorf("environment %v", c.Environment)
		}
		if r.platform.specs["api-1"].Config.HealthCheck.Disable || len(r.platform.specs["api-1"].Config.Command) != 1 {
			t.Error("the service has changed")
		}
		started, _ := bodies[journal.InstanceStarted](r.record)
		want := journal.InstanceStarted{Service: "backfill", Instance: "backfill-1", Job: true, Cause: "test"}
		if last := started[len(started)-1]; last != want {
			t.Errorf("journaled %+v, want %+v", last, want)
		}
		for _, call := range r.platform.calls {
			if strings.HasPrefix(call, "add backfill") {
				t.Error("the gateway was told of it")
			}
		}
		down(t, r)
	})
}

// Not even by the aliases of a service that has no gateway.
func TestJobHasNoAlias(t *testing.T) {
	l, err := arrange(project(t, `
services: {worker: {image: shop, networks: {back: {aliases: [queue]}}}}
networks: {back: }
`), &scenarios.Plan{Actions: []scenarios.PlannedAction{{Job: &scenarios.Job{Name: "fix", Service: "worker", Command: []string{"fix"}}}}}, ground{images: true})
	if err != nil {
		t.Fatal(err)
	}
	if aliases := named(l.jobs, "fix").config.Networks["back"].Aliases; len(aliases) > 0 || len(l.service("worker").config.Networks["back"].Aliases) != 1 {
		t.Errorf("the job is called %q", aliases)
	}
}

func TestJobTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWithJob(t, backfill())
		r.platform.make("backfill-1", behaviour{exitAt: time.Second})
		if err := r.RunJob(t.Context(), backfill(), "test"); err != nil {
			t.Fatal(err)
		}
		if err := r.RunJob(t.Context(), backfill(), "test"); err == nil || !strings.Contains(err.Error(), "run job backfill: it has been run already") {
			t.Errorf("the second time: %v", err)
		}
		if err := r.RunJob(t.Context(), &scenarios.Job{Name: "nobody"}, "test"); err == nil || !strings.Contains(err.Error(), "the plan has no such job") {
			t.Errorf("unknown: %v", err)
		}
		down(t, r)
	})
}

func TestDownDuringJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWithJob(t, backfill())
		ended := make(chan error, 1)
		go func() { ended <- r.RunJob(t.Context(), backfill(), "test") }()
		time.Sleep(time.Second)
		down(t, r)
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "the run ended before it did") {
			t.Errorf("job: %v", err)
		}
	})
}

func TestJobOnProcesses(t *testing.T) {
	p := project(t, withJob)
	on := ground{process: true, shared: "/run/shared", address: func(service string, n int) string { return fmt.Sprintf("127.9.%d.%d", len(service), n) }}
	plan := &scenarios.Plan{
		Services: map[string]scenarios.PlannedService{"api": {Port: 80, Replicas: 1}},
		Actions:  []scenarios.PlannedAction{{Job: backfill()}},
	}
	l, err := arrange(p, plan, on)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := named(l.jobs, "backfill").versioned(1, &version{environment: map[string]string{"URL": "postgres://db:5432/{instance}", "BATCH": "2"}}, on)
	if err != nil {
		t.Fatal(err)
	}
	if have, want := strings.Join(spec.Config.Command, " "), "shop migrate backfill-1 127.9.2.1:5432"; have != want {
		t.Errorf("command %q, want %q", have, want)
	}
	for key, want := range map[string]string{"LISTEN": "127.9.8.1:80", "URL": "postgres://127.9.2.1:5432/backfill-1", "BATCH": "100", "DB": "127.9.2.1:5432"} {
		if have := spec.Config.Environment[key]; have == nil || *have != want {
			t.Errorf("%s is %v, want %q", key, have, want)
		}
	}
	if spec.Address != "127.9.8.1" {
		t.Errorf("address %s", spec.Address)
	}
}
