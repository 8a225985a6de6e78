package verify

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// actions tells of the plan's actions that went wrong while the run was whole:
// what the scenario wanted to rehearse did not happen, so that no pass stands
// for it. Where all went well there is nothing to say.
func (h *history) actions(events []journal.Event) []Finding {
	if h.window.cut != "" {
		return nil // every check says so already
	}
	f := Finding{ID: "run/actions", Kind: "run", Verdict: Inconclusive, Wanted: "every action of the scenario is carried out"}
	done := 0
	for _, e := range events {
		b, ok := e.Body.(journal.ActionEnded)
		if !ok {
			continue
		}
		done++
		if b.Error == "" {
			continue
		}
		f.Evidence = append(f.Evidence, Evidence{Text: b.Detail + ": " + capped(without(b.Detail, b.Error)), From: e.T, To: e.T})
		f.Reason = join(f.Reason, b.Detail+" did not come about: "+firstLine(without(b.Detail, b.Error)))
	}
	for _, detail := range h.unfinishedInterruptions() {
		done++
		f.Evidence = append(f.Evidence, Evidence{Text: detail.body.Detail + ": still under way when the run ended", From: detail.at, To: h.window.to})
		f.Reason = join(f.Reason, detail.body.Detail+" was still under way when the run ended, so what it takes away was not seen to go")
	}
	if len(f.Evidence) == 0 {
		return nil
	}
	f.Measured = fmt.Sprintf("%s of %s went wrong", count(len(f.Evidence)), count(done))
	return []Finding{f}
}

// unfinishedInterruptions are the interruptions whose notice outlasted the run.
// Other actions that do are told by the checks that they are for.
func (h *history) unfinishedInterruptions() []timed[journal.ActionStarted] {
	ended := map[string]int{}
	for _, e := range h.actionsEnded {
		ended[e.body.Detail]++
	}
	var list []timed[journal.ActionStarted]
	for _, s := range h.actionsStarted {
		if s.body.Action != "interrupt" {
			continue
		}
		if ended[s.body.Detail]--; ended[s.body.Detail] < 0 {
			list = append(list, s)
		}
	}
	return list
}
