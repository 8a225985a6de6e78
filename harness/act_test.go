package harness

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// asked is a stack that writes down what it is asked to do.
type asked struct {
	mu    sync.Mutex
	calls []string
	err   error
	turn  bool          // it is never a release's turn
	takes time.Duration // each call
}

func (a *asked) call(format string, args ...any) error {
	a.mu.Lock()
	a.calls = append(a.calls, fmt.Sprintf(format, args...))
	a.mu.Unlock()
	time.Sleep(a.takes)
	return a.err
}

func (a *asked) Scale(_ context.Context, service string, to int, cause string) error {
	return a.call("scale %s %d, %s", service, to, cause)
}

func (a *asked) Restart(_ context.Context, pick scenarios.Pick, cause string) error {
	return a.call("restart %s %s, %s", pick.Service, pick.Instance, cause)
}

func (a *asked) Stop(_ context.Context, pick scenarios.Pick, cause string) error {
	return a.call("stop %s %s, %s", pick.Service, pick.Instance, cause)
}

func (a *asked) Release(_ context.Context, r *scenarios.PlannedRelease, cause string, begun func(int)) error {
	if !a.turn {
		begun(4)
	}
	return a.call("release %s %s, %s", r.Service, r.Version, cause)
}

func (a *asked) RunJob(_ context.Context, job *scenarios.Job, cause string) error {
	return a.call("job %s, %s", job.Name, cause)
}

func (a *asked) Interrupt(_ context.Context, i *scenarios.Interrupt, cause string) error {
	return a.call("interrupt %s %d, %s", i.Service, i.Count, cause)
}

func (a *asked) Replicas(string) int { return 3 }

