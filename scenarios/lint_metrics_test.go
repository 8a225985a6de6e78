package scenarios

import (
	"strings"
	"testing"
	"time"
)

// lintedPlan is a run of a minute: 30 s of baseline and 30 s of surge at 2 sessions a
// second, with a fault from 40 s to 50 s.
func lintedPlan(check Check) *Plan {
	s := func(n int) Duration { return Duration(n) * Duration(time.Second) }
	return &Plan{
		Tempo: 1, Duration: s(60),
		Phases:   []PlannedPhase{{"baseline", 0, s(30)}, {"surge", s(30), s(60)}},
		Services: map[string]PlannedService{"api": {Port: 8080}},
		Journeys: map[string][]PlannedStep{"shop": {{Name: "browse", Service: "api"}, {Name: "buy", Service: "api"}}},
		Load: []PlannedLoad{{Journey: "shop", Segments: []PlannedSegment{
			{Phase: "baseline", Start: 0, End: s(30), Ramp: &Ramp{From: 0, To: 4}}, {Phase: "surge", Start: s(30), End: s(60), Constant: 0.5},
		}, Bursts: []PlannedBurst{{Phase: "surge", Start: s(30), End: s(31), Sessions: 3}}}},
		Faults:  []PlannedFault{{ID: "broken", At: s(40), End: s(50), Services: []string{"api"}}},
		Metrics: &PlannedMetrics{Every: s(1)},
		SLOs: []PlannedSLO{
			{Name: "short", Window: s(30)}, {Name: "month", Window: defaultBudgetWindow}, {Name: "hour", Window: Duration(time.Hour)},
			{Name: "ratio", Window: defaultBudgetWindow, Ratio: true},
		},
		Checks: []Check{check},
	}
}

func TestLintOfMetrics(t *testing.T) {
	s := func(n int) *Duration { return pointerTo(Duration(n) * Duration(time.Second)) }
	alert := func(a AlertCheck) Check { a.Alert = "Errors"; return Check{Alert: &a} }
	query := func(q PromQLCheck) Check { q.Name = "q"; return Check{PromQL: &q} }
	threshold := func(metric string, m Threshold, phases ...string) Check {
		return Check{Threshold: &ThresholdCheck{Metrics: map[string]Threshold{metric: m}, Phases: phases}}
	}
	budget := func(name string) Check { return Check{ErrorBudget: &ErrorBudgetCheck{SLO: name}} }
	for name, c := range map[string]struct {
		check Check
		want  string // rule, level and text; "": there is no remark
	}{
		"an alert that has time":          {alert(AlertCheck{Fault: "broken", Within: s(20), Resolves: s(10)}), ""},
		"an alert that fires too late":    {alert(AlertCheck{Fault: "broken", Within: s(21)}), "alert-late warning alert Errors may fire until 21s after the beginning of fault broken, and the run ends 20s after it"},
		"an alert that is over too late":  {alert(AlertCheck{Fault: "broken", Within: s(5), Resolves: s(11)}), "alert-late warning alert Errors may be over until 11s after the end of fault broken, and the run ends 10s after it"},
		"a phase that is the last":        {alert(AlertCheck{Phase: "surge", Within: s(30), Resolves: s(5)}), "alert-late warning alert Errors may be over until 5s after the end of phase surge, and the run ends 0s after it"},
		"an expression without a range":   {query(PromQLCheck{Query: "up", Phases: []string{"surge"}}), ""},
		"values of the phase before":      {query(PromQLCheck{Query: "rate(x[10s])", Phases: []string{"baseline", "surge"}, Skip: *s(9)}), "range warning promql q looks back over 10s, and so the first values of phase surge have something of the phase before in them: set skip: 10s"},
		"values that are skipped":         {query(PromQLCheck{Query: "rate(x[10s])", Phases: []string{"surge"}, Skip: *s(10)}), ""},
		"nothing is before the first":     {query(PromQLCheck{Query: "rate(x[10s])", Phases: []string{"baseline"}}), ""},
		"a range longer than the phase":   {query(PromQLCheck{Query: "rate(x[1m]) / rate(y[5s])", Phases: []string{"surge"}, Skip: *s(29)}), "range warning promql q looks back over 1m0s, and phase surge lasts 30s"},
		"a range longer than the run":     {query(PromQLCheck{Query: "rate(x[1h30m])"}), "range warning promql q looks back over 1h30m0s, and the run lasts 1m0s"},
		"a range of too few scrapes":      {query(PromQLCheck{Query: "rate(x[3s])"}), "short-range warning promql q looks back over 3s, in which instances are scraped fewer than 4 times: look back over 4s at least"},
		"a subquery":                      {query(PromQLCheck{Query: "max_over_time(rate(x[5s])[2m:1s])"}), "range warning promql q looks back over 2m0s"},
		"brackets in a string":            {query(PromQLCheck{Query: `x{path=~"/a[1m]"}`}), ""},
		"a range that no run lasts":       {query(PromQLCheck{Query: "rate(x[999999999y])"}), ""},
		"enough requests":                 {threshold("p99", Threshold{}, "baseline"), ""}, // 60 sessions of two
		"too few of a step":               {threshold("p99", Threshold{Journey: "shop", Step: "buy"}, "baseline"), "few-requests warning threshold p99: some 60 requests are planned in phase baseline, and a p99 needs 100"},
		"enough for a lower percentile":   {threshold("p95", Threshold{Journey: "shop", Step: "buy"}, "baseline"), ""},
		"too few in a quiet phase":        {threshold("p95", Threshold{Journey: "shop", Step: "buy"}), "few-requests warning threshold p95: some 18 requests are planned in phase surge"},
		"a percentile of an expression":   {threshold("p99", Threshold{Query: "x"}), ""},
		"what is no percentile":           {threshold("availability", Threshold{Journey: "shop", Step: "buy"}), ""},
		"a window shorter than the run":   {budget("short"), "budget-window warning the budget of slo short is for 30s, and the run lasts 1m0s"},
		"a run shorter than every window": {budget("month"), "budget-events info the shortest window of burn rates of slo month is 5m0s, and the run lasts 1m0s: events are counted instead"},
		"shares instead of events":        {budget("ratio"), "budget-events warning the shortest window of burn rates of slo ratio is 5m0s, and the run lasts 1m0s; its expression is a share"},
		"windows that fit":                {budget("hour"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, r := range Lint(lintedPlan(c.check)) {
				got = append(got, r.Rule+" "+r.Level+" "+r.Text)
			}
			all := strings.Join(got, "\n")
			if c.want == "" && all != "" || !strings.Contains(all, c.want) || len(got) > 1 {
				t.Errorf("got  %s\nwant %s", all, c.want)
			}
		})
	}
}

func TestNobodyCountsTheRequestsOfAClosedLoop(t *testing.T) {
	plan := lintedPlan(Check{Threshold: &ThresholdCheck{Metrics: map[string]Threshold{"p99": {}}}})
	plan.Load[0].Closed = []PlannedClosed{{Phase: "surge", Sessions: 1}}
	if remarks := Lint(plan); len(remarks) > 0 {
		t.Errorf("%+v", remarks)
	}
}
