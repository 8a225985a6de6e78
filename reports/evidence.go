package reports

import (
	"strings"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// evidenceLines are a piece of evidence with where and when it was seen. There
// is more than one line where it quotes a log.
func evidenceLines(e verify.Evidence) []string {
	text := e.Text
	if e.Instance != "" && !strings.Contains(text, e.Instance) {
		text = e.Instance + ": " + text
	}
	var lines []string
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimRight(clean(l), " "); l != "" || len(lines) == 0 {
			lines = append(lines, l)
		}
	}
	if when := period(e); when != "" {
		lines[0] += " (" + when + ")"
	}
	return lines
}

// period is when evidence was seen on the clock of the run, "" if it has no time.
func period(e verify.Evidence) string {
	switch {
	case e.To <= 0:
		return ""
	case e.To-e.From < 10_000_000:
		return "at " + moment(e.From)
	}
	return moment(e.From) + " to " + moment(e.To)
}
