package replay

import (
	"bytes"
	"net/netip"
	"time"
)

// readAccessLog reads the common and the combined log format of Apache and
// nginx,
//
//	host ident user [time] "request" status bytes "referer" "user agent" ...
//
// with or without the name of a virtual host in front and whatever fields
// behind. Such a log has neither headers nor bodies.
func readAccessLog(src *source, g *gathering) error {
	p := accessParser{vhosts: len(g.hosts) > 0}
	return src.each(g, false, func(line []byte) {
		e, why := p.parse(line)
		switch {
		case why != "":
			g.malformed(why, line)
		case e.method == nil:
			g.skip("the client sent no request, or what it sent was not HTTP")
		default:
			g.add(e, line)
		}
	})
}

// An accessParser reads lines of an access log. What it returns is valid until
// the next line.
type accessParser struct {
	vhosts  bool // look for the name of a virtual host
	request []byte
	// The last time read: neighbours often have the same.
	text [len(clf) + 10]byte
	len  int
	at   int64
}

// parse reads a line, or says why it cannot be read. Without a method, the line
// is right and no HTTP request is in it.
func (p *accessParser) parse(line []byte) (e entry, why string) {
	before, rest, ok := bytes.Cut(line, []byte(" ["))
	if !ok {
		return e, "has no [time]"
	}
	when, rest, ok := bytes.Cut(rest, []byte("]"))
	if !ok {
		return e, "has no end of its [time]"
	}
	if e.at, ok = p.time(when); !ok {
		return e, "its [time] cannot be read"
	}
	e.timed = true
	_, rest, ok = bytes.Cut(rest, []byte(`"`))
	if !ok {
		return e, `has no "request"`
	}
	request, rest, ok := p.quoted(rest)
	if !ok {
		return e, `has no end of its "request"`
	}
	if !isStatus(rest) {
		return e, `has no status after its "request"`
	}
	e.method, e.target = splitRequest(request)
	e.bodiless = carriesBody(e.method)
	if p.vhosts {
		e.host = virtualHost(before)
	}
	return e, ""
}

func (p *accessParser) time(text []byte) (int64, bool) {
	if p.len > 0 && bytes.Equal(text, p.text[:p.len]) {
		return p.at, true
	}
	at, ok := int64(0), false
	if t, err := time.Parse(clf, string(text)); err == nil {
		at, ok = inRange(t)
	} else {
		at, ok = parseTime(string(text))
	}
	p.at, p.len = at, 0
	if ok && len(text) <= len(p.text) {
		p.len = copy(p.text[:], text)
	}
	return at, ok
}

// quoted reads a string up to its closing quote, which has been opened, with
// the escapes of Apache (\", \\, \n, \t, ...) and nginx (\x22).
func (p *accessParser) quoted(text []byte) (value, rest []byte, ok bool) {
	end := bytes.IndexByte(text, '"')
	if end < 0 {
		return nil, nil, false
	}
	if bytes.IndexByte(text[:end], '\\') < 0 {
		return text[:end], text[end+1:], true
	}
	p.request = p.request[:0]
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return p.request, text[i+1:], true
		case c == '\\' && i+1 < len(text):
			var b byte
			b, i = escaped(text, i+1)
			p.request = append(p.request, b)
		default:
			p.request = append(p.request, c)
		}
	}
	return nil, nil, false
}

// escaped is the byte that the escape with its letter at i stands for, and the
// index of its last byte.
func escaped(text []byte, i int) (byte, int) {
	switch text[i] {
	case 'n':
		return '\n', i
	case 'r':
		return '\r', i
	case 't':
		return '\t', i
	case 'b', 'f', 'v':
		return '\b', i
	case 'x':
		if i+2 < len(text) {
			high, low := unhex(text[i+1]), unhex(text[i+2])
			if high >= 0 && low >= 0 {
				return byte(high<<4 | low), i + 2
			}
		}
	}
	return text[i], i
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// isStatus tells whether a text begins with a space and a status: three digits,
// or a dash.
func isStatus(text []byte) bool {
	status, ok := bytes.CutPrefix(text, []byte(" "))
	status, _, _ = bytes.Cut(status, []byte(" "))
	if !ok || len(status) != 3 {
		return ok && string(status) == "-"
	}
	for _, c := range status {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// splitRequest takes "GET /path HTTP/1.1" apart; HTTP/0.9 has no version. Both
// results are nil for what is no HTTP request.
func splitRequest(line []byte) (method, target []byte) {
	method, target, ok := bytes.Cut(line, []byte(" "))
	if !ok || !isToken(method) || method[0] < 'A' || method[0] > 'Z' {
		return nil, nil
	}
	target, version, versioned := bytes.Cut(target, []byte(" "))
	if len(target) == 0 || versioned && !bytes.HasPrefix(version, []byte("HTTP/")) {
		return nil, nil
	}
	return method, target
}

// virtualHost is the name in front of the client's address, as in Apache's
// vhost_combined; nil where the line begins with the address.
func virtualHost(before []byte) []byte {
	name, rest, _ := bytes.Cut(before, []byte(" "))
	second, _, more := bytes.Cut(rest, []byte(" "))
	if !more || isAddress(name) || !isAddress(second) {
		return nil
	}
	return name
}

func isAddress(text []byte) bool {
	_, err := netip.ParseAddr(string(text))
	return err == nil
}
