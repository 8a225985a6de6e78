package harness

import (
	"github.com/shakedown-dev/shakedown/harness/observe"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// measurable is what Prometheus finds wrong with the rule files and the expressions of
// a scenario, so that it is known before anything starts. Plan is nil where the scenario
// has mistakes of its own: then the rules are looked at as they are written.
func measurable(document *scenarios.Document, plan *scenarios.Plan) (problems scenarios.Problems) {
	files, scale := document.RuleFiles(), 1.0
	if plan != nil && plan.Metrics != nil {
		files, scale = plan.Metrics.Rules, plan.Metrics.RuleScale
	}
	for _, p := range observe.CheckRules(files, scale) {
		problem := scenarios.Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.Message}
		if p.Group != "" {
			problem.Path = "group " + p.Group
		}
		if p.Rule != "" {
			problem.Path += ", " + p.Rule
		}
		problems = append(problems, problem)
	}
	return append(problems, document.ExpressionProblems(observe.CheckExpr)...)
}

// remarkable is what is wrong with rules in this rehearsal, and could be right in
// another one: a remark before the run, and no mistake.
func remarkable(plan *scenarios.Plan) (remarks []scenarios.LintRemark) {
	if plan.Metrics == nil || len(plan.Metrics.Rules) == 0 {
		return nil
	}
	rules := observe.Describe(plan.Metrics.Rules, plan.Metrics.RuleScale, plan.Metrics.Every.Std())
	for _, f := range verify.AlertRemarks(plan, rules) {
		remarks = append(remarks, scenarios.LintRemark{Rule: f.ID, Service: f.Measured, Level: "warning", Text: f.Reason})
	}
	return remarks
}
