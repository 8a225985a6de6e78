package replay

import (
	"net/textproto"
	"strings"
)

func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

// framing are the headers that frame a message or belong to one connection:
// whoever sends the request sets its own.
var framing = map[string]bool{
	"Accept-Encoding": true, "Connection": true, "Content-Length": true, "Expect": true, "Host": true,
	"Http2-Settings": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true,
}

// credentials are words in the names of headers that carry them.
var credentials = []string{
	"auth", "cookie", "token", "secret", "passw", "credential", "session", "signature", "api-key", "apikey", "access-key", "csrf", "xsrf",
}

// isCredential tells whether a header, by its canonical name, carries
// credentials.
func isCredential(name string) bool {
	name = strings.ToLower(name)
	for _, word := range credentials {
		if strings.Contains(name, word) && name != ":authority" {
			return true
		}
	}
	return false
}

// header is what is kept of the headers of a request, or why one cannot be
// sent.
func (g *gathering) header(recorded []Field) (kept []Field, why string) {
	var key strings.Builder
	for _, f := range recorded {
		if strings.HasPrefix(f.Name, ":") { // HTTP/2 has what frames a request in these
			continue
		}
		name := canonical(f.Name)
		if framing[name] || g.keep != nil && !g.keep[name] {
			continue
		}
		if g.keep == nil && isCredential(name) {
			g.withhold(name)
			continue
		}
		if !isToken(name) || !isFieldValue(f.Value) {
			return nil, "header " + printable(name, 40) + " cannot be sent"
		}
		kept = append(kept, Field{name, f.Value})
		key.WriteString(name + "\n" + f.Value + "\n")
	}
	if len(kept) == 0 {
		return nil, ""
	}
	if known, ok := g.heads[key.String()]; ok {
		return known, ""
	}
	for i, f := range kept {
		kept[i] = Field{g.names.of([]byte(f.Name)), g.names.of([]byte(f.Value))}
	}
	if len(g.heads) < maxInterned {
		g.heads[key.String()] = kept
	}
	return kept, ""
}

// withhold counts a header that is left out, under a name that can be shown.
func (g *gathering) withhold(name string) {
	name = printable(name, 40)
	if _, known := g.rec.Withheld[name]; !known && len(g.rec.Withheld) >= maxReasons-1 {
		name = "others"
	}
	g.rec.Withheld[name]++
}

// hostOf is the recorded Host header or pseudo header.
func hostOf(header []Field) []byte {
	for _, f := range header {
		if strings.EqualFold(f.Name, "Host") || f.Name == ":authority" {
			return []byte(f.Value)
		}
	}
	return nil
}

// isFieldValue tells whether a value can stand in a header.
func isFieldValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
