package stack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func instancesOf(r *rig, service string) (names []string) {
	for _, i := range r.System().Instances(service) {
		names = append(names, i.Name)
	}
	return names
}

// wantError checks what an error says; "" wants none.
func wantError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// A kill is a crash: nobody is told ahead, and what is left stays until it is replaced.
func TestKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 2)
		f := r.System()
		began := r.cfg.Clock.Now()
		if err := f.Kill(t.Context(), "api-1", "fault kill-api"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if e := must(bodies[journal.InstanceTerminating](r.record)); len(e) > 0 || r.platform.index("terminate api-1 500ms") >= 0 {
			t.Errorf("it was announced: %+v", e)
		}
		exits, at := bodies[journal.InstanceExited](r.record)
		if len(exits) != 1 || !exits[0].Wanted || exits[0].Code != 137 || at[0] != began {
			t.Errorf("exits %+v at %v", exits, at)
		}
		signals := must(bodies[journal.InstanceSignalled](r.record))
		if len(signals) != 1 || signals[0].Signal != "SIGKILL" || signals[0].Instance != "api-1" {
			t.Errorf("signals %+v", signals)
		}
		if op := last(r, "instance.signal"); op.Cause != "fault kill-api" || op.Subject != "api-1" {
			t.Errorf("journaled %+v", op)
		}
		wantNames(t, "told to the gateway", r.gateways.links["api"].exits(), "api-1")
		wantNames(t, "members", memberNames(r), "api-2")
		wantNames(t, "targets", instancesOf(r, "api"), "api-2")
		if !slices.Contains(r.platform.here(), "api-1") {
			t.Error("nothing is left that could be started again")
		}
		wantError(t, "a second kill", f.Kill(t.Context(), "api-1", "x"), "kill api-1: it has exited already")
		wantError(t, "of a gateway", f.Kill(t.Context(), "gateway-api", "x"), "kill gateway-api: the run has no such instance")
		if _, err := f.Replace(t.Context(), "api-2", "x"); err == nil || !strings.Contains(err.Error(), "replace api-2: it is still there") {
			t.Errorf("Replace = %v", err)
		}

		began = r.cfg.Clock.Now()
		name, err := f.Replace(t.Context(), "api-1", "fault kill-api")
		if name != "api-3" || err != nil {
			t.Fatalf("Replace = %q, %v", name, err)
		}
		if took := r.cfg.Clock.Now() - began; took != 1200*time.Millisecond { // started, and ready
			t.Errorf("it returned after %v", took)
		}
		wantNames(t, "members", memberNames(r), "api-2", "api-3")
		if slices.Contains(r.platform.here(), "api-1") || r.platform.index("forget api-1") < 0 {
			t.Error("what was left of api-1 still is")
		}
		if _, err := f.Replace(t.Context(), "api-1", "x"); err == nil || !strings.Contains(err.Error(), "replace api-1: the run has had no such instance") {
			t.Errorf("Replace = %v", err)
		}
		down(t, r)
	})
}

// last is the last operation of a kind.
func last(r *rig, op string) (found journal.Operation) {
	for _, o := range must(bodies[journal.Operation](r.record)) {
		if o.Op == op {
			found = o
		}
	}
	return found
}

// Who scales a service also replaces what faults have taken away.
func TestReplaceOfWhatIsScaled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 2, func(cfg *Config) {
			api := cfg.Plan.Services["api"]
			api.Autoscale = &scenarios.PlannedAutoscale{}
			cfg.Plan.Services["api"] = api
		})
		if err := r.System().Kill(t.Context(), "api-1", "x"); err != nil {
			t.Fatal(err)
		}
		if name, err := r.System().Replace(t.Context(), "api-1", "x"); name != "" || err != nil {
			t.Errorf("Replace = %q, %v", name, err)
		}
		if started, _ := adjust(t, r, 2); !slices.Equal(started, []string{"api-3"}) {
			t.Errorf("started %v", started)
		}
		if err := r.Settle(t.Context()); err != nil {
			t.Error(err)
		}
		down(t, r)
	})
}

func TestStopAndReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 2)
		f := r.System()
		if err := f.Stop(t.Context(), "worker-1", "x"); err != nil {
			t.Fatal(err)
		}
		if e := must(bodies[journal.InstanceTerminating](r.record)); len(e) != 1 || e[0].Instance != "worker-1" {
			t.Errorf("terminating %+v", e)
		}
		wantNames(t, "targets", instancesOf(r, "worker"))
		if name, err := f.Replace(t.Context(), "worker-1", "x"); name != "worker-2" || err != nil {
			t.Errorf("Replace = %q, %v", name, err)
		}
		wantNames(t, "targets", instancesOf(r, "worker"), "worker-2")
		r.platform.refuse["start worker-3"] = errors.New("worker-3: the disk is full")
		if err := f.Kill(t.Context(), "worker-2", "x"); err != nil {
			t.Fatal(err)
		}
		_, err := f.Replace(t.Context(), "worker-2", "x")
		wantError(t, "Replace", err, "replace worker-2: worker-3 did not come up: start worker-3: the disk is full")
		down(t, r)
	})
}

