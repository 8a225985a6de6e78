package gateway

import (
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

const (
	// lookPeriod is how often it is looked, while an instance takes its time,
	// whether the client still waits.
	lookPeriod = 100 * time.Millisecond
	// lingerFor is how long a connection that is being closed is still read, so
	// that what was sent into the close does not destroy the answer (RFC 9112,
	// 9.6), and so that a request that crossed the close is recorded.
	lingerFor   = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// errClientGone ends an exchange whose client has gone.
var errClientGone = errors.New("the client closed the connection")

// client is one client connection. One goroutine serves it, request after
// request; besides it there is one that sends on a request body that has not
// come in yet, and in connection mode one that watches the pinned connection.
type client struct {
	g    *Gateway
	conn *wire.Conn
	ip   string
	pin  *pin // connection mode, after the first request
	idle atomic.Bool

	req      request
	response wire.Head
	answer   wire.Body
	x        exchange
	up       *wire.Conn // of the present exchange
	upload   upload
	// answered tells that a part of the final response went to the client.
	answered bool
	// lost is what the client's connection failed with in this exchange.
	lost error
	// onTick and flush are kept as values, so that using them allocates nothing.
	onTick, flush func() error

	cutting sync.Mutex // guards what cut needs from another goroutine
	busy    *wire.Conn // the instance's connection, to be closed by cut
}

// request is what the client sent.
type request struct {
	head                 wire.Head
	framing              wire.Framing
	body                 wire.Body
	id                   []byte // of X-Shakedown-Request
	upgrade              bool
	version10, keepAlive bool
}

func (r *request) method() []byte { return r.head.Start[0] }
func (r *request) target() []byte { return r.head.Start[1] }

func newClient(g *Gateway, conn net.Conn) *client {
	c := &client{g: g, conn: wire.NewConn(conn, time.Now())}
	if c.ip, _, _ = net.SplitHostPort(conn.RemoteAddr().String()); c.ip == "" {
		c.ip = "unknown"
	}
	c.onTick = c.look
	c.flush = c.flushToClient
	return c
}

// serve handles the connection until it ends.
func (c *client) serve() {
	defer c.leave()
	for c.awaitRequest() {
		if !c.readRequest() || !c.forward() {
			return
		}
	}
}

// leave closes the connection and what is pinned to it.
func (c *client) leave() {
	_ = c.conn.Close()
	if c.pin != nil {
		c.pin.close()
	}
	c.g.mu.Lock()
	delete(c.g.clients, c)
	c.g.mu.Unlock()
}

// awaitRequest waits for the first byte of a request.
func (c *client) awaitRequest() bool {
	c.conn.Relax()
	if c.pin != nil {
		return c.awaitPinned()
	}
	return c.awaitByte()
}

// awaitByte waits for the client to send something. Close interrupts it.
func (c *client) awaitByte() bool {
	if c.conn.R.Buffered() > 0 {
		return true
	}
	c.idle.Store(true)
	defer c.idle.Store(false)
	// The order matters: Close sets closing first and looks at idle then.
	if !c.g.closing.Load() {
		if _, err := c.conn.R.Peek(1); err == nil {
			return true
		}
	}
	// What had come in when Close began is a request like any other.
	return c.g.closing.Load() && c.conn.Pending()
}

// endIfIdle ends a wait for a request. It leaves a connection alone that has
// one: reads and writes there set deadlines of their own.
func (c *client) endIfIdle() {
	if c.idle.Load() {
		c.stopWaiting()
	}
}

func (c *client) stopWaiting() { _ = c.conn.Net().SetReadDeadline(time.Unix(1, 0)) }

// cut ends whatever the connection is doing.
func (c *client) cut() {
	c.cutting.Lock()
	defer c.cutting.Unlock()
	_ = c.conn.Close()
	if c.busy != nil {
		_ = c.busy.Close()
	}
}

// setBusy tells cut which connection the exchange uses, nil for none.
func (c *client) setBusy(up *wire.Conn) {
	c.cutting.Lock()
	c.busy = up
	cut := c.g.forced.Load()
	c.cutting.Unlock()
	if cut && up != nil {
		_ = up.Close()
	}
}

// readRequest reads a request's head and judges it. What is not HTTP, or could
// be read in two ways, is answered here and never reaches an instance.
func (c *client) readRequest() bool {
	c.conn.Patience = c.g.cfg.Timeout
	err := c.req.head.ReadRequest(c.conn.R, wire.MaxHead)
	if err == nil {
		err = c.req.judge()
	}
	if err != nil {
		c.noRequest(err)
		return false
	}
	c.req.body.Reset(c.conn.R, c.req.framing)
	if c.g.sightings != nil {
		c.g.see(&c.req.head)
	}
	return true
}

// noRequest deals with a head that could not be read, or was none.
func (c *client) noRequest(err error) {
	var protocol wire.ProtocolError
	switch {
	case errors.Is(err, wire.ErrHeadTooLarge):
		c.reject(431, err)
	case errors.As(err, &protocol):
		c.reject(400, err)
	case c.req.head.Size > 0:
		c.g.mu.Lock()
		c.g.torn++
		c.g.mu.Unlock()
	}
}

// judge takes from the head what forwarding depends on.
func (r *request) judge() (err error) {
	if r.framing, err = r.head.RequestFraming(); err != nil {
		return err
	}
	r.version10 = string(r.head.Start[2]) == "HTTP/1.0"
	r.keepAlive = r.head.KeepAlive()
	r.upgrade = !r.version10 && r.head.HasToken("Connection", "upgrade") && r.head.Get("Upgrade") != nil
	r.id = r.head.Get(requestIDField)
	hosts := 0
	for _, f := range r.head.Fields {
		if f.Is("Host") {
			hosts++
		}
	}
	switch {
	case hosts > 1 || hosts == 0 && !r.version10:
		return wire.ProtocolError("there must be one Host field")
	case string(r.method()) == "CONNECT":
		return wire.ProtocolError("CONNECT is not supported")
	}
	return nil
}

// reject answers what was no request, and closes. It is on record only if it
// is the driver's, which counts it as sent.
func (c *client) reject(status int, err error) {
	if c.req.id = c.req.head.Salvage(requestIDField); len(c.req.id) > 0 {
		c.g.refuse(&c.x, status, err)
		c.g.end(&c.x, &c.req)
	}
	const noted = 5
	c.g.mu.Lock()
	c.g.malformed++
	first := c.g.malformed <= noted
	c.g.mu.Unlock()
	if first {
		c.g.note("warning", "refused a malformed request from "+c.ip+": "+err.Error())
	}
	c.respond(status, "shakedown gateway: "+err.Error(), true)
	c.linger()
}

// respond writes a short response of the gateway's own.
func (c *client) respond(status int, text string, closing bool) {
	w := c.conn.W
	_, _ = w.WriteString("HTTP/1.1 ")
	_, _ = w.WriteString(strconv.Itoa(status))
	_, _ = w.WriteString(" " + reasons[status] + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ")
	_, _ = w.WriteString(strconv.Itoa(len(text) + 1))
	if closing {
		_, _ = w.WriteString("\r\nConnection: close")
	} else if c.req.version10 {
		_, _ = w.WriteString("\r\nConnection: keep-alive")
	}
	_, _ = w.WriteString("\r\n\r\n")
	if string(c.req.method()) != "HEAD" {
		_, _ = w.WriteString(text + "\n")
	}
	_ = w.Flush()
}

var reasons = map[int]string{
	400: "Bad Request", 431: "Request Header Fields Too Large",
	502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}

// linger half-closes and reads what still comes, within bounds.
func (c *client) linger() {
	c.conn.Relax()
	c.conn.CloseWrite()
	_ = c.conn.Net().SetReadDeadline(time.Now().Add(lingerFor))
	_, _ = io.CopyN(io.Discard, c.conn.R, lingerBytes)
}

// flushToClient sends on what has come in so far; it runs before every wait
// for the instance.
func (c *client) flushToClient() error {
	if c.conn.W.Buffered() == 0 {
		return nil
	}
	if err := c.conn.W.Flush(); err != nil {
		c.lost = err
		return err
	}
	return nil
}

// look runs while an instance keeps the client waiting: a client that has gone
// ends the exchange, as in any proxy (one that only half-closed looks the same,
// to nginx too); one that is still sending its request
// gives the instance more time.
func (c *client) look() error {
	switch {
	case c.upload.running():
		c.up.Renew()
	case c.conn.Gone():
		c.lost = errClientGone
		return errClientGone
	}
	return nil
}

// whyLost is what ended an exchange for which the instance is not to blame:
// the client's connection, or the patience of Close.
func (c *client) whyLost() error {
	if c.g.forced.Load() {
		return errors.New("the gateway was closed")
	}
	return c.lost
}
