package full

import (
	"container/list"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// A carriage is one exchange from Begin to Done. The exchange can be over, by
// its deadline, before net/http has let go of it; so the goroutine works on
// what was copied from the request and never touches the exchange.
type carriage struct {
	engine    *Engine
	x         *exchange.Exchange // nil after Done
	deadline  loop.Timer
	place     *list.Element // in the queue, nil elsewhere
	abandoned bool

	conn   *conn // nil while it waits
	cancel context.CancelCauseFunc
	reused bool
	keep   int
	body   *body

	// started is the moment at which sending began, 0 before; answered tells
	// that the answer had.
	started  atomic.Int64
	answered atomic.Bool
}

// An outcome is what became of an exchange.
type outcome struct {
	err    *wire.Error
	own    string
	sent   time.Duration
	ended  time.Duration
	status int
	head   *wire.Head
	body   []byte
	cut    bool
	again  bool // nothing was sent: it may go out on another connection
}

// start sends the exchange on a connection that has room reserved for it.
func (c *carriage) start(on *conn) {
	ctx, cancel := context.WithCancelCause(context.Background())
	c.conn, c.cancel = on, cancel
	c.reused, c.keep = on.uses > 1, c.x.Request.Keep
	if !on.shared {
		on.socket.mark.Store(on.socket.sent.Load())
	}
	c.started.Store(0)
	c.body = newBody(&c.x.Request)
	req := c.engine.request(&c.x.Request, c.body)
	c.engine.running.Go(func() {
		out := c.carry(httptrace.WithClientTrace(ctx, c.trace()), req)
		cancel(nil)
		c.engine.loop.Post(func() { c.carried(out) })
	})
}

// trace notes when sending begins and that an answer does. The first field of
// the head is written just before the socket gets it.
func (c *carriage) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		WroteHeaderField:     func(string, []string) { c.started.CompareAndSwap(0, int64(c.engine.loop.Now())) },
		GotFirstResponseByte: func() { c.answered.Store(true) },
	}
}

// carry does the exchange on the calling goroutine.
func (c *carriage) carry(ctx context.Context, req *http.Request) outcome {
	// Whatever net/http left of the body is closed here, after the connection.
	defer func() { _ = c.body.Close() }()
	if err := c.conn.client.Err(); err != nil { // before a stream is opened, which can be done once
		return c.failed("write request", err)
	}
	if err := c.body.open(); err != nil {
		c.conn.client.Release()
		return c.failed(openBody, err)
	}
	resp, err := c.conn.client.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return c.failed(c.step(), err)
	}
	out := outcome{status: resp.StatusCode, head: headOf(resp)}
	if out.status < 100 {
		err = errNoStatus
	} else if out.status != http.StatusSwitchingProtocols {
		out.body, out.cut, err = read(resp, c.keep)
	}
	clean := err == nil && out.status != http.StatusSwitchingProtocols && c.engine.limits.Reuse
	if !c.conn.shared && (!clean || !c.body.complete.Load()) {
		_ = c.conn.client.Close()
	}
	_ = resp.Body.Close()
	if err != nil {
		return c.failed("read body", err)
	}
	out.sent, out.ended = c.sent(), c.engine.loop.Now()
	return out
}

const openBody = "open request body"

var errNoStatus = wire.ProtocolError("malformed status line")

// read reads an answer's body, of which the first keep bytes are wanted.
func read(resp *http.Response, keep int) (kept []byte, cut bool, err error) {
	if keep > 0 {
		kept, err = io.ReadAll(io.LimitReader(resp.Body, int64(keep)))
		if err != nil || len(kept) < keep {
			return kept, false, err
		}
	}
	rest, err := io.Copy(io.Discard, resp.Body)
	return kept, rest > 0, err
}

// failed is the outcome of an exchange that net/http ended with err.
func (c *carriage) failed(step string, err error) outcome {
	out := outcome{sent: c.sent(), ended: c.engine.loop.Now()}
	if out.sent == 0 && step != openBody {
		step = "write request"
	}
	failure := classify(err, c.answered.Load(), c.conn.socket.over.Load())
	if cause := c.body.failure(); cause != nil {
		failure, err = journal.ClientGone, cause
		if step != openBody {
			step = "read request body"
		}
	}
	out.err = &wire.Error{Failure: failure, Op: step, Err: err}
	out.again = out.sent == 0 && c.reused && c.conn.dead() && c.body.fresh() && failure != journal.ClientGone
	return out
}

// carried takes the outcome on the loop's thread and frees the connection.
func (c *carriage) carried(out outcome) {
	on := c.conn
	switch {
	case c.x == nil || c.abandoned:
	case out.again:
		// A kept connection that the server had closed by now: not a byte went
		// out, so sending it elsewhere is not sending it twice.
		c.conn = nil
		c.engine.queue.unpop(c)
	default:
		c.finish(out)
	}
	c.engine.release(on)
}

// withdraw takes the exchange from the queue or ends its goroutine.
func (c *carriage) withdraw(cause error) {
	if c.place != nil {
		c.engine.queue.remove(c)
		c.engine.trimDials()
		return
	}
	if c.conn != nil {
		c.cancel(cause)
		c.body.forget()
	}
}

// finish hands the exchange back.
func (c *carriage) finish(out outcome) {
	x := c.x
	if x == nil {
		return
	}
	c.x = nil
	c.engine.loop.Unset(&c.deadline)
	if out.ended == 0 { // given up
		out.ended, out.sent = c.engine.loop.Now(), c.sent()
	}
	x.Err, x.Own = out.err, out.own
	x.Sent, x.Ended = out.sent, out.ended
	x.Reused = out.sent != 0 && c.reused
	x.Status, x.Head, x.Body, x.Cut = out.status, out.head, out.body, out.cut
	x.Done(x)
}

// sent is the moment at which the first byte went out, 0 if none did. Over
// HTTP/1.1 the connection's own count tells: net/http writes into a buffer.
func (c *carriage) sent() time.Duration {
	if c.conn == nil || !c.conn.shared && !c.conn.socket.begun() {
		return 0
	}
	return time.Duration(c.started.Load())
}

// step names what the exchange is waiting for.
func (c *carriage) step() string {
	switch {
	case c.conn == nil:
		return "wait for a connection"
	case c.answered.Load(), c.body.complete.Load():
		return "read response"
	}
	return "write request"
}
