package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// reverted ends a fault that is in force.
func reverted(t *testing.T, e *Engine, id string) {
	t.Helper()
	if off, err := e.End(t.Context(), id); off || err != nil {
		t.Errorf("revert %s: called off %v, %v", id, off, err)
	}
}

// calledOff ends a fault that waits for its moment.
func calledOff(t *testing.T, e *Engine, id string) {
	t.Helper()
	if off, err := e.End(t.Context(), id); !off || err != nil {
		t.Errorf("call %s off: called off %v, %v", id, off, err)
	}
}

// refused wants that a fault cannot be ended, and why.
func refused(t *testing.T, e *Engine, id, want string) {
	t.Helper()
	if off, err := e.End(t.Context(), id); off || err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("end %s: called off %v, %v; want %q", id, off, err, want)
	}
}

// ends are the lines of the journal about ends of faults.
func (w *world) ends() []string {
	return slices.DeleteFunc(w.said(), func(l string) bool { return !strings.Contains(l, "ended") })
}

func TestFaultsAreEndedByHand(t *testing.T) {
	w := steered(t, nil, func(t *testing.T, w *world, e *Engine) {
		must(t, inject(t.Context(), e, planned("ice", "pause", 10*second, 30*second, pauseOf("all"), "db")))
		time.Sleep(2 * second)
		reverted(t, e, "slow")
		reverted(t, e, "ice")
		refused(t, e, "ice", "over already")
		refused(t, e, "nobody", "no fault")
	}, planned("slow", "delay", 5*second, 30*second, delayOf("all"), "api"))
	same(t, w.ends(), []string{"12.3s slow ended on api-1+api-2+api-3 by hand", "12.3s ice ended on db-1 by hand"})
}

// What is called off before its moment is never done, whether its targets are being looked
// at by then or not; the others are.
func TestPlannedFaultsAreCalledOff(t *testing.T) {
	for name, at := range map[string]time.Duration{"long before": 11 * second, "while its targets are looked at": 39 * second} {
		t.Run(name, func(t *testing.T) {
			w := steered(t, nil, func(t *testing.T, w *world, e *Engine) {
				time.Sleep(at - w.clock.Now())
				calledOff(t, e, "ice")
				refused(t, e, "ice", "called off already")
			}, planned("ice", "pause", 40*second, 5*second, pauseOf("all"), "db"), planned("other", "pause", 40*second, 5*second, pauseOf("all"), "api"))
			same(t, w.ends(), []string{at.String() + " ice ended on  by called off", "45s other ended on api-1+api-2+api-3 by schedule"})
			for _, line := range slices.Concat(w.done(), w.said()) {
				if strings.Contains(line, "db-1") {
					t.Errorf("something of it was done: %s", line)
				}
			}
			for _, event := range w.events {
				if b, is := event.Body.(journal.FaultEnded); is && b.Fault == "ice" && (b.Planned != 45*second || b.Late != at-45*second || b.Targets == nil || b.Error != "") {
					t.Errorf("the journal has %+v", b)
				}
			}
		})
	}
}

// Two people at once: one has called it off, and the other is told so.
func TestOneCallsAFaultOff(t *testing.T) {
	steered(t, nil, func(t *testing.T, _ *world, e *Engine) {
		var both sync.WaitGroup
		offs, errs := make([]bool, 2), make([]error, 2)
		for i := range offs {
			both.Go(func() { offs[i], errs[i] = e.End(t.Context(), "ice") })
		}
		both.Wait()
		if offs[0] == offs[1] || (errs[0] == nil) != offs[0] || (errs[1] == nil) != offs[1] || !strings.Contains(errors.Join(errs...).Error(), "called off already") {
			t.Errorf("%v, %v", offs, errs)
		}
	}, planned("ice", "pause", 40*second, 5*second, pauseOf("all"), "db"))
}

