package enginetest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A server accepts connections and hands each to a script of the test's.
type server struct {
	addr string
	over chan struct{}

	mu    sync.Mutex
	peers []*peer
}

// serve runs a script for every connection. nth counts connections from 1.
func serve(t *testing.T, script func(p *peer, nth int)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: l.Addr().String(), over: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p, nth := s.welcome(c)
			running.Go(func() {
				defer close(p.ended)
				defer c.Close()
				script(p, nth)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(s.over)
		for _, p := range s.accepted() {
			p.conn.Close()
		}
		running.Wait()
	})
	return s
}

func (s *server) welcome(c net.Conn) (*peer, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &peer{conn: c, r: bufio.NewReader(c), over: s.over, ended: make(chan struct{})}
	s.peers = append(s.peers, p)
	return p, len(s.peers)
}

func (s *server) accepted() []*peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*peer{}, s.peers...)
}

// connections is how many were accepted, requests how many were read in whole.
func (s *server) connections() int { return len(s.accepted()) }

func (s *server) requests() (n int) {
	for _, p := range s.accepted() {
		n += p.requests()
	}
	return n
}

// A peer is the server's end of a connection.
type peer struct {
	conn  net.Conn
	r     *bufio.Reader
	over  <-chan struct{} // closed when the test is
	ended chan struct{}   // closed when the script is

	mu   sync.Mutex
	read int
}

func (p *peer) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.read
}

// request reads a request with its body; nil at the end of the connection.
func (p *peer) request() *http.Request {
	req := p.head()
	if req == nil {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil
	}
	req.Body = io.NopCloser(strings.NewReader(string(body)))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read++
	return req
}

// head reads the head of a request.
func (p *peer) head() *http.Request {
	req, err := http.ReadRequest(p.r)
	if err != nil {
		return nil
	}
	return req
}

func (p *peer) write(text string) { _, _ = io.WriteString(p.conn, text) }

// reset makes the other side see a reset.
func (p *peer) reset() {
	if c, ok := p.conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	p.conn.Close()
}

// hold waits until the test lets go on, or is over.
func (p *peer) hold(release <-chan struct{}) {
	select {
	case <-release:
	case <-p.over:
	}
}

// gone waits until the other side has closed the connection.
func (p *peer) gone() { _, _ = io.Copy(io.Discard, p.conn) }

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// answering answers every request with the same bytes on a connection that
// stays open.
func answering(answer string) func(*peer, int) {
	return func(p *peer, _ int) {
		for p.request() != nil {
			p.write(answer)
		}
	}
}

// silent reads and never answers.
func silent(p *peer, _ int) { p.gone() }

// nobody is an address at which nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return l.Addr().String()
}
