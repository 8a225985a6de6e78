package stack

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const mebi = 1 << 20

// newClassed is a stack that is up: one of api, with limits, and one of worker,
// without; api-2 takes 200ms to start.
func newClassed(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, `
services:
  api: {image: shop, deploy: {resources: {limits: {cpus: "0.5", memory: 256M}, reservations: {memory: 64M}}}}
  worker: {image: shop}
`, map[string]scenarios.PlannedService{"api": {Port: 80, Replicas: 1}, "worker": {Replicas: 1}})
	if err := r.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.platform.took = 200 * time.Millisecond
	return r
}

var (
	baseOfAPI = scenarios.ResourceClass{CPUs: 0.5, Memory: 256 * mebi}
	large     = scenarios.ResourceClass{CPUs: 2, Memory: 512 * mebi}
)

// A running instance is resized, and the record says from what to what.
func TestResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newClassed(t)
		if m := r.Members("api")[0]; m.Class != "base" || m.Resources != baseOfAPI {
			t.Errorf("at first: %+v", m)
		}
		r.platform.hook = func(call string) {
			if strings.HasPrefix(call, "resize") {
				time.Sleep(30 * time.Millisecond)
			}
		}
		began := r.cfg.Clock.Now()
		resize := func(class string, to scenarios.ResourceClass) error {
			return r.Resize(t.Context(), "api-1", class, to, 5, "a session of acme")
		}
		if err := resize("large", scenarios.ResourceClass{Memory: 512 * mebi}); err != nil {
			t.Fatal(err)
		}
		want := scenarios.ResourceClass{CPUs: 0.5, Memory: 512 * mebi}
		if m := r.Members("api")[0]; m.Class != "large" || m.Resources != want {
			t.Errorf("resized: %+v", m)
		}
		r.platform.refuse["resize api-1 0.5/268435456"] = errors.New("api-1: unable to set memory limit (current usage: 300000000)")
		refused := resize("base", baseOfAPI)
		if refused == nil || refused.Error() != "resize api-1: unable to set memory limit (current usage: 300000000)" {
			t.Errorf("refused: %v", refused)
		}
		if m := r.Members("api")[0]; m.Class != "large" || m.Resources != want {
			t.Errorf("refused: %+v", m)
		}
		record := journal.Resized{
			Decision: 5, Service: "api", Instance: "api-1", Class: "large", FromCPUs: 0.5, FromMemory: 256 * mebi,
			CPUs: 0.5, Memory: 512 * mebi, Cause: "a session of acme", Took: 30 * time.Millisecond,
		}
		back := record
		back.Class, back.FromMemory, back.Memory, back.Error = "base", 512*mebi, 256*mebi, refused.Error()
		have, at := bodies[journal.Resized](r.record)
		if len(have) != 2 || have[0] != record || have[1] != back || at[0] != began+30*time.Millisecond {
			t.Errorf("journaled %+v at %v\n want %+v and %+v", have, at, record, back)
		}
		down(t, r)
	})
}

// What the compose file leaves without a limit gets none: it would keep it.
func TestResizeThatCouldNotBeTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newClassed(t)
		for to, want := range map[scenarios.ResourceClass]string{
			{Memory: mebi}: "worker has no memory limit in the compose file", {CPUs: 1}: "worker has no CPU limit in the compose file",
		} {
			if err := r.Resize(t.Context(), "worker-1", "large", to, 1, "test"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %v, want %q", to, err, want)
			}
		}
		for _, e := range must(bodies[journal.Resized](r.record)) {
			if e.Error == "" || e.Service != "worker" {
				t.Errorf("journaled %+v", e)
			}
		}
		for _, name := range []string{"api-9", "gateway-api", ""} {
			if err := r.Resize(t.Context(), name, "large", large, 1, "test"); err == nil || !strings.Contains(err.Error(), "no such instance") {
				t.Errorf("%q: %v", name, err)
			}
		}
		down(t, r)
	})
}

