package redact

import (
	"encoding/json"
	"strings"
)

// Headers turn up in many notations: as HTTP has them, as JSON members (alone,
// in a list, or in JSON that stands in a JSON string), as Go prints a map, as
// logfmt. The scanner below finds the name, tells the notation from what
// follows, and hides the value without touching what holds the text together,
// so that JSON stays JSON.

// nextHeader finds the next name of a header whose value is a secret, at or
// after from: where it begins (-1: nowhere) and ends. "Proxy-Authorization"
// and "Set-Cookie" end in the same words.
func nextHeader(text string, from int) (start, end int) {
	const auth, cookie = "authorization", "cookie"
	a, c := indexFold(text, auth, from), indexFold(text, cookie, from)
	switch {
	case a < 0 && c < 0:
		return -1, -1
	case c < 0 || a >= 0 && a < c:
		return a, a + len(auth)
	default:
		return c, c + len(cookie)
	}
}

// hideHeaders goes over a text line by line.
func hideHeaders(text string) string {
	var b strings.Builder
	whole := json.Valid([]byte(text))
	for line := range strings.Lines(text) {
		hideLine(&b, line, whole || looksLikeJSON(line))
	}
	return b.String()
}

// looksLikeJSON tells whether a line is JSON, or one of an indented text. A
// line of JSON that is taken for plain text loses more than the value; plain
// text that is taken for JSON may keep a part of it.
func looksLikeJSON(line string) bool {
	line = strings.TrimSpace(line)
	if line == "" {
		return false
	}
	rest := strings.TrimLeft(line[1:], " \t")
	switch line[0] {
	case '{':
		return rest == "" || rest[0] == '"' || rest[0] == '}'
	case '[':
		return rest == "" || strings.IndexByte(`"{[]`, rest[0]) >= 0
	case '"':
		end, ok := quote{char: '"'}.closing(line, 1)
		rest := strings.TrimLeft(line[min(len(line), end+1):], " \t")
		return ok && (rest == "" || rest[0] == ':' || rest[0] == ',')
	}
	return false
}

// hideLine writes one line without the values of its headers.
func hideLine(b *strings.Builder, line string, inJSON bool) {
	pos := 0
	for {
		start, end := nextHeader(line, pos)
		if start < 0 {
			b.WriteString(line[pos:])
			return
		}
		b.WriteString(line[pos:end])
		pos = hideValue(b, line, end, inJSON)
	}
}

// hideValue writes what follows a header's name, which ends at pos, and
// returns the position up to which it has dealt with the line.
func hideValue(b *strings.Builder, line string, pos int, inJSON bool) int {
	at := pos
	name, quoted := quoteAt(line, at)
	if quoted { // "name"
		at = name.end
		quoted = name.char == '"' || !inJSON // other marks mean nothing in JSON
	}
	at = skipBlank(line, at)
	if at >= len(line) || line[at] != ':' && line[at] != '=' {
		return pos
	}
	at = skipBlank(line, at+1)
	b.WriteString(line[pos:at])
	for _, done := range []string{hidden, "[" + hidden + "]"} {
		if strings.HasPrefix(line[at:], done) {
			b.WriteString(done)
			return at + len(done)
		}
	}
	q, opens := quoteAt(line, at)
	switch {
	case opens && (!inJSON || q.opensAfter(name, quoted)):
		return hideQuoted(b, line, at, q)
	case quoted && at < len(line) && line[at] == '[':
		return hideList(b, line, at, name)
	case quoted && inJSON:
		return at // null, a number, an object: not a value of a header
	case at < len(line) && line[at] == '[':
		return hideBracket(b, line, at, inJSON)
	default:
		return hideBare(b, line, at, inJSON)
	}
}

// A quote is a quotation mark with the backslashes before it: none in JSON,
// one in JSON inside a JSON string, three one level deeper.
type quote struct {
	char    byte
	slashes int
	end     int // position after the mark
}

// quoteAt reads the quotation mark at pos, if there is one.
func quoteAt(s string, pos int) (quote, bool) {
	at := pos
	for at < len(s) && s[at] == '\\' {
		at++
	}
	if at >= len(s) || s[at] != '"' && s[at] != '\'' {
		return quote{}, false
	}
	return quote{char: s[at], slashes: at - pos, end: at + 1}, true
}

