package reports

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/steer"
)

// An Intervention is what a person asked of the run while it was under way, a note
// included. T is the offset from the start of the run.
type Intervention struct {
	T     time.Duration `json:"t_ns"`
	By    string        `json:"by"`
	Verb  string        `json:"verb"`
	Text  string        `json:"text"`            // what was asked, in words; of a note, the note
	Error string        `json:"error,omitempty"` // why it was not carried out
}

// line is the intervention in a line.
func (i Intervention) line() string { return after(i.Text, "; not carried out: ", i.Error) }

// note tells whether it is a remark and nothing else.
func (i Intervention) note() bool { return i.Verb == string(steer.Note) }

func interventionOf(t time.Duration, b journal.Steered) Intervention {
	return Intervention{T: t, By: clean(b.By), Verb: clean(b.Verb), Text: clean(b.Detail), Error: clean(b.Error)}
}

// interventionsOf lists what people asked for, notes included, in order.
func interventionsOf(events []journal.Event) []Intervention {
	var list []Intervention
	for _, e := range events {
		if b, ok := e.Body.(journal.Steered); ok {
			list = append(list, interventionOf(e.T, b))
		}
	}
	return list
}

// steeredEntry words what people do.
func steeredEntry(body journal.Body) (entry, bool) {
	b, ok := body.(journal.Steered)
	if !ok {
		return entry{}, false
	}
	i := interventionOf(0, b)
	kind := "person"
	if i.note() {
		kind = "note"
	}
	return entry{kind: kind, subject: i.By, text: i.line(), grave: i.Error != ""}, true
}
