package proxy

import "github.com/shakedown-dev/shakedown/chaos/order"

// What is done to connections that pass bytes.

// resetsAtOnce tells whether a connection that is opened in this spell is reset
// before anything is read of it.
func (f *fault) resetsAtOnce(s *spell) bool { return s.as == order.AsRefuse }

// dissects tells whether the fault needs TLS to be taken apart.
func (f *fault) dissects() bool { return f.Expired != nil || f.Egress != nil && f.Egress.TLS }

// openBytes does, before the first bytes pass, what is done to connections as a
// whole. The second direction waits for the first; false ends the connection.
func (c *conn) openBytes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.opened:
	case c.opening:
		for !c.opened && !c.dead {
			c.changed.Wait()
		}
	default:
		c.opening = true
		c.mu.Unlock()
		ok := c.afflict()
		c.mu.Lock()
		c.opened = true
		c.changed.Broadcast()
		if !ok {
			c.mu.Unlock()
			c.cut(true)
			c.mu.Lock()
		}
	}
	return !c.dead
}

// afflict draws for every fault that can be done to a connection that passes
// bytes, and does it. A connection that HTTP has switched over had its faults as
// a request.
func (c *conn) afflict() bool {
	if c.x.switched {
		return true
	}
	for _, f := range *c.p.inForce.Load() {
		if f.stage != out && f.stage != delaying && f.stage != aborting || !f.whole() || !f.meets(c) {
			continue
		}
		h, hits := f.draw()
		f.connections.Add(1)
		if !hits || !f.enter() {
			continue
		}
		ok := c.afflictWith(&h)
		f.leave()
		if !ok {
			return false
		}
	}
	return true
}

func (c *conn) afflictWith(h *hit) bool {
	switch h.stage {
	case out:
		return c.outOfOrder(h.fault, true)
	case delaying:
		h.injected.Add(1)
		h.delayed.Add(1)
		return c.hold(h.fault, h.latency(c.p.cfg.Now(), 0), nil)
	}
	h.injected.Add(1)
	h.reset.Add(1)
	return false
}

// outOfOrder does an outage: holding the connection up, or not going on with it.
// What is not HTTP has no status: it is reset. Of the two directions of a
// connection one counts.
func (c *conn) outOfOrder(f *fault, counts bool) bool {
	s := f.down.Load()
	if s == nil {
		return true
	}
	if counts {
		f.injected.Add(1)
	}
	if s.as == order.AsHang {
		if counts {
			f.held.Add(1)
		}
		return c.hold(f, 0, s.over)
	}
	if counts {
		f.reset.Add(1)
	}
	return false
}

// suffer looks at outages for a connection that passes bytes already.
func (c *conn) suffer(counts bool) bool {
	for _, f := range *c.p.inForce.Load() {
		if f.stage != out || !f.whole() || !f.meets(c) || f.down.Load() == nil || !f.enter() {
			continue
		}
		if counts {
			f.connections.Add(1)
		}
		ok := c.outOfOrder(f, counts)
		f.leave()
		if !ok {
			c.cut(true)
			return false
		}
	}
	return true
}
