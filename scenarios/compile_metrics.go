package scenarios

import (
	"cmp"
	"slices"
	"time"
)

// The defaults of metrics, and of the checks that are about them.
const (
	defaultScrape       = Duration(time.Second)
	defaultMaxSeries    = 10_000
	defaultAlertWithin  = Duration(30 * time.Second)
	defaultBreach       = Duration(5 * time.Second)
	defaultThresholdFor = Duration(5 * time.Second)
	defaultSpend        = Percent(2)
	defaultBurn         = 14.4

	// The phase in which alerts are silent by default.
	baselinePhase = "baseline"

	failOnCritical = "critical"
	writtenTempo   = "written"
	scaledTempo    = "scaled"
)

// planMetrics puts into a plan what is measured, and fills in checks that are about
// it.
func (c *compiler) planMetrics(p *Plan) {
	p.SLOs = c.slos(p.Duration)
	for i, check := range p.Checks {
		p.Checks[i] = c.planMetricsCheck(check, p)
	}
	if !c.measures(p) {
		return
	}
	m := limitOrZero(c.doc.Scenario.Metrics)
	planned := &PlannedMetrics{
		Every:     c.scrapeEvery(),
		MaxSeries: cmp.Or(m.MaxSeries, defaultMaxSeries),
		RuleScale: 1,
		Listen:    m.Listen,
		OTLP:      m.OTLP,
		Queries:   p.queries(),
	}
	for _, file := range m.Rules {
		planned.Rules = append(planned.Rules, c.absolute(file))
	}
	if m.RuleTempo == scaledTempo {
		planned.RuleScale = p.Tempo
	}
	if m.Prometheus != nil {
		planned.From = m.Prometheus.From
	} else {
		planned.Pages = c.pages(m, p)
	}
	p.Metrics = planned
}

// limitOrZero is what is pointed at, or nothing.
func limitOrZero[T any](value *T) (zero T) {
	if value == nil {
		return zero
	}
	return *value
}

// scrapeEvery is the time between two scrapes.
func (c *compiler) scrapeEvery() Duration {
	return cmp.Or(limitOrZero(c.doc.Scenario.Metrics).Every, defaultScrape)
}

// measures tells that the scenario, or a check, wants something measured.
func (c *compiler) measures(p *Plan) bool {
	return c.doc.Scenario.Metrics != nil || slices.ContainsFunc(p.Checks, func(check Check) bool {
		switch {
		case check.Threshold != nil:
			return len(check.Threshold.thresholdQueries(p.Duration)) > 0
		case check.ErrorBudget != nil:
			return slices.ContainsFunc(p.SLOs, func(s PlannedSLO) bool { return s.Name == check.ErrorBudget.SLO && s.From != "" })
		}
		return check.Alert != nil || check.AlertCoverage != nil || check.AlertLint != nil || check.PromQL != nil || check.Dashboard != nil
	})
}

// pages are the metrics pages of all services with a port, and of those that the
// scenario names besides.
func (c *compiler) pages(m Metrics, p *Plan) map[string]PlannedPage {
	pages := map[string]PlannedPage{}
	for name, service := range p.Services {
		if service.Port != 0 {
			pages[name] = PlannedPage{Port: service.Port, Path: defaultPage, Assumed: true}
		}
	}
	for name, page := range m.Scrape {
		if page.Off {
			delete(pages, name)
			continue
		}
		pages[name] = PlannedPage{Port: c.pagePort(name, page.Port), Path: cmp.Or(page.Path, defaultPage)}
	}
	return pages
}

// planMetricsCheck fills in what a check of metrics leaves open.
func (c *compiler) planMetricsCheck(check Check, p *Plan) Check {
	switch {
	case check.Alert != nil:
		a := *check.Alert
		a.Within = limitOr(a.Within, defaultAlertWithin)
		if len(a.Silent) == 0 && c.silentByDefault(a, p) {
			a.Silent = []string{baselinePhase}
		}
		check.Alert = &a
	case check.AlertCoverage != nil:
		a := *check.AlertCoverage
		a.Within, a.For = limitOr(a.Within, defaultAlertWithin), limitOr(a.For, defaultBreach)
		check.AlertCoverage = &a
	case check.Threshold != nil:
		t := c.planThresholds(*check.Threshold)
		check.Threshold = &t
	case check.PromQL != nil:
		q := *check.PromQL
		q.Step = cmp.Or(q.Step, defaultQueryStep)
		check.PromQL = &q
	case check.ErrorBudget != nil:
		b := *check.ErrorBudget
		b.Spend, b.Burn = limitOr(b.Spend, defaultSpend), limitOr(b.Burn, defaultBurn)
		check.ErrorBudget = &b
	case check.Dashboard != nil:
		d := *check.Dashboard
		if len(d.Services) == 0 {
			d.Services = c.shown(p)
		}
		check.Dashboard = &d
	}
	return check
}

// silentByDefault tells that there is a baseline, and that nothing which the alert has
// to announce happens in it.
func (c *compiler) silentByDefault(a AlertCheck, p *Plan) bool {
	i := slices.IndexFunc(p.Phases, func(phase PlannedPhase) bool { return phase.Name == baselinePhase })
	if i < 0 || a.Phase == baselinePhase {
		return false
	}
	return !slices.ContainsFunc(p.Faults, func(f PlannedFault) bool {
		return f.ID == a.Fault && f.At < p.Phases[i].End && f.End >= p.Phases[i].Start
	})
}

// shown are the services with a port whose pages nobody has left out, sorted.
func (c *compiler) shown(p *Plan) []string {
	scrape := limitOrZero(c.doc.Scenario.Metrics).Scrape
	return slices.DeleteFunc(keys(p.Services), func(name string) bool { return p.Services[name].Port == 0 || scrape[name].Off })
}

// planThresholds fills in the thresholds of a check with those of its preset. What
// nothing in the stack is measured by is left out, and named.
func (c *compiler) planThresholds(t ThresholdCheck) ThresholdCheck {
	own := t.Metrics
	t.For = limitOr(t.For, defaultThresholdFor)
	t.FailOn = cmp.Or(t.FailOn, failOnCritical)
	t.Metrics, t.LeftOut = t.merged(), nil
	for _, name := range keys(t.Metrics) {
		if _, asked := own[name]; !asked && !c.measurable(name, t.Metrics[name]) {
			delete(t.Metrics, name)
			t.LeftOut = append(t.LeftOut, name)
		}
	}
	return t
}

// measurable tells that a run has figures for a metric of a threshold check.
func (c *compiler) measurable(name string, t Threshold) bool {
	switch {
	case t.Query != "", slices.Contains(requestThresholds, name):
		return true
	case slices.Contains(successThresholds, name):
		return t.Journey != ""
	case slices.Contains(resourceThresholds, name):
		return slices.ContainsFunc(keys(c.services), func(service string) bool {
			return (t.Service == "" || t.Service == service) && c.limited(service, name)
		})
	}
	return false
}

// limited tells that instances of a service have a limit of what a metric is a share
// of.
func (c *compiler) limited(service, metric string) bool {
	limits := c.info.Services[service].Limits
	return metric == CPUMetric && limits.CPUs > 0 || metric == MemoryMetric && limits.Memory > 0
}
