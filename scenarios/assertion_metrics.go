package scenarios

// AlertCheck asserts that an alert announces a cause in time (A1), is over in time
// after it (A2), has the labels that whoever is called needs (A3), is silent in
// phases in which nothing is wrong (A4), and does not depend on the autoscaler (A5).
// At least one of Fault, Phase and Silent is set.
type AlertCheck struct {
	// Alert is the name of the alert.
	Alert string `json:"alert" yaml:"alert" jsonschema:"required"`
	// Fault is the fault that it must announce.
	Fault string `json:"fault,omitempty" yaml:"fault" jsonschema:"anyof_required=fault"`
	// Phase is the phase, a surge, that it must announce.
	Phase string `json:"phase,omitempty" yaml:"phase" jsonschema:"anyof_required=phase"`
	// Within is the time from the beginning of the cause until it fires; not divided
	// by tempo. Default 30s.
	Within *Duration `json:"within,omitempty" yaml:"within"`
	// Resolves is the time from the end of the cause until it is over; not divided by
	// tempo. Default: not judged.
	Resolves *Duration `json:"resolves,omitempty" yaml:"resolves"`
	// Labels are those that it must have, with these values, when it fires.
	Labels map[string]string `json:"labels,omitempty" yaml:"labels"`
	// Silent are phases in which it must not fire. Default baseline, where there is
	// such a phase and it is not the cause.
	Silent []string `json:"silent,omitempty" yaml:"silent" jsonschema:"anyof_required=silent,minItems=1"`
	// Independent wants it to fire while the autoscaler of this service does nothing:
	// the service has none, it is paused in the phase, or it changed nothing between the
	// cause and the alert.
	Independent string `json:"independent,omitempty" yaml:"independent"`
	// Only wants no other alert to fire for the cause: from its beginning until Resolves
	// (or Within) after its end.
	Only bool `json:"only,omitempty" yaml:"only"`
}

// AlertCoverageCheck asserts that every breach of an objective of the scenario's slo
// checks was announced by an alert (V1), and that every alert that fired announced a
// breach or a fault (V2).
type AlertCoverageCheck struct {
	// Within is the time from the beginning of a breach until an alert fires; not
	// divided by tempo. Default 30s.
	Within *Duration `json:"within,omitempty" yaml:"within"`
	// For is how long an objective must be missed, second after second, to be a
	// breach. Default 5s.
	For *Duration `json:"for,omitempty" yaml:"for"`
	// Ignore are alerts that announce something else.
	Ignore []string `json:"ignore,omitempty" yaml:"ignore"`
}

// AlertLintCheck asserts that each alert of the rule files can fire at all in this
// rehearsal (N1), that something exports the metrics that its rules name (N2), that
// no range is shorter than four scrapes (N3), and that no rule failed (N4).
type AlertLintCheck struct {
	// Ignore are alerts that are left out.
	Ignore []string `json:"ignore,omitempty" yaml:"ignore"`
}

// SaaSDefault is the preset of thresholds.
const SaaSDefault = "saas-default"

// ThresholdCheck asserts that metrics stay inside of thresholds for a warning and
// for a critical state, each sustained for some time. Preset, Metrics or both are set.
type ThresholdCheck struct {
	// Preset is saas-default: the table of common limits. Metrics of it that the stack
	// does not have are left out, and named.
	Preset string `json:"preset,omitempty" yaml:"preset" jsonschema:"anyof_required=preset,enum=saas-default"`
	// Metrics are own thresholds, or change those of the preset, by name. The run
	// knows availability, error_rate, p50, p95, p99, cpu, memory; of others Query says
	// what they are.
	Metrics map[string]Threshold `json:"metrics,omitempty" yaml:"metrics" jsonschema:"anyof_required=metrics"`
	// Phases narrows to these phases; each is judged by itself. Default all.
	Phases []string `json:"phases,omitempty" yaml:"phases" jsonschema:"minItems=1"`
	// For is how long a threshold must be passed. Default 5s.
	For *Duration `json:"for,omitempty" yaml:"for"`
	// FailOn is critical (default) or warning: what fails the check. A warning that does
	// not is a remark.
	FailOn string `json:"fail_on,omitempty" yaml:"fail_on" jsonschema:"enum=critical,enum=warning"`
	// LeftOut are the metrics of the preset of which nothing says what they are in this
	// stack, sorted; of a planned check only.
	LeftOut []string `json:"left_out,omitempty" yaml:"-"`
}

