package scenarios

import (
	"fmt"
	"regexp"
	"slices"
)

// labelName is the form of the names of labels.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// checkMetricsCheck checks what a check of metrics, alerts and SLOs refers to inside
// the file.
func (d *Document) checkMetricsCheck(at location, c Check, steps map[string][]string) {
	switch {
	case c.Alert != nil:
		d.checkRules(at.to("alert"))
		d.checkAlert(at.to("alert"), *c.Alert)
	case c.AlertCoverage != nil:
		at := at.to("alert_coverage")
		d.checkRules(at)
		checkAbove(d, at.to("within"), c.AlertCoverage.Within)
		checkAbove(d, at.to("for"), c.AlertCoverage.For)
		if !slices.ContainsFunc(d.Scenario.Checks, func(other Check) bool { return other.SLO != nil }) {
			d.reportKey(at, "the scenario has no check slo, and so no objective whose breach could be announced", "add one, or leave the check out")
		}
	case c.AlertLint != nil:
		d.checkRules(at.to("alert_lint"))
	case c.Threshold != nil:
		d.checkThreshold(at.to("threshold"), *c.Threshold, steps)
	case c.PromQL != nil:
		d.checkPromQL(at.to("promql"), *c.PromQL)
	case c.ErrorBudget != nil:
		d.checkBudget(at.to("error_budget"), *c.ErrorBudget)
	case c.Dashboard != nil:
		d.checkDashboard(at.to("dashboard"), *c.Dashboard)
	case c.Regression != nil:
		d.checkRegression(at.to("regression"), *c.Regression)
	}
}

// checkMetricsChecks checks what several checks of one kind have in common.
func (d *Document) checkMetricsChecks() {
	queries := map[string]string{} // of metrics of thresholds
	var seen []string
	for i, c := range d.Scenario.Checks {
		at := location{"checks", i}
		if c.PromQL != nil && c.PromQL.Name != "" {
			if slices.Contains(seen, c.PromQL.Name) {
				d.reportSecond(at.to("promql", "name"), "promql check", c.PromQL.Name)
			}
			seen = append(seen, c.PromQL.Name)
		}
		if c.Threshold == nil {
			continue
		}
		for _, metric := range keys(c.Threshold.Metrics) {
			query := c.Threshold.Metrics[metric].Query
			if other, asked := queries[metric]; query != "" && asked && other != query {
				d.report(at.to("threshold", "metrics", metric, "query"), fmt.Sprintf("another check has another query for %q", shorten(metric)), "give the metric another name")
			}
			if query != "" {
				queries[metric] = query
			}
		}
	}
}

// checkRules checks that there are alerts at all.
func (d *Document) checkRules(at location) {
	m := d.Scenario.Metrics
	if (m == nil || len(m.Rules) == 0 && m.Prometheus == nil) && !d.reportedIn(location{"metrics"}) {
		d.reportKey(at, "the scenario has no alert rules, and so no alert ever fires", "name rule files under metrics.rules, or a Prometheus that has some under metrics.prometheus")
	}
}

func (d *Document) checkAlert(at location, a AlertCheck) {
	if a.Fault != "" {
		d.checkFaultName(at.to("fault"), a.Fault)
	}
	if a.Phase != "" {
		d.checkName(at.to("phase"), "phase", a.Phase, d.phaseNames())
	}
	d.checkPhases(at.to("silent"), a.Silent)
	for i, phase := range a.Silent {
		if phase != "" && phase == a.Phase {
			d.report(at.to("silent", i), fmt.Sprintf("phase %q is what the alert must announce: it cannot be silent in it", phase), "leave one of the two out")
		}
	}
	checkAbove(d, at.to("within"), a.Within)
	checkAbove(d, at.to("resolves"), a.Resolves)
	for _, name := range keys(a.Labels) {
		if !labelName.MatchString(name) {
			d.reportKey(at.to("labels", name), fmt.Sprintf("%q is not the name of a label", shorten(name)), "labels have letters, digits and underscores")
		}
	}
	if a.Fault == "" && a.Phase == "" && !d.given(at, "fault") && !d.given(at, "phase") {
		for _, key := range []string{"within", "resolves", "labels", "independent", "only"} {
			d.reportUseless(at, key, "the check names nothing that the alert has to announce", "add fault or phase, or leave it out")
		}
		return
	}
	if i := slices.Index(faultIDs(d.Scenario.Faults), a.Fault); a.Fault != "" && i >= 0 && d.Scenario.Faults[i].Permanent {
		d.reportUseless(at, "resolves", fmt.Sprintf("fault %q is permanent: it has no end", a.Fault), "leave it out, or give the fault a length")
	}
}

// checkFaultName checks the name of a fault.
func (d *Document) checkFaultName(at location, name string) {
	ids := faultIDs(d.Scenario.Faults)
	if len(ids) == 0 && !d.reportedIn(location{"faults"}) {
		d.report(at, fmt.Sprintf("fault %q is never defined: the scenario has none", shorten(name)), "add one under faults")
	}
	d.checkName(at, "fault", name, ids)
}

// The golden signals.
var signals = []string{"rate", "errors", "duration", "saturation"}

func (d *Document) checkDashboard(at location, c DashboardCheck) {
	for i, service := range c.Services {
		if slices.Contains(c.Services[:i], service) {
			d.report(at.to("services", i), fmt.Sprintf("service %q is named twice", shorten(service)), "name each service once")
		}
	}
	for _, signal := range keys(c.Signals) {
		here := at.to("signals", signal)
		if !slices.Contains(signals, signal) {
			d.reportKey(here, fmt.Sprintf("%q is none of the signals", shorten(signal)), didYouMean(signal, signals))
		} else if len(c.Signals[signal]) == 0 && !d.reportedIn(here) {
			d.report(here, "the list is empty", "name a metric that shows it")
		}
	}
}
