package redact

import (
	"bytes"
	"encoding/json"
	"strings"
)

// JSON redacts the strings of a JSON text one by one, decoded, and leaves
// everything else as it is: punctuation, numbers, member names, and the
// strings for which keep is true: it gets the members that lead to a string,
// the outermost first; strings in a list belong to the list's member. So the
// text stays valid and keeps its shape whatever the secrets are. Whole values of
// members that are named like authorization and cookie headers are hidden.
// Text that is not JSON is redacted as plain text. A nil keep keeps nothing.
func JSON(text []byte, redact func([]byte) []byte, keep func(path []string) bool) []byte {
	if !json.Valid(text) {
		return redact(text)
	}
	s := scanner{redact: redact, keep: keep}
	s.out.Grow(len(text))
	for i := 0; i < len(text); {
		i = s.next(text, i)
	}
	return s.out.Bytes()
}

// scanner copies a valid JSON text token by token.
type scanner struct {
	redact func([]byte) []byte
	keep   func([]string) bool
	out    bytes.Buffer
	member string  // the name that the next value belongs to
	outer  []outer // the objects and lists around it
}

// outer is an object or a list, and the member it is the value of.
type outer struct {
	member string
	list   bool
}

// path is the members that lead to the present value.
func (s *scanner) path() []string {
	var path []string
	for i, o := range s.outer {
		if !o.list && i > 0 && o.member != "" {
			path = append(path, o.member)
		}
	}
	return append(path, s.member)
}

// next copies the token at i and returns where the next one begins.
func (s *scanner) next(text []byte, i int) int {
	switch c := text[i]; c {
	case '"':
		end := stringEnd(text, i)
		s.text(text[i:end], isName(text, end))
		return end
	case '{', '[':
		s.outer = append(s.outer, outer{s.member, c == '['})
	case '}', ']':
		s.member, s.outer = s.outer[len(s.outer)-1].member, s.outer[:len(s.outer)-1]
	}
	s.out.WriteByte(text[i])
	return i + 1
}

// text copies a string, marks included.
func (s *scanner) text(raw []byte, name bool) {
	plain := decodeString(raw)
	switch {
	case name:
		s.member = plain
		s.out.Write(raw)
	case secretHeader(s.member):
		s.out.WriteString(`"` + hidden + `"`)
	default:
		s.value(raw, plain)
	}
}

func (s *scanner) value(raw []byte, plain string) {
	clean := s.redact([]byte(plain))
	if string(clean) == plain || s.keep != nil && s.keep(s.path()) {
		s.out.Write(raw)
		return
	}
	b, err := json.Marshal(string(clean))
	if err != nil { // cannot happen: a string
		b = []byte(`"` + hidden + `"`)
	}
	s.out.Write(b)
}

// decodeString undoes the escapes of a JSON string.
func decodeString(raw []byte) string {
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var plain string
	if json.Unmarshal(raw, &plain) != nil { // cannot happen: the text is valid
		return ""
	}
	return plain
}

// stringEnd is the position after the string that begins at i.
func stringEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// isName tells whether a colon comes next.
func isName(text []byte, i int) bool {
	for ; i < len(text); i++ {
		switch text[i] {
		case ' ', '\t', '\r', '\n':
		default:
			return text[i] == ':'
		}
	}
	return false
}

func secretHeader(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie", "set-cookie":
		return true
	}
	return false
}
