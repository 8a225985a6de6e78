package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

const (
	// lingerFor and lingerBytes bound how long a connection that is being closed is
	// still read, so that what was sent into the close does not destroy the
	// answer (RFC 9112, 9.6).
	lingerFor   = 500 * time.Millisecond
	lingerBytes = 1 << 20
	// tick is how often it is looked, while a request is held up, whether its caller
	// still waits.
	tick = 100 * time.Millisecond
)

// past is a deadline that ends a wait at once.
var past = time.Unix(1, 0)

// turn is whose turn it is on a connection.
type turn int

const (
	callers   turn = iota // a request may come
	ours                  // one is being read, or has a fault done to it
	upstreams             // one is being sent or answered
	nobodys               // what passes are bytes, and each direction is on its own
)

// conn is a caller's connection. One goroutine reads what the caller sends and
// one, for each connection to the upstream, what comes back: responses that come
// early, and ends of either side, are seen when they happen.
type conn struct {
	p      *Proxy
	number uint64
	raw    net.Conn
	client *wire.Conn // its reading side belongs to the caller's goroutine
	addr   netip.Addr
	host   []byte // addr as text
	dst    netip.AddrPort
	onward string                 // host:port of the upstream
	sni    atomic.Pointer[string] // that TLS asked for
	// dissects tells that TLS may be taken apart here; inside tells that it is, and
	// the upstream is spoken to with TLS too.
	dissects, inside bool
	secret           bool // TLS was taken apart

	x     exchange
	local local // of a proxy with a Handler

	ctx    context.Context // ends when the connection is cut
	cancel context.CancelFunc
	behind sync.WaitGroup // goroutines of upstreams

	mu        sync.Mutex
	changed   sync.Cond // of what follows
	turn      turn
	up        *upstream
	begun     bool // the caller has sent something
	opening   bool // what is done to a connection that passes bytes is being done
	opened    bool // that was done
	draining  bool // closes when the request under way is over
	finishing bool // nothing more is sent to the caller
	dead      bool
}

func newConn(p *Proxy, raw net.Conn, number uint64) *conn {
	c := &conn{p: p, number: number, raw: raw, client: wire.NewConn(raw, time.Time{}), onward: p.cfg.Upstream}
	c.changed.L = &c.mu
	c.ctx, c.cancel = context.WithCancel(p.ctx)
	if tcp, ok := raw.RemoteAddr().(*net.TCPAddr); ok {
		c.addr = tcp.AddrPort().Addr().Unmap()
		c.host = []byte(c.addr.String())
	}
	if original := p.cfg.OriginalDst; original != nil {
		if dst, err := original(raw); err == nil {
			c.dst = netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port())
			c.onward = dst.String()
		}
	}
	c.x.c = c
	return c
}

// serve handles the connection until it ends.
func (c *conn) serve() {
	defer c.leave()
	if !c.open() {
		return
	}
	if !c.dissects {
		c.ahead()
	}
	what, ok := c.recognize()
	if ok && what == tlsTalk {
		what, ok = c.greet()
	}
	switch {
	case !ok:
	case c.p.cfg.TLS && !c.secret: // plain HTTP to a third party with TLS
	case what == webTalk:
		for c.awaitRequest() && c.request() {
			continue
		}
		c.mu.Lock()
		switched := c.turn == nobodys && !c.dead
		c.mu.Unlock()
		if switched {
			c.passOn()
		}
	default:
		c.passOn()
	}
}

// name is the one that TLS asked for, "" where it did not, or is not spoken.
func (c *conn) name() string {
	if name := c.sni.Load(); name != nil {
		return *name
	}
	return ""
}

