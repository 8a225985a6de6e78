package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// MaxHead bounds the start line and the header fields of one message, in bytes.
const MaxHead = 64 << 10

// ErrHeadTooLarge says that a head exceeded its bound.
var ErrHeadTooLarge = errors.New("start line and headers are too large")

// A ProtocolError says in what a message was not HTTP/1.x.
type ProtocolError string

// Error says what was wrong.
func (e ProtocolError) Error() string { return string(e) }

// Field is one header field. Both slices point into the Head they belong to.
type Field struct{ Name, Value []byte }

// Head is the start line and the header fields of one message, in the order
// and spelling in which they came. It may be used again for another message;
// everything it gave out before is invalid then. Not safe for concurrent use.
type Head struct {
	// Start holds the three parts of the start line: method, target and
	// version of a request; version, status and reason of a response.
	Start  [3][]byte
	Fields []Field

	buf  []byte
	Size int // bytes read for this head
}

// ReadRequest reads the head of a request. It returns io.EOF if the connection
// ended before its first byte, ErrHeadTooLarge beyond limit bytes, a
// ProtocolError for what is not a request, and what the reader says otherwise.
func (h *Head) ReadRequest(r *bufio.Reader, limit int) error {
	if err := h.readBlock(r, limit, true); err != nil {
		return err
	}
	rest := h.firstLine()
	method, rest, ok := bytes.Cut(rest, []byte{' '})
	target, version, ok2 := bytes.Cut(rest, []byte{' '})
	if !ok || !ok2 || !isToken(method) || !isTarget(target) || !isVersion(version) {
		return ProtocolError("malformed request line")
	}
	h.Start = [3][]byte{method, target, version}
	return h.parseFields()
}

// ReadResponse reads the head of a response, with the errors of ReadRequest.
func (h *Head) ReadResponse(r *bufio.Reader, limit int) error {
	if err := h.readBlock(r, limit, false); err != nil {
		return err
	}
	return h.parseResponse()
}

// parseResponse takes a collected block apart as the head of a response.
func (h *Head) parseResponse() error {
	version, rest, _ := bytes.Cut(h.firstLine(), []byte{' '})
	status, reason, _ := bytes.Cut(rest, []byte{' '})
	if !isVersion(version) || len(status) != 3 || status[0] < '1' || status[0] > '9' || !isDigits(status) {
		return ProtocolError("malformed status line")
	}
	h.Start = [3][]byte{version, status, reason}
	return h.parseFields()
}

// Status is the status code of a response that was read.
func (h *Head) Status() int {
	s := h.Start[1]
	return int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
}

// Get returns the value of the first field of that name, nil if there is none.
// The name's case does not matter.
func (h *Head) Get(name string) []byte {
	for _, f := range h.Fields {
		if equalFold(f.Name, name) {
			return f.Value
		}
	}
	return nil
}

