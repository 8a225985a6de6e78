package acknowledged

import (
	"fmt"
	"strings"
)

// longestText is how long a text may be, in bytes, without the digest that may
// follow.
const longestText = 1000

// Text is what stands for a key wherever the run leaves it, and what keys are
// compared by: the key without secrets, control characters and backslashes
// escaped. Where secrets had to go, or the key is longer than 1,000 bytes, a
// digest follows, so that different keys stay different; it is another one in
// each run, and tells nothing of what it is made of.
func (b *Book) Text(key string) string {
	text := key
	if b.redact != nil {
		text = b.redact(key)
	}
	same := text == key
	text = escaped(text)
	if len(text) > longestText {
		text, same = strings.ToValidUTF8(text[:longestText], "")+"...", false
	}
	if same {
		return text
	}
	return fmt.Sprintf("%s #%016x", text, b.digest(key))
}

// escaped makes one line of a text.
func escaped(text string) string {
	if strings.IndexFunc(text, special) < 0 {
		return text
	}
	var line strings.Builder
	for _, c := range []byte(text) { // by bytes: what is no UTF-8 stays as it is
		switch {
		case !special(rune(c)):
			line.WriteByte(c)
		case c == '\\':
			line.WriteString(`\\`)
		case c == '\n':
			line.WriteString(`\n`)
		case c == '\t':
			line.WriteString(`\t`)
		default:
			fmt.Fprintf(&line, `\x%02x`, c)
		}
	}
	return line.String()
}

// special tells whether a character does not stand for itself in a line.
func special(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }
