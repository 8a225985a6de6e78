package full

import (
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// A conn is one connection of the pool. Its fields belong to the loop's thread.
type conn struct {
	client *http.ClientConn
	socket *socket
	opened time.Duration
	// shared tells that it speaks HTTP/2 and takes several exchanges at once.
	shared   bool
	uses     int
	carrying int
	told     atomic.Bool // a change of state is on its way to the loop
}

// serve gives connections to exchanges in the order in which they came, and
// opens what is missing.
func (e *Engine) serve() {
	for e.queue.len() > 0 && e.carrying < e.limits.Max {
		c := e.take()
		if c == nil {
			break
		}
		c.uses++
		c.carrying++
		e.carrying++
		e.queue.pop().start(c)
	}
	e.dialForQueue()
}

// take gives the connection used last that can carry another exchange, with
// room for it reserved, or nil.
func (e *Engine) take() *conn {
	for i := len(e.idle) - 1; i >= 0; i-- {
		c := e.idle[i]
		if !e.fit(c) {
			e.retire(c)
			continue
		}
		if c.client.Reserve() != nil { // at the limit of its streams, or lost just now
			continue
		}
		if !c.shared {
			e.idle = slices.Delete(e.idle, i, i+1)
		}
		return c
	}
	return nil
}

// fit tells whether a connection may carry another exchange at all.
func (e *Engine) fit(c *conn) bool {
	switch {
	case !e.limits.Reuse && c.uses > 0:
		return false
	case e.limits.MaxAge > 0 && e.loop.Now()-c.opened > e.limits.MaxAge:
		return false
	case c.client.Err() != nil:
		return false
	case c.carrying > 0:
		return true
	case c.client.Available() == 0:
		// Nothing of ours is on it, so it is going away. A stream that has just
		// ended may still count.
		return c.shared && c.client.InFlight() > 0
	}
	return !c.socket.ended()
}

// dead tells whether a connection takes no further exchange. Any goroutine may
// ask.
func (c *conn) dead() bool {
	return c.client.Err() != nil || c.shared && c.client.Available() == 0
}

// retire takes a connection out of use. What it still carries goes on.
func (e *Engine) retire(c *conn) {
	if i := slices.Index(e.idle, c); i >= 0 {
		e.idle = slices.Delete(e.idle, i, i+1)
	}
	if c.carrying == 0 || c.client.Err() != nil {
		e.drop(c)
	}
}

// drop closes a connection.
func (e *Engine) drop(c *conn) {
	delete(e.open, c)
	_ = c.client.Close()
}

// release takes note that a connection carries one exchange less.
func (e *Engine) release(c *conn) {
	c.carrying--
	e.carrying--
	switch {
	case !e.fit(c):
		e.retire(c)
	case !c.shared:
		e.idle = append(e.idle, c)
	}
	e.serve()
}

// watch is called by net/http, on any goroutine, when the state of a connection
// changes: it was lost, or over HTTP/2 has room again.
func (e *Engine) watch(c *conn) {
	if (c.shared || c.client.Err() != nil) && c.told.CompareAndSwap(false, true) {
		e.loop.Post(func() {
			c.told.Store(false)
			if _, open := e.open[c]; open && c.client.Err() != nil {
				e.retire(c)
			}
			e.serve()
		})
	}
}
