// Package loop is the driver's own thread: timers that are kept to some tens of
// microseconds, connections that are watched (epoll, on Linux), and a way in
// for other goroutines. Everything that happens on it happens one after the
// other, so what lives there needs no locks.
//
// While the loop waits, its thread is in the kernel and has given its P up; it
// needs one again to go on. With GOMAXPROCS=1 that means waiting behind
// whatever goroutine runs, up to 10 ms: a process that has only one core should
// still have GOMAXPROCS=2 and let the kernel, which is quicker, choose between
// the threads.
package loop

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
)

// batch bounds how many timers, and how many posted functions, run before the
// loop looks at its connections again: with some 10 µs each, what is ready
// elsewhere waits for less than a millisecond.
const batch = 64

// Moments beside those of the clock.
const (
	atOnce = time.Duration(math.MinInt64)
	never  = time.Duration(math.MaxInt64)
)

// A Loop is one thread's work. New makes one, Run runs it.
type Loop struct {
	clock   clock.Clock
	timers  timers
	poll    *poller
	stopped atomic.Bool

	// From other goroutines. waiting tells that posted is not empty, so that the
	// loop need not take the lock to see that nothing is there.
	waiting atomic.Bool
	mu      sync.Mutex
	posted  []func()
	ended   bool

	running []func() // taken from posted, run up to next
	next    int
}

// New makes a loop on the clock of a run. It holds descriptors of the system's,
// which Run gives back when it returns: run every loop that was made.
func New(c clock.Clock) (*Loop, error) {
	p, err := newPoller(c)
	if err != nil {
		return nil, err
	}
	return &Loop{clock: c, poll: p}, nil
}

// Now is the run's clock, read anew. Any goroutine may ask.
func (l *Loop) Now() time.Duration { return l.clock.Now() }

// Set makes a timer fire once at a moment on the run's clock, or as soon as
// possible if that has passed, but never from within Set. A timer that is set
// already is moved. Of two timers set to the same moment the one set first
// fires first. For the loop's thread, and for anybody before Run.
func (l *Loop) Set(t *Timer, at time.Duration) { l.timers.set(t, at) }

// Unset keeps a timer from firing. One that is not set stays so. For the loop's
// thread.
func (l *Loop) Unset(t *Timer) { l.timers.unset(t) }

// Post runs f on the loop's thread soon, in the order of the calls. Any
// goroutine may call it, the loop's included; it does not wait. After Stop
// functions are dropped, also those that were posted before and have not run.
func (l *Loop) Post(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.posted = append(l.posted, f)
	if !l.waiting.Swap(true) {
		l.poll.wake()
	}
}

// Stop makes Run return once what runs at the moment is finished. Any goroutine
// may call it, as often as it likes, before Run too.
func (l *Loop) Stop() {
	l.stopped.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.poll.wake()
	}
}

// Run runs the loop on the calling goroutine and an operating-system thread of
// its own until Stop. It can run once.
func (l *Loop) Run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer l.end()
	for !l.stopped.Load() {
		l.poll.wait(l.until())
		l.runPosted()
		l.fire()
	}
}

// end gives everything back and drops what has not run.
func (l *Loop) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended, l.posted, l.running = true, nil, nil
	l.poll.close()
}

// until is the moment at which something is to be done if no event comes first.
func (l *Loop) until() time.Duration {
	at, ok := l.timers.first()
	switch {
	case l.next < len(l.running) || l.waiting.Load():
		return atOnce
	case !ok:
		return never
	case at <= l.Now():
		return atOnce
	}
	return at
}

func (l *Loop) runPosted() {
	if l.next == len(l.running) {
		if !l.waiting.Load() {
			return
		}
		l.mu.Lock()
		l.running, l.posted = l.posted, l.running[:0]
		l.waiting.Store(false)
		l.mu.Unlock()
		l.next = 0
	}
	for range min(batch, len(l.running)-l.next) {
		f := l.running[l.next]
		l.running[l.next] = nil
		l.next++
		f()
	}
}

// fire fires timers that are due.
func (l *Loop) fire() {
	now := l.Now()
	for range batch {
		t := l.timers.due(now)
		if t == nil {
			return
		}
		t.Fire()
	}
}
