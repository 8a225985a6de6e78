package plain

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

const (
	// turn is how many reads or writes a connection has before others have theirs.
	turn = 8

	ends     = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	incoming = unix.EPOLLIN | ends
)

type state uint8

const (
	closed state = iota
	dialing
	idle
	busy
)

// A conn is one connection.
type conn struct {
	e      *Engine
	place  node[conn] // in the engine's list for its state
	fd     int
	opened time.Duration // when it was established
	parked uint64        // the engine's turn in which it was last read from
	state  state
	reused bool // it has carried an exchange
	again  bool // its turn was over before it was through
	ending bool // the end of what the server sends was announced, or an error

	call     *call
	head     int     // bytes of the request's head
	size     int     // bytes of the request
	pos      int     // bytes of it that were written
	writeErr error   // why no more can be written
	answer   *answer // as far as it has come; nil before its first byte
}

// Ready is told by the loop that something happened. It reads, and leaves what
// follows from that to the end of the loop's turn: so answers are taken, and
// their moments with them, before the next requests are written, and the server
// is woken once for many of those.
func (c *conn) Ready(events uint32) {
	e := c.e
	if c.state == dialing && events&(unix.EPOLLOUT|ends) != 0 {
		c.connected()
		e.serve()
	}
	c.transfer(events)
	e.settleSoon()
}

// transfer does what can be done now.
func (c *conn) transfer(events uint32) {
	switch c.state {
	case idle:
		// Bytes that nobody asked for, or the end.
		if events&incoming != 0 {
			c.close()
		}
	case busy:
		if events&unix.EPOLLOUT != 0 && c.pos < c.size {
			c.write()
		}
		c.ending = c.ending || events&ends != 0
		if events&incoming != 0 {
			c.read()
		}
	}
}

// list is the engine's list of connections in that state.
func (e *Engine) list(s state) *list[conn] {
	switch s {
	case dialing:
		return &e.dialing
	case idle:
		return &e.idle
	default:
		return &e.busy
	}
}

func (c *conn) move(to state) {
	c.e.list(c.state).remove(&c.place)
	c.state = to
	c.e.list(to).push(&c.place, c)
}

// close closes the connection, whatever its state. A call on it is the
// caller's to finish.
func (c *conn) close() {
	if c.state == closed {
		return
	}
	e := c.e
	e.list(c.state).remove(&c.place)
	e.loop.Forget(c.fd)
	_ = unix.Close(c.fd)
	if c.answer != nil {
		e.putAnswer(c.answer)
	}
	*c = conn{e: e, fd: -1}
	e.conns = append(e.conns, c)
}

// carry sends a call's request on the idle connection.
func (c *conn) carry(k *call) {
	e, x := c.e, k.x
	b, err := appendHead(e.out[:0], &x.Request, e.limits.Reuse)
	if err != nil {
		e.finish(k, wire.WriteError(err))
		return
	}
	c.move(busy)
	k.conn, c.call = c, k
	c.head, c.pos = len(b), 0
	c.size = c.head + bodySize(&x.Request)
	x.Reused, c.reused = c.reused, true
	x.Sent = e.loop.Now()
	if c.writeSome(c.withBody(b)) {
		c.write()
	}
}

// withBody appends as much of the body to the head as there is room for.
func (c *conn) withBody(head []byte) []byte {
	r := &c.call.x.Request
	if len(r.Body) == 0 {
		return head
	}
	if chunked(r) {
		return appendChunk(head, r.Body, 0)
	}
	return append(head, r.Body[:min(len(r.Body), outSize)]...)
}

// rest is what is to be written next.
func (c *conn) rest() []byte {
	r := &c.call.x.Request
	if c.pos >= c.head {
		return bodyFrom(c.e.out, r, c.pos-c.head)
	}
	b, _ := appendHead(c.e.out[:0], r, c.e.limits.Reuse) // it went well the first time
	return c.withBody(b)[c.pos:]
}
