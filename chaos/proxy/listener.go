package proxy

import (
	"fmt"
	"net"
	"sync"
)

// listener is one that can refuse connections and take them again, without
// giving its port away meanwhile.
type listener struct {
	net.Listener
	socket socket

	mu     sync.Mutex
	asleep chan struct{} // while it refuses; closed when it does not any more
	closed bool
}

func newListener(l net.Listener) *listener { return &listener{Listener: l, socket: socketOf(l)} }

// accept waits for a connection, through the times of refusing.
func (l *listener) accept() (net.Conn, error) {
	for {
		c, err := l.Accept()
		if err == nil {
			return c, nil
		}
		l.mu.Lock()
		asleep := l.asleep
		l.mu.Unlock()
		if asleep == nil {
			return nil, err
		}
		<-asleep
	}
}

// refuse makes the system answer attempts to connect with a reset, those that
// wait to be accepted included. Where it cannot, connections are accepted and
// reset; see conn.open.
func (l *listener) refuse() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asleep != nil || l.closed || l.socket == nil {
		return nil
	}
	l.asleep = make(chan struct{})
	if err := l.socket.shut(); err != nil {
		close(l.asleep)
		l.asleep = nil
		return fmt.Errorf("refuse connections at %s: %w", l.Addr(), err)
	}
	return nil
}

// resume makes it listen again.
func (l *listener) resume() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asleep == nil || l.closed {
		return nil
	}
	if err := l.socket.listen(); err != nil {
		return fmt.Errorf("listen on %s again: %w", l.Addr(), err)
	}
	close(l.asleep)
	l.asleep = nil
	return nil
}

// Close ends it for good.
func (l *listener) Close() error {
	l.mu.Lock()
	if l.asleep != nil {
		close(l.asleep)
		l.asleep = nil
	}
	l.closed = true
	l.mu.Unlock()
	return l.Listener.Close()
}

// socket is what a listener does at the system.
type socket interface {
	shut() error
	listen() error
}
