package plain

import (
	"bytes"
	"io"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// A stage is what of an answer is expected next.
type stage int

const (
	inHead      stage = iota // also before the first byte, and after an interim answer
	inBody                   // of known length, or up to the end of the connection
	inChunkSize              // the line before a chunk
	inChunk
	inChunkEnd // the empty line after a chunk
	inTrailer
	complete
)

// An answer is a response that is read as it comes. It accepts and refuses what
// package wire's reader does, wherever the bytes are split. Its buffers are
// used again for the next answer; in between it holds nothing of the connection.
type answer struct {
	head wire.Head // of the final answer
	body []byte    // the first keep bytes
	cut  bool      // there were more
	// clean tells whether the connection may carry another exchange, as far as
	// the answer says.
	clean bool

	method  string
	keep    int
	stage   stage
	kind    wire.Kind
	left    int64  // of the body or the chunk
	held    []byte // a head, a line or a trailer that is not complete
	trailer wire.Head
}

// reset makes it ready for the answer to a request.
func (a *answer) reset(r *exchange.Request) {
	a.method, a.keep = r.Method, r.Keep
	a.body, a.held, a.cut, a.clean, a.stage = a.body[:0], a.held[:0], false, false, inHead
}

// begun tells whether a part of the final answer's head, or more, has come.
func (a *answer) begun() bool { return a.stage != inHead || len(a.held) > 0 }

// feed takes in what came next and returns what stands after the end of the
// answer. It keeps nothing of p. After an error the answer is of no use.
func (a *answer) feed(p []byte) (rest []byte, err error) {
	for a.stage != complete && len(p) > 0 && err == nil {
		switch a.stage {
		case inHead:
			p, err = a.takeHead(p)
		case inBody, inChunk:
			p = a.takeBody(p)
		case inChunkSize, inChunkEnd:
			p, err = a.takeLine(p)
		case inTrailer:
			p, err = a.takeTrailer(p)
		}
	}
	return p, err
}

// end takes in the end of the connection: io.EOF if the final answer had not
// begun, io.ErrUnexpectedEOF if it is not complete, nil if this completes it.
func (a *answer) end() error {
	switch {
	case a.stage == inBody && a.kind == wire.UntilClose:
		a.stage = complete
		return nil
	case a.begun():
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

// block collects lines up to and with an empty one. It is nil as long as that
// has not come; rest is what stands after it.
func (a *answer) block(p []byte) (block, rest []byte, err error) {
	seen := len(a.held)
	if seen > 0 {
		a.held = append(a.held, p...)
		p = a.held
	}
	switch n := wire.BlockEnd(p, seen); {
	case n > wire.MaxHead, n == 0 && len(p) > wire.MaxHead:
		return nil, nil, wire.ErrHeadTooLarge
	case n == 0 && seen == 0:
		a.held = append(a.held, p...)
		return nil, nil, nil
	case n == 0:
		return nil, nil, nil
	default:
		a.held = a.held[:0]
		return p[:n], p[n:], nil
	}
}

func (a *answer) takeHead(p []byte) ([]byte, error) {
	block, p, err := a.block(p)
	if block == nil {
		return p, err
	}
	if err := a.head.ParseResponse(block); err != nil {
		return nil, err
	}
	status := a.head.Status()
	if status < 200 && status != 101 {
		return p, nil // interim
	}
	framing, err := a.head.ResponseFraming(a.method)
	if err != nil {
		return nil, err
	}
	a.kind, a.left = framing.Kind, framing.Length
	a.clean = status >= 200 && a.kind != wire.UntilClose && a.head.KeepAlive()
	switch a.kind {
	case wire.NoBody:
		a.stage = complete
	case wire.Chunked:
		a.stage = inChunkSize
	default:
		a.stage = inBody
	}
	return p, nil
}

func (a *answer) takeBody(p []byte) []byte {
	n := len(p)
	if a.kind != wire.UntilClose {
		n = int(min(int64(n), a.left))
		a.left -= int64(n)
	}
	wanted := max(0, min(n, a.keep-len(a.body)))
	a.body = append(a.body, p[:wanted]...)
	a.cut = a.cut || wanted < n
	switch {
	case a.kind == wire.Sized && a.left == 0:
		a.stage = complete
	case a.kind == wire.Chunked && a.left == 0:
		a.stage = inChunkEnd
	}
	return p[n:]
}

// takeLine takes the line before or after a chunk.
func (a *answer) takeLine(p []byte) ([]byte, error) {
	i := bytes.IndexByte(p, '\n')
	size := i + 1
	if i < 0 {
		size = len(p)
	}
	if len(a.held)+size > wire.MaxChunkLine {
		return nil, wire.ProtocolError("chunk size line is too long")
	}
	if i < 0 {
		a.held = append(a.held, p...)
		return nil, nil
	}
	line := p[:i]
	if len(a.held) > 0 {
		a.held = append(a.held, line...)
		line = a.held
	}
	err := a.chunkLine(bytes.TrimSuffix(line, []byte{'\r'}))
	a.held = a.held[:0]
	return p[i+1:], err
}

func (a *answer) chunkLine(line []byte) (err error) {
	if a.stage == inChunkEnd {
		if len(line) != 0 {
			return wire.ProtocolError("chunk is longer than its size")
		}
		a.stage = inChunkSize
		return nil
	}
	a.left, err = wire.ChunkSize(line)
	a.stage = inChunk
	if a.left == 0 {
		a.stage = inTrailer
	}
	return err
}

func (a *answer) takeTrailer(p []byte) ([]byte, error) {
	block, p, err := a.block(p)
	if block == nil {
		return p, err
	}
	if err := a.trailer.ParseTrailer(block); err != nil {
		return nil, err
	}
	a.stage = complete
	return p, nil
}
