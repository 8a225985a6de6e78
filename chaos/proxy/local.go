package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"time"
)

// local is what a connection of a third party needs to have requests answered
// by a Handler.
type local struct {
	w      replyWriter
	bytes  bytes.Reader
	reader *bufio.Reader
}

// answerLocally has a request answered by the Handler. The answer is then read
// as if it had come from an upstream, so that what is done to answers is done to
// it in the same way.
func (c *conn) answerLocally(x *exchange) bool {
	l := &c.local
	l.w.reset(string(x.method) == "HEAD")
	begun := c.p.cfg.Now()
	if !c.handle(x, &l.w) {
		x.note(0)
		c.cut(true)
		return false
	}
	l.w.end()
	l.bytes.Reset(l.w.out.Bytes())
	if l.reader == nil {
		l.reader = bufio.NewReader(&l.bytes)
	} else {
		l.reader.Reset(&l.bytes)
	}
	if c.p.cfg.Now()-begun > 10*time.Millisecond && hasLeft(c.raw) {
		x.effect = x.effect || l.w.header.Get(effectField) != ""
		x.note(0) // nobody waits for it any more
		c.cut(false)
		return false
	}
	keep, _ := c.answer(l.reader)
	c.mu.Lock()
	keep = keep && !c.draining && !c.dead && (x.body.Complete() || !x.expects || l.w.continued)
	x.broken = x.broken || !keep
	c.mu.Unlock()
	return c.settle(x)
}

// handle calls the Handler; a panic of it is the end of the connection.
func (c *conn) handle(x *exchange, w *replyWriter) (ok bool) {
	req, err := c.toHTTP(x, w)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return true
	}
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	c.p.cfg.Handler.ServeHTTP(w, req)
	return true
}

// toHTTP is the request as a Handler sees it.
func (c *conn) toHTTP(x *exchange, w *replyWriter) (*http.Request, error) {
	target := string(x.head.Start[1])
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, err
	}
	header := make(http.Header, len(x.head.Fields))
	for _, f := range x.head.Fields {
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		header[name] = append(header[name], string(f.Value))
	}
	host := header.Get("Host")
	header.Del("Host")
	length := x.framing.Length
	if !x.body.Done() && length == 0 {
		length = -1
	}
	req := &http.Request{
		Method: string(x.method), URL: u, RequestURI: target, Proto: string(x.head.Start[2]), ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Host: host, ContentLength: length, RemoteAddr: c.raw.RemoteAddr().String(),
		Body: io.NopCloser(&localBody{c: c, w: w}),
	}
	if x.version10 {
		req.ProtoMinor = 0
	}
	return req.WithContext(c.ctx), nil
}

// localBody is the body of a request; who reads it is who wants it to be sent.
type localBody struct {
	c *conn
	w *replyWriter
}

func (b *localBody) Read(p []byte) (int, error) {
	x := &b.c.x
	if x.expects && !b.w.continued && !x.body.Complete() {
		_, _ = b.c.client.W.WriteString("HTTP/1.1 100 Continue\r\n\r\n")
		if err := b.c.client.W.Flush(); err != nil {
			return 0, err
		}
	}
	b.w.continued = true
	return x.body.Read(p)
}

// replyWriter collects an answer.
type replyWriter struct {
	header    http.Header
	status    int
	body      bytes.Buffer
	out       bytes.Buffer
	head      bool // no body is sent
	continued bool
}

func (w *replyWriter) reset(head bool) {
	w.header, w.status, w.head, w.continued = http.Header{}, 0, head, false
	w.body.Reset()
	w.out.Reset()
}

// Header is http.ResponseWriter.
func (w *replyWriter) Header() http.Header { return w.header }

// WriteHeader is http.ResponseWriter. Interim answers are left out.
func (w *replyWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write is http.ResponseWriter.
func (w *replyWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.bodyless() {
		return 0, http.ErrBodyNotAllowed
	}
	return w.body.Write(p)
}

func (w *replyWriter) bodyless() bool { return w.status == 204 || w.status == 304 }

// end writes the whole answer as it goes over the wire.
func (w *replyWriter) end() {
	w.WriteHeader(http.StatusOK)
	h := w.header
	h.Del("Transfer-Encoding")
	if h.Get("Date") == "" {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if w.bodyless() {
		h.Del("Content-Length")
	} else {
		if h.Get("Content-Type") == "" && w.body.Len() > 0 {
			h.Set("Content-Type", http.DetectContentType(w.body.Bytes()))
		}
		if !w.head || w.body.Len() > 0 {
			h.Set("Content-Length", strconv.Itoa(w.body.Len()))
		}
	}
	w.out.WriteString("HTTP/1.1 " + strconv.Itoa(w.status) + " " + http.StatusText(w.status) + "\r\n")
	_ = h.Write(&w.out)
	w.out.WriteString("\r\n")
	if !w.head {
		_, _ = w.out.Write(w.body.Bytes())
	}
}

var _ http.ResponseWriter = (*replyWriter)(nil)
