package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Response is an answer whose body is still to be read. Close it always.
type Response struct {
	Status int
	// Head holds the fields as they came; it stays valid after Close.
	Head Head
	// Body ends with io.EOF, or with an *Error if the connection was lost.
	// Closing it gives the connection back if the exchange was clean, the body
	// was read to its end and neither side asked for a close.
	Body io.ReadCloser
	// Reused tells whether the connection had carried an exchange before,
	// ConnAge its age when this one began.
	Reused  bool
	ConnAge time.Duration
	// Close tells that the peer asked for the connection to be closed.
	Close bool
}

// Header returns the first field of that name as text, "" if there is none.
func (r *Response) Header(name string) string { return string(r.Head.Get(name)) }

// Do sends a request on a pooled or new connection and reads the head of the
// response. The context ends the whole exchange, reading the body included.
// Nothing is ever sent twice. Errors are *Error or ErrPoolClosed.
//
// Of the request these count: Method, URL (path and query), Host (else
// URL.Host), Header, Body with ContentLength (negative: chunked), Close.
func (p *Pool) Do(ctx context.Context, req *http.Request) (*Response, error) {
	c, err := p.Get(ctx)
	if err != nil {
		return nil, err
	}
	return c.exchange(ctx, req, p)
}

// Exchange is Pool.Do on this connection, which is closed in the end unless
// pool is not nil and it may be used again.
func (c *Conn) Exchange(ctx context.Context, req *http.Request) (*Response, error) {
	return c.exchange(ctx, req, nil)
}

func (c *Conn) exchange(ctx context.Context, req *http.Request, pool *Pool) (*Response, error) {
	x := &exchange{c: c, ctx: ctx, pool: pool, sentClose: req.Close}
	resp := &Response{Reused: c.Reused(), ConnAge: c.Age(time.Now()), Body: x}
	c.Uses++
	x.stop = context.AfterFunc(ctx, c.Interrupt)
	writeErr := writeRequest(c.W, req)
	if err := x.readHead(req.Method, resp, writeErr); err != nil {
		x.clean = false
		_ = x.Close()
		return nil, err
	}
	return resp, nil
}

// exchange is one exchange after its request was sent, and the body of its
// response.
type exchange struct {
	c         *Conn
	ctx       context.Context
	pool      *Pool
	stop      func() bool
	body      Body
	sentClose bool
	clean     bool // the connection may be used again once the body was read
	closed    bool
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
	resp.Close = !resp.Head.KeepAlive()
	x.body.Reset(x.c.R, framing)
	x.clean = writeErr == nil && !resp.Close && !x.sentClose && framing.Kind != UntilClose && resp.Status >= 200
	return nil
}

// Read reads the body.
func (x *exchange) Read(p []byte) (int, error) {
	if x.closed {
		return 0, errors.New("read after close of the body")
	}
	n, err := x.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		x.clean = false
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
	// A context that is just ending may be setting a deadline this instant.
	undisturbed := x.stop()
	if x.clean && !x.body.Done() && x.body.Complete() {
		_, err := io.Copy(io.Discard, &x.body)
		x.clean = err == nil
	}
	if x.pool != nil && x.clean && undisturbed && x.body.Done() {
		x.pool.Put(x.c)
		return nil
	}
	return x.c.Close()
}

// writeRequest writes head and body and flushes.
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
	if req.Close {
		_, _ = w.WriteString("Connection: close\r\n")
	}
	return writeBody(w, req)
}

// ownFields are written from the request's own members.
var ownFields = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true}

func writeBody(w *bufio.Writer, req *http.Request) error {
	length := req.ContentLength
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		if req.Method == http.MethodPost || req.Method == http.MethodPut || req.Method == http.MethodPatch {
			_, _ = w.WriteString("Content-Length: 0\r\n")
		}
		_, _ = w.WriteString("\r\n")
		return w.Flush()
	case length > 0:
		_, _ = w.WriteString("Content-Length: ")
		_, _ = w.Write(strconv.AppendInt(w.AvailableBuffer(), length, 10))
		_, _ = w.WriteString("\r\n\r\n")
		defer func() { _ = req.Body.Close() }()
		if _, err := io.CopyN(w, req.Body, length); err != nil {
			return err
		}
		return w.Flush()
	}
	_, _ = w.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	defer func() { _ = req.Body.Close() }()
	return writeChunks(w, req.Body)
}

func writeChunks(w *bufio.Writer, body io.Reader) error {
	buf := make([]byte, bufferSize)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			WriteChunk(w, buf[:n])
		}
		if err == io.EOF {
			_, _ = w.WriteString("0\r\n\r\n")
			return w.Flush()
		}
		if err != nil {
			return err
		}
	}
}

// WriteChunk writes one chunk; p is not empty. Errors stick to the writer.
func WriteChunk(w *bufio.Writer, p []byte) {
	_, _ = w.Write(strconv.AppendInt(w.AvailableBuffer(), int64(len(p)), 16))
	_, _ = w.WriteString("\r\n")
	_, _ = w.Write(p)
	_, _ = w.WriteString("\r\n")
}
