package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

const (
	// requestIDField carries the driver's number of the request.
	requestIDField = "X-Shakedown-Request"
	// effectField marks what a third party did; it is for us.
	effectField = "X-Shakedown-Effect"
	// ownPaths are those at which the run asks us, and not a caller.
	ownPaths = "/.shakedown/"
	// answerFor bounds the writing of an answer of our own: a caller that does not
	// read it is cut off, so that no revert waits for it.
	answerFor = 200 * time.Millisecond
)

// exchange is one request on its way. It is filled by the caller's goroutine,
// and belongs to the upstream's while it is that one's turn.
type exchange struct {
	c       *conn
	head    wire.Head
	body    wire.Body
	framing wire.Framing

	method, path, id, key                         []byte // of head
	version10, keepAlive, upgrade, expects, asked bool
	whole                                         bool // its body has come in with it

	// open is set while its account is; it, sent, answered and broken are guarded by
	// conn.mu.
	open     bool
	sent     bool // all of it
	answered bool // before all of it was sent
	broken   bool // the connection is of no use after it
	switched bool // to another protocol

	start  time.Duration
	status int
	fault  string
	wait   time.Duration
	early  bool
	effect bool

	hits []hit // in order
	late []hit // those of them that come after the work

	response wire.Head
	answer   wire.Body
}

// fate is what became of a request before the work.
type fate int

const (
	onward   fate = iota
	answered      // by us; the connection goes on
	lost          // cut, or nobody waits any more
)

// request reads a request and brings it where it belongs. It returns false when
// the connection is at its end, or does not speak HTTP any more.
func (c *conn) request() bool {
	x := &c.x
	err := x.head.ReadRequest(c.client.R, wire.MaxHead)
	if err == nil {
		err = x.judge(c.p.cfg.KeyHeader)
	}
	if err != nil {
		return c.noRequest(err)
	}
	x.body.Reset(c.client.R, x.framing)
	if !x.asked {
		c.meet(x)
	}
	switch c.before(x) {
	case answered:
		return c.settle(x)
	case lost:
		x.note(0)
		c.cut(false)
		return false
	}
	if c.p.cfg.Handler != nil {
		return c.answerLocally(x)
	}
	return c.forward(x)
}

// judge takes from the head what matters later. What two recipients could read
// in different ways is refused.
func (x *exchange) judge(keyHeader string) (err error) {
	h := &x.head
	if x.framing, err = h.RequestFraming(); err != nil {
		return err
	}
	x.method, x.path = h.Start[0], pathOf(h.Start[1])
	x.version10, x.keepAlive = string(h.Start[2]) == "HTTP/1.0", h.KeepAlive()
	x.upgrade = string(x.method) == "CONNECT" || h.HasToken("Connection", "upgrade") && h.Get("Upgrade") != nil
	x.expects = x.framing.Kind != wire.NoBody && h.HasToken("Expect", "100-continue")
	x.asked = bytes.HasPrefix(x.path, []byte(ownPaths))
	x.id, x.key = h.Get(requestIDField), nil
	if keyHeader != "" {
		x.key = h.Get(keyHeader)
	}
	x.sent, x.answered, x.broken, x.switched = false, false, false, false
	x.status, x.fault, x.wait, x.early, x.effect = 0, "", 0, false, false
	x.hits, x.late = x.hits[:0], nil
	return nil
}

// meet opens the account of a call, and draws for every fault that takes it.
func (c *conn) meet(x *exchange) {
	x.start = c.p.cfg.Now()
	c.p.ledger.inFlight.Add(1)
	c.mu.Lock()
	x.open = true
	c.mu.Unlock()
	for _, f := range *c.p.inForce.Load() {
		if f.stage == handshaking || !f.meets(c) || !f.takes(x.method, x.path) {
			continue
		}
		if h, hits := f.draw(); hits {
			x.hits = append(x.hits, h)
		}
	}
	x.early, _, _ = c.p.memory.ask(c.who(x), x.key, x.method, x.path, x.start)
}

// who is the caller as those who limit it see it; nil where that cannot be told:
// all processes of a machine call from its loopback address, and what one of them
// was told is not held against another. The key tells them apart then.
func (c *conn) who(x *exchange) []byte {
	for _, header := range *c.p.by.Load() {
		if v := x.head.Get(header); len(v) > 0 {
			return v
		}
	}
	if c.addr == shared4 || c.addr == shared6 {
		return nil
	}
	return c.host
}

// shared4 and shared6 are the addresses that processes call from that have none of
// their own.
var shared4, shared6 = netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()

