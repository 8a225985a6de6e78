package verify

import (
	"fmt"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// An intervention is what a person did to the run, and for how long it made a difference.
type intervention struct {
	span
	journal.Steered
}

// steered tells that people had a hand in the run: its checks are judged as those of any
// other, but what they say is not what the scenario would have shown by itself, so that no
// pass stands for it. Findings that are no pass get it said where it overlaps them. Notes,
// and what was refused, change nothing.
func (h *history) steered(events []journal.Event, others []Finding) []Finding {
	all := h.interventions(events)
	if len(all) == 0 {
		return nil
	}
	f := Finding{ID: "run/steered", Kind: "run", Verdict: Inconclusive, Wanted: "nobody steers the run by hand", Measured: plural(len(all), "intervention")}
	f.Reason = fmt.Sprintf("the run was steered by hand (%s): its verdict speaks of this run only", plural(len(all), "intervention"))
	findings := []Finding{}
	for n, i := range all {
		if n < maxNamed {
			f.Evidence = append(f.Evidence, i.evidence())
		}
		if i.Verb == "abort" && len(findings) == 0 { // two people may ask at once
			findings = append(findings, Finding{ID: "run/aborted", Kind: "run", Verdict: Inconclusive, Wanted: "the run comes to its end",
				Measured: "aborted at " + offset(i.from), Reason: fmt.Sprintf("the run was aborted at %s by %s: what would have followed is not known", offset(i.from), capped(i.By)),
				Evidence: []Evidence{i.evidence()}})
		}
	}
	if more := len(all) - maxNamed; more > 0 {
		f.Evidence = append(f.Evidence, Evidence{Text: plural(more, "more intervention"), From: all[maxNamed].from, To: all[len(all)-1].to, Count: more})
	}
	for n := range others {
		if i := meeting(all, others[n]); i != nil {
			others[n].Evidence = append(others[n].Evidence, i.evidence())
		}
	}
	return append(findings, f)
}

func (i intervention) evidence() Evidence {
	return Evidence{Text: fmt.Sprintf("steered by %s: %s", capped(i.By), capped(i.Detail)), From: i.from, To: i.to}
}

// meeting is the first intervention that lasts while what a finding tells of happened;
// nil where the finding is a pass, or none does.
func meeting(all []intervention, f Finding) *intervention {
	if f.Verdict == Pass || f.Kind == "run" {
		return nil
	}
	for n := range all {
		for _, e := range f.Evidence {
			if (e.From > 0 || e.To > 0) && e.From <= all[n].to && all[n].from <= e.To {
				return &all[n]
			}
		}
	}
	return nil
}

// interventions are those that were carried out. One of the load lasts until the next, a
// fault until it was reverted, the calling off of one until it would have been over, and
// everything else to the end of traffic.
func (h *history) interventions(events []journal.Event) []intervention {
	var all []intervention
	load := -1 // the last about the load
	for _, e := range events {
		b, ok := e.Body.(journal.Steered)
		if !ok || b.Error != "" || b.Verb == "note" {
			continue
		}
		i := intervention{span{e.T, max(e.T, h.window.to)}, b}
		switch b.Verb {
		case "pause", "resume", "load":
			if load >= 0 {
				all[load].to = e.T
			}
			load = len(all)
		case "inject":
			if ended, is := h.faults.ended[injected(b.Detail)]; is {
				i.to = max(i.from, ended.at)
			}
		case "revert", "abort":
			i.to = max(i.from, h.spared(b.Detail))
		}
		all = append(all, i)
	}
	return all
}

// spared is until when a fault would have lasted that was called off in these words: "call
// off slow: not today"; 0 where none was.
func (h *history) spared(detail string) time.Duration {
	id := inWords(detail, "call off ")
	for _, f := range h.faults.runs {
		if f.ID == id && f.calledOff() {
			return max(f.ended.at, f.origin+f.End.Std())
		}
	}
	return 0
}

// injected is the ID of a fault in the words of its injection: "inject slow: delay ...".
func injected(detail string) string { return inWords(detail, "inject ") }

// inWords is the ID of the fault that something was done about, in the words of what was.
func inWords(detail, done string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(detail, done), ":")
	return id
}
