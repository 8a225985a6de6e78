package plain

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// errSelf is a connection that found no server but its own end: an attempt from
// a port that happens to be the target's.
var errSelf = errors.New("connected to itself")

// connect makes a socket that is being connected to a peer; tests replace it.
type connect func(family int, peer unix.Sockaddr) (fd int, err error)

func connectTo(family int, peer unix.Sockaddr) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.Connect(fd, peer); err != nil && err != unix.EINPROGRESS {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// open begins to open a connection. If it fails at once, that is the end of the
// exchange that waits longest.
func (e *Engine) open() {
	e.dialled++
	fd, err := e.connect(e.family, e.peer)
	if err != nil {
		e.refuse(err)
		return
	}
	c := pop(&e.conns)
	*c = conn{e: e, fd: fd, state: dialing}
	if err := e.loop.Watch(fd, c); err != nil {
		_ = unix.Close(fd)
		e.refuse(err)
		return
	}
	e.dialing.push(&c.place, c)
}

// connected ends the opening of a connection, in either way.
func (c *conn) connected() {
	e := c.e
	err := socketError(c.fd)
	if err == nil && e.self(c.fd) {
		err = errSelf
	}
	if err != nil {
		c.close()
		e.refuse(err)
		return
	}
	c.opened = e.loop.Now()
	c.move(idle)
}

// refuse ends the exchange that waits longest with what became of an attempt.
func (e *Engine) refuse(err error) {
	k := e.waiting.first()
	if k == nil {
		return
	}
	e.waiting.remove(&k.place)
	failure := journal.DialTimeout
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, errSelf) {
		failure = journal.Refused
	}
	k.x.Own = own(err)
	e.finish(k, &wire.Error{Failure: failure, Op: "dial " + e.addr, Err: err})
}

// own names what this side lacked, "" if it was not that.
func own(err error) string {
	switch {
	case errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.EADDRINUSE):
		return "ports"
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return "files"
	case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.ENOSPC):
		return "memory"
	}
	return ""
}

func socketError(fd int) error {
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return err
	case errno != 0:
		return syscall.Errno(errno)
	}
	return nil
}

// self tells whether both ends of the connection are the same socket. It would
// not only answer with what was asked, but also keep the service from taking
// its port.
func (e *Engine) self(fd int) bool {
	local, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	switch l := local.(type) {
	case *unix.SockaddrInet4:
		p, ok := e.peer.(*unix.SockaddrInet4)
		return ok && p.Port == l.Port && p.Addr == l.Addr
	case *unix.SockaddrInet6:
		p, ok := e.peer.(*unix.SockaddrInet6)
		return ok && p.Port == l.Port && p.Addr == l.Addr
	}
	return false
}

func sockaddr(a *net.TCPAddr) (family int, _ unix.Sockaddr) {
	if ip := a.IP.To4(); ip != nil || len(a.IP) == 0 {
		s := &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte{127, 0, 0, 1}}
		if ip != nil && !ip.IsUnspecified() {
			copy(s.Addr[:], ip)
		}
		return unix.AF_INET, s
	}
	s := &unix.SockaddrInet6{Port: a.Port, ZoneId: zone(a.Zone)}
	copy(s.Addr[:], a.IP.To16())
	return unix.AF_INET6, s
}

// zone is the number of an IPv6 zone, given by number or by interface.
func zone(name string) uint32 {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(name); name != "" && err == nil {
		return uint32(i.Index)
	}
	return 0
}

// A budget is a token bucket that holds what 10 ms give, at least one token.
type budget struct {
	every  time.Duration // a token; 0: no limit
	saved  time.Duration // how far ahead of its time a token may be spent
	nextAt time.Duration // when the next token would be due at an even rate
}

func newBudget(rate float64) budget {
	if rate <= 0 {
		return budget{}
	}
	every := time.Duration(float64(time.Second) / rate)
	return budget{every: every, saved: max(0, 10*time.Millisecond-every), nextAt: -1 << 62}
}

// take spends a token if there is one; else it tells when there will be.
func (b *budget) take(now time.Duration) (ok bool, at time.Duration) {
	if b.every == 0 {
		return true, 0
	}
	if at := b.nextAt - b.saved; now < at {
		return false, at
	}
	b.nextAt = max(b.nextAt, now) + b.every
	return true, 0
}

// mayDial spends one connection of the budget. Without any it has the loop come
// by when there is one again.
func (e *Engine) mayDial() bool {
	if e.budget.every == 0 {
		return true
	}
	ok, at := e.budget.take(e.loop.Now())
	if !ok && !e.dial.Pending() {
		e.loop.Set(&e.dial, at)
	}
	return ok
}
