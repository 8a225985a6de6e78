package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const maxChunkLine = 1 << 10

// Body reads the body of one message. It ends with io.EOF where the framing
// says so; a connection that ends earlier gives io.ErrUnexpectedEOF, and bad
// chunks a ProtocolError. Not safe for concurrent use.
type Body struct {
	// Trailer holds the trailer fields of a chunked body once it has ended.
	Trailer []Field

	r       *bufio.Reader
	kind    Kind
	left    int64 // of the length or of the present chunk
	started bool  // a chunk has been opened
	done    bool
	head    Head
}

// Reset begins a body of that framing on r.
func (b *Body) Reset(r *bufio.Reader, framing Framing) {
	*b = Body{r: r, kind: framing.Kind, left: framing.Length, head: Head{buf: b.head.buf[:0], Fields: b.head.Fields[:0]}}
	b.done = framing.Kind == NoBody
}

// Done tells whether the body was read to its end.
func (b *Body) Done() bool { return b.done }

// Read is io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	next, err := b.Next()
	if err != nil {
		return 0, err
	}
	n := copy(p, next)
	b.Advance(n)
	return n, nil
}

// Next returns what is there of the body, at least one byte, waiting for it if
// need be. The slice is valid until the next call; Advance tells how much of it
// was used.
func (b *Body) Next() ([]byte, error) {
	if b.done {
		return nil, io.EOF
	}
	if b.kind == Chunked && b.left == 0 {
		if err := b.nextChunk(); err != nil {
			return nil, unexpected(err)
		}
		if b.done {
			return nil, io.EOF
		}
	}
	if _, err := b.r.Peek(1); err != nil {
		if errors.Is(err, io.EOF) && b.kind == UntilClose {
			b.done = true
			return nil, io.EOF
		}
		return nil, unexpected(err)
	}
	n := b.r.Buffered()
	if b.kind != UntilClose {
		n = int(min(int64(n), b.left))
	}
	return b.r.Peek(n)
}

// Advance marks n bytes of what Next returned as used.
func (b *Body) Advance(n int) {
	_, _ = b.r.Discard(n)
	if b.kind == UntilClose {
		return
	}
	b.left -= int64(n)
	b.done = b.kind == Sized && b.left == 0
}

// Complete tells whether the rest of the body stands in the buffer already, so
// that reading it cannot wait. A chunked body never claims it.
func (b *Body) Complete() bool {
	return b.done || b.kind == Sized && b.left <= int64(b.r.Buffered())
}

// nextChunk reads the end of the chunk before, the size line of the next, and
// the trailer after the last.
func (b *Body) nextChunk() error {
	if b.started {
		line, err := b.line()
		if err != nil {
			return err
		}
		if len(line) != 0 {
			return ProtocolError("chunk is longer than its size")
		}
	}
	line, err := b.line()
	if err != nil {
		return err
	}
	if b.left, err = chunkSize(line); err != nil {
		return err
	}
	b.started = true
	if b.left > 0 {
		return nil
	}
	if err := b.head.readBlock(b.r, MaxHead, false); err != nil {
		return err
	}
	b.Trailer, err = appendFields(b.head.Fields, b.head.buf)
	b.done = err == nil
	return err
}

func (b *Body) line() ([]byte, error) {
	line, err := b.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || len(line) > maxChunkLine:
		return nil, ProtocolError("chunk size line is too long")
	case err != nil:
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}), nil
}

// chunkSize reads the hexadecimal size before any chunk extension.
func chunkSize(line []byte) (int64, error) {
	digits, _, _ := bytes.Cut(line, []byte{';'})
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 || len(digits) > 15 {
		return 0, ProtocolError("malformed chunk size")
	}
	var n int64
	for _, c := range digits {
		switch c = lower(c); {
		case c >= '0' && c <= '9':
			n = n<<4 | int64(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | int64(c-'a'+10)
		default:
			return 0, ProtocolError("malformed chunk size")
		}
	}
	return n, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