// Without names others know a service by the address of its first instance: what
// takes its place has that address.
func TestReplaceKeepsTheAddress(t *testing.T) {
	on := ground{process: true, address: func(service string, n int) string { return fmt.Sprintf("127.9.%d.%d", len(service), n) }}
	l, err := arrange(project(t, `services: {db: {image: db, x-shakedown: {process: {command: [db, "{ip}"]}}}}`),
		&scenarios.Plan{Services: map[string]scenarios.PlannedService{}}, on)
	if err != nil {
		t.Fatal(err)
	}
	s := &Stack{cfg: Config{Plan: &scenarios.Plan{}}, layout: l, on: on}
	for _, c := range []struct {
		seated int
		want   string
	}{{0, "127.9.2.4"}, {1, "127.9.2.1"}} {
		i := newInstance("db-4", l.service("db"), 4, "x")
		i.seated = c.seated
		spec, err := s.specOf(i, Operation{version: &version{}})
		if err != nil || spec.Address != c.want || spec.Config.Command[1] != c.want {
			t.Errorf("seated at %d: %s, %q, %v; want %s", c.seated, spec.Address, spec.Config.Command, err, c.want)
		}
	}
	old := newInstance("db-4", l.service("db"), 4, "x")
	if old.seat() != 4 {
		t.Errorf("its place has the address of %d", old.seat())
	}
	if old.seated = 1; old.seat() != 1 {
		t.Errorf("the place that it has taken has the address of %d", old.seat())
	}
	l.service("db").plan.Port = 5432
	if old.seat() != 0 {
		t.Error("behind a gateway an instance has an address of its own")
	}
}

func TestPauseAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 1)
		f := r.System()
		if err := errors.Join(f.Pause(t.Context(), "api-1", "x"), f.Resume(t.Context(), "api-1", "x")); err != nil {
			t.Fatal(err)
		}
		if p, u := r.platform.index("pause api-1"), r.platform.index("resume api-1"); p < 0 || u < p {
			t.Errorf("calls %d and %d", p, u)
		}
		for _, op := range []string{"instance.pause", "instance.resume"} {
			if last(r, op).Subject != "api-1" || last(r, op).Cause != "x" {
				t.Errorf("%s is journaled as %+v", op, last(r, op))
			}
		}
		wantNames(t, "members", memberNames(r), "api-1")
		wantError(t, "pause", f.Pause(t.Context(), "api-9", "x"), "pause api-9: the run has no such instance")
		r.platform.refuse["resume api-9"] = fmt.Errorf("api-9: %w", platform.ErrNotFound)
		wantError(t, "resume of what is gone", f.Resume(t.Context(), "api-9", "x"), "")
		r.platform.refuse["pause api-1"] = errors.New("api-1: the freezer is busy")
		wantError(t, "pause", f.Pause(t.Context(), "api-1", "x"), "pause api-1: the freezer is busy")
		if last(r, "instance.pause").Error == "" {
			t.Error("the journal says that it was frozen")
		}
		down(t, r)
	})
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, `services: {api: {image: a, cpus: 0.5}, free: {image: a}}`, nil)
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		f := r.System()
		for _, c := range []struct{ enforced, want float64 }{{0, 0.5}, {0.4, 0.4}} {
			r.platform.use = platform.Stats{CPUs: c.enforced}
			if before, err := f.Limit(t.Context(), "api-1", 0.1, "x"); before != c.want || err != nil {
				t.Errorf("Limit = %g, %v; want %g", before, err, c.want)
			}
		}
		if r.platform.index("resize api-1 0.1/0") < 0 || last(r, "instance.limit").Subject != "api-1" {
			t.Errorf("calls %q", r.platform.calls)
		}
		if m := r.Members("api")[0]; m.Class != "base" || m.Resources.CPUs != 0.5 {
			t.Errorf("it counts as resized: %+v", m)
		}
		_, err := f.Limit(t.Context(), "free-1", 0.1, "x")
		wantError(t, "without a limit", err, "limit free-1: free has no CPU limit in the compose file to go back to, and no engine takes one away; "+
			"set deploy.resources.limits.cpus there")
		down(t, r)
	})
}

func TestInterruptOfSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 3)
		f := r.System()
		over := make(chan error)
		go func() {
			over <- f.Interrupt(t.Context(), []string{"api-3", "worker-1", "api-2"}, time.Minute, false, "spot")
		}()
		synctest.Wait()
		wantNames(t, "members", memberNames(r), "api-1")
		if err := <-over; err != nil {
			t.Error(err)
		}
		given := map[string][]string{}
		for _, e := range must(bodies[journal.Interrupted](r.record)) {
			given[e.Service] = e.Instances
		}
		wantNames(t, "of api", given["api"], "api-2", "api-3")
		wantNames(t, "of worker", given["worker"], "worker-1")
		wantError(t, "again", f.Interrupt(t.Context(), []string{"api-2"}, time.Minute, false, "spot"), "interrupt api-2: the run has no instance api-2")
		if err := f.Kill(t.Context(), "api-1", "x"); err != nil {
			t.Fatal(err)
		}
		wantError(t, "of one that is gone", f.Interrupt(t.Context(), []string{"api-1"}, time.Minute, false, "spot"),
			"interrupt api-1: none of api-1 runs and is not leaving")
		down(t, r)
	})
}

func TestWhatFaultsAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 2, func(cfg *Config) {
			api := cfg.Plan.Services["api"]
			api.Zones = []string{"a", "b"}
			cfg.Plan.Services["api"] = api
		})
		f := r.System()
		r.platform.use = platform.Stats{CPU: time.Second, Memory: 1, Limit: 2, CPUs: 3, Throttled: time.Minute}
		if have, err := f.Usage(t.Context(), "api-1"); err != nil || have != (engine.Usage{CPU: time.Second, Memory: 1, Limit: 2, CPUs: 3, Throttled: time.Minute}) {
			t.Errorf("Usage = %+v, %v", have, err)
		}
		if have := fmt.Sprint(f.Instances("api"), f.Instances("none"), f.Port("api"), f.Port("none")); have != "[{api-1 api a} {api-2 api b}] [] 80 0" {
			t.Errorf("have %s", have)
		}
		if label := r.platform.specs["api-2"].Config.Labels[zoneLabel]; label != "b" {
			t.Errorf("labelled %q", label)
		}
		if r.platform.specs["worker-1"].Config.Labels[zoneLabel] != "" {
			t.Error("a service without zones is in one")
		}
		r.platform.addresses = map[string][]platform.Address{}
		for n, name := range []string{"gateway-api", "api-1", "api-2"} {
			r.platform.addresses[name] = []platform.Address{{Network: "x", IP: netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})}}
		}
		for name, want := range map[string]string{"api": "[10.0.0.0 10.0.0.1 10.0.0.2]", "api-2": "[10.0.0.2]", "worker": "[]"} {
			if have, err := f.Addresses(t.Context(), name); fmt.Sprint(have) != want || err != nil {
				t.Errorf("addresses of %s: %v, %v", name, have, err)
			}
		}
		_, err := f.Addresses(t.Context(), "none")
		wantError(t, "Addresses", err, "addresses of none: the run has no such service or instance")
		status, err := f.Fetch(t.Context(), "api-1", "POST", "/purge?all=1", map[string]string{"X-Key": "k"})
		if status != 200 || err != nil || r.platform.index("fetch by api api-1:80 /purge?all=1 POST map[X-Key:k]") < 0 {
			t.Errorf("Fetch = %d, %v; calls %q", status, err, r.platform.calls)
		}
		for _, c := range []struct {
			method string
			quotas bool
			want   engine.Undo
		}{
			{"Pause", false, engine.Undo{Platform: "fake", Act: "resume", ID: "id of api-1"}},
			{"limit", false, engine.Undo{Platform: "fake", Act: "limit", ID: "id of api-1", CPUs: 0.5}},
			{"limit", true, engine.Undo{Platform: "fake", Act: "limit", ID: "id of api-1", CPUs: 0.5, Quota: 50_000}},
			{"kill", false, engine.Undo{Platform: "fake", Act: "start", ID: "id of api-1"}},
			{"other", false, engine.Undo{}},
		} {
			r.platform.quotas = c.quotas
			if have := f.Undo(c.method, "api-1", 0.5); have != c.want {
				t.Errorf("Undo of %s: %+v, want %+v", c.method, have, c.want)
			}
		}
		down(t, r)
	})
}

func TestDatabaseOfFaults(t *testing.T) {
	faults := func(variable string) []scenarios.PlannedFault {
		access := scenarios.DatabaseAccess{Service: "api", URLFrom: variable}
		return []scenarios.PlannedFault{
			{ID: "pool", Spec: scenarios.Fault{PoolExhaustion: &scenarios.PoolExhaustionFault{Access: access}}},
			{ID: "slow", Spec: scenarios.Fault{SlowQueries: &scenarios.SlowQueriesFault{Access: access}}},
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, withDatabase, nil, func(cfg *Config) { cfg.Plan.Faults = faults("DATABASE_URL") })
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		have, err := r.System().Database(scenarios.DatabaseAccess{Service: "api", URLFrom: "DATABASE_URL"})
		if have != "postgres://shop:hunter2@127.0.0.1:46432/shop?sslmode=disable" || err != nil {
			t.Errorf("%q, %v", have, err)
		}
		if len(r.platform.specs["db-1"].Publish) != 1 {
			t.Errorf("published %v", r.platform.specs["db-1"].Publish)
		}
		down(t, r)
	})
	for variable, want := range map[string]string{
		"NONE": "fault pool is done to the database of api (NONE): the service has no variable NONE",
		"LITE": "fault pool is done to the database of api (LITE): it is a file; only a PostgreSQL",
	} {
		_, err := Outline(project(t, withDatabase), &scenarios.Plan{Faults: faults(variable)}, "process")
		wantError(t, variable, err, want)
	}
}