// Threshold is what a metric may reach. In the report ratios are percentages.
type Threshold struct {
	// Query is a PromQL expression; every series of its answer is held to the
	// threshold. Default: what the run itself knows, or the preset's.
	Query string `json:"query,omitempty" yaml:"query"`
	// Journey narrows availability, error_rate, p50, p95 and p99. Default: all.
	Journey string `json:"journey,omitempty" yaml:"journey"`
	// Step narrows to one step of the journey.
	Step string `json:"step,omitempty" yaml:"step"`
	// Service narrows cpu and memory. Default: every service.
	Service string `json:"service,omitempty" yaml:"service"`
	// Warning and Critical are the values, in the unit of the metric: seconds, ratios
	// from 0 to 1, plain numbers. A percentage (90%) is a ratio, a duration (500ms) seconds.
	Warning  *Level `json:"warning,omitempty" yaml:"warning"`
	Critical *Level `json:"critical,omitempty" yaml:"critical"`
	// Below tells that lower values are the bad ones. Default: as the preset has it, of
	// availability true, else false.
	Below *bool `json:"below,omitempty" yaml:"below"`
	// Off leaves a metric of the preset out.
	Off bool `json:"off,omitempty" yaml:"off"`
}

// PromQLCheck asserts that every value of an expression keeps to its bounds. No data
// is no pass.
type PromQLCheck struct {
	// Name names it in the report.
	Name string `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Query is the expression; it is evaluated once in Step.
	Query string `json:"query" yaml:"query" jsonschema:"required"`
	// Max is the most that any value may be.
	Max *Level `json:"max,omitempty" yaml:"max" jsonschema:"anyof_required=max"`
	// Min is the least.
	Min *Level `json:"min,omitempty" yaml:"min" jsonschema:"anyof_required=min"`
	// Phases are judged each by itself. Default: the run as a whole.
	Phases []string `json:"phases,omitempty" yaml:"phases" jsonschema:"minItems=1"`
	// Step is the time between two evaluations. Default 1s.
	Step Duration `json:"step,omitempty" yaml:"step"`
	// For is how long a bound must be passed. Default: not at all.
	For Duration `json:"for,omitempty" yaml:"for"`
	// Skip leaves out the first values of a phase, in which a rate looks back into the
	// one before. Default 0s.
	Skip Duration `json:"skip,omitempty" yaml:"skip"`
}

// ErrorBudgetCheck asserts how much of the error budget of an SLO a run may spend
// (B1), and that it burns in no pair of windows faster than is usual for a page or a
// ticket (B2). Where the run is too short for windows, or has too few requests, events
// are counted instead, with a bound from the binomial distribution (B3).
type ErrorBudgetCheck struct {
	// SLO is one of the scenario's slos.
	SLO string `json:"slo" yaml:"slo" jsonschema:"required"`
	// Spend is the most of the budget of the SLO's window that the run may spend.
	// Default 2%, for which one is woken up.
	Spend *Percent `json:"spend,omitempty" yaml:"spend"`
	// Burn is the highest burn rate, of both windows of a pair, that is no finding; 14.4,
	// 6, 3 and 1 are those of the usual pairs. Default 14.4.
	Burn *float64 `json:"burn,omitempty" yaml:"burn" jsonschema:"exclusiveMinimum=0"`
	// Phases narrows to these phases. Default all.
	Phases []string `json:"phases,omitempty" yaml:"phases" jsonschema:"minItems=1"`
}

// DashboardCheck asserts that every service shows its rate (G1), its errors (G2), its
// duration (G3) and its saturation (G4) in the metrics that it exports itself.
type DashboardCheck struct {
	// Services are those that are looked at. Default: every service with a port.
	Services []string `json:"services,omitempty" yaml:"services" jsonschema:"minItems=1"`
	// Signals names metrics for a signal where their names do not tell: rate, errors,
	// duration, saturation.
	Signals map[string][]string `json:"signals,omitempty" yaml:"signals"`
}
