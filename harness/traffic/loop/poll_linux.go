package loop

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/clock"
)

// A Handler is told when something happened to a descriptor it watches.
type Handler interface {
	// Ready is called on the loop's thread with epoll's event bits. They tell of
	// changes only (edge-triggered): read until EAGAIN or a read that does not
	// fill its buffer, write until EAGAIN.
	Ready(events uint32)
}

// edges are what a watched descriptor is watched for.
const edges = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// eventsAtOnce is how many events are taken from the kernel at once. Timers wait
// until all of them are handled.
const eventsAtOnce = 32

// A poller waits for events, wake-ups and the time. The time is a timerfd in
// the same epoll set: it is late by some 6 µs, as epoll_pwait2 with a timer
// slack of 1 ns is, costs the same, and works on every kernel; the time-out of
// epoll_pwait2 is kept to a thousandth only.
type poller struct {
	epoll, event, timer int // descriptors; -1: none
	// base is what the run's clock lacks to CLOCK_MONOTONIC.
	base  time.Duration
	armed time.Duration // the moment the timerfd is set to, never if it is not

	ready   [eventsAtOnce]unix.EpollEvent
	watched []watch // by descriptor
}

// A watch is who watches a descriptor. Nth tells it from earlier ones of the
// same number, whose events may still be in hand.
type watch struct {
	handler Handler
	nth     int32
}

func newPoller(c clock.Clock) (*poller, error) {
	p := &poller{epoll: -1, event: -1, timer: -1, armed: never}
	if err := p.open(); err != nil {
		p.close()
		return nil, fmt.Errorf("make the descriptors of the driver's loop: %w", err)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		p.close()
		return nil, fmt.Errorf("read the monotonic clock: %w", err)
	}
	p.base = time.Duration(now.Nano()) - c.Now()
	return p, nil
}

func (p *poller) open() (err error) {
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create: %w", err)
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return fmt.Errorf("timerfd_create: %w", err)
	}
	for _, fd := range []int{p.event, p.timer} {
		if err := p.add(fd, unix.EPOLLIN|unix.EPOLLET, 0); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return nil
}

func (p *poller) add(fd int, mask uint32, nth int32) error {
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: mask, Fd: int32(fd), Pad: nth})
}

// Watch tells h of all that happens to a descriptor, until Forget. The error is
// the system's. For the loop's thread, and for anybody before Run.
func (l *Loop) Watch(fd int, h Handler) error {
	p := l.poll
	if missing := fd + 1 - len(p.watched); missing > 0 {
		p.watched = append(p.watched, make([]watch, max(missing, len(p.watched)))...)
	}
	w := &p.watched[fd]
	w.nth++
	if err := p.add(fd, edges, w.nth); err != nil {
		return err
	}
	w.handler = h
	return nil
}

// Forget ends Watch: nothing is told of the descriptor from now on, not even
// what has happened already. Call it before closing the descriptor. For the
// loop's thread, and for anybody once Run has returned.
func (l *Loop) Forget(fd int) {
	p := l.poll
	if fd >= len(p.watched) || p.watched[fd].handler == nil {
		return
	}
	p.watched[fd].handler = nil
	if p.epoll >= 0 {
		_ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	}
}

// wait waits until something happens or the moment comes, and tells the
// handlers. The moment at once does not wait.
func (p *poller) wait(until time.Duration) {
	timeout := -1
	switch {
	case until == atOnce:
		timeout = 0
	case until < p.armed:
		p.arm(until)
	}
	n, err := unix.EpollWait(p.epoll, p.ready[:], timeout)
	if err != nil { // EINTR: nothing has happened
		return
	}
	for i := range n {
		p.tell(&p.ready[i])
	}
}

// tell hands an event to whom it belongs. Neither timerfd nor eventfd is read:
// they are watched for edges.
func (p *poller) tell(e *unix.EpollEvent) {
	fd := int(e.Fd)
	if fd == p.timer {
		p.armed = never
		return
	}
	if fd >= len(p.watched) {
		return
	}
	if w := p.watched[fd]; w.handler != nil && w.nth == e.Pad {
		w.handler.Ready(e.Events)
	}
}

// arm sets the timerfd. One that is set to an earlier moment stays as it is:
// waking once in vain costs less than setting it each time.
func (p *poller) arm(until time.Duration) {
	p.armed = until
	at := max(1, p.base+until) // 0 would unset it
	_ = unix.TimerfdSettime(p.timer, unix.TFD_TIMER_ABSTIME,
		&unix.ItimerSpec{Value: unix.NsecToTimespec(int64(at))}, nil)
}

// one is what is added to the eventfd's count, which never gets full that way.
var one = binary.NativeEndian.AppendUint64(nil, 1)

// wake ends a wait. Any goroutine may call it.
func (p *poller) wake() {
	_, _ = unix.Write(p.event, one)
}

func (p *poller) close() {
	for _, fd := range []int{p.epoll, p.event, p.timer} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	p.epoll, p.event, p.timer = -1, -1, -1
}
