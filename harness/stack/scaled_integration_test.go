package stack

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const scaledCompose = `
services:
  api:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [serve, ":8080"]
    deploy: {resources: {limits: {cpus: "0.5", memory: 64M}}}
    x-shakedown: {process: {command: [DIR/program, serve, "{ip}:{port}"]}}
  store:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [serve, ":7000"]
    expose: [7000]
    x-shakedown: {process: {command: [DIR/program, serve, "{ip}:{port}"]}}
`

// scales adjusts a service, fetches pages from inside, and has an instance
// announce a session, on a real platform.
func scales(t *testing.T, p platform.Platform) {
	lag := scenarios.Duration(50 * time.Millisecond)
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	body := `{"account": "acme", "tier": "enterprise"}`
	announcement := &scenarios.Job{
		Name: "session", Service: "api", Command: []string{"post", "HOOK", body}, Process: []string{dir + "/program", "post", "HOOK", body}, Within: 10e9,
	}
	var s *Stack
	var asked atomic.Int32
	plan := &scenarios.Plan{
		Services: map[string]scenarios.PlannedService{
			"api": {
				Port: 8080, Replicas: 1, Ready: scenarios.Probe{Path: "/", Period: scenarios.Duration(50 * time.Millisecond)},
				Drain:    scenarios.Drain{Grace: 5e9, EndpointLag: &lag},
				Prescale: &scenarios.Prescale{Webhook: &scenarios.PrescaleWebhook{Service: "api", Variable: "HOOK"}},
			},
		},
		Actions: []scenarios.PlannedAction{{Job: announcement}},
	}
	s, r := realStackWith(t, p, scaledCompose, plan, func(cfg *Config) {
		cfg.Session = func(_ context.Context, signal journal.SessionSignal) gateway.Answer {
			asked.Add(1)
			return gateway.Answer{State: "granted", Instance: s.Members("api")[0].Name}
		}
	})
	if err := s.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	ready := func(count int) {
		t.Helper()
		awaitMembers(t, s, func(all []Member) bool {
			return len(all) == count && !slices.ContainsFunc(all, func(m Member) bool { return !m.Ready })
		})
	}
	for _, to := range []int{4, 2, 3} {
		if _, _, err := s.Adjust(t.Context(), "api", to, "test"); err != nil {
			t.Fatal(err)
		}
		ready(to)
	}
	for name, port := range map[string]int{"api-1": 0, "store-1": 7000} {
		if page, err := s.Fetch(t.Context(), name, port, "/metrics"); err != nil || string(page) != "hello\n" {
			t.Errorf("%s: %q, %v", name, page, err)
		}
	}
	if err := s.RunJob(t.Context(), announcement, "test"); err != nil {
		t.Error(err)
	}
	want := journal.SessionSignal{Service: "api", Via: "webhook", Account: "acme", Tier: "enterprise"}
	if seen := must(bodies[journal.SessionSignal](r)); len(seen) != 1 || seen[0] != want || asked.Load() != 1 {
		t.Errorf("seen %+v, asked %d times", seen, asked.Load())
	}
	if err := s.Interrupt(t.Context(), &scenarios.Interrupt{Service: "api", Count: 1, Notice: scenarios.Duration(20 * time.Second)}, "test"); err != nil {
		t.Error(err)
	}
	ready(3)
	if names := s.Members("api"); names[0].Name == "api-1" {
		t.Errorf("members %+v", names)
	}
	resizes(t, s, r)
	if err := s.Down(t.Context()); err != nil {
		t.Error(err)
	}
	for _, e := range must(bodies[journal.InstanceExited](r)) {
		if !e.Wanted || e.OOM {
			t.Errorf("exit %+v", e)
		}
	}
}

// resizes changes the limits of instances where there are any, and is refused
// by name elsewhere.
func resizes(t *testing.T, s *Stack, r *record) {
	large := scenarios.ResourceClass{CPUs: 1, Memory: 128 << 20}
	base := s.Members("api")[0].Resources
	name := s.Members("api")[0].Name
	err := s.Resize(t.Context(), name, "large", large, 1, "test")
	if refusal := s.cfg.Platform.Supports(platform.MemoryLimits); refusal != nil {
		if err == nil || !strings.Contains(err.Error(), s.cfg.Platform.Name()) {
			t.Errorf("Resize = %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	s.SetClass("api", "large", large, 1, "test")
	started, _, err := s.Adjust(t.Context(), "api", 4, "test")
	if err != nil {
		t.Fatal(err)
	}
	awaitMembers(t, s, func(all []Member) bool { return len(all) == 4 && all[3].Ready })
	for _, c := range []struct {
		name string
		to   scenarios.ResourceClass
	}{{name, large}, {started[0], large}, {name, base}, {started[0], base}} {
		if c.to == base {
			if err := s.Resize(t.Context(), c.name, "base", base, 2, "test"); err != nil {
				t.Error(err)
			}
		}
		if use, err := s.Usage(t.Context(), c.name); err != nil || use.Limit != int64(c.to.Memory) {
			t.Errorf("%s: %+v, %v; want a limit of %s", c.name, use, err, c.to.Memory)
		}
	}
	created := 0
	for _, e := range must(bodies[journal.Resized](r)) {
		created += map[bool]int{true: 1}[e.Created && e.Instance == started[0] && e.Memory == int64(large.Memory)]
		if e.Error != "" {
			t.Errorf("journaled %+v", e)
		}
	}
	if created != 1 {
		t.Errorf("%d creations are journaled", created)
	}
}

func TestScalesOnDocker(t *testing.T) { scales(t, openDocker(t)) }

func TestScalesOnProcesses(t *testing.T) { scales(t, openProcess(t)) }
