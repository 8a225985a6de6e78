package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const small = `
services:
  api: {image: shop}
  worker: {image: shop}
`

func lagOf(d time.Duration) *scenarios.Duration { s := scenarios.Duration(d); return &s }

// newSmall is a stack that is up: api behind a gateway, worker without.
func newSmall(t *testing.T, drain scenarios.Drain, replicas int) *rig {
	t.Helper()
	r := newRig(t, small, map[string]scenarios.PlannedService{
		"api":    {Port: 80, Replicas: replicas, Drain: drain},
		"worker": {Replicas: 1, Drain: drain},
	})
	if err := r.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// The termination sequence against the clock, in offsets from its start.
func TestTerminationSequence(t *testing.T) {
	second := time.Second
	for _, c := range []struct {
		name          string
		drain         scenarios.Drain
		behave        behaviour
		term, kill    time.Duration // offset of the signals; -1: not sent
		exit, dropped time.Duration
		removed       time.Duration // when Terminate returns
	}{
		{
			name:  "exits at once: the list goes on until the lag is over",
			drain: scenarios.Drain{Grace: 10e9, EndpointLag: lagOf(700 * time.Millisecond)},
			term:  0, kill: -1, exit: 0, dropped: 700 * time.Millisecond, removed: 700 * time.Millisecond,
		},
		{
			name:   "drains for 3s",
			drain:  scenarios.Drain{Grace: 10e9, EndpointLag: lagOf(700 * time.Millisecond)},
			behave: behaviour{drains: 3 * second},
			term:   0, kill: -1, exit: 3 * second, dropped: 700 * time.Millisecond, removed: 3 * second,
		},
		{
			name:   "pre_stop delays SIGTERM, not the endpoint",
			drain:  scenarios.Drain{PreStop: 2e9, Grace: 10e9, EndpointLag: lagOf(second)},
			behave: behaviour{drains: second},
			term:   2 * second, kill: -1, exit: 3 * second, dropped: second, removed: 3 * second,
		},
		{
			name:   "grace includes pre_stop",
			drain:  scenarios.Drain{PreStop: 2e9, Grace: 5e9, EndpointLag: lagOf(0)},
			behave: behaviour{ignores: true},
			term:   2 * second, kill: 5 * second, exit: 5 * second, dropped: 0, removed: 5 * second,
		},
		{
			name:   "pre_stop beyond grace is cut",
			drain:  scenarios.Drain{PreStop: 9e9, Grace: 5e9, EndpointLag: lagOf(0)},
			behave: behaviour{drains: second},
			term:   5 * second, kill: 5 * second, exit: 5 * second, dropped: 0, removed: 5 * second,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newSmall(t, c.drain, 2)
				r.platform.make("api-2", c.behave)
				began := r.cfg.Clock.Now()
				if err := r.terminate(t.Context(), "api-2", "test"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if told := r.gateways.links["api"].exits(); !slices.Contains(told, "api-2") {
					t.Errorf("the gateway was told of the exits of %v, not of api-2", told)
				}
				signals := map[string]time.Duration{"SIGTERM": -1, "SIGKILL": -1}
				bs, at := bodies[journal.InstanceSignalled](r.record)
				for i, b := range bs {
					signals[b.Signal] = at[i] - began
				}
				_, exits := bodies[journal.InstanceExited](r.record)
				_, dropped := bodies[journal.EndpointRemoved](r.record)
				terminating, start := bodies[journal.InstanceTerminating](r.record)
				for what, times := range map[string][2]time.Duration{
					"start":    {start[0] - began, 0},
					"SIGTERM":  {signals["SIGTERM"], c.term},
					"SIGKILL":  {signals["SIGKILL"], c.kill},
					"exit":     {exits[0] - began, c.exit},
					"dropped":  {dropped[0] - began, c.dropped},
					"returned": {r.cfg.Clock.Now() - began, c.removed},
					"lag":      {terminating[0].Lag, c.drain.EndpointLag.Std()},
					"grace":    {terminating[0].Grace, c.drain.Grace.Std()},
				} {
					if times[0] != times[1] {
						t.Errorf("%s: %v, want %v", what, times[0], times[1])
					}
				}
				order := []string{"terminate api-2 " + c.drain.EndpointLag.String(), "signal api-2 " + syscall.SIGTERM.String(), "forget api-2", "remove api-2"}
				for i := 1; i < len(order); i++ {
					if a, b := r.platform.index(order[i-1]), r.platform.index(order[i]); a < 0 || b < a {
						t.Errorf("%q is call %d, %q call %d", order[i-1], a, order[i], b)
					}
				}
				down(t, r)
			})
		})
	}
}