// opensAfter tells whether the mark opens a value inside JSON: at the level of
// the name's own marks, or, after a bare name, at any level but that of the
// string they stand in.
func (q quote) opensAfter(name quote, quoted bool) bool {
	if quoted {
		return q.slashes == name.slashes
	}
	return q.slashes > 0 && q.slashes&(q.slashes+1) == 0 // 1, 3, 7, ...
}

// closing finds the end of a quoted text that begins at pos: where the mark
// (with its backslashes) begins. Where a mark of an outer level or the end of
// the line comes first, the text was cut off, and ends there.
func (q quote) closing(s string, pos int) (at int, complete bool) {
	slashes := 0
	for i := pos; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			slashes++
			continue
		case '\n', '\r':
			return i, false
		case '"', '\'':
			own := markSlashes(slashes, q.slashes)
			if own == q.slashes && c == q.char {
				return i - own, true
			}
			if own >= 0 && own < q.slashes && c == '"' {
				return i - own, false
			}
		}
		slashes = 0
	}
	return len(s), false
}

// markSlashes tells what a mark after so many backslashes closes, reading it
// level by level as nested decoders would: the number of backslashes that
// belong to the mark of that level, -1 if it is escaped up to level deepest.
func markSlashes(slashes, deepest int) int {
	for level := 0; level <= deepest; level = 2*level + 1 {
		if slashes%2 == 0 {
			return level
		}
		slashes /= 2
	}
	return -1
}

// hideQuoted hides a quoted value whose opening mark is at pos.
func hideQuoted(b *strings.Builder, line string, pos int, q quote) int {
	end, complete := q.closing(line, q.end)
	b.WriteString(line[pos:q.end])
	b.WriteString(hidden)
	if complete {
		after := end + q.slashes + 1
		b.WriteString(line[end:after])
		return after
	}
	return end
}

// hideList hides every quoted value of a list, whose marks are at the level of
// the name's.
func hideList(b *strings.Builder, line string, pos int, name quote) int {
	for {
		at := skipBlank(line, pos+1) // after "[" or ","
		b.WriteString(line[pos:at])
		q, ok := quoteAt(line, at)
		if !ok || q.slashes != name.slashes {
			return at
		}
		pos = hideQuoted(b, line, at, q)
		next := skipBlank(line, pos)
		b.WriteString(line[pos:next])
		if pos = next; pos >= len(line) || line[pos] != ',' {
			return pos
		}
	}
}

// hideBracket hides a value that Go printed as part of a map: [a b].
func hideBracket(b *strings.Builder, line string, pos int, inJSON bool) int {
	end := bareEnd(line, pos, inJSON)
	if i := strings.LastIndexByte(line[pos:end], ']'); i > 0 {
		if j := strings.IndexByte(line[pos:end], ']'); j > 0 && strings.Contains(line[pos+j:end], ":[") {
			i = j // more of the map follows
		}
		b.WriteString("[" + hidden + "]")
		return pos + i + 1
	}
	return hideBare(b, line, pos, inJSON)
}

// hideBare hides a value without quotation marks, which ends with its line.
func hideBare(b *strings.Builder, line string, pos int, inJSON bool) int {
	end := bareEnd(line, pos, inJSON)
	if end > pos {
		b.WriteString(hidden)
	}
	return end
}

// bareEnd is where a bare value ends: at the end of the line, which inside a
// JSON string is written \n, or with that string.
func bareEnd(line string, pos int, inJSON bool) int {
	slashes := 0
	for i := pos; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			slashes++
			continue
		case c == '\n' || c == '\r':
			return i
		case (c == 'n' || c == 'r') && slashes%2 == 1 && inJSON:
			return i - 1
		case c == '"' && slashes%2 == 0 && inJSON:
			return i
		}
		slashes = 0
	}
	return len(line)
}

func skipBlank(s string, pos int) int {
	for pos < len(s) && (s[pos] == ' ' || s[pos] == '\t') {
		pos++
	}
	return pos
}