// open refuses a connection where nobody is to be there and the listener cannot
// say so itself, and one of which nobody knows where it was going.
func (c *conn) open() bool {
	if c.onward == "" && c.p.cfg.Handler == nil {
		c.cut(true)
		return false
	}
	c.dissects = c.p.cfg.TLS
	for _, f := range *c.p.inForce.Load() {
		if !f.meets(c) {
			continue
		}
		if s := f.down.Load(); s != nil && f.resetsAtOnce(s) && f.enter() {
			f.connections.Add(1)
			f.reset.Add(1)
			c.cut(true)
			f.leave()
			return false
		}
		c.dissects = c.dissects || f.dissects()
	}
	return true
}

// leave ends everything about the connection.
func (c *conn) leave() {
	c.cut(false)
	c.behind.Wait()
	c.x.note(0)
	c.p.mu.Lock()
	delete(c.p.conns, c)
	c.p.mu.Unlock()
}

// cut ends whatever the connection is doing, with a reset or in peace. It tells
// whether it was alive.
func (c *conn) cut(reset bool) bool {
	c.mu.Lock()
	alive := !c.dead
	c.dead = true
	up := c.up
	c.changed.Broadcast()
	c.mu.Unlock()
	if !alive {
		return false
	}
	c.cancel()
	closeRaw(c.raw, reset)
	if up != nil {
		up.close(reset)
	}
	return true
}

// closeRaw closes a connection; reset says so to the peer, and what was not
// received yet is lost.
func closeRaw(raw net.Conn, reset bool) {
	if tcp, ok := raw.(interface{ SetLinger(int) error }); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}

// drain closes the connection when the request under way on it is over, at once
// where there is none. What passes as bytes has no requests: it is left alone.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	if c.turn == callers && !c.finishing {
		_ = c.client.Net().SetReadDeadline(past)
	}
}

// kick makes what passes as bytes look at the faults again.
func (c *conn) kick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn != nobodys || c.dead {
		return
	}
	_ = c.client.Net().SetReadDeadline(past)
	if c.up != nil && c.up.conn != nil {
		_ = c.up.conn.Net().SetReadDeadline(past)
	}
}

// finish tells the caller that nothing more will come, and gives it a moment to
// take what was sent.
func (c *conn) finish() {
	c.mu.Lock()
	first := !c.finishing
	c.finishing = true
	c.mu.Unlock()
	if first {
		c.client.CloseWrite()
		_ = c.client.Net().SetReadDeadline(time.Now().Add(lingerFor))
	}
}

// awaitByte waits for the caller to send something, and makes it our turn. It
// returns false where the connection ends instead, or passes bytes.
func (c *conn) awaitByte() bool {
	for {
		_, err := c.client.R.Peek(1)
		c.mu.Lock()
		if err != nil && c.turn == upstreams && c.up != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			c.halfClosed(err)
		}
		for c.turn == upstreams && !c.dead { // an answer is still under way
			c.changed.Wait()
		}
		if c.draining && !c.finishing {
			_ = c.client.Net().SetReadDeadline(time.Time{})
		}
		more := !c.dead && !c.finishing && c.turn == callers
		switch {
		case err == nil && more:
			c.turn, c.begun = ours, true
			c.mu.Unlock()
			return true
		case c.finishing && err == nil:
			c.mu.Unlock()
			_, _ = io.CopyN(io.Discard, c.client.R, lingerBytes)
			return false
		}
		c.mu.Unlock()
		if !more || !errors.Is(err, os.ErrDeadlineExceeded) {
			c.callerEnded(err)
			return false
		}
		if !hasBytes(c.raw) { // drained, and nothing crossed that
			return false
		}
	}
}

// halfClosed passes the end of what a caller sends on, while it waits for an
// answer; c.mu is held.
func (c *conn) halfClosed(err error) {
	up := c.up
	c.mu.Unlock()
	defer c.mu.Lock()
	if isReset(err) {
		c.cut(true)
		return
	}
	up.conn.CloseWrite()
}

// callerEnded passes a reset on. An end in peace is the business of leave.
func (c *conn) callerEnded(err error) {
	if isReset(err) {
		c.cut(true)
	}
}