// before does what is done to a request before the work.
func (c *conn) before(x *exchange) fate {
	for i := range x.hits {
		h := &x.hits[i]
		if h.stage >= failingLate {
			x.late = x.hits[i:]
			break
		}
		if !h.enter() {
			continue
		}
		f := c.do(x, h)
		h.leave()
		if f != onward {
			return f
		}
	}
	return onward
}

func (c *conn) do(x *exchange, h *hit) fate {
	switch h.stage {
	case out:
		return c.outage(x, h)
	case limiting:
		return c.limit(x, h)
	case delaying:
		d := h.latency(c.p.cfg.Now(), c.p.ledger.inFlight.Load()-1)
		if d <= 0 {
			return onward
		}
		h.delayed.Add(1)
		h.injected.Add(1)
		if x.fault == "" {
			x.fault = h.id
		}
		if !c.hold(h.fault, d, nil) {
			return lost
		}
		return onward
	case failing:
		x.injected(h)
		return c.reply(x, h.errors.status(h), h.fault, h.errors.retryAfter, c.keeps(x))
	}
	x.injected(h)
	h.reset.Add(1)
	c.cut(true)
	return lost
}

// injected notes which fault decided what became of it.
func (x *exchange) injected(h *hit) {
	h.injected.Add(1)
	if h.id != "" { // the limit of a third party is no fault
		x.fault = h.id
	}
}

func (c *conn) outage(x *exchange, h *hit) fate {
	s := h.down.Load()
	if s == nil {
		return onward // flapping, and up
	}
	x.injected(h)
	switch s.as {
	case order.AsStatus:
		return c.reply(x, http.StatusServiceUnavailable, h.fault, 0, c.keeps(x))
	case order.AsHang:
		h.held.Add(1)
		if c.hold(h.fault, 0, s.over) {
			return onward
		}
		return lost
	}
	h.reset.Add(1)
	c.cut(true)
	return lost
}

// limit refuses those that come too early, and those for whom there is no token.
func (c *conn) limit(x *exchange, h *hit) fate {
	now := c.p.cfg.Now()
	who := c.who(x)
	_, by, until := c.p.memory.ask(who, x.key, x.method, x.path, now)
	var wait time.Duration
	switch {
	case by == h.fault:
		wait = seconds(until - now)
		if x.early {
			h.early.Add(1)
		}
	case h.bucket.take(now):
		return onward
	default:
		wait = seconds(h.RateLimit.RetryAfter)
	}
	x.injected(h)
	return c.reply(x, http.StatusTooManyRequests, h.fault, wait, c.keeps(x))
}

// reply answers in place of the work. wait is what the caller is told to wait.
func (c *conn) reply(x *exchange, status int, f *fault, wait time.Duration, keep bool) fate {
	if wait > 0 {
		x.wait = wait
		f.told.Add(1)
		c.p.memory.tell(f, string(c.who(x)), string(x.key), c.p.cfg.Now(), wait)
	}
	_ = c.raw.SetWriteDeadline(time.Now().Add(answerFor))
	writeReply(c.client.W, x, status, wait, keep)
	err := c.client.W.Flush()
	_ = c.raw.SetWriteDeadline(time.Time{})
	if err != nil {
		return lost
	}
	x.note(status)
	if !keep {
		c.mu.Lock()
		x.broken = true
		c.mu.Unlock()
	}
	return answered
}

// keeps tells whether the connection can go on after an answer that did not wait
// for the request's body. It is for the caller's goroutine.
func (c *conn) keeps(x *exchange) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return x.keepAlive && !c.draining && !x.broken && (x.body.Complete() || !x.expects)
}

