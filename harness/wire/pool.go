// Package wire is HTTP/1.1 on raw connections, one exchange at a time, with
// full knowledge of the connection and never a retry. The transport of
// net/http silently sends idempotent requests again on another connection when
// a kept-alive one turns out to be dead; a harness that exists to see such
// failures cannot use it.
package wire

import (
	"context"
	"net"
	"sync"
	"time"
)

// Options of a Pool; the zero value gives the defaults.
type Options struct {
	// Dial opens a connection; default TCP to the pool's address.
	Dial func(ctx context.Context) (net.Conn, error)
	// DialTimeout of one connection attempt; default 2s.
	DialTimeout time.Duration
	// MaxIdle is how many idle connections are kept; default 256.
	MaxIdle int
	// IdleTimeout is how long an idle connection is kept; default 60s.
	IdleTimeout time.Duration
}

// Pool keeps connections to one address, most recently used first. Safe for
// concurrent use.
type Pool struct {
	addr string
	opts Options

	mu      sync.Mutex
	idle    []*Conn
	retired bool
}

// NewPool makes a pool for host:port; it opens nothing yet.
func NewPool(addr string, opts Options) *Pool {
	if opts.DialTimeout == 0 {
		opts.DialTimeout = 2 * time.Second
	}
	if opts.MaxIdle == 0 {
		opts.MaxIdle = 256
	}
	if opts.IdleTimeout == 0 {
		opts.IdleTimeout = time.Minute
	}
	if opts.Dial == nil {
		var dialer net.Dialer
		opts.Dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", addr) }
	}
	return &Pool{addr: addr, opts: opts}
}

// Get takes an idle connection, else opens one. The caller gives it back with
// Put or closes it. One that the peer is already known to have closed is
// dropped, as nginx and Envoy do (they notice the close at once): then only a
// close that truly crosses a request fails it. Errors are *Error.
func (p *Pool) Get(ctx context.Context) (*Conn, error) {
	for {
		c := p.takeIdle()
		if c == nil {
			return p.Dial(ctx)
		}
		if time.Since(c.parked) < p.opts.IdleTimeout && !c.Stale() {
			return c, nil
		}
		_ = c.Close()
	}
}

// Dial opens a new connection, whatever is idle.
func (p *Pool) Dial(ctx context.Context) (*Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, p.opts.DialTimeout)
	defer cancel()
	conn, err := p.opts.Dial(dialing)
	if err != nil {
		return nil, failed(ctx, "dial "+p.addr, duringDial(err), err)
	}
	return NewConn(conn, time.Now()), nil
}

// Put gives a connection back after a clean exchange. It is closed instead if
// the pool is full or retired.
func (p *Pool) Put(c *Conn) {
	c.parked = time.Now()
	p.mu.Lock()
	keep := !p.retired && len(p.idle) < p.opts.MaxIdle
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		_ = c.Close()
	}
}

// Retire closes the idle connections and keeps none from now on. Those in use
// stay, and Get goes on opening new ones.
func (p *Pool) Retire() {
	p.mu.Lock()
	p.retired = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		_ = c.Close()
	}
}

// Idle is the number of idle connections.
func (p *Pool) Idle() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

// takeIdle returns the connection used last, nil if none is idle.
func (p *Pool) takeIdle() *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	return c
}
