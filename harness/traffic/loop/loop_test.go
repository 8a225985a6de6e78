package loop

import (
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits before it says that something hangs.
const patience = 30 * time.Second

func newLoop(t testing.TB) *Loop {
	t.Helper()
	l, err := New(clock.Start())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run runs the loop until something on it calls Stop.
func run(t testing.TB, l *Loop) {
	t.Helper()
	hung := time.AfterFunc(patience, func() {
		t.Error("the loop was not stopped")
		l.Stop()
	})
	defer hung.Stop()
	l.Run()
}

func TestTimersFireInOrderAndNeverEarly(t *testing.T) {
	l := newLoop(t)
	var fired []int
	moments := []time.Duration{30, 10, 20, 10, 0, -5}
	for i, ms := range moments {
		at := ms * time.Millisecond
		l.Set(&Timer{Fire: func() {
			if now := l.Now(); now < at {
				t.Errorf("timer of %v fires at %v", at, now)
			}
			if fired = append(fired, i); len(fired) == len(moments) {
				l.Stop()
			}
		}}, at)
	}
	run(t, l)
	if want := []int{5, 4, 1, 3, 2, 0}; !slices.Equal(fired, want) {
		t.Errorf("fired %v, want %v", fired, want)
	}
}

// TestTimersThatMove has the loop wait for one moment and then another, later
// and earlier.
func TestTimersThatMove(t *testing.T) {
	l := newLoop(t)
	var order []string
	var later, earlier, never Timer
	never.Fire = func() { order = append(order, "never") }
	earlier.Fire = func() {
		order = append(order, "earlier")
		l.Set(&later, l.Now()+5*time.Millisecond)
	}
	later.Fire = func() { order = append(order, "later"); l.Stop() }
	l.Set(&never, 2*time.Millisecond)
	l.Set(&later, 4*time.Millisecond)
	l.Set(&earlier, time.Hour)
	l.Post(func() {
		l.Unset(&never)
		l.Unset(&never)
		l.Set(&later, 2*time.Hour)
		l.Set(&earlier, l.Now()+8*time.Millisecond)
	})
	run(t, l)
	if want := []string{"earlier", "later"}; !slices.Equal(order, want) {
		t.Errorf("fired %v, want %v", order, want)
	}
}

func TestSetWithinFire(t *testing.T) {
	l := newLoop(t)
	n := 0
	var timer Timer
	timer.Fire = func() {
		if timer.Pending() {
			t.Error("a timer that fires is still set")
		}
		if n++; n == 1000 {
			l.Stop()
			return
		}
		l.Set(&timer, 0)
	}
	l.Set(&timer, 0)
	run(t, l)
	if n != 1000 {
		t.Errorf("fired %d times, want 1000", n)
	}
}

func TestPostFromManyGoroutines(t *testing.T) {
	l := newLoop(t)
	const posters, each = 8, 500
	next := make([]int, posters) // touched by the loop only
	got := 0
	var all sync.WaitGroup
	for p := range posters {
		all.Go(func() {
			for i := range each {
				l.Post(func() {
					if next[p] != i {
						t.Errorf("poster %d: function %d runs as number %d", p, i, next[p])
					}
					next[p]++
					if got++; got == posters*each {
						l.Stop()
					}
				})
			}
		})
	}
	run(t, l)
	all.Wait()
	if got != posters*each {
		t.Errorf("%d functions ran, want %d", got, posters*each)
	}
}

// TestPostWakes posts only when the loop has nothing to wait for but that.
func TestPostWakes(t *testing.T) {
	l := newLoop(t)
	turns := make(chan struct{})
	go func() {
		for range 200 {
			l.Post(func() { turns <- struct{}{} })
			<-turns
		}
		l.Stop()
	}()
	run(t, l)
}

func TestNothingStarves(t *testing.T) {
	for name, hog := range map[string]func(l *Loop){
		"functions that post themselves": func(l *Loop) {
			var again func()
			again = func() { l.Post(again) }
			l.Post(again)
		},
		"a great many functions": func(l *Loop) {
			var again func()
			again = func() { l.Post(again); l.Post(again) }
			l.Post(again)
		},
		"timers that set themselves": func(l *Loop) {
			for range 3 * batch {
				timer := new(Timer)
				timer.Fire = func() { l.Set(timer, 0) }
				l.Set(timer, 0)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			hog(l)
			posted, fired := false, false
			check := func() {
				if posted && fired {
					l.Stop()
				}
			}
			l.Set(&Timer{Fire: func() { fired = true; check() }}, -time.Second)
			l.Post(func() { posted = true; check() })
			run(t, l)
			if !posted || !fired {
				t.Errorf("posted %v, fired %v", posted, fired)
			}
		})
	}
}

// TestTimersAmongFunctions has many functions posted and a timer due.
func TestTimersAmongFunctions(t *testing.T) {
	l := newLoop(t)
	const all = 10 * batch
	ran, before := 0, -1
	for range all {
		l.Post(func() {
			if ran++; ran == all {
				l.Stop()
			}
		})
	}
	l.Set(&Timer{Fire: func() { before = ran }}, 0)
	run(t, l)
	if before < 0 || before > batch {
		t.Errorf("the timer fired after %d functions, want %d at most", before, batch)
	}
}

// TestAnEarlierTimer is set while the loop waits for a later one.
func TestAnEarlierTimer(t *testing.T) {
	l := newLoop(t)
	var late, early Timer
	late.Fire = func() { t.Error("the late timer fired") }
	early.Fire = l.Stop
	l.Set(&late, time.Hour)
	go func() {
		for range 200 { // in between the loop has waited
			turned := make(chan struct{})
			l.Post(func() { close(turned) })
			<-turned
		}
		l.Post(func() { l.Set(&early, l.Now()+time.Millisecond) })
	}()
	run(t, l)
	if !late.Pending() {
		t.Error("the late timer is not set any more")
	}
}

func TestStopBeforeRun(t *testing.T) {
	l := newLoop(t)
	l.Stop()
	l.Stop()
	l.Post(func() { t.Error("a function ran on a loop that was stopped") })
	l.Set(&Timer{Fire: func() { t.Error("a timer fired on a loop that was stopped") }}, 0)
	run(t, l)
}

func TestPostAfterTheEndIsDropped(t *testing.T) {
	l := newLoop(t)
	l.Post(l.Stop)
	run(t, l)
	l.Post(func() { t.Error("ran") })
	l.Stop()
	if len(l.posted) != 0 {
		t.Errorf("%d functions are kept for ever", len(l.posted))
	}
}