func TestActions(t *testing.T) {
	release := func(strategy string, startFirst bool) *scenarios.PlannedRelease {
		return &scenarios.PlannedRelease{
			Strategy: strategy, Service: "api", From: "v1", Version: "v2", StartFirst: startFirst,
			MaxSurge: scenarios.Portion{Number: 1}, MaxUnavailable: scenarios.Portion{Percent: 25},
		}
	}
	const at = "action at 5s (surge): "
	for _, c := range []struct {
		action  scenarios.PlannedAction
		call    string
		started journal.ActionStarted
		frozen  bool // that is what the control does
	}{
		{scenarios.PlannedAction{Scale: &scenarios.Scale{Service: "api", To: 3}}, "scale api 3, " + at + "scale api to 3",
			journal.ActionStarted{Service: "api", Action: "scale", Detail: "scale api to 3"}, true},
		{scenarios.PlannedAction{Restart: &scenarios.Pick{Service: "api", Instance: "oldest"}}, "restart api oldest, " + at + "restart the oldest instance of api",
			journal.ActionStarted{Service: "api", Action: "restart", Detail: "restart the oldest instance of api"}, true},
		{scenarios.PlannedAction{Stop: &scenarios.Pick{Service: "api", Instance: "api-2"}}, "stop api api-2, " + at + "stop api-2",
			journal.ActionStarted{Service: "api", Action: "stop", Detail: "stop api-2"}, true},
		{scenarios.PlannedAction{Release: release(scenarios.RollingStrategy, false)}, "release api v2, " + at + "rolling release of api: v1 to v2 (surge 1, unavailable 25%)",
			journal.ActionStarted{Service: "api", Action: "rolling_release", Detail: "rolling release of api: v1 to v2 (surge 1, unavailable 25%)", From: "v1", Version: "v2", Replicas: 4, Floor: 3}, true},
		{scenarios.PlannedAction{Release: release(scenarios.BlueGreenStrategy, false)}, "release api v2, " + at + "blue-green release of api: v1 to v2",
			journal.ActionStarted{Service: "api", Action: "blue_green", Detail: "blue-green release of api: v1 to v2", From: "v1", Version: "v2", Replicas: 4, Floor: 4}, true},
		{scenarios.PlannedAction{Release: release(scenarios.ReplaceStrategy, true)}, "release api v2, " + at + "replace all of api: v1 to v2 (start first)",
			journal.ActionStarted{Service: "api", Action: "replace_all", Detail: "replace all of api: v1 to v2 (start first)", From: "v1", Version: "v2", Replicas: 4, Floor: 4}, true},
		{scenarios.PlannedAction{Release: release(scenarios.ReplaceStrategy, false)}, "release api v2, " + at + "replace all of api: v1 to v2 (stop first)",
			journal.ActionStarted{Service: "api", Action: "replace_all", Detail: "replace all of api: v1 to v2 (stop first)", From: "v1", Version: "v2", Replicas: 4}, true},
		{scenarios.PlannedAction{Job: &scenarios.Job{Name: "backfill", Service: "api"}}, "job backfill, " + at + "run job backfill",
			journal.ActionStarted{Service: "backfill", Action: "job", Detail: "run job backfill"}, false},
		{scenarios.PlannedAction{Interrupt: &scenarios.Interrupt{Service: "api", Count: 2, Notice: scenarios.Duration(time.Minute)}},
			"interrupt api 2, " + at + "interrupt 2 instances of api with a notice of 1m0s",
			journal.ActionStarted{Service: "api", Action: "interrupt", Detail: "interrupt 2 instances of api with a notice of 1m0s"}, true},
	} {
		c.action.At, c.action.Phase, c.started.Planned = 5e9, "surge", 5*time.Second
		ended := journal.ActionEnded{Service: c.started.Service, Action: c.started.Action, Detail: c.started.Detail, Version: c.started.Version}
		perform := func(on *asked, control scenarios.Control) (events []journal.Body) {
			act(t.Context(), on, &c.action, nil, control, func(b journal.Body) { events = append(events, b) })
			return events
		}
		check := func(what string, have, want any) {
			t.Helper()
			if !reflect.DeepEqual(have, want) {
				t.Errorf("%s, %s:\nhave %+v\nwant %+v", c.started.Detail, what, have, want)
			}
		}
		for _, control := range []scenarios.Control{scenarios.NoControl, scenarios.ControlKill} {
			on := &asked{}
			check("events", perform(on, control), []journal.Body{c.started, ended})
			check("calls", on.calls, []string{c.call})
		}

		failed := ended
		failed.Error = "engine on fire"
		check("a failure", perform(&asked{err: errors.New("engine on fire")}, ""), []journal.Body{c.started, failed})

		if c.action.Release != nil { // the run ended before it had its turn
			late := c.started
			late.Replicas, late.Floor = 3, min(late.Floor, 3)
			if c.action.Release.Strategy == scenarios.RollingStrategy {
				late.Floor = 3 // 25% of 3, rounded down, is none
			}
			check("no turn", perform(&asked{turn: true, err: errors.New("engine on fire")}, ""), []journal.Body{late, failed})
		}

		on := &asked{}
		events := perform(on, scenarios.ControlFrozen)
		if !c.frozen {
			check("frozen", on.calls, []string{c.call})
			continue
		}
		check("frozen", len(on.calls), 0)
		const words = " (not carried out: control frozen)"
		check("frozen, start", events[0].(journal.ActionStarted).Detail, c.started.Detail+words)
		ended.Detail += words
		check("frozen, end", events[1], ended)
	}
}

// The actions of one moment take turns in the order of the plan, or a release
// from v2 would begin before there is a v2.
func TestActionsOfOneMomentKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on, all, ended := &asked{takes: time.Second}, lanes{}, make(chan struct{}, 21)
		ctx, cancel := context.WithCancel(t.Context())
		start := func(action scenarios.PlannedAction) {
			all.start(&action, func(before <-chan struct{}) {
				act(ctx, on, &action, before, "", func(journal.Body) {})
				ended <- struct{}{}
			})
		}
		for n := range 20 {
			start(scenarios.PlannedAction{Scale: &scenarios.Scale{Service: "api", To: n}})
		}
		start(scenarios.PlannedAction{Job: &scenarios.Job{Name: "backfill"}}) // waits for nobody
		time.Sleep(9500 * time.Millisecond)
		var have []string
		on.mu.Lock()
		for _, call := range on.calls {
			have = append(have, strings.Split(call, ",")[0])
		}
		on.mu.Unlock()
		slices.Sort(have[:2]) // the job and the first began at once
		want := []string{"job backfill"}
		for n := range 10 {
			want = append(want, fmt.Sprint("scale api ", n))
		}
		if !slices.Equal(have, want) {
			t.Errorf("after 9.5s the stack was asked %q, want %q", have, want)
		}
		cancel() // the end of the run ends the waiting
		began := time.Now()
		for range 21 {
			<-ended
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the end took %v", took)
		}
	})
}
