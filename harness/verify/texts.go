package verify

import (
	"strings"
	"unicode/utf8"
)

// Errors may hold the last lines of an instance's log. A reason and a table
// cell take the first line of them, the evidence all up to a limit.
const (
	maxFirstLine = 240
	maxErrorText = 4000
)

// firstLine is the first line of a text that is not empty, shortened, without
// the clause that only announces the lines after it.
func firstLine(text string) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.TrimRight(line, " \t\r")
	if clause := strings.LastIndex(line, "; "); more && clause >= 0 && strings.HasSuffix(line, ":") {
		line = line[:clause]
	}
	return shortened(strings.TrimRight(line, " \t\r:"), maxFirstLine)
}

// capped is a text with its line breaks, shortened.
func capped(text string) string { return shortened(strings.TrimSpace(text), maxErrorText) }

// shortened cuts a text to a number of bytes, between characters.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// without takes from an error the words with which it repeats what it is an
// error of: "run job seed" and "run job seed: seed-1 exited" is "seed-1 exited".
func without(detail, text string) string {
	text = strings.TrimSpace(text)
	if again, rest, ok := strings.Cut(text, ": "); ok && strings.HasPrefix(detail, again) {
		return rest
	}
	return text
}
