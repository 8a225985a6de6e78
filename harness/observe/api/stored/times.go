package stored

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Times are wall times of a run.
type Times struct {
	// Traffic is when traffic started, what offsets count from; of a run that did not
	// come that far, when the run started.
	Traffic time.Time
	// End is when traffic ended; of a run that did not come that far, or goes on, the
	// last moment that the journal knows.
	End time.Time
	// Phases are those that began, in their order.
	Phases []Phase
}

// Phase is a phase of a run; one that did not end lasts until the end of the run.
type Phase struct {
	Name     string
	From, To time.Time
}

// timed are the kinds of events that tell the times of a run.
func timed() []string {
	return []string{journal.TrafficStarted{}.Kind(), journal.TrafficEnded{}.Kind(), journal.PhaseStarted{}.Kind(), journal.PhaseEnded{}.Kind()}
}

// timesOf finds them in events that are in order; last is when anything was written last.
func timesOf(started time.Time, events []journal.Event, last time.Duration) Times {
	t := Times{Traffic: started, End: started.Add(last).UTC()}
	for _, e := range events {
		at := started.Add(e.T).UTC()
		switch b := e.Body.(type) {
		case journal.TrafficStarted:
			t.Traffic = at
		case journal.TrafficEnded:
			t.End = at
		case journal.PhaseStarted:
			t.Phases = append(t.Phases, Phase{Name: b.Phase, From: at})
		case journal.PhaseEnded:
			if i := t.phase(b.Phase); i >= 0 {
				t.Phases[i].To = at
			}
		}
	}
	for i := range t.Phases {
		if t.Phases[i].To.IsZero() {
			t.Phases[i].To = t.End
		}
	}
	return t
}

func (t Times) phase(name string) int {
	return slices.IndexFunc(t.Phases, func(p Phase) bool { return p.Name == name })
}

// At reads a moment: an offset from the start of traffic (90s), "end" for the end of
// traffic, a phase (its end), or an offset into one (surge + 5s).
func (t Times) At(text string) (time.Time, error) {
	return t.moment(text, func(p Phase) time.Time { return p.To })
}

// From reads a moment as At does, but takes a phase for its start.
func (t Times) From(text string) (time.Time, error) {
	return t.moment(text, func(p Phase) time.Time { return p.From })
}

func (t Times) moment(text string, side func(Phase) time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "end" {
		return t.End, nil
	}
	if i := t.phase(text); i >= 0 {
		return side(t.Phases[i]), nil
	}
	if offset, err := scenarios.ParseDuration(text); err == nil {
		return t.Traffic.Add(offset.Std()), nil
	}
	if m, err := scenarios.ParseMoment(text); err == nil {
		if i := t.phase(m.Phase); i >= 0 {
			return t.Phases[i].From.Add(m.Offset.Std()), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no moment of the run: write an offset from the start of traffic (90s), end%s", text, t.names())
}

// names are the phases, as the end of a sentence about what to write.
func (t Times) names() string {
	if len(t.Phases) == 0 {
		return "; no phase began"
	}
	var names []string
	for _, p := range t.Phases {
		names = append(names, p.Name)
	}
	return ", a phase (" + strings.Join(names, ", ") + "), or an offset into one (" + names[0] + " + 5s)"
}

// Offset is how long after the start of traffic a time is.
func (t Times) Offset(at time.Time) time.Duration { return at.Sub(t.Traffic) }
