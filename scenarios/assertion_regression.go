package scenarios

import (
	"fmt"
	"slices"
)

// RegressionCheck asserts that a run is no worse than the last runs of its scenario that
// were kept as a baseline on a machine of the same class: shakedown baseline save.
// Without enough of them it is inconclusive.
type RegressionCheck struct {
	// Baseline is its name. Default: default.
	Baseline string `json:"baseline,omitempty" yaml:"baseline" jsonschema:"pattern=^[a-z0-9][a-z0-9-]*$"`
	// Metrics are compared, of each journey: p50, p95, p99, availability, rate. Default:
	// p50, p95, p99 and availability.
	Metrics []string `json:"metrics,omitempty" yaml:"metrics" jsonschema:"minItems=1"`
	// Max is how much worse than the median of the baseline a metric may be; not
	// of availability, for which see lost. Default 10%.
	Max *Percent `json:"max,omitempty" yaml:"max"`
	// Lost is how many percentage points of availability may be lost against the median
	// of the baseline. Default 0.1%.
	Lost *Percent `json:"lost,omitempty" yaml:"lost"`
	// Runs is how many runs the baseline must have. Default 5.
	Runs *int `json:"runs,omitempty" yaml:"runs" jsonschema:"minimum=1,maximum=100"`
}

// DefaultBaseline is the name of a baseline that nobody gave one.
const DefaultBaseline = "default"

// The defaults of a regression check.
const (
	defaultRegression     = Percent(10)
	defaultLost           = Percent(0.1)
	defaultRegressionRuns = 5
)

// RegressionMetrics are the metrics of a journey that runs are held against each other by.
func RegressionMetrics() []string { return []string{"p50", "p95", "p99", "availability", "rate"} }

// HigherIsBetter tells which way a metric gets worse.
func HigherIsBetter(metric string) bool { return metric == "availability" || metric == "rate" }

// Planned is the check with its defaults filled in.
func (c RegressionCheck) Planned() RegressionCheck {
	if c.Baseline == "" {
		c.Baseline = DefaultBaseline
	}
	if len(c.Metrics) == 0 {
		c.Metrics = []string{"p50", "p95", "p99", "availability"}
	}
	c.Max = limitOr(c.Max, defaultRegression)
	c.Lost = limitOr(c.Lost, defaultLost)
	c.Runs = limitOr(c.Runs, defaultRegressionRuns)
	return c
}

// checkRegression checks the names of metrics.
func (d *Document) checkRegression(at location, c RegressionCheck) {
	for i, metric := range c.Metrics {
		if metric == "" {
			continue
		}
		if !slices.Contains(RegressionMetrics(), metric) {
			d.report(at.to("metrics", i), fmt.Sprintf("there is no metric %q to compare runs by", shorten(metric)), didYouMean(metric, RegressionMetrics()))
		}
		if slices.Contains(c.Metrics[:i], metric) {
			d.report(at.to("metrics", i), fmt.Sprintf("metric %q is named twice", shorten(metric)), "name each metric once")
		}
	}
}
