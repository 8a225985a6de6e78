package reports

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A ClaimEvent is how an account stood from a moment on: "granted", "renewed",
// "queued", "rejected" or "released".
type ClaimEvent struct {
	T        time.Duration `json:"t_ns"`
	Decision int           `json:"decision"`
	Service  string        `json:"service"`
	Account  string        `json:"account"`
	State    string        `json:"state"`
	Instance string        `json:"instance"` // "" for all of them
	Via      string        `json:"via"`
	Waited   time.Duration `json:"waited_ns"`
	Answered bool          `json:"answered"` // the application was told
	Reason   string        `json:"reason"`
}

// The lines of scale-events.ndjson, described in SCALE-EVENTS.md. Members are added, never renamed, removed or
// given another meaning; offsets count from the start of the run, in nanoseconds.
type (
	decisionLine struct {
		Type string `json:"type"` // "decision"
		Decision
	}
	resizeLine struct {
		Type string `json:"type"` // "resize"
		Resize
	}
	claimLine struct {
		Type string `json:"type"` // "claim"
		ClaimEvent
	}
	instanceLine struct {
		Type string `json:"type"` // "instance"
		InstanceChange
	}
	interruptionLine struct {
		Type string `json:"type"` // "interruption"
		Interruption
	}
)

// scaleEvent is a line with its place.
type scaleEvent struct {
	at   time.Duration
	line any
}

// ScaleEvents writes what autoscalers did as one JSON object a line, in order of
// time: every decision, also those that changed nothing ("change": 0), with what
// came of it, every instance that was added, removed or lost with the decision behind
// it, and every resize, claim and interruption. It writes nothing for a
// run without any.
func ScaleEvents(w io.Writer, run Run) error {
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for _, event := range scaleEventsOf(run) {
		if err := e.Encode(event.line); err != nil {
			return err
		}
	}
	return out.Flush()
}

func scaleEventsOf(run Run) (list []scaleEvent) {
	events := run.events()
	for _, d := range decisionsOf(events) {
		list = append(list, scaleEvent{d.T, decisionLine{"decision", d}})
	}
	for _, c := range changesOf(run, windowOf(events)) {
		list = append(list, scaleEvent{c.T, instanceLine{"instance", c}})
	}
	for _, r := range resizesOf(events) {
		list = append(list, scaleEvent{r.T, resizeLine{"resize", r}})
	}
	for _, i := range interruptionsOf(events) {
		list = append(list, scaleEvent{i.T, interruptionLine{"interruption", i}})
	}
	for _, e := range events {
		if b, ok := e.Body.(journal.Claim); ok {
			list = append(list, scaleEvent{e.T, claimLine{"claim", ClaimEvent{
				e.T, b.Decision, clean(b.Service), clean(b.Account), clean(b.State), clean(b.Instance), clean(b.Via), b.Waited, b.Answered, clean(b.Reason),
			}}})
		}
	}
	slices.SortStableFunc(list, func(a, b scaleEvent) int { return cmp.Compare(a.at, b.at) })
	return list
}
