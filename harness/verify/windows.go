package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// window is the stretch of the run that counts: while traffic flowed. What
// comes before is bringing up the stack, what follows is taking it down, and
// neither is the product's fault. Offsets of the plan count from its start.
type window struct {
	from, to time.Duration
	flowed   bool          // traffic started at all
	cut      string        // why the run is not whole, "" if it is
	over     time.Duration // from when on exits that were asked for are the tear-down's doing
}

func windowOf(events []journal.Event) window {
	w := window{from: -1, to: -1}
	var ended *timed[journal.RunEnded]
	for _, e := range events {
		switch b := e.Body.(type) {
		case journal.TrafficStarted:
			if !w.flowed {
				w.flowed, w.from = true, e.T
			}
		case journal.TrafficEnded:
			w.to = e.T
		case journal.RunEnded:
			ended = &timed[journal.RunEnded]{e.T, b}
		}
	}
	trafficEnded := w.to >= 0
	if !trafficEnded {
		w.to = lastMoment(events, ended)
	}
	w.cut = cutShort(events, ended, w.flowed, trafficEnded)
	w.over = w.to
	if ended != nil && w.cut == "" {
		w.over = ended.at
	}
	return w
}

// lastMoment is where traffic ended at the latest when nothing says so: what
// follows RunEnded is the tear-down.
func lastMoment(events []journal.Event, ended *timed[journal.RunEnded]) time.Duration {
	if ended != nil {
		return ended.at
	}
	if len(events) == 0 {
		return 0
	}
	return events[len(events)-1].T
}

// cutShort says why a run is not whole.
func cutShort(events []journal.Event, ended *timed[journal.RunEnded], started, stopped bool) string {
	switch {
	case len(events) == 0:
		return "the journal is empty"
	case ended == nil:
		return fmt.Sprintf("the record breaks off at %s: the run never came to its end", offset(events[len(events)-1].T))
	case ended.body.Reason == "interrupted":
		return fmt.Sprintf("the run was interrupted at %s", offset(ended.at))
	case ended.body.Reason == "aborted":
		return fmt.Sprintf("the run was aborted by hand at %s", offset(ended.at))
	case ended.body.Reason != "completed" && ended.body.Error != "":
		return fmt.Sprintf("the run ended at %s with an error: %s", offset(ended.at), ended.body.Error)
	case ended.body.Reason != "completed":
		return fmt.Sprintf("the run ended at %s, not completed (%s)", offset(ended.at), ended.body.Reason)
	case !started:
		return "traffic never started"
	case !stopped:
		return "traffic never ended"
	}
	return ""
}

// holds tells whether a moment lies in the window.
func (w window) holds(at time.Duration) bool { return w.flowed && at >= w.from && at <= w.to }
