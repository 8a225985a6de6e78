package full

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
)

// A body is what net/http reads a request's body from. net/http goes on reading
// after an exchange was given up and after an early answer, on goroutines of
// its own. Close puts an end to that: once it has returned, the bytes may change
// and the stream is closed. Reads and Close exclude each other, so a stream is
// never used by two goroutines at once.
type body struct {
	opens  func() (io.ReadCloser, error) // nil without a stream
	length int64                         // -1 if nobody knows

	mu     sync.Mutex
	source io.ReadCloser // nil before open and after Close
	opened bool          // the stream was
	read   int64
	err    error // what the stream failed with

	complete atomic.Bool // all of it was read
}

var errBodyClosed = errors.New("the exchange is over")

// newBody is the body of a request, which may be empty.
func newBody(r *exchange.Request) *body {
	b := &body{opens: r.Stream, length: r.Length}
	if r.Stream == nil {
		b.length = int64(len(r.Body))
		b.source = io.NopCloser(bytes.NewReader(r.Body))
	}
	b.complete.Store(b.length == 0)
	return b
}

// empty tells whether there is nothing to send. A stream of length 0 is not
// even opened.
func (b *body) empty() bool { return b.length == 0 }

// open opens a stream.
func (b *body) open() error {
	if b.opens == nil || b.empty() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened = true
	b.source, b.err = b.opens()
	return b.err
}

// Read is io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.source == nil {
		return 0, errBodyClosed
	}
	n, err := b.source.Read(p)
	b.read += int64(n)
	switch {
	case errors.Is(err, io.EOF) && b.length >= 0 && b.read != b.length, b.length >= 0 && b.read > b.length:
		b.err = errWrongLength
		return n, b.err
	case errors.Is(err, io.EOF), b.read == b.length:
		b.complete.Store(true)
	case err != nil:
		b.err = err
	}
	return n, err
}

var errWrongLength = errors.New("the body is not as long as was said")

// Close ends all reading and closes a stream. It waits for a read that is
// under way.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.source == nil {
		return nil
	}
	err := b.source.Close()
	b.source = nil
	return err
}

// forget gives up bytes in memory, which takes no time. A stream is left to the
// goroutine that carries the exchange: a read of it may take long.
func (b *body) forget() {
	if b.opens == nil {
		_ = b.Close()
	}
}

// failure is what the stream failed with, nil if it did not.
func (b *body) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// fresh tells whether the body can be sent from its beginning again.
func (b *body) fresh() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opens == nil || b.empty() || !b.opened
}
