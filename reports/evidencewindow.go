package reports

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Room left on either side of the evidence: a tenth of its length, so that its
// edges are seen to be edges, and never less than a second, so that a single
// moment has something around it.
const (
	evidenceMargin    = 10 // one part in
	minEvidenceMargin = time.Second
)

// evidenceWindow is the smallest stretch of the timeline that holds every
// moment of the evidence, with a margin, in seconds from the start of the run;
// ok is false where no evidence has a moment on the timeline.
func evidenceWindow(evidence []verify.Evidence, w window) (from, to float64, ok bool) {
	var first, last time.Duration
	for _, e := range evidence {
		begin, end := min(e.From, e.To), max(e.From, e.To)
		if end <= 0 || begin > w.to || end < w.from {
			continue
		}
		begin, end = max(begin, w.from), min(end, w.to)
		if !ok {
			first, last, ok = begin, end, true
		}
		first, last = min(first, begin), max(last, end)
	}
	if !ok {
		return 0, 0, false
	}
	margin := max((last-first)/evidenceMargin, minEvidenceMargin)
	first, last = max(first-margin, w.from), min(last+margin, w.to)
	return round(first.Seconds(), 3), round(last.Seconds(), 3), true
}
