package plain

import (
	"net/http"
	"strconv"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
)

// chunkSize is how much of a body goes into one chunk, in bytes.
const chunkSize = 16 << 10

// A request is written from its parts again whenever the connection takes more:
// nothing is copied for those that wait, however many and however large.

// appendHead appends the start line and the header fields as they go onto the
// wire, the empty line included. Fields that frame the message are the
// engine's; those in the request's own header are left out. The error is a
// wire.ProtocolError: such a head would be read as something else.
func appendHead(b []byte, r *exchange.Request, reuse bool) ([]byte, error) {
	if !isWord(r.Method) || !isWord(r.Path) {
		return b, wire.ProtocolError("space or control character in method or path of the request, or one is empty")
	}
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.Path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b, ok := appendValue(b, r.Host)
	if !ok {
		return b, wire.ProtocolError("control character in the request's host")
	}
	for i := range r.Header {
		f := &r.Header[i]
		switch f.Name {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection":
			continue
		}
		b = append(b, f.Name...)
		b = append(b, ": "...)
		if b, ok = appendValue(b, f.Value); !ok || !isName(f.Name) {
			return b, wire.ProtocolError("malformed header field " + strconv.Quote(f.Name) + " in the request")
		}
	}
	if !reuse {
		b = append(b, "Connection: close\r\n"...)
	}
	return appendFraming(b, r), nil
}

func appendFraming(b []byte, r *exchange.Request) []byte {
	switch {
	case chunked(r):
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case len(r.Body) > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.Body)), 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// chunked tells whether the body goes out in chunks. An empty one does not, as
// with net/http.
func chunked(r *exchange.Request) bool { return r.Chunked && len(r.Body) > 0 }

// bodySize is how many bytes the body takes on the wire.
func bodySize(r *exchange.Request) int {
	n := len(r.Body)
	if !chunked(r) {
		return n
	}
	size := n/chunkSize*fullChunk + len("0\r\n\r\n")
	if last := n % chunkSize; last > 0 {
		size += len(strconv.FormatInt(int64(last), 16)) + last + len("\r\n\r\n")
	}
	return size
}

// fullChunk is what a chunk of chunkSize takes on the wire.
var fullChunk = len(strconv.FormatInt(chunkSize, 16)) + chunkSize + len("\r\n\r\n")

// bodyFrom gives the next bytes of the body as it goes onto the wire from
// position pos: a part of the body itself, or of a chunk built in b.
func bodyFrom(b []byte, r *exchange.Request, pos int) []byte {
	if !chunked(r) {
		return r.Body[pos:]
	}
	at := min(pos/fullChunk, len(r.Body)/chunkSize)
	b = appendChunk(b[:0], r.Body, at*chunkSize)
	return b[pos-at*fullChunk:]
}

// appendChunk appends the chunk that begins at a place in the body, and the end
// of the body behind the last one.
func appendChunk(b, body []byte, at int) []byte {
	if part := body[at:min(at+chunkSize, len(body))]; len(part) > 0 {
		b = strconv.AppendInt(b, int64(len(part)), 16)
		b = append(b, "\r\n"...)
		b = append(b, part...)
		b = append(b, "\r\n"...)
	}
	if at+chunkSize >= len(body) {
		b = append(b, "0\r\n\r\n"...)
	}
	return b
}

// isWord tells whether a part of the start line stays one part.
func isWord(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}

// isName tells whether a field's name ends where it should.
func isName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f || s[i] == ':' {
			return false
		}
	}
	return s != ""
}

// appendValue appends a field's value and the end of the line. It is not ok if
// the value would end the line before.
func appendValue(b []byte, s string) (_ []byte, ok bool) {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return b, false
		}
	}
	b = append(b, s...)
	return append(b, "\r\n"...), true
}
