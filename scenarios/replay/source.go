package replay

import (
	"bufio"
	"bytes"
	"errors"
	"hash"
	"io"
)

// A source is the file being read.
type source struct {
	reader *bufio.Reader
	digest hash.Hash
	size   int64 // of the file
	read   int64 // bytes given out as lines
	dir    string
	line   int // number of the line given out last, from 1
	limits limits
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// peek is the beginning of the file, as far as formats are told by it, without
// a byte order mark.
func (s *source) peek() ([]byte, error) {
	start, err := s.reader.Peek(maxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.HasPrefix(start, byteOrderMark) {
		_, _ = s.reader.Discard(len(byteOrderMark)) // they have just been seen
		start = start[len(byteOrderMark):]
	}
	if len(bytes.TrimSpace(start)) == 0 {
		return nil, errors.New("is empty")
	}
	return start, nil
}

// next is the next line without its end; it is valid until the call after.
// Of a line that is too long it is the beginning, and long is true. The error
// is io.EOF behind the last line.
func (s *source) next() (line []byte, long bool, err error) {
	line, err = s.reader.ReadSlice('\n')
	s.read += int64(len(line))
	s.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		// The buffer is read over by the next call: an excerpt is enough.
		line, long = bytes.Clone(line[:excerptWindow]), true
		err = s.skipLine()
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	return bytes.TrimSpace(line), long, err
}

// skipLine reads over the rest of a line.
func (s *source) skipLine() error {
	for {
		rest, err := s.reader.ReadSlice('\n')
		s.read += int64(len(rest))
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// each hands every line to a function that is not blank, and those that are
// too long to the gathering.
func (s *source) each(g *gathering, comments bool, do func(line []byte)) error {
	for {
		line, long, err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case long:
			g.malformed("is longer than 1 MiB", line)
		case len(line) == 0, comments && line[0] == '#':
		default:
			do(line)
		}
		if err := g.full(); err != nil {
			return err
		}
	}
}
