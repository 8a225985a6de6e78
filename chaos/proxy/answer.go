package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// answer passes on the answer that r holds to the present request, with what is
// done to it after the work. keep tells that the connection may carry another
// request; switched that it does not speak HTTP any more.
func (c *conn) answer(r *bufio.Reader) (keep, switched bool) {
	x := &c.x
	for {
		err := x.response.ReadResponse(r, wire.MaxHead)
		if err != nil {
			c.unanswered(err)
			return false, false
		}
		if s := x.response.Status(); s >= 200 || s == 101 {
			break
		}
		writeResponseHead(c.client.W, x, "") // an interim one; the next wait sends it off
	}
	status := x.response.Status()
	if x.upgrade && (status == 101 || string(x.method) == "CONNECT" && status < 300) {
		writeResponseHead(c.client.W, x, "")
		if c.client.W.Flush() != nil {
			c.cut(true)
			return false, false
		}
		x.switched = true
		x.note(status)
		return false, true
	}
	framing, err := x.response.ResponseFraming(string(x.method))
	if err != nil || status == 101 {
		c.unanswered(wire.ProtocolError("malformed response"))
		return false, false
	}
	x.answer.Reset(r, framing)
	c.hearken(x, status)
	if done, keep := c.replace(x); done {
		return keep, false
	}
	return c.relayAnswer(x, status, framing), false
}

// unanswered ends an exchange whose answer did not come, as it ended: where the
// upstream closed in peace, the caller sees just that.
func (c *conn) unanswered(err error) {
	c.x.note(0)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		_ = c.client.W.Flush()
		return
	}
	c.cut(true)
}

// hearken notes what an answer tells us: an effect, a time to wait.
func (c *conn) hearken(x *exchange, status int) {
	if c.p.cfg.Handler != nil && x.response.Get(effectField) != nil {
		x.effect = true
	}
	if x.asked || status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return
	}
	if wait := retryAfter(x.response.Get("Retry-After")); wait > 0 {
		x.wait = wait
		c.p.memory.tell(nil, string(c.who(x)), string(x.key), c.p.cfg.Now(), wait)
	}
}

// retryAfter reads the field: seconds, or a date.
func retryAfter(value []byte) time.Duration {
	if len(value) == 0 {
		return 0
	}
	if n, err := strconv.Atoi(string(value)); err == nil {
		return time.Duration(min(max(n, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(string(value)); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// replace does what is done in place of the answer after the work.
func (c *conn) replace(x *exchange) (done, keep bool) {
	for i := range x.late {
		h := &x.late[i]
		if h.stage > abortingLate {
			x.late = x.late[i:]
			return false, false
		}
		if !h.enter() {
			continue
		}
		x.injected(h)
		if h.stage == abortingLate {
			h.reset.Add(1)
			x.note(0)
			c.cut(true)
			h.leave()
			return true, false
		}
		fate := c.reply(x, h.errors.status(h), h.fault, h.errors.retryAfter, c.keepsLate(x))
		h.leave()
		if fate == lost {
			x.note(0)
			c.cut(true)
			return true, false
		}
		// The rest of the work: what it says is not heard.
		n, err := io.CopyN(io.Discard, &x.answer, lingerBytes)
		return true, errors.Is(err, io.EOF) && n < lingerBytes && x.response.KeepAlive()
	}
	x.late = nil
	return false, false
}

// relayAnswer sends the answer to the caller as it comes in.
func (c *conn) relayAnswer(x *exchange, status int, framing wire.Framing) (keep bool) {
	keep = x.keepAlive && x.response.KeepAlive() && framing.Kind != wire.UntilClose
	connection := ""
	c.mu.Lock()
	if c.draining && keep {
		keep, connection = false, "close"
	}
	c.mu.Unlock()
	writeResponseHead(c.client.W, x, connection)
	var readErr, writeErr error
	if len(x.late) == 0 || framing.Kind == wire.NoBody {
		readErr, writeErr = relay(c.client.W, &x.answer, framing.Kind)
	} else {
		readErr, writeErr = c.spoiled(x, framing)
	}
	if writeErr == nil {
		writeErr = c.client.W.Flush()
	}
	switch {
	case errors.Is(readErr, errCut):
		x.note(0)
		if framing.Kind == wire.UntilClose { // an end in peace would be a whole body
			c.cut(true)
		}
		return false
	case readErr != nil:
		x.note(0)
		if !errors.Is(readErr, io.ErrUnexpectedEOF) {
			c.cut(true)
		}
		return false
	case writeErr != nil: // the caller has gone
		x.note(0)
		c.cut(true)
		return false
	}
	x.note(status)
	return keep
}

// writeResponseHead writes a head as it came, but for what is for us. connection
// takes the place of a Connection field, "" keeps it.
func writeResponseHead(w *bufio.Writer, x *exchange, connection string) {
	h := &x.response
	_, _ = w.Write(h.Start[0])
	_ = w.WriteByte(' ')
	_, _ = w.Write(h.Start[1])
	_ = w.WriteByte(' ')
	_, _ = w.Write(h.Start[2])
	_, _ = w.WriteString("\r\n")
	for _, f := range h.Fields {
		if x.effect && f.Is(effectField) || connection != "" && f.Is("Connection") {
			continue
		}
		writeField(w, f.Name, f.Value)
	}
	if connection != "" {
		writeField(w, []byte("Connection"), []byte(connection))
	}
	_, _ = w.WriteString("\r\n")
}

// relay copies a body with its framing. It tells apart which side failed. It does
// not flush at the end.
func relay(dst *bufio.Writer, body *wire.Body, kind wire.Kind) (readErr, writeErr error) {
	for !body.Done() {
		p, err := body.Next()
		if err != nil {
			if body.Done() { // the clean end
				break
			}
			return err, nil
		}
		if err := writePiece(dst, p, kind); err != nil {
			return nil, err
		}
		body.Advance(len(p))
	}
	if kind == wire.Chunked {
		writeLastChunk(dst, body.Trailer)
	}
	_, err := dst.Write(nil)
	return nil, err
}

// writePiece writes a part of a body. An error sticks to the writer; a write of
// nothing asks for it.
func writePiece(dst *bufio.Writer, p []byte, kind wire.Kind) error {
	if kind == wire.Chunked {
		wire.WriteChunk(dst, p)
	} else {
		_, _ = dst.Write(p)
	}
	_, err := dst.Write(nil)
	return err
}

// writeLastChunk ends a chunked body, with its trailer.
func writeLastChunk(dst *bufio.Writer, trailer []wire.Field) {
	_, _ = dst.WriteString("0\r\n")
	for _, f := range trailer {
		writeField(dst, f.Name, bytes.TrimSpace(f.Value))
	}
	_, _ = dst.WriteString("\r\n")
}