// New instances are made in the class that was set when they were chosen.
func TestSetClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newClassed(t)
		r.SetClass("nobody", "large", large, 1, "test")
		r.SetClass("api", "large", large, 7, "acme is here")
		adjust(t, r, 2)
		r.SetClass("api", "base", baseOfAPI, 8, "acme is gone")
		adjust(t, r, 3)
		if m := r.Members("api"); m[1].Class != "large" || m[1].Resources != large || m[2].Class != "base" || m[2].Resources != baseOfAPI {
			t.Errorf("chosen: %+v", m)
		}
		began := r.cfg.Clock.Now()
		time.Sleep(time.Second)
		synctest.Wait()
		limits := func(name string) string {
			l := r.platform.specs[name].Config.Deploy.Resources.Limits
			return fmt.Sprintf("%g/%d", l.NanoCPUs, l.MemoryBytes)
		}
		for name, want := range map[string]string{"api-1": "0.5/268435456", "api-2": "2/536870912", "api-3": "0.5/268435456"} {
			if have := limits(name); have != want {
				t.Errorf("%s was created with %s, want %s", name, have, want)
			}
		}
		if r.platform.specs["api-2"].Config.Deploy.Resources.Reservations == nil {
			t.Error("the reservations are lost")
		}
		have, at := bodies[journal.Resized](r.record)
		want := journal.Resized{
			Decision: 7, Service: "api", Instance: "api-2", Class: "large", FromCPUs: 0.5, FromMemory: 256 * mebi,
			CPUs: 2, Memory: 512 * mebi, Cause: "acme is here", Created: true,
		}
		if len(have) != 1 || have[0] != want || at[0] != began+200*time.Millisecond {
			t.Errorf("journaled %+v at %v\n want %+v", have, at, want)
		}
		if err := r.Resize(t.Context(), "api-2", "base", baseOfAPI, 9, "test"); err != nil {
			t.Error(err)
		}
		down(t, r)
	})
}

// A resize of what is being started waits for the start, and one after another.
func TestResizeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newClassed(t)
		adjust(t, r, 2)
		over := make(chan error, 2)
		for _, class := range []string{"large", "larger"} {
			go func() { over <- r.Resize(t.Context(), "api-2", class, large, 1, "test") }()
		}
		synctest.Wait()
		if r.platform.index("resize api-2 2/536870912") >= 0 {
			t.Error("it was resized before it ran")
		}
		time.Sleep(time.Second)
		for range 2 {
			if err := <-over; err != nil {
				t.Error(err)
			}
		}
		have := must(bodies[journal.Resized](r.record))
		if len(have) != 2 || have[0].FromMemory != 256*mebi || have[1].FromMemory != 512*mebi {
			t.Errorf("journaled %+v", have)
		}
		down(t, r)
	})
}

// Limits that take the place of others leave nothing that contradicts them.
func TestLimitTo(t *testing.T) {
	services := project(t, `
services:
  none: {image: a}
  swap: {image: a, mem_limit: 1g, memswap_limit: 2g, cpu_quota: 50000, cpu_period: 100000}
  new: {image: a, deploy: {replicas: 2, resources: {limits: {memory: 1g, cpus: "0.5", pids: 5}}}}
`).compose.Services
	for name, config := range services {
		before := fmt.Sprintf("%+v", limitsOf(config))
		made := limitTo(config, large)
		if limitsOf(made) != large || made.MemSwapLimit != 0 || made.CPUQuota != 0 {
			t.Errorf("%s: %+v", name, made)
		}
		if after := fmt.Sprintf("%+v", limitsOf(config)); after != before {
			t.Errorf("%s: the original has changed from %s to %s", name, before, after)
		}
		if part := limitsOf(limitTo(config, scenarios.ResourceClass{Memory: mebi})); part.CPUs != limitsOf(config).CPUs || part.Memory != mebi {
			t.Errorf("%s: memory alone: %+v", name, part)
		}
	}
	if pids := limitTo(services["new"], large).Deploy.Resources.Limits.Pids; pids != 5 {
		t.Errorf("%d pids", pids)
	}
}