// Salvage is Get for a head that could not be read: the value of the first line
// that came and looks like that field, nil if there is none.
func (h *Head) Salvage(name string) []byte {
	for line := range bytes.Lines(h.buf) {
		if field, value, ok := bytes.Cut(line, []byte{':'}); ok && equalFold(field, name) {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}

// HasToken tells whether a comma-separated field holds the token, whatever its
// case.
func (h *Head) HasToken(name, token string) bool {
	for _, f := range h.Fields {
		if equalFold(f.Name, name) && listHas(f.Value, token) {
			return true
		}
	}
	return false
}

// KeepAlive tells whether the sender of this head leaves the connection open
// after the message, by version and Connection field.
func (h *Head) KeepAlive() bool {
	version := h.Start[2]
	if bytes.HasPrefix(h.Start[0], []byte("HTTP/")) {
		version = h.Start[0]
	}
	if h.HasToken("Connection", "close") {
		return false
	}
	return string(version) == "HTTP/1.1" || h.HasToken("Connection", "keep-alive")
}

// readBlock collects the lines up to the empty one. Empty lines before a
// request are skipped, as RFC 9112 asks.
func (h *Head) readBlock(r *bufio.Reader, limit int, skipEmpty bool) error {
	h.buf, h.Size = h.buf[:0], 0
	h.Start, h.Fields = [3][]byte{}, h.Fields[:0]
	lineStart := true
	for {
		line, err := r.ReadSlice('\n')
		h.Size += len(line)
		if h.Size > limit {
			return ErrHeadTooLarge
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) && h.Size > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		empty := lineStart && (len(line) == 1 && line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n')
		if empty && (len(h.buf) > 0 || !skipEmpty) {
			return nil
		}
		if !empty {
			h.buf = append(h.buf, line...)
		}
		lineStart = err == nil
	}
}

// firstLine is the start line without its end.
func (h *Head) firstLine() []byte {
	line, _, _ := bytes.Cut(h.buf, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// parseFields takes the lines after the first apart.
func (h *Head) parseFields() error {
	_, rest, _ := bytes.Cut(h.buf, []byte{'\n'})
	fields, err := appendFields(h.Fields, rest)
	h.Fields = fields
	return err
}

// appendFields parses header lines. Folded lines, spaces before the colon and
// control characters are refused: recipients disagree about them, and that is
// how requests are smuggled.
func appendFields(fields []Field, block []byte) ([]Field, error) {
	for len(block) > 0 {
		var line []byte
		line, block, _ = bytes.Cut(block, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || !isToken(name) {
			return fields, ProtocolError("malformed header field")
		}
		value = bytes.Trim(value, " \t")
		if !isValue(value) {
			return fields, ProtocolError("control character in header field " + string(name))
		}
		fields = append(fields, Field{name, value})
	}
	return fields, nil
}

// Kind is how the end of a body is told.
type Kind int

// The kinds of framing.
const (
	NoBody     Kind = iota
	Sized           // Content-Length
	Chunked         // Transfer-Encoding: chunked
	UntilClose      // the end of the connection; responses only
)

// Framing says where the body of a message ends. Length is in bytes, of Sized.
type Framing struct {
	Kind   Kind
	Length int64
}

// RequestFraming is the framing of a request's body, or a ProtocolError where
// two recipients could read it differently: Content-Length with
// Transfer-Encoding, several lengths, codings other than chunked.
func (h *Head) RequestFraming() (Framing, error) {
	length, coding, err := h.framingFields()
	switch {
	case err != nil:
		return Framing{}, err
	case coding != nil && length != nil:
		return Framing{}, ProtocolError("both Content-Length and Transfer-Encoding")
	case coding != nil && (!equalFold(coding, "chunked") || string(h.Start[2]) != "HTTP/1.1"):
		return Framing{}, ProtocolError("unsupported Transfer-Encoding")
	case coding != nil:
		return Framing{Kind: Chunked}, nil
	case length != nil:
		return sized(length)
	}
	return Framing{}, nil
}

// ResponseFraming is the framing of the body of a response to the given
// method. Transfer-Encoding wins over Content-Length, as RFC 9112 has it.
func (h *Head) ResponseFraming(method string) (Framing, error) {
	status := h.Status()
	if method == "HEAD" || status < 200 || status == 204 || status == 304 {
		return Framing{}, nil
	}
	length, coding, err := h.framingFields()
	switch {
	case err != nil:
		return Framing{}, err
	case coding != nil && listEndsIn(coding, "chunked"):
		return Framing{Kind: Chunked}, nil
	case coding != nil:
		return Framing{Kind: UntilClose}, nil
	case length != nil:
		return sized(length)
	}
	return Framing{Kind: UntilClose}, nil
}

// framingFields finds Content-Length and Transfer-Encoding; more than one of
// either is an error.
func (h *Head) framingFields() (length, coding []byte, err error) {
	for _, f := range h.Fields {
		switch {
		case equalFold(f.Name, "Content-Length"):
			if length != nil {
				return nil, nil, ProtocolError("several Content-Length fields")
			}
			length = present(f.Value)
		case equalFold(f.Name, "Transfer-Encoding"):
			if coding != nil {
				return nil, nil, ProtocolError("several Transfer-Encoding fields")
			}
			coding = present(f.Value)
		}
	}
	return length, coding, nil
}

// present makes a value that is there but empty differ from none.
func present(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

func sized(value []byte) (Framing, error) {
	if !isDigits(value) || len(value) > 18 {
		return Framing{}, ProtocolError("malformed Content-Length")
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return Framing{}, ProtocolError("malformed Content-Length")
	}
	if n == 0 {
		return Framing{}, nil
	}
	return Framing{Kind: Sized, Length: n}, nil
}
