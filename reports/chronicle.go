package reports

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// maxEntries bounds the table of events; the rest is counted.
const maxEntries = 400

// An entry is a line of the table of events.
type entry struct {
	at      time.Duration
	kind    string // "phase", "action", "instance", "endpoint", "probe", "run"
	subject string
	text    string
	grave   bool // worth the reader's attention
}

// chronicleOf lists what happened, without the engine's calls and the
// counts; more is how many entries did not fit.
func chronicleOf(events []journal.Event) (entries []entry, more int) {
	over := false
	for _, e := range events {
		n, ok := entryOf(e.Body)
		if !ok {
			continue
		}
		if x, exit := e.Body.(journal.InstanceExited); over && exit {
			n.grave = !x.Wanted || x.OOM // the tear-down may kill
		}
		over = over || e.Body.Kind() == journal.RunEnded{}.Kind()
		if len(entries) == maxEntries {
			more++
			continue
		}
		n.at = e.T
		entries = append(entries, n)
	}
	return entries, more
}

func entryOf(body journal.Body) (entry, bool) {
	switch b := body.(type) {
	case journal.TrafficStarted:
		return entry{kind: "run", text: "traffic starts"}, true
	case journal.TrafficEnded:
		return entry{kind: "run", text: "traffic has ended"}, true
	case journal.RunEnded:
		return entry{kind: "run", text: after("run ends: "+b.Reason, ": ", b.Error), grave: b.Reason != "completed"}, true
	case journal.PhaseStarted:
		return entry{kind: "phase", subject: b.Phase, text: "begins, for " + span(b.For)}, true
	case journal.PhaseEnded:
		return entry{kind: "phase", subject: b.Phase, text: "ends"}, true
	case journal.ActionStarted:
		return entry{kind: "action", subject: b.Service, text: b.Detail}, true
	case journal.ActionEnded:
		return entry{kind: "action", subject: b.Service, text: after("done: "+b.Detail, ": ", b.Error), grave: b.Error != ""}, true
	case journal.Operation:
		return entry{kind: "engine", subject: b.Subject, text: b.Op + " went wrong: " + b.Error, grave: true}, b.Error != ""
	}
	return instanceEntry(body)
}

func instanceEntry(body journal.Body) (entry, bool) {
	switch b := body.(type) {
	case journal.InstanceStarted:
		return entry{kind: "instance", subject: b.Instance, text: after("started", ", ", b.Cause)}, true
	case journal.InstanceTerminating:
		return entry{kind: "instance", subject: b.Instance, text: fmt.Sprintf(
			"told to stop: off the list after %s, SIGTERM after %s, SIGKILL after %s", length(b.Lag), length(b.PreStop), length(b.Grace))}, true
	case journal.InstanceSignalled:
		return entry{kind: "instance", subject: b.Instance, text: b.Signal, grave: b.Signal == "SIGKILL"}, true
	case journal.InstanceExited:
		return entry{kind: "instance", subject: b.Instance, text: exitText(b), grave: b.Code != 0 || b.OOM || !b.Wanted}, true
	case journal.EndpointAdded:
		text := "joins the endpoint list"
		early := b.Initialized != nil && !*b.Initialized
		if early {
			text += " although it is still initializing"
		}
		return entry{kind: "endpoint", subject: b.Instance, text: text, grave: early}, true
	case journal.EndpointRemoved:
		return entry{kind: "endpoint", subject: b.Instance, text: "leaves the endpoint list: " + b.Reason, grave: b.Reason == "unready"}, true
	case journal.InitializationDone:
		return entry{kind: "instance", subject: b.Instance, text: "initialization complete"}, true
	case journal.ProbeChanged:
		text := "readiness probe fails"
		if b.Ready {
			text = "readiness probe passes"
		}
		return entry{kind: "probe", subject: b.Instance, text: after(text, ": ", b.Detail)}, true
	}
	return entry{}, false
}

func exitText(b journal.InstanceExited) string {
	text := fmt.Sprintf("exited with code %d", b.Code)
	if b.OOM {
		text += ", killed for want of memory"
	}
	if !b.Wanted {
		text += ", although nobody had asked"
	}
	return text
}

// after appends a text with its separator, if there is one.
func after(head, separator, tail string) string {
	if tail == "" {
		return head
	}
	return head + separator + tail
}

// length is a planned duration, of which 0 is one too.
func length(d time.Duration) string {
	if d == 0 {
		return "0 s"
	}
	return span(d)
}
