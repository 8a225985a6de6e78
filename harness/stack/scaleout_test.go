package stack

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Several instances come up side by side on an engine, all of them, and are gone
// from it when they are not wanted any more. How long that takes is measured by
// harness/scaling/bench.
func TestScaleOutIsSideBySide(t *testing.T) {
	const more = 4
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
	fresh, _, err := s.Adjust(t.Context(), "api", 1+more, "side by side")
	if err != nil || len(fresh) != more {
		t.Fatalf("Adjust started %v, %v", fresh, err)
	}
	awaitMembers(t, s, func(all []Member) bool {
		return len(all) == 1+more && !slices.ContainsFunc(all, func(m Member) bool { return !m.Ready })
	})
	if n := overlapping(r, "instance.create"); n < 2 {
		t.Error("no two instances were created at the same time")
	}
	if _, stopping, err := s.Adjust(t.Context(), "api", 1, "side by side"); err != nil || len(stopping) != more {
		t.Fatalf("Adjust stops %v, %v", stopping, err)
	}
	awaitRemoved(t, s, r, fresh)
	if members := s.Members("api"); len(members) != 1 || members[0].Name != "api-1" {
		t.Errorf("members %+v", members)
	}
}

// overlapping is how many operations of a kind were under way at one time at most.
func overlapping(r *record, kind string) (most int) {
	ops, ends := bodies[journal.Operation](r)
	for n, op := range ops {
		if op.Op != kind {
			continue
		}
		under := 0
		for m, other := range ops {
			if other.Op == kind && ends[m] >= ends[n] && ends[m]-other.Took < ends[n] {
				under++
			}
		}
		most = max(most, under)
	}
	return most
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
