package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// steeredJournal is a run of a minute of traffic in which people did things.
func steeredJournal(reason string, more ...journal.Event) *journal.Record {
	const s = time.Second
	events := []journal.Event{{T: 0, Body: journal.RunStarted{}}, {T: 10 * s, Body: journal.TrafficStarted{}}}
	events = append(events, more...)
	events = append(events, journal.Event{T: 70 * s, Body: journal.TrafficEnded{}}, journal.Event{T: 71 * s, Body: journal.RunEnded{Reason: reason}})
	return &journal.Record{Events: events}
}

func by(at time.Duration, verb, detail, refused string) journal.Event {
	return journal.Event{T: at * time.Second, Body: journal.Steered{By: "ann", Verb: verb, Detail: detail, Error: refused}}
}

func TestSteeredRuns(t *testing.T) {
	const s = time.Second
	slow := []journal.Event{
		by(20, "inject", "inject slow: hold requests to api up by 1s for 10s", ""),
		{T: 20 * s, Body: journal.FaultStarted{Fault: "slow", FaultKind: "http_latency", Targets: []string{"api"}}},
		{T: 25 * s, Body: journal.FaultEnded{Fault: "slow", Targets: []string{"api"}, By: "hand"}},
	}
	state := func(at time.Duration, state string) journal.Event {
		return journal.Event{T: at * s, Body: journal.FaultState{Fault: "slow", Target: "api", State: state}}
	}
	proven := append(slices.Clone(slow), state(21, journal.FaultApplied), state(25, journal.FaultReverted))
	stuck := append(slices.Clone(slow), state(21, journal.FaultApplied), state(25, journal.FaultStuck))
	for name, c := range map[string]struct {
		record *journal.Record
		want   map[string]string // findings, with words of their reason or evidence
	}{
		"nobody did anything":       {steeredJournal("completed"), nil},
		"notes change nothing":      {steeredJournal("completed", by(20, "note", "hm", "")), nil},
		"nor does what was refused": {steeredJournal("completed", by(20, "inject", "inject a fault", "no")), nil},
		"a fault by hand":           {steeredJournal("completed", proven...), map[string]string{"run/steered": "1 intervention", "faults/slow": ""}},
		"one that shows no effect": {steeredJournal("completed", slow...),
			map[string]string{"run/steered": "1 intervention", "faults/slow": "nothing tells whether it took effect"}},
		"one that is not over": {steeredJournal("completed", stuck...), map[string]string{"run/steered": "1 intervention", "faults/slow": "api"}},
		"the load": {steeredJournal("completed", by(20, "pause", "pause traffic", ""), by(30, "resume", "resume traffic", "")),
			map[string]string{"run/steered": "2 interventions"}},
		"an abort": {steeredJournal("aborted", by(40, "abort", "abort: enough", "")), map[string]string{"run/steered": "1 intervention", "run/aborted": "by ann"}},
		"two aborts at once": {steeredJournal("aborted", by(40, "abort", "abort", ""), by(40, "abort", "abort", "")),
			map[string]string{"run/steered": "2 interventions", "run/aborted": "by ann"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]Finding{}
			for _, f := range Judge(c.record, &scenarios.Plan{}).Checks {
				if _, again := got[f.ID]; again {
					t.Errorf("two findings are called %s", f.ID)
				}
				got[f.ID] = f
			}
			if len(got) != len(c.want) {
				t.Errorf("findings %+v, want %v", got, c.want)
			}
			for id, words := range c.want {
				if f := got[id]; (f.Verdict != Inconclusive) != (words == "") || !strings.Contains(f.Reason, words) || len(f.Evidence) == 0 {
					t.Errorf("%s is %+v, want %q", id, f, words)
				}
			}
		})
	}
}

// What went wrong while somebody had a hand in the run says so; what went wrong before does not.
func TestFindingsTellOfInterventions(t *testing.T) {
	t.Parallel()
	const s = time.Second
	record := steeredJournal("completed",
		by(20, "inject", "inject slow: hold requests up", ""),
		journal.Event{T: 25 * s, Body: journal.FaultEnded{Fault: "slow", By: "hand"}},
		by(30, "pause", "pause traffic", ""), by(40, "resume", "resume traffic", ""))
	h := newHistory(record, &scenarios.Plan{})
	others := []Finding{
		{ID: "in the fault", Verdict: Fail, Evidence: []Evidence{{From: 22 * s, To: 23 * s}}},
		{ID: "in the pause", Verdict: Inconclusive, Evidence: []Evidence{{From: 12 * s, To: 13 * s}, {From: 35 * s, To: 36 * s}}},
		{ID: "between", Verdict: Fail, Evidence: []Evidence{{From: 26 * s, To: 28 * s}}},
		{ID: "a pass", Verdict: Pass, Evidence: []Evidence{{From: 22 * s, To: 23 * s}}},
	}
	h.steered(record.Events, others)
	for n, want := range []string{"inject slow", "pause traffic", "", ""} {
		last := others[n].Evidence[len(others[n].Evidence)-1].Text
		if want == "" && last != "" || !strings.Contains(last, want) {
			t.Errorf("%s: %q, want %q", others[n].ID, last, want)
		}
	}
}
