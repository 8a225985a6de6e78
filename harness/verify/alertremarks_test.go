package verify

import (
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// What no run can change is told before it.
func TestRulesThatCannotWorkAreRemarkedOnBeforeTheRun(t *testing.T) {
	minute := scenarios.Duration(time.Minute)
	plan := func(ignore ...string) *scenarios.Plan {
		p := &scenarios.Plan{
			Tempo: 1, Phases: []scenarios.PlannedPhase{{Name: "surge", End: minute}},
			Metrics: &scenarios.PlannedMetrics{Every: scenarios.Duration(time.Second), RuleScale: 1},
		}
		if len(ignore) > 0 {
			p.Checks = []scenarios.Check{{AlertLint: &scenarios.AlertLintCheck{Ignore: ignore}}}
		}
		return p
	}
	rule := func(hold, over time.Duration) journal.RulesLoaded {
		limit := 0.1
		return journal.RulesLoaded{Source: "embedded", Scale: 1, Rules: []journal.Rule{{
			Group: "api", Alert: "Errors", Expr: "sum(rate(bad[" + over.String() + "])) / sum(rate(all[" + over.String() + "])) > 0.1",
			Interval: time.Second, For: hold, Metrics: []string{"all", "bad"}, Ranges: []time.Duration{over}, Threshold: &limit, Compare: ">",
		}}}
	}
	by := func(labels, metric string) journal.RulesLoaded {
		return journal.RulesLoaded{Source: "embedded", Rules: []journal.Rule{
			{Group: "api", Record: "x", Expr: "y", Metrics: []string{"y"}},
			{Group: "api", Record: "z", Expr: "sum " + labels + " (" + metric + ")", Metrics: []string{metric}},
		}}
	}
	for name, c := range map[string]struct {
		plan  *scenarios.Plan
		rules journal.RulesLoaded
		want  string // IDs
	}{
		"as it should be":         {plan(), rule(10*time.Second, 10*time.Second), ""},
		"it waits for too long":   {plan(), rule(time.Hour, 10*time.Second), "alert-cannot-fire"},
		"it is ignored":           {plan("Errors"), rule(time.Hour, 10*time.Second), ""},
		"its range is too short":  {plan(), rule(time.Second, 2*time.Second), "rule-range"},
		"both":                    {plan(), rule(time.Hour, 2*time.Second), "alert-cannot-fire rule-range"},
		"there are no rules":      {plan(), journal.RulesLoaded{}, ""},
		"rules that only record":  {plan(), journal.RulesLoaded{Source: "embedded", Rules: []journal.Rule{{Group: "api", Record: "x", Expr: "y"}}}, ""},
		"a label phase":           {plan(), by("by (phase)", "m"), "rule-phase"},
		"a matcher on one":        {plan(), by(`, m{phase="x"}`, "m"), "rule-phase"},
		"one of the run's own":    {plan(), by("by (phase)", "shakedown_requests_total"), ""},
		"one of a record":         {plan(), by("by (phase)", "x"), ""},
		"only in quotes":          {plan(), by(`, m{path="/phase"}`, "m"), ""},
		"exported_phase":          {plan(), by("by (exported_phase)", "m"), ""},
		"a plan without a length": {&scenarios.Plan{}, rule(0, 10*time.Second), "alert-cannot-fire"},
	} {
		var ids []string
		for _, f := range AlertRemarks(c.plan, c.rules) {
			ids = append(ids, f.ID)
			if f.Reason == "" {
				t.Errorf("%s: %s has no reason", name, f.ID)
			}
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: remarks %q, want %q", name, got, c.want)
		}
	}
}
