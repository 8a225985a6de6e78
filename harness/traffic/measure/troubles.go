package measure

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// maxTroubles bounds the memory and the report; what is not among the first so
// many kinds is counted as "other".
const maxTroubles = 100

// A Key says which troubles are of the same kind.
type Key struct {
	Journey, Step, Message string
	Outcome                Outcome
}

// troubles count what went wrong by kind.
type troubles struct {
	byKey map[Key]*journal.ErrorGroup
	order []*journal.ErrorGroup // in the order of their first trouble
}

// Trouble counts a trouble at a moment on the run's clock. describe gives the
// sample; it is called only for the first trouble of its kind.
func (r *Recorder) Trouble(at time.Duration, key Key, describe func() string) {
	r.troubles.add(at, key, describe)
}

// Finish writes what is told once, at the end: the error groups. It is for after
// the last batch was written, with the loop over; now is on the run's clock.
func (r *Recorder) Finish(sink journal.Sink, now time.Duration) error {
	for _, group := range r.troubles.order {
		if err := sink.Append(journal.Event{T: now, Body: *group}); err != nil {
			return fmt.Errorf("record the errors: %w", err)
		}
	}
	return nil
}

func (t *troubles) add(at time.Duration, key Key, describe func() string) {
	group := t.byKey[key]
	if group == nil && len(t.order) >= maxTroubles {
		key = Key{Message: "other", Outcome: key.Outcome}
		group = t.byKey[key]
	}
	if group == nil {
		group = &journal.ErrorGroup{
			Journey: key.Journey, Step: key.Step, Outcome: key.Outcome.String(), Message: key.Message,
			First: at, Sample: clean(describe()),
		}
		if t.byKey == nil {
			t.byKey = map[Key]*journal.ErrorGroup{}
		}
		t.byKey[key] = group
		t.order = append(t.order, group)
	}
	group.Count++
	group.First, group.Last = min(group.First, at), max(group.Last, at)
}

// secrets are what must not be in a sample wherever it came from: user info of
// URLs and credentials as they stand in headers. The journal redacts besides.
var secrets = regexp.MustCompile(`(?i)(://)[^/@\s"]+@|(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}|((?:authorization|cookie)\\?"?\s*[:=]\s*\\?"?)[^\r\n",}]+`)

// clean takes secrets out of a sample and caps it.
func clean(sample string) string {
	const longest = 400
	sample = secrets.ReplaceAllString(sample, "${1}${2}${3}[redacted]")
	return strings.ToValidUTF8(sample[:min(len(sample), longest)], "")
}
