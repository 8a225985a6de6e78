package lifecycle

import (
	"net"
	"net/http"
	"sync"
)

// spares are connections on which no request has come yet: clients that pool
// connections open more than they need. http.Server.Shutdown would wait five
// seconds for each of them; after the drain delay nobody is going to use them.
type spares struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func newSpares() *spares { return &spares{conns: map[net.Conn]struct{}{}} }

// track is for http.Server.ConnState.
func (s *spares) track(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
	case http.StateActive, http.StateClosed:
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}
}

func (s *spares) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close() // the server sees a connection that ended, and forgets it
	}
}
