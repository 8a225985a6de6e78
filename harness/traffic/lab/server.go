package lab

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// A Server answers HTTP/1.1 on loopback as its behaviour says. Start makes one.
type Server struct {
	behaviour Behaviour
	listener  net.Listener
	stop      chan struct{}
	running   sync.WaitGroup

	begin    sync.Once
	first    time.Time // of the first request
	requests atomic.Int64
	ended    [fates]atomic.Int64
	most     atomic.Int64 // connections at once

	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	answers []time.Duration
}

// Start starts a server on a free port.
func Start(b Behaviour) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the server of known behaviour: %w", err)
	}
	s := &Server{behaviour: b, listener: l, stop: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	s.running.Go(s.accept)
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Requests is how many were read.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Ended is how many requests had a fate. An answer that could not be written
// any more counts.
func (s *Server) Ended(f Fate) int { return int(s.ended[f].Load()) }

// Answers are the moments at which answers had been written, in that order,
// counted from the first request.
func (s *Server) Answers() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.answers)
}

// Connections is how many were open at once at most.
func (s *Server) Connections() int { return int(s.most.Load()) }

// Close closes all connections and returns when nothing of the server is left.
func (s *Server) Close() {
	close(s.stop)
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.most.Store(max(s.most.Load(), int64(len(s.conns))))
		s.mu.Unlock()
		s.running.Go(func() { s.converse(c) })
	}
}

// converse answers the requests of one connection.
func (s *Server) converse(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}()
	r := bufio.NewReader(c)
	var head wire.Head
	for read(r, &head) == nil {
		n := s.requests.Add(1) - 1
		s.begin.Do(func() { s.first = time.Now() })
		if !s.wait(s.behaviour.delay(n), s.behaviour.Stall.Wait(time.Since(s.first))) {
			return
		}
		fate := s.behaviour.fate(n)
		s.ended[fate].Add(1)
		if fate.write(c) != nil || fate > Errored {
			return
		}
		s.answered()
		if !head.KeepAlive() {
			return
		}
	}
}

func (s *Server) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, time.Since(s.first))
}

// read reads a request with its body.
func read(r *bufio.Reader, head *wire.Head) error {
	if err := head.ReadRequest(r, wire.MaxHead); err != nil {
		return err
	}
	framing, err := head.RequestFraming()
	if err != nil {
		return err
	}
	var body wire.Body
	body.Reset(r, framing)
	_, err = io.Copy(io.Discard, &body)
	return err
}

// wait waits for the longer of two times; false: the server was closed. A
// stall ends for everybody, so a delay within it is over with it.
func (s *Server) wait(delay, stall time.Duration) bool {
	d := max(delay, stall)
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.stop:
		return false
	}
}

const body = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmn"

var (
	answer = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	sorry  = fmt.Sprintf("HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
)

// write does to a connection what the fate of a request says.
func (f Fate) write(c net.Conn) (err error) {
	switch f {
	case Answered:
		_, err = io.WriteString(c, answer)
	case Errored:
		_, err = io.WriteString(c, sorry)
	case Cut:
		_, err = io.WriteString(c, answer[:len(answer)-len(body)/2])
	case Reset:
		if tcp, ok := c.(*net.TCPConn); ok {
			err = tcp.SetLinger(0)
		}
	}
	return err
}
