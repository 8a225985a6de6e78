package stack

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	agentlink "github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestAgentsAreNamedByTheirPlace(t *testing.T) {
	s := &Stack{on: ground{agent: "/bin/agent"}}
	for _, c := range []struct {
		at   engine.Place
		want platform.Spec
		caps []string
	}{
		{engine.Place{Instance: "api-1", Network: true}, platform.Spec{Name: "agent-api-1", Beside: "api-1"}, []string{"NET_ADMIN"}},
		{engine.Place{Instance: "api-1", Resources: true}, platform.Spec{Name: "agent-api-1-resources", Within: "api-1"}, nil},
		{engine.Place{Instance: "db-1", Volume: "data", Path: "/v"}, platform.Spec{
			Name: "agent-db-1-volume-data", Mounts: []platform.Mount{{Instance: "db-1", Volume: "data", Path: "/v"}}}, []string{"DAC_OVERRIDE"}},
	} {
		spec, err := s.placed(c.at)
		if err != nil || spec.Name != c.want.Name || spec.Beside != c.want.Beside || spec.Within != c.want.Within || !reflect.DeepEqual(spec.Mounts, c.want.Mounts) {
			t.Errorf("%+v: %+v, %v", c.at, spec, err)
		}
		config := spec.Config
		if !slices.Equal(config.CapAdd, c.caps) || !slices.Equal(config.CapDrop, []string{"ALL"}) || !config.ReadOnly ||
			!slices.Equal(config.SecurityOpt, []string{"no-new-privileges"}) || !spec.Attach || spec.Program != "/bin/agent" {
			t.Errorf("%s may do more than it needs: %+v", spec.Name, config)
		}
		if (config.NetworkMode == "none") != (c.at.Network == false) || len(config.Networks) > 0 {
			t.Errorf("%s is on networks: %q, %v", spec.Name, config.NetworkMode, config.Networks)
		}
	}
	for _, at := range []engine.Place{{Instance: "api-1"}, {Instance: "api-1", Network: true, Resources: true}} {
		if _, err := s.placed(at); err == nil {
			t.Errorf("%+v is a place", at)
		}
	}
}

func accompanied(t *testing.T, r *rig, at engine.Place) *fakeAgent {
	t.Helper()
	if _, err := r.System().Accompany(t.Context(), at, agentlink.Sink{}); err != nil {
		t.Fatal(err)
	}
	return r.agents.of(agentName(at))
}

// An agent ends with its link, with its target, and with the stack.
func TestAgentsEnd(t *testing.T) {
	beside := engine.Place{Instance: "api-1", Network: true, Hello: order.Hello{Namespace: true}}
	within := engine.Place{Instance: "api-1", Resources: true, Hello: order.Hello{Pressure: true, Lease: time.Second}}
	for name, c := range map[string]struct {
		end   func(*testing.T, *rig)
		after time.Duration
	}{
		"link": {func(t *testing.T, r *rig) {
			for _, at := range []engine.Place{beside, within} {
				_ = r.agents.of(agentName(at)).Close()
			}
		}, 0},
		"killed":  {func(t *testing.T, r *rig) { mustDo(t, r.System().Kill(t.Context(), "api-1", "x")) }, relief},
		"crashed": {func(t *testing.T, r *rig) { r.platform.exit("api-1", 1) }, relief},
		"stopped": {func(t *testing.T, r *rig) { mustDo(t, r.System().Stop(t.Context(), "api-1", "x")) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newScaled(t, 1)
				first := accompanied(t, r, beside)
				second := accompanied(t, r, within)
				if first.hello.Protocol != order.Protocol || first.hello.Lease != scenarios.DefaultLease || !first.hello.Namespace || second.hello.Lease != time.Second {
					t.Errorf("told %+v and %+v", first.hello, second.hello)
				}
				_, err := r.System().Accompany(t.Context(), beside, agentlink.Sink{})
				wantError(t, "a second one", err, "accompany api-1: agent-api-1 is there already")
				began := r.cfg.Clock.Now()
				c.end(t, r)
				time.Sleep(c.after)
				synctest.Wait()
				for _, l := range []*fakeAgent{first, second} {
					if !isDone(l.Done()) {
						t.Error("an agent was not told to end")
					}
				}
				if here := strings.Join(r.platform.here(), " "); strings.Contains(here, "agent") {
					t.Errorf("there still is %s", here)
				}
				if name == "stopped" && r.platform.index("remove agent-api-1") > r.platform.index("remove api-1") {
					t.Error("its target was removed before it")
				}
				if took := r.cfg.Clock.Now() - began; name != "stopped" && took != c.after {
					t.Errorf("after %v", took)
				}
				for _, e := range must(bodies[journal.InstanceExited](r.record)) {
					if strings.HasPrefix(e.Instance, "agent") {
						t.Errorf("the exit of an agent is told: %+v", e)
					}
				}
				down(t, r)
			})
		})
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAgentsEndWithTheStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 1)
		l := accompanied(t, r, engine.Place{Instance: "api-1", Network: true})
		_ = l.Close() // and another takes its place as soon as it is removed
		again := accompanied(t, r, engine.Place{Instance: "api-1", Network: true})
		if again == l {
			t.Error("it is the same")
		}
		down(t, r)
		if !isDone(again.Done()) {
			t.Error("an agent was not told to end")
		}
		_, err := r.System().Accompany(t.Context(), engine.Place{Instance: "api-1", Network: true}, agentlink.Sink{})
		wantError(t, "after the end", err, "accompany api-1: the stack is being taken down")
	})
}

func TestAgentsThatDoNotCome(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rig)
		at     string
		want   string
	}{
		"no target":  {func(*rig) {}, "api-7", "accompany api-7: the run has no instance api-7"},
		"gone":       {func(r *rig) { r.platform.exit("api-1", 1) }, "api-1", "accompany api-1: api-1 is not running"},
		"not made":   {func(r *rig) { r.platform.refuse["create agent-api-1"] = errors.New("agent-api-1: no NET_ADMIN") }, "api-1", "create agent-api-1: no NET_ADMIN"},
		"not begun":  {func(r *rig) { r.platform.refuse["start agent-api-1"] = errors.New("agent-api-1: refused") }, "api-1", "start agent-api-1: refused"},
		"not spoken": {func(r *rig) { r.agents.refuse = errors.New("no nftables") }, "api-1", "set up agent-api-1: no nftables"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newScaled(t, 1)
				c.change(r)
				synctest.Wait()
				_, err := r.System().Accompany(t.Context(), engine.Place{Instance: c.at, Network: true}, agentlink.Sink{})
				wantError(t, name, err, c.want)
				if here := strings.Join(r.platform.here(), " "); strings.Contains(here, "agent") || len(r.escorts) > 0 {
					t.Errorf("there is %s", here)
				}
				down(t, r)
			})
		})
	}
}
