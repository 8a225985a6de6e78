package verify

import (
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// AlertRemarks is what alert_lint finds wrong with rules before a run, from the plan
// alone: alerts that cannot fire (N1), and ranges that are too short (N3). Alerts that
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
	return wrong
}
