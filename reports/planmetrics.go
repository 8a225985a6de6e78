package reports

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// writeMetrics writes what is measured, and which rules are evaluated on it.
func writeMetrics(b *strings.Builder, plan *scenarios.Plan) {
	m := plan.Metrics
	if m == nil {
		return
	}
	b.WriteString("\nMetrics\n")
	if m.From != "" {
		writeHanging(b, "  from       ", fmt.Sprintf("the Prometheus %s, for expressions and alerts", m.From))
	} else {
		var pages []string
		for _, service := range slices.Sorted(maps.Keys(m.Pages)) {
			page := fmt.Sprintf("%s:%d%s", service, m.Pages[service].Port, m.Pages[service].Path)
			if m.Pages[service].Assumed {
				page += " where there is one"
			}
			pages = append(pages, page)
		}
		if len(pages) > 0 {
			writeHanging(b, "  scraped    ", fmt.Sprintf("every %s: %s", m.Every, strings.Join(pages, ", ")))
		}
	}
	if len(m.Rules) > 0 {
		var files []string
		for _, f := range m.Rules {
			files = append(files, filepath.Base(f))
		}
		times := "with their times as written"
		if m.RuleScale > 1 {
			times = fmt.Sprintf("with all of their times divided by %g", m.RuleScale)
		}
		writeHanging(b, "  rules      ", strings.Join(files, ", ")+", "+times)
	}
	for _, s := range plan.SLOs {
		from := s.Journey
		if s.Step != "" {
			from += "/" + s.Step
		}
		if s.From != "" {
			from = s.From
		}
		writeHanging(b, "  slo        ", fmt.Sprintf("%s: %s over %s, of %s", s.Name, s.Objective, inDays(s.Window.Std()), from))
	}
}

// inDays writes the window of a budget as people say it: 30d, not 720h0m0s.
func inDays(window time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case window >= day && window%day == 0:
		return fmt.Sprintf("%dd", window/day)
	case window >= time.Hour && window%time.Hour == 0:
		return fmt.Sprintf("%dh", window/time.Hour)
	}
	return window.String()
}

// writeMetricCheck writes a check of alerts and metrics, if it is one.
func writeMetricCheck(b *strings.Builder, check scenarios.Check) {
	switch {
	case check.Alert != nil:
		writeCheck(b, "alert", alertWords(check.Alert))
	case check.AlertCoverage != nil:
		writeCheck(b, "alert_coverage", coverageWords(check.AlertCoverage))
	case check.AlertLint != nil:
		writeCheck(b, "alert_lint", ignoring([]string{"alerts can fire", "their metrics exist", "ranges hold four scrapes", "rules can be evaluated"}, check.AlertLint.Ignore))
	case check.Threshold != nil:
		writeCheck(b, "threshold", thresholdWords(check.Threshold))
	case check.PromQL != nil:
		writeCheck(b, "promql", promqlWords(check.PromQL))
	case check.ErrorBudget != nil:
		writeCheck(b, "error_budget", budgetWords(check.ErrorBudget))
	case check.Dashboard != nil:
		services := "every service with a port"
		if len(check.Dashboard.Services) > 0 {
			services = strings.Join(check.Dashboard.Services, ", ")
		}
		writeCheck(b, "dashboard", []string{"rate, errors, duration, saturation of " + services})
	}
}

func alertWords(c *scenarios.AlertCheck) []string {
	parts := []string{c.Alert}
	if cause := c.Fault; cause != "" {
		parts = append(parts, "announces fault "+cause)
	}
	if c.Phase != "" {
		parts = append(parts, "announces phase "+c.Phase)
	}
	if c.Fault+c.Phase != "" {
		if c.Within != nil {
			parts = append(parts, "within "+c.Within.String())
		}
		if c.Resolves != nil {
			parts = append(parts, "over within "+c.Resolves.String())
		}
	}
	if len(c.Labels) > 0 {
		parts = append(parts, "with "+LabelWords(c.Labels))
	}
	if c.Only {
		parts = append(parts, "and no other")
	}
	if c.Independent != "" {
		parts = append(parts, "whatever the autoscaler of "+c.Independent+" does")
	}
	if len(c.Silent) > 0 {
		parts = append(parts, "silent in "+strings.Join(c.Silent, ", "))
	}
	return parts
}

func coverageWords(c *scenarios.AlertCoverageCheck) []string {
	parts := []string{"every breach is announced"}
	if c.Within != nil {
		parts[0] += " within " + c.Within.String()
	}
	return ignoring(append(parts, "every alert announces one"), c.Ignore)
}

func ignoring(parts, ignored []string) []string {
	if len(ignored) > 0 {
		parts = append(parts, "but for "+listed(ignored, 4))
	}
	return parts
}

func thresholdWords(c *scenarios.ThresholdCheck) []string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.Metrics)) {
		t := c.Metrics[name]
		if t.Off {
			continue
		}
		side := "<="
		if t.Below != nil && *t.Below {
			side = ">="
		}
		var levels []string
		if t.Warning != nil {
			levels = append(levels, fmt.Sprintf("%s (warning)", t.Warning))
		}
		if t.Critical != nil {
			levels = append(levels, t.Critical.String())
		}
		parts = append(parts, fmt.Sprintf("%s %s %s", name, side, strings.Join(levels, " and ")))
	}
	if c.For != nil {
		parts = append(parts, "or not for "+c.For.String())
	}
	if len(c.Phases) > 0 {
		parts = append(parts, "in "+strings.Join(c.Phases, ", "))
	}
	if len(c.LeftOut) > 0 {
		parts = append(parts, "without "+strings.Join(c.LeftOut, ", "))
	}
	return parts
}

func promqlWords(c *scenarios.PromQLCheck) []string {
	parts := []string{c.Name + ": " + c.Query}
	if c.Min != nil {
		parts = append(parts, ">= "+c.Min.String())
	}
	if c.Max != nil {
		parts = append(parts, "<= "+c.Max.String())
	}
	if c.For > 0 {
		parts = append(parts, "or not for "+c.For.String())
	}
	if len(c.Phases) > 0 {
		parts = append(parts, "in "+strings.Join(c.Phases, ", "))
	}
	return parts
}

func budgetWords(c *scenarios.ErrorBudgetCheck) []string {
	parts := []string{c.SLO}
	if c.Spend != nil {
		parts = append(parts, "at most "+c.Spend.String()+" of the budget spent")
	}
	if c.Burn != nil {
		parts = append(parts, fmt.Sprintf("burn rate <= %g", *c.Burn))
	}
	if len(c.Phases) > 0 {
		parts = append(parts, "in "+strings.Join(c.Phases, ", "))
	}
	return parts
}
