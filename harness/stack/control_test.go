package stack

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func controlled(control scenarios.Control) func(*Config) {
	return func(cfg *Config) { cfg.Plan.Control = control }
}

func TestControlsAreSaid(t *testing.T) {
	for _, control := range append(scenarios.Controls(), scenarios.NoControl) {
		synctest.Test(t, func(t *testing.T) {
			r := newReleased(t, rolling("api"), controlled(control))
			said := 0
			for _, note := range must(bodies[journal.Note](r.record)) {
				if note.Level == "warning" && strings.HasPrefix(note.Text, "control "+string(control)+": ") {
					said++
				}
			}
			if (said == 1) != (control != scenarios.NoControl) {
				t.Errorf("control %q is said %d times", control, said)
			}
			down(t, r)
		})
	}
}

// kill: what is announced is the sequence, what comes is SIGKILL.
func TestControlKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small, map[string]scenarios.PlannedService{
			"api": {Port: 80, Replicas: 1, Drain: scenarios.Drain{PreStop: 2e9, Grace: 10e9, EndpointLag: lagOf(700 * time.Millisecond)}},
		}, controlled(scenarios.ControlKill))
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := r.cfg.Clock.Now()
		if err := r.Stop(t.Context(), scenarios.Pick{Service: "api"}, "test"); err != nil {
			t.Fatal(err)
		}
		signals, at := bodies[journal.InstanceSignalled](r.record)
		if len(signals) != 1 || signals[0].Signal != "SIGKILL" || at[0] != began {
			t.Errorf("signals %+v at %v", signals, at)
		}
		told, _ := bodies[journal.InstanceTerminating](r.record)
		want := journal.InstanceTerminating{Service: "api", Instance: "api-1", Cause: "test", Lag: 700 * time.Millisecond, PreStop: 2 * time.Second, Grace: 10 * time.Second}
		if told[0] != want {
			t.Errorf("announced %+v, want %+v", told[0], want)
		}
		if _, removed := bodies[journal.EndpointRemoved](r.record); removed[0]-began != 700*time.Millisecond {
			t.Errorf("left the list after %v", removed[0]-began)
		}
		exits, _ := bodies[journal.InstanceExited](r.record)
		if exits[0].Code != 137 || !exits[0].Wanted {
			t.Errorf("exit %+v", exits[0])
		}
		down(t, r)
	})
}

func TestControlLateRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReleased(t, rolling("api"), controlled(scenarios.ControlLateRemoval))
		began := r.cfg.Clock.Now()
		if err := r.Stop(t.Context(), scenarios.Pick{Service: "api"}, "test"); err != nil {
			t.Fatal(err)
		}
		told, _ := bodies[journal.InstanceTerminating](r.record)
		_, removed := bodies[journal.EndpointRemoved](r.record)
		if told[0].Lag != 12*time.Second || removed[0]-began != 12*time.Second {
			t.Errorf("announced %v, came after %v; want grace and 2s", told[0].Lag, removed[0]-began)
		}
		down(t, r)
	})
}

// late-removal: a blue-green release stops old instances that are still listed.
func TestControlLateRemovalOfASwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReleased(t, blueGreen(), controlled(scenarios.ControlLateRemoval))
		if _, err := r.release(t, blueGreen()); err != nil {
			t.Fatal(err)
		}
		_, exited := bodies[journal.InstanceExited](r.record)
		_, removed := bodies[journal.EndpointRemoved](r.record)
		for i := range exited {
			if len(removed) != 3 || removed[i]-exited[i] < 8*time.Second {
				t.Errorf("exited at %v, removed at %v", exited, removed)
			}
		}
		down(t, r)
	})
}

// unready: gateways are told so, and a release waits for no probe.
func TestControlUnready(t *testing.T) {
	for _, release := range []*scenarios.PlannedRelease{rolling("api"), blueGreen()} {
		synctest.Test(t, func(t *testing.T) {
			r := newReleased(t, release, controlled(scenarios.ControlUnready))
			for _, l := range r.gateways.links {
				if !l.f.unready {
					t.Error("the gateway heeds probes")
				}
			}
			began := r.cfg.Clock.Now()
			if _, err := r.release(t, release); err != nil {
				t.Fatal(err)
			}
			if took := r.cfg.Clock.Now() - began; took > 2500*time.Millisecond {
				t.Errorf("%s took %v, want only the last drain and the lag", release.Strategy, took)
			}
			down(t, r)
		})
	}
}
