package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// upstream is a connection to it, from the decision to dial on.
type upstream struct {
	c    *conn
	conn *wire.Conn // nil until it is there; its reading side belongs to the upstream's goroutine
	raw  net.Conn
	err  error       // why it is not there
	gone atomic.Bool // it ended, or was never there
}

// ahead dials before it is known that the upstream is needed, as a caller's own
// connection would have.
func (c *conn) ahead() {
	if c.onward == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connect()
}

// connect begins to dial, in a goroutine that then reads what comes back; c.mu is
// held.
func (c *conn) connect() *upstream {
	u := &upstream{c: c}
	c.up = u
	c.behind.Add(1)
	go func() {
		defer c.behind.Done()
		u.serve()
	}()
	return u
}

// connected waits for the upstream's connection, dials again where it has ended
// meanwhile, and gives the turn to next at the same moment. nil means that there
// is no connection.
func (c *conn) connected(next turn) *upstream {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.up
	if u == nil || u.gone.Load() {
		if u != nil && u.conn != nil {
			_ = u.conn.Close()
		}
		if c.dead {
			return nil
		}
		u = c.connect()
	}
	for u.conn == nil && u.err == nil && !c.dead {
		c.changed.Wait()
	}
	if c.dead || u.conn == nil {
		return nil
	}
	c.turn = next
	return u
}

// close ends it.
func (u *upstream) close(reset bool) {
	u.c.mu.Lock()
	raw := u.raw
	u.c.mu.Unlock()
	if raw != nil {
		closeRaw(raw, reset)
	}
}

// serve dials and reads what comes back until the end.
func (u *upstream) serve() {
	c := u.c
	if !u.dial() {
		return
	}
	for {
		_, err := u.conn.R.Peek(1)
		c.mu.Lock()
		whose := c.turn
		switch {
		case whose == upstreams && !c.x.answered:
			c.mu.Unlock()
			if !u.answer(err) {
				return
			}
			continue
		case whose == nobodys:
			c.mu.Unlock()
			c.toCaller(u)
			return
		case err == nil && !c.begun && !c.dissects:
			c.turn = nobodys // it speaks first: no HTTP
			c.mu.Unlock()
			c.toCaller(u)
			return
		}
		u.gone.Store(true)
		holding := whose == ours && err != nil // it is dialled again when it is needed
		c.mu.Unlock()
		if !holding {
			c.upstreamEnded(err)
		}
		return
	}
}

// upstreamEnded passes on that an upstream has closed an idle connection, or
// has sent what nobody asked for, which is as good as that.
func (c *conn) upstreamEnded(err error) {
	if isReset(err) {
		c.cut(true)
		return
	}
	c.finish()
}

// dial connects; the caller's connection is reset where that fails, unless a
// fault may answer in place of the upstream.
func (u *upstream) dial() bool {
	c := u.c
	ctx, cancel := context.WithTimeout(c.ctx, c.p.cfg.DialTimeout)
	defer cancel()
	raw, err := c.p.cfg.Dial(ctx, c.onward)
	conn := raw
	if err == nil && c.inside {
		conn, err = c.handshake(ctx, raw)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.dead {
		err = net.ErrClosed
	}
	if err != nil {
		if raw != nil {
			_ = raw.Close()
		}
		u.err = err
		u.gone.Store(true)
		c.changed.Broadcast()
		if c.turn == callers && !c.anyFault() {
			go c.cut(true) // as if the attempt to connect had failed
		}
		return false
	}
	u.raw, u.conn = raw, wire.NewConn(conn, time.Time{})
	c.changed.Broadcast()
	return true
}

// anyFault tells whether a fault is done to this connection.
func (c *conn) anyFault() bool {
	for _, f := range *c.p.inForce.Load() {
		if f.meets(c) {
			return true
		}
	}
	return false
}

// handshake speaks TLS to the upstream of a connection that is taken apart.
func (c *conn) handshake(ctx context.Context, raw net.Conn) (net.Conn, error) {
	conn := tls.Client(raw, c.p.upstreamTLS(c.name()))
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return conn, nil
}

// answer carries the answer to the present request, and says what becomes of the
// connection; false is its end.
func (u *upstream) answer(err error) bool {
	c := u.c
	if err != nil {
		c.unanswered(err)
		return u.done(false)
	}
	u.conn.OnBlock = c.client.W.Flush
	keep, switched := c.answer(u.conn.R)
	u.conn.OnBlock = nil
	if switched {
		c.pass(nobodys)
		c.toCaller(u)
		return false
	}
	return u.done(keep)
}

// done ends the turn of the upstream; false is the end of the connection.
func (u *upstream) done(keep bool) bool {
	c := u.c
	c.mu.Lock()
	x := &c.x
	keep = keep && !x.broken && !c.draining && !c.dead
	if keep && !x.sent { // the rest of the request is still coming, and is still wanted
		x.answered = true
		c.mu.Unlock()
		return true
	}
	u.gone.Store(!keep)
	c.mu.Unlock()
	if !keep {
		c.finish()
	}
	c.pass(callers)
	return keep
}

// toUpstream and toCaller pass bytes on in one direction each, until its end.
func (c *conn) toUpstream(u *upstream) { c.copy(u.conn, c.client) }

func (c *conn) toCaller(u *upstream) {
	if c.openBytes() {
		c.copy(c.client, u.conn)
	}
}

// passOn passes what the caller sends on as bytes.
func (c *conn) passOn() {
	c.pass(nobodys)
	if !c.openBytes() {
		return
	}
	if u := c.connected(nobodys); u != nil {
		c.toUpstream(u)
		c.behind.Wait() // the other direction
		return
	}
	c.cut(true)
}

// copy passes bytes on from src to dst until src ends, and passes that on too.
func (c *conn) copy(dst, src *wire.Conn) {
	for {
		err := copyBytes(dst, src)
		switch {
		case err == nil:
			dst.CloseWrite()
			return
		case errors.Is(err, errWoken):
			_ = src.Net().SetReadDeadline(time.Time{})
			if c.suffer(src == c.client) {
				continue
			}
		}
		c.cut(isReset(err))
		return
	}
}

// errWoken says that a copy was broken off to look at the faults.
var errWoken = errors.New("woken")

// copyBytes copies what stands in the buffer and then from socket to socket,
// which the system does by itself where it can.
func copyBytes(dst, src *wire.Conn) error {
	for src.R.Buffered() > 0 {
		p, _ := src.R.Peek(src.R.Buffered())
		n, err := dst.Net().Write(p)
		_, _ = src.R.Discard(n)
		if err != nil {
			return err
		}
	}
	_, err := io.Copy(dst.Net(), src.Net())
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errWoken
	}
	return err
}
