package loop

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// handle is a Handler of one function.
type handle func(events uint32)

func (h handle) Ready(events uint32) { h(events) }

// pair is two sockets that are connected.
func pair(t *testing.T) (ours, theirs int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[0]); _ = unix.Close(fds[1]) })
	return fds[0], fds[1]
}

func TestWatchTellsOfEdges(t *testing.T) {
	l := newLoop(t)
	ours, theirs := pair(t)
	var seen []uint32
	told := handle(func(events uint32) { seen = append(seen, events) })
	if err := l.Watch(ours, told); err != nil {
		t.Fatal(err)
	}
	steps := []func(){
		func() { _, _ = unix.Write(theirs, []byte("x")) },
		func() {}, // nothing new, though the byte was not read
		func() { _ = unix.Shutdown(theirs, unix.SHUT_WR) },
		func() { l.Forget(ours); l.Forget(ours) },
		func() { _, _ = unix.Write(theirs, []byte("x")) },
		l.Stop,
	}
	var step func(i int)
	step = func(i int) { // each in a turn of its own
		steps[i]()
		if i+1 < len(steps) {
			l.Post(func() { step(i + 1) })
		}
	}
	l.Post(func() { step(0) })
	run(t, l)
	want := []uint32{unix.EPOLLOUT, unix.EPOLLOUT | unix.EPOLLIN, unix.EPOLLOUT | unix.EPOLLIN | unix.EPOLLRDHUP}
	if !slices.Equal(seen, want) {
		t.Errorf("events %#x, want %#x", seen, want)
	}
}

// TestForgottenWithinATurn has two descriptors ready at once; whoever is told
// first takes the other out, and puts a third in under the same number. What
// was in hand for the number must not reach it.
func TestForgottenWithinATurn(t *testing.T) {
	l := newLoop(t)
	a, _ := pair(t)
	b, _ := pair(t)
	fresh, theirs := pair(t)
	_, _ = unix.Write(theirs, []byte("x"))
	var told []string
	watch := func(fd, other int, name string) {
		err := l.Watch(fd, handle(func(uint32) {
			told = append(told, name)
			l.Forget(other)
			if err := unix.Dup3(fresh, other, unix.O_CLOEXEC); err != nil {
				t.Error(err)
			}
			if err := l.Watch(other, handle(func(events uint32) {
				told = append(told, "fresh")
				if events&unix.EPOLLIN == 0 {
					t.Errorf("events %#x were those of the one before", events)
				}
				l.Stop()
			})); err != nil {
				t.Error(err)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	watch(a, b, "first")
	watch(b, a, "first")
	run(t, l)
	if want := []string{"first", "fresh"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestWatchOfWhatCannotBeWatched(t *testing.T) {
	l := newLoop(t)
	l.Stop()
	defer run(t, l)
	if err := l.Watch(1<<19, handle(func(uint32) {})); !errors.Is(err, unix.EBADF) {
		t.Errorf("error %v, want EBADF", err)
	}
	l.Forget(1 << 19)
	l.Forget(1 << 20)
}

// TestTimersAmongEvents has connections that are always ready.
func TestTimersAmongEvents(t *testing.T) {
	l := newLoop(t)
	for range 3 * eventsAtOnce {
		ours, theirs := pair(t)
		var b [1]byte
		if err := l.Watch(ours, handle(func(uint32) {
			_, _ = unix.Read(ours, b[:])
			_, _ = unix.Write(theirs, b[:])
		})); err != nil {
			t.Fatal(err)
		}
	}
	fired := 0
	var timer Timer
	timer.Fire = func() {
		if fired++; fired == 20 {
			l.Stop()
		}
		l.Set(&timer, l.Now()+time.Millisecond)
	}
	l.Set(&timer, 0)
	run(t, l)
}

func TestEventsAmongTimers(t *testing.T) {
	l := newLoop(t)
	for range 3 * batch {
		timer := new(Timer)
		timer.Fire = func() { l.Set(timer, 0) }
		l.Set(timer, 0)
	}
	ours, theirs := pair(t)
	if err := l.Watch(ours, handle(func(events uint32) {
		if events&unix.EPOLLIN != 0 {
			l.Stop()
		}
	})); err != nil {
		t.Fatal(err)
	}
	l.Post(func() { _, _ = unix.Write(theirs, []byte("x")) })
	run(t, l)
}

// TestTheWaitRests has the loop wait for a timer: it must not do so by trying
// again and again, which would keep a service on the same core from working.
func TestTheWaitRests(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := newLoop(t)
	var before unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &before); err != nil {
		t.Fatal(err)
	}
	var used time.Duration
	l.Set(&Timer{Fire: func() {
		var after unix.Rusage
		_ = unix.Getrusage(unix.RUSAGE_THREAD, &after)
		used = time.Duration(after.Utime.Nano() + after.Stime.Nano())
		l.Stop()
	}}, 300*time.Millisecond)
	run(t, l)
	if used -= time.Duration(before.Utime.Nano() + before.Stime.Nano()); used > 150*time.Millisecond {
		t.Errorf("used %v of processor time to wait 300ms", used)
	}
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	run(t, stopped(t)) // what the runtime opens for itself
	before := count()
	for range 10 {
		run(t, stopped(t))
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors are left of 10 loops", after-before)
	}
}

func stopped(t *testing.T) *Loop {
	l := newLoop(t)
	l.Stop()
	return l
}

// BenchmarkLag reports by how much timers are late that follow one another at a
// fixed rate: alone, and beside a goroutine that works and makes garbage for a
// fifth of the time. On one core (taskset -c 0) -cpu 1,2 shows what the second P
// is for.
func BenchmarkLag(b *testing.B) {
	for _, rate := range []int{100, 1_000, 10_000, 40_000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) { lag(b, rate) })
	}
	b.Run("10000-beside-work", func(b *testing.B) {
		over := make(chan struct{})
		var working sync.WaitGroup
		working.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(20 * time.Millisecond):
				}
				kept := make([][]byte, 0, 1000)
				for start := time.Now(); time.Since(start) < 5*time.Millisecond; {
					kept = append(kept[:len(kept)%1000], make([]byte, 1000))
				}
			}
		})
		lag(b, 10_000)
		close(over)
		working.Wait()
	})
}

func lag(b *testing.B, rate int) {
	l := newLoop(b)
	gap := time.Second / time.Duration(rate)
	next := l.Now() + 10*time.Millisecond
	lags := make([]time.Duration, 0, b.N)
	var timer Timer
	timer.Fire = func() {
		lags = append(lags, l.Now()-next)
		if next += gap; len(lags) < b.N {
			l.Set(&timer, next)
			return
		}
		l.Stop()
	}
	l.Set(&timer, next)
	l.Run()
	slices.Sort(lags)
	b.ReportMetric(float64(lags[len(lags)/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(lags[len(lags)*99/100].Nanoseconds())/1e3, "p99-us")
}
