package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Response is an answer whose body is still to be read. Close it always.
type Response struct {
	Status int
	// Head holds the fields as they came; it stays valid after Close.
	Head Head
	// Body ends with io.EOF, or with an *Error if the connection was lost.
	// Closing it closes the connection, read to the end or not.
	Body io.ReadCloser
}

// Exchange sends a request without a body, the last on this connection, and
// reads the head of the response. The context ends the whole exchange, reading
// the body included. Nothing is ever sent twice. Errors are *Error, and the
// connection is closed then.
//
// Of the request these count: Method, URL (path and query), Host (else
// URL.Host), Header.
func (c *Conn) Exchange(ctx context.Context, req *http.Request) (*Response, error) {
	x := &exchange{c: c, ctx: ctx, stop: context.AfterFunc(ctx, c.Interrupt)}
	resp := &Response{Body: x}
	c.Uses++
	if err := x.readHead(req.Method, resp, writeRequest(c.W, req)); err != nil {
		_ = x.Close()
		return nil, err
	}
	return resp, nil
}

// exchange is one exchange after its request was sent, and the body of its
// response.
type exchange struct {
	c      *Conn
	ctx    context.Context
	stop   func() bool
	body   Body
	closed bool
}

// readHead reads the response after a request that was written with writeErr.
// A peer may answer and close before it has read the whole request; that
// answer counts.
func (x *exchange) readHead(method string, resp *Response, writeErr error) error {
	if writeErr != nil && isTimeout(writeErr) {
		return failed(x.ctx, "write request", journal.Timeout, writeErr)
	}
	for {
		err := resp.Head.ReadResponse(x.c.R, MaxHead)
		switch {
		case err != nil && writeErr != nil:
			return failed(x.ctx, "write request", beforeResponse(writeErr), writeErr)
		case err != nil && resp.Head.Size > 0:
			return failed(x.ctx, "read response", duringResponse(err), err)
		case err != nil:
			return failed(x.ctx, "read response", beforeResponse(err), err)
		}
		if status := resp.Head.Status(); status >= 200 || status == http.StatusSwitchingProtocols {
			break
		}
	}
	framing, err := resp.Head.ResponseFraming(method)
	if err != nil {
		return failed(x.ctx, "read response", journal.BadResponse, err)
	}
	resp.Status = resp.Head.Status()
	x.body.Reset(x.c.R, framing)
	return nil
}

// Read reads the body.
func (x *exchange) Read(p []byte) (int, error) {
	if x.closed {
		return 0, errors.New("read after close of the body")
	}
	n, err := x.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = failed(x.ctx, "read body", duringResponse(err), err)
	}
	return n, err
}

// Close ends the exchange. It does not wait for a body that was not read.
func (x *exchange) Close() error {
	if x.closed {
		return nil
	}
	x.closed = true
	x.stop()
	return x.c.Close()
}

// writeRequest writes the head and flushes.
func writeRequest(w *bufio.Writer, req *http.Request) error {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	_, _ = w.WriteString(req.Method)
	_ = w.WriteByte(' ')
	_, _ = w.WriteString(req.URL.RequestURI())
	_, _ = w.WriteString(" HTTP/1.1\r\nHost: ")
	_, _ = w.WriteString(host)
	_, _ = w.WriteString("\r\n")
	if err := req.Header.WriteSubset(w, ownFields); err != nil {
		return err
	}
	_, _ = w.WriteString("Connection: close\r\n\r\n")
	return w.Flush()
}

// ownFields are written by Exchange itself, or belong to a body.
var ownFields = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true}

// WriteChunk writes one chunk; p is not empty. Errors stick to the writer.
func WriteChunk(w *bufio.Writer, p []byte) {
	_, _ = w.Write(strconv.AppendInt(w.AvailableBuffer(), int64(len(p)), 16))
	_, _ = w.WriteString("\r\n")
	_, _ = w.Write(p)
	_, _ = w.WriteString("\r\n")
}
