package harness

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// killable is a system whose only instance can be killed, which takes its time.
type killable struct {
	engine.System
	killed chan string
	slow   time.Duration
}

func (k killable) Platform() string { return "docker" }

func (k killable) Instances(service string) []engine.Instance {
	return []engine.Instance{{Name: service + "-1", Service: service}}
}

func (k killable) Kill(_ context.Context, instance, _ string) error {
	time.Sleep(k.slow)
	k.killed <- instance
	return nil
}

func (k killable) Usage(context.Context, string) (engine.Usage, error) {
	return engine.Usage{}, errors.New("nobody looks")
}

// brokenByHand plays a minute in which api-1 is killed for good after half of it, and has a
// person do something; it returns what the journal has of the fault and of people, and
// who was killed.
func brokenByHand(t *testing.T, slow time.Duration, hand func(t *testing.T, l *live)) (record []string, killed int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fault := scenarios.PlannedFault{ID: "dead", Kind: "kill", At: scenarios.Duration(30 * time.Second), End: scenarios.Duration(50 * time.Second), Services: []string{"api"},
			Spec: scenarios.Fault{Target: scenarios.Selection{Pick: scenarios.PickAll}, Kill: &scenarios.KillFault{}, Permanent: true}}
		plan := &scenarios.Plan{Duration: scenarios.Duration(time.Minute), Faults: []scenarios.PlannedFault{fault}, Services: map[string]scenarios.PlannedService{"api": {}}}
		l, _, ended, _ := steeredByHand(t)
		l.known = newFaultBook(plan.Faults)
		system := killable{killed: make(chan string, 2), slow: slow}
		take := func(e journal.Event) {
			l.observe(e)
			switch b := e.Body.(type) {
			case journal.Steered:
				record = append(record, b.By+": "+b.Detail+b.Error)
			case journal.FaultStarted:
				record = append(record, "started")
			case journal.FaultEnded:
				record = append(record, "ended by "+b.By)
			}
		}
		l.r.Observe = take
		l.r.faults.engine.Store(engine.New(engine.Config{Plan: plan, System: system, Clock: l.r.clock, Emit: take}))
		over := make(chan error, 1)
		go func() { over <- l.r.faults.engine.Load().Run(t.Context(), l.start) }()
		hand(t, l)
		if err := errors.Join(<-over, l.r.faults.engine.Load().Close()); err != nil {
			t.Error(err)
		}
		ended()
		if err := l.r.journal.Close(); err != nil {
			t.Error(err)
		}
		killed = len(system.killed)
	})
	return record, killed
}

// revert gives a command and wants words of its reply, or of its error.
func revert(t *testing.T, l *live, id, want string) {
	t.Helper()
	reply, err := l.Steer(t.Context(), steer.Command{Verb: steer.Revert, By: "ann", Fault: id, Text: "not now"})
	if err != nil {
		reply.Text = "error: " + err.Error()
	}
	if !strings.HasPrefix(reply.Text, want) {
		t.Errorf("%q, want %q", reply.Text, want)
	}
}

func standing(l *live) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known.present()[0].State
}

func TestAPlannedFaultIsCalledOff(t *testing.T) {
	record, killed := brokenByHand(t, 0, func(t *testing.T, l *live) {
		time.Sleep(10 * time.Second)
		revert(t, l, "nobody", `error: there is no fault "nobody"; in force: none; planned: dead`)
		if standing(l) != "planned" {
			t.Errorf("it is %s", standing(l))
		}
		revert(t, l, "dead", "dead is called off: nothing of it was done")
		revert(t, l, "dead", "error: fault dead was called off already")
		if standing(l) != "called off" {
			t.Errorf("it is %s", standing(l))
		}
	})
	refused := `ann: revert nobody: not nowthere is no fault "nobody"; in force: none; planned: dead`
	want := []string{refused, "ann: call off dead: not now", "ended by called off", "ann: revert dead: not nowfault dead was called off already"}
	if !slices.Equal(record, want) || killed > 0 {
		t.Errorf("%q, %d killed", record, killed)
	}
}

// A fault that has begun by the time the command comes to it is reverted as any other, and
// who asked is told.
func TestAFaultThatBeginsMeanwhileIsReverted(t *testing.T) {
	record, killed := brokenByHand(t, time.Second, func(t *testing.T, l *live) {
		time.Sleep(30500 * time.Millisecond) // the journal tells of it in half a second
		revert(t, l, "dead", "dead had begun in that moment, and is reverted")
	})
	if want := []string{"ann: call off dead: not now", "started", "ended by hand"}; !slices.Equal(record, want) || killed != 1 {
		t.Errorf("%q, %d killed", record, killed)
	}
}
