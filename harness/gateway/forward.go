package gateway

import (
	"cmp"
	"errors"
	"io"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// forward carries one request to an instance and its response back, and
// records it. It returns false when the client connection is to be closed.
func (c *client) forward() bool {
	c.answered, c.lost = false, nil
	c.upload = upload{}
	var pinned *instance
	if c.pin != nil {
		pinned = c.pin.inst
	}
	if !c.g.begin(&c.x, pinned) {
		c.x.status = 0
		c.g.end(&c.x, &c.req)
		return c.answerFailure(503, "no endpoint: no instance of "+c.g.cfg.Service+" is ready")
	}
	up, err := c.connect()
	if err != nil {
		c.failed(wire.Classify(err), err)
		return c.finishFailed()
	}
	return c.exchange(up)
}

// connect gets the connection on which the exchange goes out.
func (c *client) connect() (up *wire.Conn, err error) {
	switch {
	case c.pin != nil:
		up = c.pin.up
	case c.g.cfg.Balance == PerConnection:
		if up, err = c.x.inst.pool.Dial(c.g.patience); err == nil {
			c.pin = newPin(c, c.x.inst, up)
		}
	default:
		up, err = c.x.inst.pool.Get(c.g.patience)
	}
	if err != nil {
		return nil, err
	}
	c.x.reused, c.x.connAge = up.Reused(), c.g.clk.Now()-c.g.clk.At(up.Opened)
	up.Uses++
	return up, nil
}

// exchange sends the request, passes the response on, and says in the end what
// becomes of both connections.
func (c *client) exchange(up *wire.Conn) bool {
	c.up = up
	c.setBusy(up)
	up.Patience, up.Tick, up.OnTick, up.OnBlock = c.g.cfg.Timeout, lookPeriod, c.onTick, c.flush
	sendErr := c.send(up)
	framing, err := c.readHead(up, sendErr)
	switch {
	case err != nil:
		c.stopUpload()
		c.failed(c.blame(err), err)
		c.release(up, false)
		return c.finishFailed()
	case c.response.Status() == 101:
		c.tunnel(up)
		return false
	}
	return c.passOn(up, framing)
}

// send writes the request. A body that has not come in yet is sent on the side,
// so that the response can be read meanwhile.
func (c *client) send(up *wire.Conn) error {
	closing := c.pin != nil && !c.req.keepAlive
	writeRequestHead(up.W, &c.req, c.ip, c.g.cfg.Service, closing)
	if !c.req.body.Complete() {
		c.upload.start(c, up)
		return nil
	}
	_, err := relay(up.W, &c.req.body, c.req.framing.Kind)
	if err != nil {
		return err
	}
	return up.W.Flush()
}

// readHead reads the head of the final response; interim ones are passed on. A
// request that could not be written may have been answered before.
func (c *client) readHead(up *wire.Conn, sendErr error) (wire.Framing, error) {
	for {
		if err := c.response.ReadResponse(up.R, wire.MaxHead); err != nil {
			if sendErr != nil {
				return wire.Framing{}, wire.WriteError(sendErr)
			}
			return wire.Framing{}, wire.ReadError(err, c.response.Size > 0)
		}
		c.x.status = c.response.Status()
		if c.x.status >= 200 || c.x.status == 101 {
			break
		}
		if err := c.passInterim(); err != nil {
			return wire.Framing{}, err
		}
	}
	if c.x.status == 101 && !c.req.upgrade {
		return wire.Framing{}, wire.ReadError(wire.ProtocolError("switched protocols unasked"), true)
	}
	c.x.close = !c.response.KeepAlive()
	framing, err := c.response.ResponseFraming(string(c.req.method()))
	if err != nil {
		return framing, wire.ReadError(err, true)
	}
	c.x.close = c.x.close || framing.Kind == wire.UntilClose // that is its end
	return framing, nil
}

// passInterim passes a 1xx response on; HTTP/1.0 does not know them.
func (c *client) passInterim() error {
	c.x.status = 0
	if c.req.version10 {
		return nil
	}
	writeResponseHead(c.conn.W, &c.response, wire.NoBody, "", "")
	return c.flushToClient()
}

// passOn sends the response to the client as it comes in.
func (c *client) passOn(up *wire.Conn, framing wire.Framing) bool {
	out, connection := c.clientFraming(framing)
	c.answered = true
	writeResponseHead(c.conn.W, &c.response, out, connection, c.tellInstance())
	c.answer.Reset(up.R, framing)
	readErr, writeErr := relay(c.conn.W, &c.answer, out)
	if writeErr != nil {
		c.lost = writeErr
	}
	if readErr != nil || writeErr != nil {
		c.stopUpload()
		err := error(wire.ReadError(cmp.Or(readErr, writeErr), true))
		c.failed(c.blame(err), err)
		c.release(up, false)
		c.g.end(&c.x, &c.req)
		_ = c.conn.W.Flush()
		return false // cut: the client must see that the response is not whole
	}
	if !c.upload.ends(momentFor) {
		return c.answeredEarly(up) && connection != "close"
	}
	whole := c.stopUpload()
	c.release(up, whole && !c.x.close)
	c.g.end(&c.x, &c.req)
	if c.flushToClient() != nil {
		return false
	}
	return c.takeRest() && connection != "close"
}

// answeredEarly ends an exchange whose response came before the request was
// sent to its end. The client has its answer at once; the rest of its request is
// taken all the same, so that the next one on the connection is found behind it.
func (c *client) answeredEarly(up *wire.Conn) bool {
	c.g.end(&c.x, &c.req)
	failed := c.flushToClient() != nil
	if !failed {
		c.upload.ends(lingerFor)
	}
	whole := c.stopUpload()
	c.release(up, whole && !c.x.close)
	return !failed && c.takeRest()
}

// tellInstance is the instance's name for a request of the driver's, "" for
// everybody else: who looks at a product from outside sees no trace of us.
func (c *client) tellInstance() string {
	if len(c.req.id) == 0 {
		return ""
	}
	return c.x.inst.name
}

// clientFraming chooses how the body goes to the client, and the Connection
// field that says what becomes of the connection after it.
func (c *client) clientFraming(framing wire.Framing) (out wire.Kind, connection string) {
	out = framing.Kind
	if out == wire.UntilClose {
		out = wire.Chunked
	}
	if out == wire.Chunked && c.req.version10 {
		out = wire.UntilClose
	}
	pinnedEnds := c.pin != nil && c.x.close
	switch {
	case !c.req.keepAlive || out == wire.UntilClose || pinnedEnds || c.g.closing.Load():
		return out, "close"
	case c.req.version10:
		return out, "keep-alive"
	}
	return out, ""
}

// blame names the failure of an exchange that ended with err: the client's
// where the client is why.
func (c *client) blame(err error) journal.Failure {
	if c.lost == nil && !c.g.forced.Load() {
		return wire.Classify(err)
	}
	c.lost = c.whyLost()
	return journal.ClientGone
}

// failed notes how the exchange failed.
func (c *client) failed(failure journal.Failure, err error) {
	if failure == journal.ClientGone && c.lost != nil {
		err = c.lost
	}
	c.x.failure, c.x.err = failure, err
}

// release ends the use of the instance's connection: back into the pool if the
// exchange was clean, else closed. A pinned one stays as long as it is clean.
func (c *client) release(up *wire.Conn, clean bool) {
	c.setBusy(nil)
	c.up = nil
	up.Relax()
	switch {
	case !clean:
		_ = up.Close()
		if c.pin != nil {
			c.pin.broken = true
		}
	case c.pin == nil:
		c.x.inst.pool.Put(up)
	}
}

// finishFailed records a failed exchange and answers it, where nothing of a
// response has gone to the client yet.
func (c *client) finishFailed() bool {
	x := &c.x
	c.g.end(x, &c.req)
	var protocol wire.ProtocolError
	switch {
	case errors.As(c.lost, &protocol) && !c.answered:
		return c.answerFailure(400, protocol.Error())
	case x.failure == journal.ClientGone || c.answered:
		return false
	case x.failure == journal.Timeout, x.failure == journal.DialTimeout:
		return c.answerFailure(504, x.inst.name+": "+string(x.failure))
	}
	return c.answerFailure(502, x.inst.name+": "+string(x.failure))
}

// answerFailure tells the client what failed. The connection is kept where the
// request was read to its end and nothing ties it to an instance.
func (c *client) answerFailure(status int, text string) bool {
	if c.req.body.Complete() {
		_, _ = io.Copy(io.Discard, &c.req.body)
	}
	keep := c.req.keepAlive && c.req.body.Done() && c.g.cfg.Balance == PerRequest && !c.g.closing.Load()
	c.respond(status, "shakedown gateway: "+text, !keep)
	if !keep {
		c.linger()
	}
	return keep
}
