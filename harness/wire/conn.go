package wire

import (
	"bufio"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// queue is what stands in a connection's receive queue.
type queue int

const (
	quiet queue = iota // nothing, and the peer has not closed
	data               // bytes
	ended              // the peer closed or reset
)

const bufferSize = 8 << 10

// Conn is one connection with its buffers, used by one exchange at a time.
// Only Interrupt and Close may be called while another goroutine uses it.
type Conn struct {
	R *bufio.Reader
	W *bufio.Writer
	// Opened is when the connection was established.
	Opened time.Time
	// Uses counts the exchanges that were begun on it; who begins one adds 1.
	Uses int

	// Patience is how long one read or write may wait before it fails with a
	// time-out; 0 is for ever (or until a deadline set on the connection).
	Patience time.Duration
	// OnBlock, if set, is called before every read from the network: the place
	// to flush what was produced from data read so far.
	OnBlock func() error
	// Tick and OnTick, if set, interrupt the wait of a read every so often; an
	// error of OnTick ends the read. They need Patience.
	Tick   time.Duration
	OnTick func() error

	conn        net.Conn
	peek        *peeker
	parked      time.Time // when it was last put into the pool
	waitingFrom time.Time // what Patience counts from
	readLimit   bool      // a read has set a deadline
	writeLimit  bool      // a write has set a deadline
	interrupted atomic.Bool
}

// NewConn wraps a connection opened at the given time.
func NewConn(c net.Conn, opened time.Time) *Conn {
	w := &Conn{Opened: opened, conn: c, peek: newPeeker(c)}
	w.R = bufio.NewReaderSize(connReader{w}, bufferSize)
	w.W = bufio.NewWriterSize(connWriter{w}, bufferSize)
	return w
}

// Reused tells whether an exchange was begun on the connection before.
func (c *Conn) Reused() bool { return c.Uses > 0 }

// Age is the time since the connection was opened.
func (c *Conn) Age(now time.Time) time.Duration { return now.Sub(c.Opened) }

// Net is the connection itself, for deadlines and half-closing. Do not read or
// write around the buffers.
func (c *Conn) Net() net.Conn { return c.conn }

// Interrupt makes blocked and later reads and writes fail with a time-out,
// until Resume.
func (c *Conn) Interrupt() {
	c.interrupted.Store(true)
	_ = c.conn.SetDeadline(time.Unix(1, 0))
}

// Resume ends an interruption and takes all deadlines off.
func (c *Conn) Resume() {
	c.interrupted.Store(false)
	c.readLimit, c.writeLimit = false, false
	_ = c.conn.SetDeadline(time.Time{})
}

// Relax ends Patience and Tick: from now on reads and writes wait for ever. The
// hooks are taken out. Neither side of the connection may be in use.
func (c *Conn) Relax() {
	c.Patience, c.Tick, c.OnTick, c.OnBlock = 0, 0, nil, nil
	if c.readLimit || c.writeLimit {
		c.readLimit, c.writeLimit = false, false
		_ = c.conn.SetDeadline(time.Time{})
	}
}

// Renew lets Patience count from now; OnTick may call it.
func (c *Conn) Renew() { c.waitingFrom = time.Now() }

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// CloseWrite tells the peer that nothing more will come, where the connection
// can; else it closes the connection.
func (c *Conn) CloseWrite() {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = c.conn.Close()
}

// Gone tells whether the peer has closed its side, as far as this machine
// knows by now. Unread data hides it. Without Unix sockets it is always false.
func (c *Conn) Gone() bool { return c.R.Buffered() == 0 && c.peek.look() == ended }

// Pending tells whether something has come that was not read yet, as far as
// this machine knows by now. Without Unix sockets only the buffer counts.
func (c *Conn) Pending() bool { return c.R.Buffered() > 0 || c.peek.look() == data }

// Stale tells whether an idle connection cannot carry another exchange: the
// peer closed it, or sent something nobody asked for.
func (c *Conn) Stale() bool { return c.R.Buffered() > 0 || c.peek.look() != quiet }

// connReader and connWriter keep Read and Write out of Conn's methods, where
// they would invite reading around the buffer.
type connReader struct{ c *Conn }

func (r connReader) Read(p []byte) (int, error) {
	c := r.c
	if c.OnBlock != nil {
		if err := c.OnBlock(); err != nil {
			return 0, err
		}
	}
	if c.Patience == 0 {
		return c.conn.Read(p)
	}
	return c.readPatiently(p)
}

// readPatiently reads in slices of Tick, up to Patience. The interruption is
// looked at after the deadline is set: whoever interrupts does it the other
// way round, so that one of the two is seen.
func (c *Conn) readPatiently(p []byte) (int, error) {
	now := time.Now()
	for c.waitingFrom = now; ; now = time.Now() {
		wait := c.Patience - now.Sub(c.waitingFrom)
		if wait <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		if c.OnTick != nil && c.Tick > 0 {
			wait = min(wait, c.Tick)
		}
		c.readLimit = true
		if err := c.conn.SetReadDeadline(now.Add(wait)); err != nil {
			return 0, err
		}
		if c.interrupted.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := c.conn.Read(p)
		if n > 0 || err == nil || !isTimeout(err) {
			return n, err
		}
		if c.OnTick != nil {
			if err := c.OnTick(); err != nil {
				return 0, err
			}
		}
	}
}

type connWriter struct{ c *Conn }

func (w connWriter) Write(p []byte) (int, error) {
	c := w.c
	if c.Patience > 0 {
		c.writeLimit = true
		if err := c.conn.SetWriteDeadline(time.Now().Add(c.Patience)); err != nil {
			return 0, err
		}
		if c.interrupted.Load() {
			return 0, os.ErrDeadlineExceeded
		}
	}
	return c.conn.Write(p)
}
