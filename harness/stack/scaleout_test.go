package stack

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// TestScaleOutTimes prints how long it is from a decision (the call of Adjust)
// to a container that runs, and to one that takes traffic. It asserts nothing
// about time: the machine is what it is.
func TestScaleOutTimes(t *testing.T) {
	lag := scenarios.Duration(50 * time.Millisecond)
	s, r := realStack(t, openDocker(t), `
services:
  api:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [serve, ":8080"]
    deploy: {resources: {limits: {cpus: "0.5", memory: 64M}}}
`, map[string]scenarios.PlannedService{"api": {
		Port: 8080, Replicas: 1, Ready: scenarios.Probe{Path: "/", Period: scenarios.Duration(50 * time.Millisecond)},
		Drain: scenarios.Drain{Grace: 5e9, EndpointLag: &lag},
	}})
	if err := s.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ instances, times int }{{1, 20}, {8, 5}} {
		var started, ready []time.Duration
		for range c.times {
			began := s.cfg.Clock.Now()
			fresh, _, err := s.Adjust(t.Context(), "api", 1+c.instances, "measured")
			if err != nil || len(fresh) != c.instances {
				t.Fatalf("Adjust started %v, %v", fresh, err)
			}
			awaitMembers(t, s, func(all []Member) bool {
				return len(all) == 1+c.instances && !slices.ContainsFunc(all, func(m Member) bool { return !m.Ready })
			})
			var last, lastReady time.Duration
			for _, m := range s.Members("api")[1:] {
				last, lastReady = max(last, m.Started-began), max(lastReady, m.Changed-began)
			}
			started, ready = append(started, last), append(ready, lastReady)
			if _, _, err := s.Adjust(t.Context(), "api", 1, "measured"); err != nil {
				t.Fatal(err)
			}
			awaitRemoved(t, s, r, fresh)
		}
		t.Logf("%d at once, %d times: all run after p50 %v, p95 %v; all take traffic after p50 %v, p95 %v",
			c.instances, c.times, quantile(started, 0.5), quantile(started, 0.95), quantile(ready, 0.5), quantile(ready, 0.95))
	}
	calls := map[string][]time.Duration{}
	for _, op := range must(bodies[journal.Operation](r)) {
		if op.Cause == "measured" {
			calls[op.Op] = append(calls[op.Op], op.Took)
		}
	}
	for _, op := range slices.Sorted(maps.Keys(calls)) {
		t.Logf("%s took p50 %v, p95 %v", op, quantile(calls[op], 0.5), quantile(calls[op], 0.95))
	}
}

// quantile is by nearest rank.
func quantile(of []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(time.Millisecond)
}

const patience = 30 * time.Second

// awaitMembers waits until the instances of api are as they should be.
func awaitMembers(t *testing.T, s *Stack, as func([]Member) bool) {
	t.Helper()
	expired := time.After(patience)
	for {
		news := s.changed()
		members := s.Members("api")
		if as(members) {
			return
		}
		select {
		case <-news:
		case <-expired:
			t.Fatalf("the instances are %+v", members)
		}
	}
}

// awaitRemoved waits until instances have been removed from the platform.
func awaitRemoved(t *testing.T, s *Stack, r *record, names []string) {
	t.Helper()
	expired := time.After(patience)
	for {
		gone := map[string]bool{}
		for _, op := range must(bodies[journal.Operation](r)) {
			gone[op.Subject] = gone[op.Subject] || op.Op == "instance.remove"
		}
		left := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return gone[name] })
		if len(left) == 0 {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond): // a journal tells nobody
		case <-expired:
			t.Fatal(fmt.Sprint("still there: ", left))
		}
	}
}
