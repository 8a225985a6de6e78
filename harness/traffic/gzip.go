package traffic

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"sync"
)

// gzipWriters are reused: one takes 800 KB.
var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// compress is a body that never changes, compressed.
func compress(plain []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(plain) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// A compressor is what it reads, compressed while it is read, in the memory of
// one chunk.
type compressor struct {
	source io.ReadCloser
	writer *gzip.Writer // nil once all is written
	ready  bytes.Buffer
	chunk  [8 << 10]byte
}

func newCompressor(source io.ReadCloser) *compressor {
	c := &compressor{source: source, writer: gzipWriters.Get().(*gzip.Writer)}
	c.writer.Reset(&c.ready)
	return c
}

// Read implements io.Reader.
func (c *compressor) Read(p []byte) (int, error) {
	for c.ready.Len() == 0 && c.writer != nil {
		if err := c.more(); err != nil {
			return 0, err
		}
	}
	return c.ready.Read(p) // io.EOF when nothing is left
}

// more compresses one chunk.
func (c *compressor) more() error {
	n, err := c.source.Read(c.chunk[:])
	if n > 0 {
		if _, err := c.writer.Write(c.chunk[:n]); err != nil {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		err = c.writer.Close()
		c.release()
	}
	return err
}

// release gives the writer back for the next body.
func (c *compressor) release() {
	gzipWriters.Put(c.writer)
	c.writer = nil
}

// Close implements io.Closer.
func (c *compressor) Close() error {
	if c.writer != nil {
		c.release()
	}
	return c.source.Close()
}
