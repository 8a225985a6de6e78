package replay

import "bytes"

// splitTarget takes a request target apart: an absolute URL has a host, a path
// has none. The path goes onto the wire as it is, but for its fragment, which
// is never sent, and for bytes beyond ASCII, which are percent-encoded.
func splitTarget(target []byte) (host, path []byte, refused refusal) {
	if len(target) == 0 {
		return nil, nil, refusal{why: "has no path"}
	}
	if target[0] != '/' {
		if string(target) == "*" {
			return nil, nil, refusal{skip: "OPTIONS * is about a server and not about a path"}
		}
		if host, target, refused = splitURL(target); refused != (refusal{}) {
			return nil, nil, refused
		}
	}
	if i := bytes.IndexByte(target, '#'); i >= 0 {
		target = target[:i]
	}
	if len(target) == 0 || target[0] != '/' {
		target = append([]byte{'/'}, target...)
	}
	path, ok := sendable(target)
	if !ok {
		return nil, nil, refusal{why: "its path holds a space or a control character"}
	}
	return host, path, refusal{}
}

// splitURL takes a URL with a scheme apart.
func splitURL(target []byte) (host, path []byte, refused refusal) {
	scheme, rest, ok := bytes.Cut(target, []byte(":"))
	if !ok || !isToken(scheme) {
		return nil, nil, refusal{why: "its target is neither a path nor a URL"}
	}
	if !bytes.EqualFold(scheme, []byte("http")) && !bytes.EqualFold(scheme, []byte("https")) {
		return nil, nil, refusal{skip: "scheme " + printable(string(bytes.ToLower(scheme)), 20) + " is not replayed"}
	}
	rest, ok = bytes.CutPrefix(rest, []byte("//"))
	if !ok {
		return nil, nil, refusal{why: "its URL has no host"}
	}
	host = rest
	if i := bytes.IndexAny(rest, "/?#"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if i := bytes.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:] // user info is no part of a name, and a secret
	}
	if len(host) == 0 {
		return nil, nil, refusal{why: "its URL has no host"}
	}
	return host, path, refusal{}
}

// sendable is the path as it can stand in a request line.
func sendable(path []byte) ([]byte, bool) {
	encode := false
	for _, c := range path {
		if c <= ' ' || c == 0x7f {
			return nil, false
		}
		encode = encode || c > 0x7f
	}
	if !encode {
		return path, true
	}
	const hex = "0123456789ABCDEF"
	var encoded []byte
	for _, c := range path {
		if c > 0x7f {
			encoded = append(encoded, '%', hex[c>>4], hex[c&15])
		} else {
			encoded = append(encoded, c)
		}
	}
	return encoded, true
}

// isToken tells whether text is a token as RFC 9110 has it: a method, the name
// of a header.
func isToken[T string | []byte](text T) bool {
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0:
		default:
			return false
		}
	}
	return len(text) > 0
}
