package scenarios

// RegressionCheck asserts that a run is no worse than the last runs of its scenario that
// were kept as a baseline on a machine of the same class: shakedown baseline save.
// Without enough of them it is inconclusive.
type RegressionCheck struct {
	// Baseline is its name. Default: default.
	Baseline string `json:"baseline,omitempty" yaml:"baseline" jsonschema:"pattern=^[a-z0-9][a-z0-9-]*$"`
	// Metrics are compared, of each journey: p50, p95, p99, availability, rate. Default:
	// p50, p95, p99 and availability.
	Metrics []string `json:"metrics,omitempty" yaml:"metrics" jsonschema:"minItems=1"`
	// Max is how much worse than the median of the baseline a metric may be; of
	// availability, how much of it may be lost in percentage points. Default 10%.
	Max *Percent `json:"max,omitempty" yaml:"max"`
	// Runs is how many runs the baseline must have. Default 5.
	Runs *int `json:"runs,omitempty" yaml:"runs" jsonschema:"minimum=1,maximum=100"`
}
