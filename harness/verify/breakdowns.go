package verify

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// breakdowns tells of instances that broke down under traffic although nobody had
// asked them to go: whatever the checks saw may be its doing, so that no pass
// stands. What ends with code 0 has done its job, and how a job of the scenario
// ends is told by its action. Where none broke down there is nothing to say; a
// gateway's end is told by the checks themselves.
func (h *history) breakdowns(events []journal.Event) []Finding {
	f := Finding{ID: "run/crashes", Kind: "run", Verdict: Inconclusive, Wanted: "no instance breaks down unasked"}
	for _, e := range events {
		b, ok := e.Body.(journal.InstanceExited)
		if !ok || b.Wanted || b.Service == "" || b.Code == 0 && !b.OOM || !h.window.holds(e.T) {
			continue
		}
		if i := h.byName[b.Instance]; i != nil && i.job {
			continue
		}
		text := fmt.Sprintf("%s exited with code %d at %s, which nobody had asked for", b.Instance, b.Code, offset(e.T))
		if b.OOM {
			text += ": the kernel killed it for want of memory"
		}
		f.Evidence = append(f.Evidence, Evidence{Text: text, Instance: b.Instance, From: e.T, To: e.T})
		f.Reason = join(f.Reason, text)
	}
	if len(f.Evidence) == 0 {
		return nil
	}
	f.Measured = plural(len(f.Evidence), "instance") + " broke down"
	return []Finding{f}
}
