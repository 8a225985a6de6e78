package reports

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// maxEntries bounds the table of events; the rest is counted.
const maxEntries = 400

// An entry is a line of the table of events.
type entry struct {
	at      time.Duration
	kind    string // "phase", "action", "instance", "job", "endpoint", "probe", "ledger", "scaling", "fault", "alert", "metrics", "resize", "claim", "notice", "run"
	subject string
	text    string
	grave   bool // worth the reader's attention
}

// chronicleOf lists what happened, without the engine's calls and the
// counts; more is how many entries did not fit.
func chronicleOf(events []journal.Event) (entries []entry, more int) {
	c := chronicler{versions: versionsOf(events), jobs: jobsOf(events), refused: map[string]string{}}
	for _, e := range events {
		n, ok := c.entry(e.Body)
		if !ok {
			continue
		}
		c.over = c.over || e.Body.Kind() == journal.RunEnded{}.Kind()
		if len(entries) == maxEntries {
			more++
			continue
		}
		n.at = e.T
		entries = append(entries, n)
	}
	return entries, more
}

// chronicler words events; it knows what is said of instances elsewhere.
type chronicler struct {
	versions map[string]string // by instance, where a service had several
	jobs     map[string]bool   // instances that are one-offs
	refused  map[string]string // by instance, why its last resize went wrong
	over     bool              // the run has ended: what follows is the tear-down
}

// jobsOf are the instances that are one-offs.
func jobsOf(events []journal.Event) map[string]bool {
	jobs := map[string]bool{}
	for _, e := range events {
		if b, ok := e.Body.(journal.InstanceStarted); ok && b.Job {
			jobs[b.Instance] = true
		}
	}
	return jobs
}

func (c chronicler) entry(body journal.Body) (entry, bool) {
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
		return entry{kind: "action", subject: b.Service, text: actionText(b)}, true
	case journal.ActionEnded:
		if b.Error != "" {
			first, _, _ := strings.Cut(strings.TrimSpace(b.Error), "\n") // the rest is a log, and with the findings
			return entry{kind: "action", subject: b.Service, text: "went wrong: " + b.Detail + ": " + first, grave: true}, true
		}
		return entry{kind: "action", subject: b.Service, text: "done: " + b.Detail}, true
	case journal.Interrupted:
		return entry{kind: "notice", subject: b.Service, text: NoticeWords(b), grave: true}, true
	case journal.Ledger:
		return entry{kind: "ledger", subject: b.ID, text: fmt.Sprintf("read %s", plural(b.Readings, "time")), grave: b.Error != ""}, true
	case journal.Operation:
		return entry{kind: "engine", subject: b.Subject, text: b.Op + " went wrong: " + b.Error, grave: true}, b.Error != ""
	}
	if n, ok := c.listEntry(body); ok {
		return n, true
	}
	if n, ok := steeredEntry(body); ok {
		return n, true
	}
	if n, ok := c.scaleEntry(body); ok {
		return n, true
	}
	if n, ok := faultEntry(body); ok {
		return n, true
	}
	if n, ok := alertEntry(body); ok {
		return n, true
	}
	return c.instanceEntry(body)
}

// actionText is an action and, of a release, what it keeps to.
func actionText(b journal.ActionStarted) string {
	if b.Replicas == 0 {
		return b.Detail
	}
	return fmt.Sprintf("%s; %s, never fewer than %d in the endpoint list", b.Detail, plural(b.Replicas, "instance"), b.Floor)
}

// scaleEntry words what autoscalers do: what changes something, or was to.
func (c chronicler) scaleEntry(body journal.Body) (entry, bool) {
	switch b := body.(type) {
	case journal.ScaleDecision:
		return entry{kind: "scaling", subject: b.Service, text: DecisionWords(b)}, b.Desired != b.Current
	case journal.ScaleApplied:
		return entry{kind: "scaling", subject: b.Service, text: fmt.Sprintf("decision %d could not be applied: %s", b.ID, b.Error), grave: true}, b.Error != ""
	case journal.Resized: // one that goes wrong is tried again and again
		again := b.Error != "" && c.refused[b.Instance] == b.Error
		c.refused[b.Instance] = b.Error
		return entry{kind: "resize", subject: b.Instance, text: ResizeWords(b), grave: b.Error != ""}, !again
	case journal.Claim:
		return entry{kind: "claim", subject: b.Service, text: ClaimWords(b), grave: b.State == "rejected"}, b.State != "renewed"
	}
	return entry{}, false
}

