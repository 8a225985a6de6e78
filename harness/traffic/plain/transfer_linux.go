package plain

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// write writes until the request is out, the socket is full or the turn is over.
func (c *conn) write() {
	for range turn {
		if c.pos == c.size || c.writeErr != nil || !c.writeSome(c.rest()) {
			return
		}
	}
	c.goOn()
}

// writeSome writes once and tells whether more may be written now. A connection
// that takes nothing any more may still hold an answer; what is read from it
// decides.
func (c *conn) writeSome(b []byte) bool {
	n, err := unix.Write(c.fd, b)
	c.pos += max(0, n)
	switch err {
	case nil:
		return n == len(b)
	case unix.EINTR:
		return true
	case unix.EAGAIN:
		return false
	}
	c.writeErr = err
	c.goOn()
	return false
}

// goOn has the loop come back to this connection when others have had their turn.
func (c *conn) goOn() {
	if !c.again {
		c.again = true
		c.e.again = append(c.e.again, c)
	}
}

// read reads until the answer is complete, nothing more is there or the turn is
// over. A read that does not fill the buffer has taken all, unless the end
// follows: the event that told of it has been seen, and no other will come.
func (c *conn) read() {
	e := c.e
	if c.answer == nil {
		c.answer = e.getAnswer(&c.call.x.Request)
	}
	for range turn {
		n, err := unix.Read(c.fd, e.in)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 {
			c.nothing(err)
			return
		}
		rest, err := c.answer.feed(e.in[:n])
		switch {
		case err != nil:
			c.fail(err)
			return
		case c.answer.stage == complete:
			c.answered(len(rest) == 0 && (n < len(e.in) || c.quiet()))
			return
		case n < len(e.in) && !c.ending:
			return
		}
	}
	c.goOn()
}

// nothing is a read that brought nothing: there is nothing now, nothing will
// come any more, or the connection is broken.
func (c *conn) nothing(err error) {
	switch {
	case err == nil:
		c.hangUp()
	case !errors.Is(err, unix.EAGAIN):
		c.fail(err)
	case c.writeErr != nil:
		c.fail(c.writeErr)
	case !c.answer.begun():
		c.e.putAnswer(c.answer)
		c.answer = nil
	}
}

// quiet tells whether nothing has come that was not read, the end included. If
// there is something, it is lost: the connection is of no use then.
func (c *conn) quiet() bool {
	_, err := unix.Read(c.fd, c.e.in)
	return err == unix.EAGAIN
}

// hangUp is the end of what the server sends.
func (c *conn) hangUp() {
	if err := c.answer.end(); err != nil {
		c.fail(err)
		return
	}
	c.answered(false)
}

// answered ends the exchange with its complete answer. The connection may be
// used again if it is quiet and both sides see it that way.
func (c *conn) answered(quiet bool) {
	e, k, a := c.e, c.call, c.answer
	c.call, c.answer, c.again = nil, nil, false
	k.answer = a
	if quiet && a.clean && c.pos == c.size && !c.ending && e.limits.Reuse && !c.old() {
		c.parked = e.turn
		c.move(idle)
	} else {
		c.close()
	}
	e.finish(k, nil)
}

// fail ends the exchange, and the connection, without a complete answer.
func (c *conn) fail(cause error) {
	e, k := c.e, c.call
	err := c.failure(cause)
	c.close()
	e.finish(k, err)
}

// failure says how the exchange failed, in the way package wire does.
func (c *conn) failure(cause error) *wire.Error {
	a := c.answer
	switch {
	case a.stage != inHead:
		return &wire.Error{Failure: wire.ReadError(cause, true).Failure, Op: "read body", Err: cause}
	case c.writeErr != nil:
		return wire.WriteError(c.writeErr)
	}
	return wire.ReadError(cause, a.begun())
}

// step names what the exchange on this connection is doing.
func (c *conn) step() string {
	switch a := c.answer; {
	case a != nil && a.stage != inHead:
		return "read body"
	case c.pos < c.size && (a == nil || !a.begun()):
		return "write request"
	}
	return "read response"
}
