package wire

import "bytes"

// tokenChars are the characters of method and field names (RFC 9110, 5.6.2).
var tokenChars = func() (table [256]bool) {
	for c := range 256 {
		table[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
			bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), byte(c)) >= 0
	}
	return table
}()

func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenChars[c] {
			return false
		}
	}
	return len(b) > 0
}

func isTarget(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(b) > 0
}

func isValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

func isVersion(b []byte) bool { return string(b) == "HTTP/1.1" || string(b) == "HTTP/1.0" }

// equalFold compares ASCII without regard to case and without allocating.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Is tells whether a field's name is the given one, whatever the case.
func (f Field) Is(name string) bool { return equalFold(f.Name, name) }

func listHas(list []byte, token string) bool {
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte{','})
		if equalFold(bytes.Trim(item, " \t"), token) {
			return true
		}
	}
	return false
}

func listEndsIn(list []byte, token string) bool {
	last := list[bytes.LastIndexByte(list, ',')+1:]
	return equalFold(bytes.Trim(last, " \t"), token)
}

// HasValue tells whether a field's whole value is the given one, whatever the
// case.
func (f Field) HasValue(value string) bool { return equalFold(f.Value, value) }

// HasToken tells whether a field's comma-separated value holds the token,
// whatever the case.
func (f Field) HasToken(token []byte) bool { return listHas(f.Value, string(token)) }