// An instance that crashed is taken away without signals.
func TestTerminateTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSmall(t, scenarios.Drain{PreStop: 2e9, EndpointLag: lagOf(time.Second)}, 1)
		r.platform.exit("api-1", 1)
		synctest.Wait()
		if err := r.terminate(t.Context(), "api-1", "test"); err != nil {
			t.Fatal(err)
		}
		if signals, _ := bodies[journal.InstanceSignalled](r.record); len(signals) > 0 {
			t.Errorf("signals: %+v", signals)
		}
		for _, name := range []string{"api-1", "gateway-api", "nobody-7"} {
			if err := r.terminate(t.Context(), name, "test"); err == nil || !strings.Contains(err.Error(), "no such instance") {
				t.Errorf("terminate %s: %v", name, err)
			}
		}
		down(t, r)
	})
}

// Lags are drawn from 0 to 1s, the same for the same seed and instance.
func TestDrawnLag(t *testing.T) {
	lags := func(seed int64) []time.Duration {
		var drawn []time.Duration
		synctest.Test(t, func(t *testing.T) {
			r := newSmall(t, scenarios.Drain{}, 8)
			r.cfg.Plan.Seed = seed
			if err := r.Scale(t.Context(), "api", 0, "test"); err != nil {
				t.Fatal(err)
			}
			byName := map[string]time.Duration{}
			all, _ := bodies[journal.InstanceTerminating](r.record)
			for _, e := range all {
				byName[e.Instance] = e.Lag
			}
			for n := 1; n <= 8; n++ {
				drawn = append(drawn, byName[instanceName("api", n)])
			}
			down(t, r)
		})
		return drawn
	}
	first, again, other := fmt.Sprint(lags(1)), fmt.Sprint(lags(1)), fmt.Sprint(lags(2))
	if first != again {
		t.Errorf("the same seed drew %s and %s", first, again)
	}
	if first == other {
		t.Error("two seeds drew the same")
	}
	distinct := map[time.Duration]bool{}
	for _, lag := range lags(1) {
		distinct[lag] = true
		if lag < 0 || lag >= time.Second {
			t.Errorf("drew %v", lag)
		}
	}
	if len(distinct) < 8 {
		t.Errorf("instances share lags: %s", first)
	}
}

func TestScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSmall(t, scenarios.Drain{Grace: 10e9, EndpointLag: lagOf(0)}, 2)
		r.gateways.readyAfter["api-3"] = 4 * time.Second
		began := r.cfg.Clock.Now()
		if err := r.Scale(t.Context(), "api", 3, "busy"); err != nil {
			t.Fatal(err)
		}
		if took := r.cfg.Clock.Now() - began; took != 4*time.Second {
			t.Errorf("returned after %v, want when api-3 takes traffic", took)
		}
		for n := 1; n <= 3; n++ {
			r.platform.make(instanceName("api", n), behaviour{drains: 3 * time.Second})
		}
		began = r.cfg.Clock.Now()
		if err := r.Scale(t.Context(), "api", 1, "idle"); err != nil {
			t.Fatal(err)
		}
		if took := r.cfg.Clock.Now() - began; took != 3*time.Second {
			t.Errorf("returned after %v; want both drained at the same time", took)
		}
		if here := fmt.Sprint(r.platform.here()); here != "[api-1 gateway-api worker-1]" {
			t.Errorf("left are %s", here)
		}
		if err := r.Scale(t.Context(), "api", 2, "busy again"); err != nil {
			t.Fatal(err)
		}
		if here := fmt.Sprint(r.platform.here()); here != "[api-1 api-4 gateway-api worker-1]" {
			t.Errorf("up again: %s; numbers must not be used twice", here)
		}
		if err := r.Scale(t.Context(), "worker", 3, "backlog"); err != nil {
			t.Fatal(err)
		}
		started, _ := bodies[journal.InstanceStarted](r.record)
		if last := started[len(started)-1]; last.Service != "worker" || last.Cause != "backlog" {
			t.Errorf("journaled %+v", last)
		}
		down(t, r)
	})
}

func TestScaleRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSmall(t, scenarios.Drain{}, 1)
		if err := r.Scale(t.Context(), "apo", 2, ""); err == nil || !strings.Contains(err.Error(), "no such service; it has api, worker") {
			t.Errorf("unknown service: %v", err)
		}
		if err := r.Scale(t.Context(), "api", -1, ""); err == nil {
			t.Error("less than nothing was accepted")
		}
		down(t, r)
	})
}

func TestScaleUpFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSmall(t, scenarios.Drain{EndpointLag: lagOf(0)}, 1)
		r.gateways.readyAfter["api-2"] = -1
		r.platform.make("api-2", behaviour{exitAt: time.Second, exitCode: 2, log: "no licence\n"})
		err := r.Scale(t.Context(), "api", 2, "busy")
		if err == nil || !strings.Contains(err.Error(), "scale api to 2: wait for api-2: api-2 exited with code 2; its last log lines:\n  no licence") {
			t.Errorf("error: %v", err)
		}
		if err := r.Scale(t.Context(), "api", 1, "give up"); err != nil {
			t.Errorf("the failed instance cannot be taken away: %v", err)
		}
		down(t, r)
	})
}

// Two scalings of one service take turns; of two services they do not.
func TestScaleTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSmall(t, scenarios.Drain{Grace: 10e9, EndpointLag: lagOf(0)}, 1)
		r.gateways.readyAfter["api-2"] = 5 * time.Second
		var wait sync.WaitGroup
		wait.Go(func() {
			if err := r.Scale(t.Context(), "api", 2, "first"); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		wait.Go(func() {
			if err := r.Scale(t.Context(), "api", 2, "second"); err != nil {
				t.Error(err)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Scale(ctx, "api", 9, "impatient"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("impatient: %v", err)
		}
		began := r.cfg.Clock.Now()
		if err := r.Scale(t.Context(), "worker", 2, "aside"); err != nil || r.cfg.Clock.Now() != began {
			t.Errorf("another service had to wait: %v", err)
		}
		wait.Wait()
		if here := fmt.Sprint(r.platform.here()); here != "[api-1 api-2 gateway-api worker-1 worker-2]" {
			t.Errorf("there are %s", here)
		}
		down(t, r)
	})
}

func TestInterruptedTermination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSmall(t, scenarios.Drain{Grace: 10e9, EndpointLag: lagOf(0)}, 1)
		r.platform.make("api-1", behaviour{ignores: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Scale(ctx, "api", 0, "test"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error: %v", err)
		}
		down(t, r)
	})
}

func TestStopSignal(t *testing.T) {
	for name, want := range map[string]syscall.Signal{
		"": syscall.SIGTERM, "SIGQUIT": syscall.SIGQUIT, "int": syscall.SIGINT, "nonsense": syscall.SIGTERM,
		"3": syscall.SIGQUIT, "9999": syscall.SIGTERM, "-1": syscall.SIGTERM,
	} {
		if have := parseSignal(name); have != want {
			t.Errorf("stop_signal %q is %v, want %v", name, have, want)
		}
	}
}

// Images say how they want to be stopped; the compose file has the last word.
func TestStopSignalOfTheImage(t *testing.T) {
	for _, c := range []struct {
		name, service, image string
		refuse               error
		want                 syscall.Signal
		asked                bool
		warnings             int
	}{
		{"declared", "{image: a}", "SIGQUIT", nil, syscall.SIGQUIT, true, 0},
		{"not declared", "{image: a}", "", nil, syscall.SIGTERM, true, 0},
		{"the compose file's counts", "{image: a, stop_signal: SIGINT}", "SIGQUIT", nil, syscall.SIGINT, false, 0},
		{"not known", "{image: a}", "", errors.New("engine on fire"), syscall.SIGTERM, true, 1},
		{"gone already", "{image: a}", "", platform.ErrNotFound, syscall.SIGTERM, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "services: {api: "+c.service+"}", nil)
				r.platform.stops = map[string]string{"api-1": c.image}
				r.platform.refuse["stopsignal api-1"] = c.refuse
				if err := r.Up(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := r.terminate(t.Context(), "api-1", "test"); err != nil {
					t.Fatal(err)
				}
				signals, _ := bodies[journal.InstanceSignalled](r.record)
				if len(signals) != 1 || signals[0].Signal != unix.SignalName(c.want) {
					t.Errorf("signals %+v, want one %v", signals, c.want)
				}
				if r.platform.index("signal api-1 "+c.want.String()) < 0 {
					t.Errorf("the platform was not asked to send %v", c.want)
				}
				if asked := r.platform.index("stopsignal api-1") >= 0; asked != c.asked {
					t.Errorf("asked the platform: %v, want %v", asked, c.asked)
				}
				if notes, _ := bodies[journal.Note](r.record); len(notes) != c.warnings {
					t.Errorf("notes %+v, want %d", notes, c.warnings)
				}
				down(t, r)
			})
		})
	}
}
