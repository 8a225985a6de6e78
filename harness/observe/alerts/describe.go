package alerts

import (
	"slices"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Describe says which rules there are, in the order of their files, with the times that
// they are evaluated with.
func (r *Rules) Describe() journal.RulesLoaded {
	out := journal.RulesLoaded{Files: slices.Clone(r.files), Scale: r.scale, Source: "embedded", Remarks: slices.Clone(r.remarks)}
	for _, g := range r.groups {
		for _, rule := range g.rules {
			out.Rules = append(out.Rules, described(g, rule))
		}
	}
	return out
}

func described(g group, r rule) journal.Rule {
	out := journal.Rule{
		File: g.file, Group: g.name, Record: r.record, Alert: r.alert, Expr: r.text,
		Interval: g.interval, For: r.hold, KeepFiring: r.keep,
		Labels: r.labels.Map(), Annotations: r.annotations.Map(),
		Metrics: names(r.expr), Ranges: ranges(r.expr),
	}
	out.Threshold, out.Compare = limit(r.expr)
	return out
}