// keepsLate is the same for the upstream's goroutine.
func (c *conn) keepsLate(x *exchange) bool {
	if c.p.cfg.Handler != nil {
		return c.keeps(x)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return x.keepAlive && !c.draining && !x.broken && (x.whole || x.sent)
}

// writeReply writes an answer of our own.
func writeReply(w *bufio.Writer, x *exchange, status int, wait time.Duration, keep bool) {
	text := http.StatusText(status) + "\n"
	empty := status == 204 || status == 304
	_, _ = w.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	_, _ = w.WriteString("Date: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	if !empty {
		_, _ = w.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Length: " + strconv.Itoa(len(text)) + "\r\n")
	}
	if wait > 0 {
		_, _ = w.WriteString("Retry-After: " + strconv.Itoa(int(wait/time.Second)) + "\r\n")
	}
	switch {
	case !keep:
		_, _ = w.WriteString("Connection: close\r\n")
	case x.version10:
		_, _ = w.WriteString("Connection: keep-alive\r\n")
	}
	_, _ = w.WriteString("\r\n")
	if !empty && string(x.method) != "HEAD" {
		_, _ = w.WriteString(text)
	}
}

// settle takes the rest of a request that was answered, so that the next one is
// found behind it.
func (c *conn) settle(x *exchange) bool {
	c.mu.Lock()
	keep := !x.broken
	c.mu.Unlock()
	if keep && !x.body.Done() {
		if !x.body.Complete() {
			_ = c.raw.SetReadDeadline(time.Now().Add(lingerFor))
		}
		_, _ = io.CopyN(io.Discard, &x.body, lingerBytes)
		_ = c.raw.SetReadDeadline(time.Time{})
		keep = x.body.Done()
	}
	if !keep {
		c.finish()
	}
	c.pass(callers)
	return true
}

// noRequest deals with a head that could not be read, or was none.
func (c *conn) noRequest(err error) bool {
	status := 0
	var protocol wire.ProtocolError
	switch {
	case errors.Is(err, wire.ErrHeadTooLarge):
		status = http.StatusRequestHeaderFieldsTooLarge
	case errors.As(err, &protocol):
		status = http.StatusBadRequest
	}
	if status == 0 {
		c.callerEnded(err)
		return false
	}
	x := &c.x
	x.method, x.version10 = x.head.Start[0], false
	_ = c.raw.SetWriteDeadline(time.Now().Add(answerFor))
	writeReply(c.client.W, x, status, 0, false)
	_ = c.client.W.Flush()
	_ = c.raw.SetWriteDeadline(time.Time{})
	c.finish()
	c.pass(callers)
	return true // until the caller has taken it
}

// forward sends a request on. Its answer is the upstream's turn.
func (c *conn) forward(x *exchange) bool {
	x.whole = x.body.Complete()
	u := c.connected(upstreams)
	if u == nil {
		x.note(0)
		c.cut(true)
		return false
	}
	c.client.OnBlock = u.conn.W.Flush
	writeRequestHead(u.conn.W, x)
	readErr, writeErr := relay(u.conn.W, &x.body, x.framing.Kind)
	if readErr == nil && writeErr == nil {
		writeErr = u.conn.W.Flush()
	}
	c.client.OnBlock = nil
	switch {
	case writeErr != nil: // it may have answered all the same
		c.spoil(x)
		_, _ = io.Copy(io.Discard, &x.body)
	case readErr != nil:
		c.spoil(x)
		var protocol wire.ProtocolError
		if isReset(readErr) || errors.As(readErr, &protocol) {
			c.cut(true)
			return false
		}
		_ = u.conn.W.Flush()
		u.conn.CloseWrite()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	x.sent = true
	if x.answered {
		c.turn = callers
		if c.draining && !c.finishing {
			_ = c.client.Net().SetReadDeadline(past)
		}
	}
	return true
}

// spoil makes the request the last on its connection.
func (c *conn) spoil(x *exchange) {
	c.mu.Lock()
	x.broken = true
	if x.answered { // nobody else would do it
		go c.finish()
	}
	c.mu.Unlock()
}

// writeRequestHead writes a head as it came. The upstream of a service is told
// who calls.
func writeRequestHead(w *bufio.Writer, x *exchange) {
	h := &x.head
	_, _ = w.Write(h.Start[0])
	_ = w.WriteByte(' ')
	_, _ = w.Write(h.Start[1])
	_ = w.WriteByte(' ')
	_, _ = w.Write(h.Start[2])
	_, _ = w.WriteString("\r\n")
	tell := x.c.p.cfg.Upstream != "" && len(x.c.host) > 0
	for _, f := range h.Fields {
		_, _ = w.Write(f.Name)
		_, _ = w.WriteString(": ")
		_, _ = w.Write(f.Value)
		if tell && f.Is("X-Forwarded-For") {
			_, _ = w.WriteString(", ")
			_, _ = w.Write(x.c.host)
			tell = false
		}
		_, _ = w.WriteString("\r\n")
	}
	if tell {
		_, _ = w.WriteString("X-Forwarded-For: ")
		_, _ = w.Write(x.c.host)
		_, _ = w.WriteString("\r\n")
	}
	_, _ = w.WriteString("\r\n")
}

// pathOf is the path of a request target, without query and authority.
func pathOf(target []byte) []byte {
	if _, rest, ok := bytes.Cut(target, []byte("://")); ok && target[0] != '/' {
		target = []byte("/")
		if slash := bytes.IndexByte(rest, '/'); slash >= 0 {
			target = rest[slash:]
		}
	}
	path, _, _ := bytes.Cut(target, []byte{'?'})
	return path
}
