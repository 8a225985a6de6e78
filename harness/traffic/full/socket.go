package full

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
)

// A socket is a TCP connection below net/http and TLS. It counts what was sent,
// so that an exchange can be told of which nothing was.
type socket struct {
	net.Conn
	sent atomic.Int64 // bytes
	// mark is what sent was when the present exchange began; over HTTP/2, which
	// has several, it stays 0.
	mark atomic.Int64
	// over tells that a read has come to the end of the connection.
	over atomic.Bool
	raw  syscall.RawConn
}

func newSocket(c net.Conn) *socket {
	s := &socket{Conn: c}
	if sc, ok := c.(syscall.Conn); ok {
		s.raw, _ = sc.SyscallConn() // nil if it has none: nothing can be told then
	}
	return s
}

// begun tells whether anything of the present exchange was sent.
func (s *socket) begun() bool { return s.sent.Load() > s.mark.Load() }

// Read is io.Reader.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if err != nil {
		s.over.Store(true)
	}
	return n, err
}

// Write hides that the peer has gone once part of a request was sent: a server may
// answer and close before it has read the whole request, and that answer
// counts. Whoever reads is told, after the answer or instead of it. net/http
// would throw the answer away if it learnt of the write first.
func (s *socket) Write(p []byte) (int, error) {
	s.sent.Add(int64(len(p))) // before: the server may have it before Write returns
	n, err := s.Conn.Write(p)
	s.sent.Add(int64(n - len(p)))
	if s.begun() && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)) {
		return len(p), nil
	}
	return n, err
}
