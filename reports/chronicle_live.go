package reports

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Style is the style sheet of the report, whose variables hold the colours that all
// pages of ours share, light and dark.
func Style() string { return pageStyle }

// A Happening is an event in the words of the report's table of events.
type Happening struct {
	T       time.Duration // offset from the start of the run
	Kind    string        // "phase", "fault", "person", "note", ...
	Subject string
	Text    string
	Grave   bool // worth the reader's attention
}

// A Chronicle words the events of a run while it is under way, given to it one at a
// time in order. It is not safe for concurrent use.
type Chronicle struct{ words chronicler }

// NewChronicle is one that has heard of nothing yet.
func NewChronicle() *Chronicle {
	return &Chronicle{chronicler{jobs: map[string]bool{}, refused: map[string]string{}}}
}

// Next words an event; false for one that the table of events has no line for. Besides
// what a report lists it words the warnings of the harness, which a report has in a
// place of their own.
func (c *Chronicle) Next(e journal.Event) (Happening, bool) {
	if b, ok := e.Body.(journal.InstanceStarted); ok && b.Job {
		c.words.jobs[b.Instance] = true
	}
	if b, ok := e.Body.(journal.Note); ok {
		return Happening{T: e.T, Kind: "run", Text: clean(b.Text), Grave: true}, b.Level == "warning"
	}
	n, ok := c.words.entry(e.Body)
	if _, ended := e.Body.(journal.RunEnded); ended {
		c.words.over = true
	}
	return Happening{T: e.T, Kind: n.kind, Subject: clean(n.subject), Text: clean(n.text), Grave: n.grave}, ok
}