// alertEntry words what alerts do, and what keeps them from it.
func alertEntry(body journal.Body) (entry, bool) {
	switch b := body.(type) {
	case journal.AlertChanged:
		words := map[string]string{journal.AlertPending: "is pending", journal.AlertFiring: "fires", journal.AlertInactive: "is over"}
		return entry{kind: "alert", subject: b.Alert, text: after(cmp.Or(words[b.To], b.To), ": ", LabelWords(b.Labels)), grave: b.To == journal.AlertFiring}, true
	case journal.RuleFailed:
		return entry{kind: "alert", subject: b.Rule, text: "cannot be evaluated: " + b.Error, grave: true}, true
	case journal.ScrapeChanged:
		if b.Up {
			return entry{kind: "metrics", subject: b.Instance, text: "can be read"}, true
		}
		return entry{kind: "metrics", subject: b.Instance, text: "cannot be read: " + b.Error, grave: true}, true
	}
	return entry{}, false
}

// faultEntry words what is broken and healed.
func faultEntry(body journal.Body) (entry, bool) {
	switch b := body.(type) {
	case journal.FaultStarted:
		return entry{kind: "fault", subject: b.Fault, text: after(after("begins on "+listed(b.Targets, 4), ": ", b.Detail), "; ", b.Error), grave: true}, true
	case journal.FaultEnded:
		if b.By == journal.FaultCalledOff {
			return entry{kind: "fault", subject: b.Fault, text: "called off by hand before it began", grave: true}, true
		}
		return entry{kind: "fault", subject: b.Fault, text: after("reverted, by "+b.By, ": ", b.Error), grave: b.Error != ""}, true
	case journal.FaultState:
		good := b.State == journal.FaultApplied || b.State == journal.FaultReverted
		return entry{kind: "fault", subject: b.Fault, text: after(b.Target+" "+b.State, ": ", b.Reason), grave: !good}, true
	case journal.StopTriggered:
		return entry{kind: "run", text: "stop condition: " + b.Condition + "; measured " + b.Measured, grave: true}, true
	}
	return entry{}, false
}

// instanceEntry words what happens to the process of an instance.
func (c chronicler) instanceEntry(body journal.Body) (entry, bool) {
	switch b := body.(type) {
	case journal.InstanceStarted:
		text := "started"
		if v := c.versions[b.Instance]; v != "" {
			text += " as " + v
		}
		n := entry{kind: "instance", subject: b.Instance, text: after(text, ", ", b.Cause)}
		if b.Job {
			n.kind = "job"
		}
		return n, true
	case journal.MainProcess:
		return entry{kind: "instance", subject: b.Instance, text: after("its main process is a shell, which does not pass signals on", ": ", b.Command), grave: true}, b.Shell
	case journal.InstanceTerminating:
		return entry{kind: "instance", subject: b.Instance, text: fmt.Sprintf(
			"told to stop: off the list after %s, stop signal after %s, SIGKILL after %s", length(b.Lag), length(b.PreStop), length(b.Grace))}, true
	case journal.InstanceSignalled:
		return entry{kind: "instance", subject: b.Instance, text: b.Signal, grave: b.Signal == "SIGKILL" && !c.over}, true
	case journal.InstanceExited:
		return c.exitEntry(b), true
	case journal.InitializationDone:
		return entry{kind: "instance", subject: b.Instance, text: "initialization complete"}, true
	}
	return entry{}, false
}

// exitEntry words an exit. What is left when the run has ended is taken down
// with its signals or without, and its code says nothing.
func (c chronicler) exitEntry(b journal.InstanceExited) entry {
	n := entry{kind: "instance", subject: b.Instance}
	if c.jobs[b.Instance] {
		n.kind = "job"
	}
	if c.over && !b.OOM {
		n.text = fmt.Sprintf("taken down with the stack, code %d", b.Code)
		return n
	}
	b.Wanted = b.Wanted || c.over || c.jobs[b.Instance] // a job ends by itself, as it should
	n.text, n.grave = exitText(b), b.Code != 0 || b.OOM || !b.Wanted
	return n
}

// removals word the reasons of a removal from the endpoint list.
var removals = map[string]string{"switched": "traffic switched over"}

// listEntry words what a gateway says of its endpoint list and its probes.
func (c chronicler) listEntry(body journal.Body) (entry, bool) {
	switch b := body.(type) {
	case journal.EndpointAdded:
		text := "joins the endpoint list"
		early := b.Initialized != nil && !*b.Initialized
		if early {
			text += " although it is still initializing"
		}
		return entry{kind: "endpoint", subject: b.Instance, text: text, grave: early}, true
	case journal.EndpointRemoved:
		return entry{kind: "endpoint", subject: b.Instance, text: "leaves the endpoint list: " + cmp.Or(removals[b.Reason], b.Reason), grave: b.Reason == "unready"}, true
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
