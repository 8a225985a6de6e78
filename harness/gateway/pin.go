package gateway

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// pin ties a client connection to one connection to one instance, as a cluster
// Service does: for both their lives, whatever the endpoint list says later.
type pin struct {
	inst   *instance
	up     *wire.Conn
	broken bool // the connection is closed or of no use

	client *client
	// While the client is idle the instance's connection is watched: its close
	// must reach the client at once, as it would without a gateway.
	arm     chan struct{} // begins a watch
	outcome chan error    // ends it: os.ErrDeadlineExceeded if all is well
	dead    atomic.Bool
}

func newPin(c *client, inst *instance, up *wire.Conn) *pin {
	p := &pin{inst: inst, up: up, client: c, arm: make(chan struct{}), outcome: make(chan error, 1)}
	c.g.work.Go(p.watch)
	return p
}

// watch waits for the instance's connection to end, whenever armed.
func (p *pin) watch() {
	for range p.arm {
		_, err := p.up.R.Peek(1)
		switch {
		case err == nil:
			err = wire.ProtocolError("the instance sent something unasked")
			fallthrough
		case !errors.Is(err, os.ErrDeadlineExceeded):
			p.dead.Store(true)
			p.client.stopWaiting()
		}
		p.outcome <- err
	}
}

func (p *pin) close() {
	close(p.arm)
	_ = p.up.Close()
}

// awaitPinned waits for a request while it watches the instance's connection.
func (c *client) awaitPinned() bool {
	p := c.pin
	if p.broken { // by an answer that came before the request was sent
		c.crossed(io.EOF)
		return false
	}
	if c.conn.R.Buffered() > 0 {
		return c.awaitByte()
	}
	p.arm <- struct{}{}
	arrived := c.awaitByte()
	p.up.Interrupt()
	err := <-p.outcome
	p.up.Resume()
	if !p.dead.Load() {
		return arrived
	}
	c.crossed(err)
	return false
}

// crossed handles the end of a pinned connection while the client was idle. The
// close is passed on; a request that the client had sent before it could know
// is a request that this close has lost, and is recorded as such.
func (c *client) crossed(err error) {
	p := c.pin
	p.broken = true
	c.conn.Relax()
	c.conn.CloseWrite()
	_ = c.conn.Net().SetReadDeadline(time.Now().Add(lingerFor))
	if c.req.head.ReadRequest(c.conn.R, wire.MaxHead) != nil || c.req.judge() != nil {
		return
	}
	c.g.begin(&c.x, p.inst)
	c.x.reused, c.x.connAge = true, c.g.clk.Now()-c.g.clk.At(p.up.Opened)
	failure := wire.ReadError(err, false)
	c.failed(failure.Failure, failure)
	c.g.end(&c.x, &c.req)
}
