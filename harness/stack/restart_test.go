package stack

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestRestartAndStop(t *testing.T) {
	for _, c := range []struct {
		name    string
		restart bool
		pick    scenarios.Pick
		here    string // of the service, afterwards
		took    time.Duration
		want    string // part of the error
	}{
		{"restart the oldest", true, scenarios.Pick{Service: "api", Instance: "oldest"}, "[api-2 api-3 api-4]", 3 * time.Second, ""},
		{"the oldest by default", true, scenarios.Pick{Service: "api"}, "[api-2 api-3 api-4]", 3 * time.Second, ""},
		{"restart by name", true, scenarios.Pick{Service: "api", Instance: "api-2"}, "[api-1 api-3 api-4]", 3 * time.Second, ""},
		{"stop the newest", false, scenarios.Pick{Service: "api", Instance: "newest"}, "[api-1 api-2]", 2 * time.Second, ""},
		{"restart a worker", true, scenarios.Pick{Service: "worker", Instance: "newest"}, "[worker-1 worker-2 worker-4]", 2 * time.Second, ""},
		{"stop a worker", false, scenarios.Pick{Service: "worker", Instance: "worker-1"}, "[worker-2 worker-3]", 2 * time.Second, ""},
		{"stop nobody", false, scenarios.Pick{Service: "api", Instance: "api-9"}, "[api-1 api-2 api-3]", 0,
			"stop an instance of api: it has no instance api-9, or that one is leaving already; there are api-1, api-2, api-3"},
		{"of another service", false, scenarios.Pick{Service: "api", Instance: "worker-1"}, "[api-1 api-2 api-3]", 0, "there are api-1, api-2, api-3"},
		{"restart nobody", true, scenarios.Pick{Service: "api", Instance: "gateway-api"}, "[api-1 api-2 api-3]", 0, "restart an instance of api: it has no instance gateway-api"},
		{"of no service", false, scenarios.Pick{Service: "apo"}, "[]", 0, "the stack has no such service; it has api, worker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReleased(t, rolling("api"))
				do := r.Stop
				if c.restart {
					do = r.Restart
				}
				began := r.cfg.Clock.Now()
				err := do(t.Context(), c.pick, "test")
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				if took := r.cfg.Clock.Now() - began; took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if s := r.layout.service(c.pick.Service); s != nil && fmt.Sprint(names(r.replicas(s))) != c.here {
					t.Errorf("there are %s, want %s", names(r.replicas(s)), c.here)
				}
				told, _ := bodies[journal.InstanceTerminating](r.record)
				if (len(told) == 1) != (c.want == "") || len(told) == 1 && told[0].Cause != "test" {
					t.Errorf("told to stop: %+v", told)
				}
				down(t, r)
			})
		})
	}
}

func TestStopOfNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReleased(t, rolling("api"))
		if err := r.Scale(t.Context(), "api", 0, "off"); err != nil {
			t.Fatal(err)
		}
		if err := r.Restart(t.Context(), scenarios.Pick{Service: "api"}, "test"); err == nil || !strings.Contains(err.Error(), "it has none that is not leaving") {
			t.Errorf("error: %v", err)
		}
		down(t, r)
	})
}
