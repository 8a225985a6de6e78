package gateway

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// upload sends on a request body that comes in while the response may already
// be under way.
type upload struct {
	state *uploadState // nil if the body was sent at once
}

type uploadState struct {
	done      chan struct{}
	ended     atomic.Bool
	stopped   atomic.Bool // stopUpload wants it to end
	clientErr error       // the client's part failed; valid after done
	sent      bool        // the whole body was sent; valid after done
}

// running tells whether the body is still being sent.
func (u *upload) running() bool { return u.state != nil && !u.state.ended.Load() }

// momentFor is how long a response waits for the end of an upload. An instance
// that has seen the end of the request may answer before we have noticed that
// we had sent it.
const momentFor = time.Millisecond

// ends tells whether the upload, if there is any, ends within that time.
func (u *upload) ends(within time.Duration) bool {
	if u.state == nil || u.state.ended.Load() {
		return true
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-u.state.done:
		return true
	case <-timer.C:
		return false
	}
}

// takeRest takes what the instance did not want of the request's body, within
// bounds, and tells whether the connection stands behind it. Else it is at its
// end: whoever still sends gets to know it without losing the answer.
func (c *client) takeRest() bool {
	// A read that was broken off may have left a part of a chunk's size behind.
	brokenOff := c.upload.state != nil && c.upload.state.stopped.Load()
	if !c.req.body.Done() && !brokenOff {
		c.conn.Patience = lingerFor
		_, _ = io.CopyN(io.Discard, &c.req.body, lingerBytes)
	}
	if !c.req.body.Done() {
		c.linger()
		return false
	}
	return true
}

// start sends the body from a goroutine of its own.
func (u *upload) start(c *client, up *wire.Conn) {
	s := &uploadState{done: make(chan struct{})}
	u.state = s
	// What has come in is sent before waiting for more; the head is among it.
	c.conn.OnBlock = up.W.Flush
	c.g.work.Go(func() {
		defer close(s.done)
		defer s.ended.Store(true)
		clientErr, upErr := relay(up.W, &c.req.body, c.req.framing.Kind)
		if clientErr == nil && upErr == nil {
			s.sent = up.W.Flush() == nil
		}
		// After a stop the error is only its echo. Before it the exchange ends
		// because of the client: without the rest the instance would wait for ever.
		if clientErr != nil && !s.stopped.Load() {
			s.clientErr = clientErr
			_ = up.Close()
		}
	})
}

// stopUpload ends the sending of the body, if it still goes on, and tells
// whether the whole body was sent.
func (c *client) stopUpload() bool {
	s := c.upload.state
	if s == nil {
		return c.req.body.Done()
	}
	select {
	case <-s.done:
	default:
		s.stopped.Store(true)
		c.conn.Interrupt()
		c.up.Interrupt()
		<-s.done
		c.conn.Resume()
		c.up.Resume()
	}
	c.conn.OnBlock = nil
	if s.clientErr != nil && c.lost == nil {
		c.lost = s.clientErr
	}
	return s.sent
}
