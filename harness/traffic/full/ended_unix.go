//go:build unix

package full

import "syscall"

// ended tells whether the peer of an idle connection has closed it, as far as
// this machine knows by now: net/http learns of it a moment later. What else
// stands in the receive queue is net/http's business.
func (s *socket) ended() bool {
	if s.raw == nil {
		return false
	}
	var (
		b    [1]byte
		n    int
		call error
	)
	err := s.raw.Control(func(fd uintptr) {
		n, _, call = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	switch {
	case err != nil:
		return true
	case call != nil:
		return call != syscall.EAGAIN && call != syscall.EINTR
	}
	return n == 0
}
