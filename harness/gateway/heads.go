package gateway

import (
	"bufio"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// requestIDField carries the driver's number of the request; it is for the
// gateway and does not reach the instance.
const requestIDField = "X-Shakedown-Request"

// instanceField tells the driver which instance answered, in answers to
// requests that carry its number.
const instanceField = "X-Shakedown-Instance"

// writeRequestHead writes the request's head as the instance gets it: fields in
// order and spelling, without those that are for one connection only, with the
// client added to X-Forwarded-For.
func writeRequestHead(w *bufio.Writer, r *request, ip, service string, closing bool) {
	_, _ = w.Write(r.method())
	_ = w.WriteByte(' ')
	_, _ = w.Write(r.target())
	_, _ = w.WriteString(" HTTP/1.1\r\n")
	var forwarded []byte
	host, some := false, companions(&r.head)
	for _, f := range r.head.Fields {
		switch {
		case f.Is("X-Forwarded-For"):
			forwarded = appendList(forwarded, f.Value)
		case f.Is(requestIDField), isHopByHop(f), some && isCompanion(&r.head, f):
		default:
			host = host || f.Is("Host")
			writeField(w, f)
		}
	}
	if !host {
		writeField(w, wire.Field{Name: []byte("Host"), Value: []byte(service)})
	}
	_, _ = w.WriteString("X-Forwarded-For: ")
	if len(forwarded) > 0 {
		_, _ = w.Write(forwarded)
		_, _ = w.WriteString(", ")
	}
	_, _ = w.WriteString(ip)
	if r.framing.Kind == wire.Chunked {
		_, _ = w.WriteString("\r\nTransfer-Encoding: chunked")
	}
	switch {
	case r.upgrade:
		_, _ = w.WriteString("\r\nConnection: Upgrade\r\nUpgrade: ")
		_, _ = w.Write(r.head.Get("Upgrade"))
	case closing:
		_, _ = w.WriteString("\r\nConnection: close")
	}
	_, _ = w.WriteString("\r\n\r\n")
}

// writeResponseHead writes the response's head as the client gets it. out is
// the framing of the body towards the client; instance is named where the
// client is the driver, "" otherwise.
func writeResponseHead(w *bufio.Writer, h *wire.Head, out wire.Kind, connection, instance string) {
	_, _ = w.WriteString("HTTP/1.1 ")
	_, _ = w.Write(h.Start[1])
	_ = w.WriteByte(' ')
	_, _ = w.Write(h.Start[2])
	_, _ = w.WriteString("\r\n")
	status, some := h.Status(), companions(h)
	for _, f := range h.Fields {
		switch {
		case isHopByHop(f), some && isCompanion(h, f), f.Is(instanceField):
		case f.Is("Content-Length") && (out == wire.Chunked || out == wire.UntilClose || status < 200 || status == 204):
		default:
			writeField(w, f)
		}
	}
	if status == 101 {
		writeField(w, wire.Field{Name: []byte("Upgrade"), Value: h.Get("Upgrade")})
	}
	if out == wire.Chunked {
		_, _ = w.WriteString("Transfer-Encoding: chunked\r\n")
	}
	if instance != "" {
		_, _ = w.WriteString(instanceField + ": ")
		_, _ = w.WriteString(instance)
		_, _ = w.WriteString("\r\n")
	}
	if connection != "" {
		_, _ = w.WriteString("Connection: ")
		_, _ = w.WriteString(connection)
		_, _ = w.WriteString("\r\n")
	}
	_, _ = w.WriteString("\r\n")
}

// relay copies a body, framed anew for dst. It tells apart which side failed.
// It does not flush at the end.
func relay(dst *bufio.Writer, body *wire.Body, out wire.Kind) (readErr, writeErr error) {
	for !body.Done() {
		p, err := body.Next()
		if err != nil {
			if body.Done() { // the clean end
				break
			}
			return err, nil
		}
		if out == wire.Chunked {
			wire.WriteChunk(dst, p)
		} else {
			_, _ = dst.Write(p)
		}
		// An error sticks to the writer; a write of nothing asks for it.
		if _, err := dst.Write(nil); err != nil {
			return nil, err
		}
		body.Advance(len(p))
	}
	if out == wire.Chunked {
		writeLastChunk(dst, body.Trailer)
	}
	_, err := dst.Write(nil)
	return nil, err
}

// writeLastChunk ends a chunked body. Trailer fields that would change the
// meaning of the message are left out.
func writeLastChunk(dst *bufio.Writer, trailer []wire.Field) {
	_, _ = dst.WriteString("0\r\n")
	for _, f := range trailer {
		if !isHopByHop(f) && !f.Is("Content-Length") && !f.Is("Host") {
			writeField(dst, f)
		}
	}
	_, _ = dst.WriteString("\r\n")
}

func writeField(w *bufio.Writer, f wire.Field) {
	_, _ = w.Write(f.Name)
	_, _ = w.WriteString(": ")
	_, _ = w.Write(f.Value)
	_, _ = w.WriteString("\r\n")
}

// isHopByHop tells whether a field is for one connection only; framing is
// written anew.
func isHopByHop(f wire.Field) bool {
	switch len(f.Name) {
	case 2:
		return f.Is("TE")
	case 7:
		return f.Is("Upgrade")
	case 10:
		return f.Is("Connection") || f.Is("Keep-Alive")
	case 16:
		return f.Is("Proxy-Connection")
	case 17:
		return f.Is("Transfer-Encoding")
	}
	return false
}

// companions tells whether a Connection field of the message names other
// fields as meant for this connection only.
func companions(h *wire.Head) bool {
	for _, f := range h.Fields {
		if f.Is("Connection") && !f.HasValue("close") && !f.HasValue("keep-alive") {
			return true
		}
	}
	return false
}

// isCompanion tells whether a Connection field names this one. What the message
// cannot do without is never one.
func isCompanion(h *wire.Head, f wire.Field) bool {
	for _, c := range h.Fields {
		if c.Is("Connection") && c.HasToken(f.Name) {
			return !f.Is("Host") && !f.Is("Content-Length") && !f.Is("Authorization") && !f.Is("Cookie")
		}
	}
	return false
}

func appendList(list, value []byte) []byte {
	if len(list) > 0 {
		list = append(list, ", "...)
	}
	return append(list, value...)
}
