package stack

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func spot(count int, notice time.Duration, replace bool) *scenarios.Interrupt {
	return &scenarios.Interrupt{Service: "api", Count: count, Notice: scenarios.Duration(notice), Replace: &replace}
}

// When instances that were given notice begin to terminate, when they are gone,
// and by which signals.
func TestInterrupt(t *testing.T) {
	for _, c := range []struct {
		name         string
		interrupt    *scenarios.Interrupt
		ready        time.Duration // of new instances, from their start; -1 never
		drains       behaviour
		begin, gone  time.Duration
		grace        time.Duration
		kills, fresh int
	}{
		{"replaced at once", spot(2, 2*time.Minute, true), time.Second, behaviour{drains: 2 * time.Second},
			1200 * time.Millisecond, 3200 * time.Millisecond, 10 * time.Second, 0, 2},
		{"the replacement is late", spot(2, time.Minute, true), -1, behaviour{drains: 2 * time.Second},
			50 * time.Second, 52 * time.Second, 10 * time.Second, 0, 2},
		{"nobody replaces it", spot(2, time.Minute, false), 0, behaviour{drains: 2 * time.Second},
			50 * time.Second, 52 * time.Second, 10 * time.Second, 0, 0},
		{"it does not go", spot(2, time.Minute, false), 0, behaviour{ignores: true},
			50 * time.Second, time.Minute, 10 * time.Second, 2, 0},
		{"a notice shorter than the grace period", spot(2, 4*time.Second, true), -1, behaviour{ignores: true},
			0, 4 * time.Second, 4 * time.Second, 2, 2},
		{"more than there are", spot(9, time.Minute, false), 0, behaviour{drains: time.Second},
			50 * time.Second, 51 * time.Second, 10 * time.Second, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newScaled(t, 3)
				for n, name := range []string{"api-1", "api-2", "api-3", "api-4", "api-5"} {
					r.platform.make(name, c.drains)
					if n >= 3 {
						r.gateways.readyAfter[name] = c.ready
					}
				}
				taken := min(3, c.interrupt.Count)
				began := r.cfg.Clock.Now()
				over := make(chan error)
				go func() { over <- r.Interrupt(t.Context(), c.interrupt, "spot market") }()
				synctest.Wait()
				wantMembers := 3 - taken + c.fresh
				if m := r.Members("api"); len(m) != wantMembers || r.Replicas("api") != wantMembers {
					t.Errorf("members after the notice: %+v", m)
				}
				if err := <-over; err != nil {
					t.Fatal(err)
				}
				if at := r.cfg.Clock.Now() - began; at != c.gone {
					t.Errorf("they are gone after %v, want %v", at, c.gone)
				}
				given, at := bodies[journal.Interrupted](r.record)
				if len(given) != 1 || at[0] != began || len(given[0].Instances) != taken || given[0].Instances[0] != "api-1" || given[0].Notice != c.interrupt.Notice.Std() {
					t.Errorf("journaled %+v at %v", given, at)
				}
				terminating, at := bodies[journal.InstanceTerminating](r.record)
				for n, e := range terminating {
					if at[n]-began != c.begin || e.Grace != c.grace || e.Cause != "spot market" {
						t.Errorf("%+v after %v, want it after %v with %v", e, at[n]-began, c.begin, c.grace)
					}
				}
				kills := 0
				for _, e := range must(bodies[journal.InstanceSignalled](r.record)) {
					kills += map[string]int{"SIGKILL": 1}[e.Signal]
				}
				if len(terminating) != taken || kills != c.kills {
					t.Errorf("%d terminations, %d kills; want %d and %d", len(terminating), kills, taken, c.kills)
				}
				for _, e := range must(bodies[journal.InstanceExited](r.record)) {
					if !e.Wanted {
						t.Errorf("exit %+v", e)
					}
				}
				down(t, r)
			})
		})
	}
}

// The turn is free while the notice lasts: an autoscaler puts in what is
// missing, and does not take those for members that are leaving.
func TestAdjustDuringANotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 2)
		over := make(chan error)
		go func() { over <- r.Interrupt(t.Context(), spot(1, time.Minute, false), "spot market") }()
		synctest.Wait()
		started, stopping := adjust(t, r, 2)
		wantNames(t, "started", started, "api-3")
		wantNames(t, "stopping", stopping)
		time.Sleep(30 * time.Second)
		if !r.instance("api-1").serves().is {
			t.Error("it does not serve to the end")
		}
		if n := r.Noticed("api"); len(n) != 1 || n[0].Name != "api-1" || !n[0].Ready {
			t.Errorf("with notice: %+v", n)
		}
		time.Sleep(20 * time.Second) // it has its grace period now
		synctest.Wait()
		if n := r.Noticed("api"); len(n) != 0 {
			t.Errorf("told to stop, and with notice: %+v", n)
		}
		if err := <-over; err != nil {
			t.Error(err)
		}
		wantNames(t, "members", memberNames(r), "api-2", "api-3")
		down(t, r)
	})
}

// One that breaks down by itself during its notice did so unasked, and is
// cleared away at once.
func TestCrashDuringANotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 2)
		began := r.cfg.Clock.Now()
		over := make(chan error)
		go func() { over <- r.Interrupt(t.Context(), spot(1, time.Minute, false), "spot market") }()
		time.Sleep(5 * time.Second)
		r.platform.exit("api-1", 9)
		if err := <-over; err != nil {
			t.Error(err)
		}
		if took := r.cfg.Clock.Now() - began; took > 10*time.Second {
			t.Errorf("it was cleared away after %v", took)
		}
		if e := must(bodies[journal.InstanceExited](r.record)); len(e) != 1 || e[0].Wanted || e[0].Code != 9 {
			t.Errorf("exits %+v", e)
		}
		down(t, r)
	})
}

func TestInterruptThatGoesWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 2)
		r.platform.refuse["start api-3"] = errors.New("api-3: the disk is full")
		err := r.Interrupt(t.Context(), spot(1, time.Minute, true), "spot market")
		if err == nil || !strings.Contains(err.Error(), "interrupt api: api-3 did not come up: start api-3: the disk is full") {
			t.Errorf("got %v", err)
		}
		wantNames(t, "members", memberNames(r), "api-2")
		adjust(t, r, 0)
		if err := r.Interrupt(t.Context(), spot(1, time.Minute, true), "spot market"); err == nil || !strings.Contains(err.Error(), "interrupt api: it has none that runs") {
			t.Errorf("of none: %v", err)
		}
		down(t, r)
	})
}

func TestDownDuringANotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 2)
		over := make(chan error)
		go func() { over <- r.Interrupt(t.Context(), spot(2, time.Minute, true), "spot market") }()
		synctest.Wait()
		down(t, r)
		if err := <-over; !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
	})
}

// What takes the place of an instance that was made larger is made as large,
// whatever others are created in; it is known whose place it takes.
func TestAReplacementIsAsLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newClassed(t)
		adjust(t, r, 2)
		time.Sleep(time.Second)
		if err := r.Resize(t.Context(), "api-1", "large", large, 4, "decision 4 (acme)"); err != nil {
			t.Fatal(err)
		}
		over := make(chan error)
		go func() { over <- r.Interrupt(t.Context(), spot(2, time.Minute, true), "spot market") }()
		synctest.Wait()
		m := r.Members("api")
		if len(m) != 2 || m[0].Replaces != "api-1" || m[0].Class != "large" || m[0].Resources != large || m[1].Replaces != "api-2" || m[1].Class != "base" || m[1].Resources != baseOfAPI {
			t.Errorf("at the notice: %+v", m)
		}
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		created := must(bodies[journal.Resized](r.record))
		if last := created[len(created)-1]; len(created) != 2 || !last.Created || last.Instance != "api-3" || last.Decision != 4 || last.Memory != 512*mebi {
			t.Errorf("journaled %+v", created)
		}
		if limit := r.platform.specs["api-3"].Config.Deploy.Resources.Limits.MemoryBytes; int64(limit) != 512*mebi {
			t.Errorf("api-3 was created with %d bytes", limit)
		}
		r.SetClass("api", "large", large, 7, "globex is here")
		go func() { over <- r.Interrupt(t.Context(), spot(2, time.Minute, true), "spot market") }()
		synctest.Wait()
		for _, m := range r.Members("api") { // of the base one too: new ones are to be large
			if m.Class != "large" {
				t.Errorf("while others are created large: %+v", m)
			}
		}
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		down(t, r)
	})
}

// An instance that does not come up is remembered with the reason; one that was
// told to stop before is not, and neither is one that is merely not ready.
func TestUnborn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 1)
		r.platform.refuse["create api-2"] = errors.New("api-2: no such image")
		r.platform.refuse["start api-3"] = errors.New("api-3: the disk is full")
		r.gateways.readyAfter["api-4"] = -1
		adjust(t, r, 4)
		time.Sleep(time.Second)
		began := r.cfg.Clock.Now()
		adjust(t, r, 3)
		adjust(t, r, 2) // api-5 is told to stop before it has started
		time.Sleep(time.Minute)
		lost := r.Unborn("api")
		slices.SortFunc(lost, func(a, b Unborn) int { return strings.Compare(a.Name, b.Name) }) // both at one moment
		if len(lost) != 2 || lost[0].Name != "api-2" || lost[0].Error != "create api-2: no such image" || lost[1].Name != "api-3" || lost[1].Error != "start api-3: the disk is full" || lost[1].At >= began {
			t.Errorf("unborn %+v", lost)
		}
		if lost := r.Unborn("nobody"); lost != nil {
			t.Errorf("of nobody: %+v", lost)
		}
		wantNames(t, "members", memberNames(r), "api-1", "api-4")
		down(t, r)
		if lost := r.Unborn("api"); len(lost) != 2 {
			t.Errorf("with the tear-down: %+v", lost)
		}
	})
}

// An instance whose start the engine refuses is at no moment in neither list: while
// it is taken away it is among the unborn already.
func TestUnbornFromTheFirstMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newScaled(t, 1)
		r.platform.refuse["start api-2"] = errors.New("api-2: the disk is full")
		var removing atomic.Int32
		r.platform.hook = func(call string) {
			if call != "remove api-2" {
				return
			}
			removing.Add(1)
			if lost := r.Unborn("api"); len(lost) != 1 || lost[0].Error != "start api-2: the disk is full" {
				t.Errorf("while api-2 is removed, unborn are %+v", lost)
			}
			wantNames(t, "members", memberNames(r), "api-1")
		}
		adjust(t, r, 2)
		time.Sleep(time.Second)
		if n := removing.Load(); n != 1 {
			t.Errorf("api-2 was removed %d times", n)
		}
		if lost := r.Unborn("api"); len(lost) != 1 {
			t.Errorf("unborn %+v", lost)
		}
		down(t, r)
	})
}
