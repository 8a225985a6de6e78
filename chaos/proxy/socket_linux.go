package proxy

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// listening is a listening TCP socket. Shutting it down leaves it bound: the port
// answers with resets, and no outgoing connection of the machine is given it.
type listening struct{ raw syscall.RawConn }

func socketOf(l net.Listener) socket {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return listening{raw}
}

func (s listening) shut() error {
	return s.do(func(fd int) error {
		at, err := unix.Getsockname(fd)
		if err != nil {
			return err
		}
		if err := unix.Shutdown(fd, unix.SHUT_RD); err != nil {
			return err
		}
		// A port that the system had chosen is given back by that, one that was asked for
		// is not, and binding says so.
		if err := unix.Bind(fd, at); err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
		return nil
	})
}

func (s listening) listen() error {
	return s.do(func(fd int) error { return unix.Listen(fd, unix.SOMAXCONN) })
}

func (s listening) do(what func(fd int) error) error {
	var err error
	if outer := s.raw.Control(func(fd uintptr) { err = what(int(fd)) }); outer != nil {
		return outer
	}
	return err
}

// hasLeft tells whether the peer has closed or reset the connection, as far as
// this machine knows by now, whatever is still to be read. A peer that only
// half-closed looks the same.
func hasLeft(c net.Conn) bool {
	left := false
	control(c, func(fd int) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		left = err == nil && info.State != unix.BPF_TCP_ESTABLISHED
	})
	return left
}

// hasBytes tells whether something has come in that was not read yet.
func hasBytes(c net.Conn) bool {
	some := false
	control(c, func(fd int) {
		var b [1]byte
		n, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		some = err == nil && n > 0
	})
	return some
}

func control(c net.Conn, do func(fd int)) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := sc.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { do(int(fd)) })
	}
}
