package traffic

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A sleeper waits precisely. It belongs to one goroutine, and keeps that on an
// operating-system thread of its own until close: nanosleep with a timer slack
// of 1 ns is late by some 10 µs, with the default slack by 50 µs, and the
// runtime's timers by up to a millisecond.
type sleeper struct{}

func newSleeper() *sleeper {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // without it a little later, not wrong
	return &sleeper{}
}

// sleep waits that long, or less if a signal comes.
func (s *sleeper) sleep(d time.Duration) {
	wait := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&wait, nil)
}

// close gives the thread back as it was.
func (s *sleeper) close() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // 0 is the thread's default
	runtime.UnlockOSThread()
}
