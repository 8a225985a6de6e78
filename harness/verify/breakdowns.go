package verify

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// breakdowns tells of instances that broke down under traffic although nobody had
// asked them to go: whatever the checks saw may be its doing, so that no pass
// stands. What ends with code 0 has done its job, and how a job of the scenario
// ends is told by its action. One that something else took the place of broke down
// all the same. Where none broke down there is nothing to say; a gateway's end is
// told by the checks themselves. What a fault ended, it was meant to.
func (h *history) breakdowns(events []journal.Event) []Finding {
	f := Finding{ID: "run/crashes", Kind: "run", Verdict: Inconclusive, Wanted: "no instance breaks down unasked"}
	for _, e := range events {
		b, ok := e.Body.(journal.InstanceExited)
		if !ok || b.Wanted || b.Service == "" || b.Code == 0 && !b.OOM || !h.window.holds(e.T) {
			continue
		}
		i := h.byName[b.Instance]
		if i != nil && (i.job || h.interrupted(i) || i.taken != nil) {
			continue
		}
		text := fmt.Sprintf("%s exited with code %d at %s, which nobody had asked for", b.Instance, b.Code, offset(e.T))
		if b.OOM {
			text += ": the kernel killed it for want of memory"
		}
		if taken := h.replacement(i); taken != "" {
			text += "; " + taken
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

// interrupted tells whether an instance was there at the end of the notice of an
// interruption, which takes it away: that is asked for.
func (h *history) interrupted(i *instance) bool {
	for _, n := range h.scale.notices {
		if slices.Contains(n.body.Instances, i.name) && i.exited != nil && i.exited.at >= n.at+n.body.Notice-fastestLook {
			return true
		}
	}
	return false
}

// replacement says which instance took the place of one that broke down; "" if
// none did. Those that broke down are replaced in turn.
func (h *history) replacement(gone *instance) string {
	if gone == nil || gone.exited == nil {
		return ""
	}
	taken := map[*instance]bool{}
	for _, broken := range h.crashesInTurn(gone.service) {
		for _, i := range h.of(gone.service) {
			if taken[i] || i.started == nil || *i.started < broken.exited.at || !h.replaces(i) {
				continue
			}
			if broken == gone {
				return fmt.Sprintf("%s took its place %s later", i.name, offset(*i.started-gone.exited.at))
			}
			taken[i] = true
			break
		}
	}
	return ""
}

// replaces tells whether an instance was started in the place of another.
func (h *history) replaces(i *instance) bool {
	return slices.ContainsFunc(h.scale.decisions, func(d timed[journal.ScaleDecision]) bool {
		if d.body.Service != i.service || d.body.Autoscaler != replacing {
			return false
		}
		return d.body.ID == i.decision || slices.Contains(h.scale.applied[d.body.ID].body.Started, i.name)
	})
}

// crashesInTurn are the instances of a service that broke down unasked, in order
// of time.
func (h *history) crashesInTurn(service string) []*instance {
	list := slices.DeleteFunc(h.of(service), func(i *instance) bool { return i.exited == nil || i.exited.body.Wanted })
	slices.SortStableFunc(list, func(a, b *instance) int { return cmp.Compare(a.exited.at, b.exited.at) })
	return list
}
