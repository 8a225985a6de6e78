package verify

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// What a plan asks for is what its checks look up: each query of a check, answered,
// leaves no finding without an answer.
func TestChecksLookUpWhatPlansAsk(t *testing.T) {
	most := scenarios.Level(1)
	end := scenarios.Duration(40 * time.Second)
	phases := []scenarios.PlannedPhase{{Name: "steady", End: end / 2}, {Name: "surge", Start: end / 2, End: end}}
	for name, c := range map[string]scenarios.PromQLCheck{
		"whole":  {Name: "share", Query: "x", Max: &most},
		"phases": {Name: "share", Query: "x", Max: &most, Phases: []string{"steady", "surge"}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &journal.Record{Events: []journal.Event{{T: 0, Body: journal.TrafficStarted{}}}}
			for _, q := range c.Queries(phases, end) {
				s := journal.QuerySeries{}
				for at := q.Start.Std(); at <= q.End.Std(); at += q.Step.Std() {
					s.At, s.Values = append(s.At, at), append(s.Values, 0.5)
				}
				rec.Events = append(rec.Events, journal.Event{T: 41 * time.Second, Body: journal.QueryResult{ID: q.ID, Expr: q.Expr, Step: q.Step.Std(), Series: []journal.QuerySeries{s}}})
			}
			rec.Events = append(rec.Events, journal.Event{T: 42 * time.Second, Body: journal.TrafficEnded{}}, journal.Event{T: 42 * time.Second, Body: journal.RunEnded{Reason: "completed"}})
			result := Judge(rec, &scenarios.Plan{Phases: phases, Duration: end, Checks: []scenarios.Check{{PromQL: &c}}})
			if result.Verdict != Pass || len(result.Checks) != max(1, len(c.Phases)) {
				t.Errorf("%s: %+v", result.Verdict, result.Checks)
			}
		})
	}
}
