package gateway

import (
	"bufio"
	"io"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// tunnel passes a switch of protocols on and then bytes both ways until both
// sides have ended or one breaks. The exchange ends with it.
func (c *client) tunnel(up *wire.Conn) {
	c.stopUpload()
	c.answered = true
	writeResponseHead(c.conn.W, &c.response, wire.NoBody, "Upgrade", "")
	err := c.conn.W.Flush()
	c.conn.Relax()
	up.Relax()
	if err == nil {
		sent := make(chan struct{})
		c.g.work.Go(func() {
			defer close(sent)
			splice(up, c.conn)
		})
		splice(c.conn, up)
		<-sent
	}
	if c.g.forced.Load() {
		c.failed(journal.ClientGone, c.whyLost())
	}
	c.release(up, false)
	c.g.end(&c.x, &c.req)
}

// splice copies from src to dst until src ends, and passes the end on. If dst
// breaks, both are closed, so that the other direction ends too.
func splice(dst, src *wire.Conn) {
	src.OnBlock = dst.W.Flush
	_, err := io.Copy(onlyWriter{dst.W}, onlyReader{src.R})
	if err == nil {
		err = dst.W.Flush()
	}
	if err != nil {
		_ = dst.Close()
		_ = src.Close()
		return
	}
	dst.CloseWrite()
}

// onlyReader and onlyWriter hide the shortcuts of bufio, which would go past
// OnBlock.
type (
	onlyReader struct{ r *bufio.Reader }
	onlyWriter struct{ w *bufio.Writer }
)

func (r onlyReader) Read(p []byte) (int, error)  { return r.r.Read(p) }
func (w onlyWriter) Write(p []byte) (int, error) { return w.w.Write(p) }
