package replay

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

const (
	maxSamples    = 5
	excerptLength = 120
	// excerptWindow is how much of a line secrets are looked for in; longer than
	// what is shown, so that none is cut in half and missed.
	excerptWindow = 1024
)

// Secrets by their place in a line. Too much hidden is better than too little:
// an excerpt is there to show the form of a line.
var secrets = []struct {
	pattern *regexp.Regexp
	hidden  string
}{
	// headers: all that follows
	{regexp.MustCompile(`(?i)((?:authorization|cookie)\\?["']?\s*[:=]).*`), "${1} redacted"},
	{regexp.MustCompile(`(?i)\b(bearer|basic)(\s+|%20|\+)\S+`), "${1} redacted"},
	// user info of URLs
	{regexp.MustCompile(`(//)[^\s/?#"']+@`), "${1}redacted@"},
	// members and query parameters, named after what they hold
	{regexp.MustCompile(`(?i)((?:[\w.%-]*(?:token|secret|passw|pwd|api[_-]?key|signature|credential|session|auth)[\w.%-]*|\bsig|\bkey|\bcode)` +
		`\\?["']?\s*(?:[:=]|%3D)\s*)(?:\\?"(?:[^"\\]|\\.)*"?|'[^']*'?|[^&\s"',;}]+)`), "${1}redacted"},
}

// sample is a line as it may be shown.
func (g *gathering) sample(why string, line []byte) string {
	text := string(line[:min(len(line), excerptWindow)])
	for _, secret := range secrets {
		text = secret.pattern.ReplaceAllString(text, secret.hidden)
	}
	return fmt.Sprintf("%s %d: %s: %s", g.unit, g.src.line, why, printable(text, excerptLength))
}

// printable is text without control characters and of at most n bytes; an
// ellipsis stands for what is cut off.
func printable(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
