//go:build unix

package wire

import (
	"errors"
	"net"
	"syscall"
)

// A peeker looks at a connection's receive queue without waiting and without
// taking anything from it.
type peeker struct {
	raw  syscall.RawConn
	call func(fd uintptr) // kept, so that a look allocates nothing
	buf  [1]byte
	n    int
	err  error
}

func newPeeker(c net.Conn) *peeker {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	p := &peeker{raw: raw}
	p.call = func(fd uintptr) {
		p.n, _, p.err = syscall.Recvfrom(int(fd), p.buf[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	}
	return p
}

// look tells what stands in the receive queue now, whatever deadlines are set.
func (p *peeker) look() queue {
	if p == nil {
		return quiet
	}
	if err := p.raw.Control(p.call); err != nil {
		return ended
	}
	switch {
	case errors.Is(p.err, syscall.EAGAIN), errors.Is(p.err, syscall.EINTR):
		return quiet
	case p.err != nil || p.n == 0:
		return ended
	}
	return data
}