// awaitRequest waits until the caller sends another request.
func (c *conn) awaitRequest() bool {
	c.mu.Lock()
	mine := c.turn == ours // the first, which has been looked at already
	c.mu.Unlock()
	return mine || c.awaitByte()
}

// pass gives the turn to somebody else.
func (c *conn) pass(to turn) {
	c.mu.Lock()
	c.turn = to
	if to == callers && c.draining && !c.finishing {
		_ = c.client.Net().SetReadDeadline(past)
	}
	c.changed.Broadcast()
	c.mu.Unlock()
}

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

// talk is what a caller speaks.
type talk int

const (
	webTalk   talk = iota // HTTP/1.x
	tlsTalk               // begins with a handshake of TLS
	otherTalk             // bytes
)

// recognize waits for the first bytes of a caller and tells what they are. It
// leaves them where they are.
func (c *conn) recognize() (talk, bool) {
	if !c.awaitByte() {
		c.mu.Lock()
		defer c.mu.Unlock()
		return otherTalk, c.turn == nobodys && !c.dead // the upstream spoke first
	}
	for {
		p, _ := c.client.R.Peek(c.client.R.Buffered())
		what, known := recognize(p)
		if known || len(p) == c.client.R.Size() {
			return what, true
		}
		if _, err := c.client.R.Peek(len(p) + 1); err != nil {
			if c.client.R.Buffered() > len(p) {
				continue
			}
			return otherTalk, !errors.Is(err, os.ErrDeadlineExceeded) // it has no more to say
		}
	}
}

// recognize tells what begins like this; known is false while it may be several.
func recognize(p []byte) (what talk, known bool) {
	switch {
	case len(p) == 0:
		return webTalk, false
	case p[0] == 0x16:
		return tlsTalk, true
	case p[0] == '\r' || p[0] == '\n': // some send an empty line before a request
		return webTalk, true
	}
	line, _, whole := bytes.Cut(p, []byte{'\n'})
	method, target, spaced := bytes.Cut(line, []byte{' '})
	for _, b := range method {
		if (b < 'A' || b > 'Z') && b != '-' && b != '_' {
			return otherTalk, true
		}
	}
	switch {
	case len(method) > 32:
		return otherTalk, true
	case whole && !spaced:
		return otherTalk, true
	case !whole:
		return webTalk, false
	}
	version := bytes.TrimSuffix(target[bytes.LastIndexByte(target, ' ')+1:], []byte{'\r'})
	if bytes.HasPrefix(version, []byte("HTTP/1.")) {
		return webTalk, true
	}
	return otherTalk, true
}

// note says how an exchange ended, once.
func (x *exchange) note(status int) {
	x.c.mu.Lock()
	open := x.open
	x.open = false
	x.c.mu.Unlock()
	if open {
		x.status = status
		x.c.p.ledger.note(x, x.c.p.cfg.Now())
	}
}

// hold waits for d, or until the spell is over, or the fault is. It returns
// false where the caller has gone or the connection was cut.
func (c *conn) hold(f *fault, d time.Duration, over <-chan struct{}) bool {
	end := time.Now().Add(d)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		left := tick
		if over == nil {
			if left = time.Until(end); left <= 0 {
				return !c.isDead()
			}
			left = min(left, tick)
		}
		timer.Reset(left)
		select {
		case <-timer.C:
			if left == tick && hasLeft(c.raw) {
				return false
			}
		case <-over:
			return !hasLeft(c.raw)
		case <-f.over:
			return !hasLeft(c.raw)
		case <-c.ctx.Done():
			return false
		}
	}
}

func (c *conn) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

// writeField writes one field of a head.
func writeField(w *bufio.Writer, name, value []byte) {
	_, _ = w.Write(name)
	_, _ = w.WriteString(": ")
	_, _ = w.Write(value)
	_, _ = w.WriteString("\r\n")
}
