package redact

import (
	"regexp"
	"strings"
)

var (
	// userinfo is the user info of a URL, from the colon before the slashes
	// (which JSON may escape) to the last @ of the authority.
	userinfo = regexp.MustCompile(`(:(?:\\?/){2})(?:[^\s/?#"<>\\]|\\[^"/\s])+@`)

	// bearer is a token outside a header.
	bearer = regexp.MustCompile(`(?i)\b(bearer\s+)([A-Za-z0-9._~+/-]{8,}=*)`)
)

// hidePatterns hides what is a secret by its place in the text: user info in
// URLs, values of authorization and cookie headers, bearer tokens. The tests
// before each step keep long plain texts cheap.
func hidePatterns(text string) string {
	if strings.Contains(text, "@") {
		text = userinfo.ReplaceAllString(text, "${1}"+hidden+"@")
	}
	if at, _ := nextHeader(text, 0); at >= 0 {
		text = hideHeaders(text)
	}
	if indexFold(text, "bearer", 0) >= 0 {
		text = bearer.ReplaceAllStringFunc(text, hideBearer)
	}
	return text
}

// hideBearer leaves plain words ("bearer authentication") alone.
func hideBearer(match string) string {
	groups := bearer.FindStringSubmatch(match)
	if token := groups[2]; len(token) < 20 && !strings.ContainsAny(token, "0123456789._~+/-=") {
		return match
	}
	return groups[1] + hidden
}

// indexFold is the index at or after from of a lower-case ASCII word in any
// mix of cases, -1 if there is none.
func indexFold(text, word string, from int) int {
	for i := from; i+len(word) <= len(text); i++ {
		if text[i]|0x20 == word[0] && strings.EqualFold(text[i:i+len(word)], word) {
			return i
		}
	}
	return -1
}
