package verify

import (
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// AlertRemarks is what alert_lint finds wrong with rules before a run, from the plan
// alone: alerts that cannot fire (N1), ranges that are too short (N3), and rules that go
// by a label phase, which means something else in a run than elsewhere. Alerts that
// the plan's own alert_lint ignores are left out. The rest, what is exported and what
// can be evaluated, only a run shows.
func AlertRemarks(plan *scenarios.Plan, rules journal.RulesLoaded) (wrong []Finding) {
	h := newHistory(&journal.Record{Events: []journal.Event{{Body: rules}}}, plan)
	l := lint{alertRecord: h.alertRecord(), h: h, scrape: metricEvery}
	if m := plan.Metrics; m != nil && m.Every > 0 {
		l.scrape = m.Every.Std()
	}
	for _, c := range plan.Checks {
		if c.AlertLint != nil {
			l.ignored = append(l.ignored, c.AlertLint.Ignore...)
		}
	}
	if f := l.canFire(Finding{ID: "alert-cannot-fire", Kind: "alert_lint", Verdict: Pass}); f.Verdict == Fail {
		wrong = append(wrong, f)
	}
	if f := l.ranges(Finding{ID: "rule-range", Kind: "alert_lint", Verdict: Pass}); f.Verdict == Fail {
		wrong = append(wrong, f)
	}
	if f := l.phases(Finding{ID: "rule-phase", Kind: "alert_lint", Verdict: Pass}); f.Verdict == Fail {
		wrong = append(wrong, f)
	}
	return wrong
}

// ownMetrics is what the names of the run's own metrics begin with.
const ownMetrics = "shakedown_"

// phases finds rules that go by a label phase of what instances export: series have the
// run's phase under that name, rules do not see it at all, and a label phase of a page
// itself is called exported_phase. What the run exports, and what rules record, keeps its own.
func (l lint) phases(f Finding) Finding {
	var wrong []string
	for _, r := range l.judged() {
		scraped := slices.ContainsFunc(r.Metrics, func(name string) bool {
			return !strings.HasPrefix(name, ownMetrics) && !slices.ContainsFunc(l.rules(), func(o journal.Rule) bool { return o.Record == name })
		})
		if scraped && names(unquoted(r.Expr), "phase") {
			wrong = append(wrong, called(r)+" goes by the label phase, which is the run's own and which rules do not see: a label phase of a page of metrics is exported_phase here")
		}
	}
	f.Measured = "no rule goes by the label phase"
	return blamed(f, wrong, "rule")
}