// A fault that is ended in the moment in which it begins is either called off, and nothing
// of it is done, or done and reverted: it is never lost.
func TestFaultsAreEndedInTheirMoment(t *testing.T) {
	for range 100 {
		off := false
		w := steered(t, nil, func(t *testing.T, w *world, e *Engine) {
			time.Sleep(40*second - w.clock.Now())
			var err error
			off, err = e.End(t.Context(), "ice")
			must(t, err)
			if w.clock.Now() > 42*second {
				t.Errorf("it was over only at %v", w.clock.Now())
			}
		}, planned("ice", "pause", 40*second, 15*second, pauseOf("all"), "db"))
		ends, done := fmt.Sprint(w.ends()), len(w.done())
		if off && (!strings.Contains(ends, "by called off") || done > 0) || !off && (!strings.Contains(ends, "by hand") || done != 2) || len(w.ends()) != 1 {
			t.Fatalf("called off %v: %s, %q", off, ends, w.done())
		}
	}
}

// One that is just beginning is reverted once that is known, and one that comes to nothing
// leaves nothing to revert.
func TestFaultsAreEndedWhileTheyBegin(t *testing.T) {
	slow := func(w *world) { w.slow["pause db-1"] = second }
	for name, c := range map[string]struct {
		set  func(w *world)
		want string // of the error
		ends string
	}{
		"it comes about":   {slow, "", "by hand"},
		"it comes to none": {func(w *world) { slow(w); w.fail["pause db-1"] = errors.New("no") }, "did not come about: db-1: no", "by error"},
	} {
		t.Run(name, func(t *testing.T) {
			w := steered(t, c.set, func(t *testing.T, w *world, e *Engine) {
				time.Sleep(40500*time.Millisecond - w.clock.Now())
				hurried, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				if off, err := e.End(hurried, "ice"); off || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("in a hurry: %v, %v", off, err)
				}
				if c.want == "" {
					reverted(t, e, "ice")
				} else {
					refused(t, e, "ice", c.want)
				}
			}, planned("ice", "pause", 40*second, 15*second, pauseOf("all"), "db"))
			if ends := w.ends(); len(ends) != 1 || !strings.Contains(ends[0], c.ends) {
				t.Errorf("%q", ends)
			}
		})
	}
}

// What healing has done away with cannot be called off any more, and nothing is lost where
// both come at once.
func TestHealedFaultsAreNotCalledOff(t *testing.T) {
	steered(t, nil, func(t *testing.T, _ *world, e *Engine) {
		e.Halt("stop")
		synctest.Wait()
		refused(t, e, "ice", "over already")
	}, planned("ice", "pause", 40*second, 5*second, pauseOf("all"), "db"))
	for range 50 {
		w := steered(t, nil, func(t *testing.T, w *world, e *Engine) {
			go e.Halt("stop")
			off, err := e.End(t.Context(), "ice")
			if said := len(w.ends()) == 1; off != said || off != (err == nil) {
				t.Errorf("called off %v, %v; the journal tells of it: %v", off, err, said)
			}
		}, planned("ice", "pause", 40*second, 5*second, pauseOf("all"), "db"))
		if len(w.done()) > 0 {
			t.Fatalf("%q", w.done())
		}
	}
}

// Who ends a fault before traffic begins waits for that, and not for a run that never comes.
func TestFaultsAreEndedBeforeTheRun(t *testing.T) {
	for _, comes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(&scenarios.Plan{Duration: scenarios.Duration(60 * second), Faults: []scenarios.PlannedFault{
				planned("ice", "pause", 40*second, 5*second, pauseOf("all"), "db")}}).with("db", 1)
			e := w.start(t)
			e.cfg.Live = true
			must(t, e.Prepare(t.Context()))
			answered := make(chan error, 1)
			go func() {
				off, err := e.End(t.Context(), "ice")
				if off != comes {
					t.Errorf("called off: %v", off)
				}
				answered <- err
			}()
			synctest.Wait()
			if comes {
				must(t, e.Run(t.Context(), 0))
			} else {
				must(t, e.Heal(t.Context(), "interrupt"))
			}
			if err := <-answered; comes != (err == nil) {
				t.Errorf("the run comes %v: %v", comes, err)
			}
			must(t, e.Close())
		})
	}
	var none *Engine
	if _, err := none.End(t.Context(), "ice"); err == nil {
		t.Error("nobody ends a fault")
	}
}
