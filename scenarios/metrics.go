package scenarios

// Metrics says what a Prometheus of the run's own measures while it lasts, and
// which alert rules it evaluates on that. Everything that the run itself knows
// (requests, gateways, instances, autoscalers, faults) is among the metrics anyway.
type Metrics struct {
	// Every is how often instances are scraped; divided by no tempo. Default 1s.
	Every Duration `json:"every,omitempty" yaml:"every"`
	// Scrape says where the metrics pages of instances are, by service. Default: of
	// every service with a port, /metrics on that port, where there is such a page.
	Scrape map[string]ScrapePage `json:"scrape,omitempty" yaml:"scrape"`
	// Rules are rule files of Prometheus, taken as they are; relative to the scenario
	// file.
	Rules []string `json:"rules,omitempty" yaml:"rules" jsonschema:"minItems=1"`
	// RuleTempo says what becomes of the for, keep_firing_for, ranges and intervals of
	// rules in a run with a tempo: scaled divides all of them by it together, written
	// (default) leaves all of them as they are.
	RuleTempo string `json:"rule_tempo,omitempty" yaml:"rule_tempo" jsonschema:"enum=written,enum=scaled"`
	// Prometheus is one that exists already: it is asked instead, for expressions and
	// for alerts, and nothing is scraped.
	Prometheus *PrometheusServer `json:"prometheus,omitempty" yaml:"prometheus"`
	// MaxSeries is the most series that one instance may expose; a page with more is
	// not taken in, and that is reported. Default 10000.
	MaxSeries int `json:"max_series,omitempty" yaml:"max_series" jsonschema:"minimum=1"`
	// Listen is an address on loopback at which the run's own metrics can be scraped
	// while it lasts: 127.0.0.1:9464. Default: none.
	Listen string `json:"listen,omitempty" yaml:"listen"`
	// OTLP is the base address of an OpenTelemetry collector on loopback that the run's
	// own metrics are sent to over HTTP, once in Every: http://127.0.0.1:4318. Default: none.
	OTLP string `json:"otlp,omitempty" yaml:"otlp"`
}

// ScrapePage is the metrics page of every instance of a service.
type ScrapePage struct {
	// Port of the page. Default: the service's port.
	Port int `json:"port,omitempty" yaml:"port" jsonschema:"minimum=1,maximum=65535"`
	// Path of the page. Default /metrics.
	Path string `json:"path,omitempty" yaml:"path" jsonschema:"pattern=^/"`
	// Off leaves the service out.
	Off bool `json:"off,omitempty" yaml:"off"`
}

// PrometheusServer is a Prometheus that is a service of the stack, or a target on
// loopback.
type PrometheusServer struct {
	// From is a service with a port, or a name of traffic.targets.
	From string `json:"from" yaml:"from" jsonschema:"required"`
}

// SLO is a service level objective that an error budget comes from: given here, or
// in a file of OpenSLO or Sloth. Exactly one of Journey, OpenSLO and Sloth is set.
type SLO struct {
	// Name is what checks call it. Default, of a file: the name in it.
	Name string `json:"name,omitempty" yaml:"name" jsonschema:"pattern=^[a-z0-9][a-z0-9-]*$"`
	// Journey is the journey whose requests count.
	Journey string `json:"journey,omitempty" yaml:"journey" jsonschema:"oneof_required=journey"`
	// Step narrows to one step.
	Step string `json:"step,omitempty" yaml:"step"`
	// Objective is the share of requests that must be good: 99.9%.
	Objective *Percent `json:"objective,omitempty" yaml:"objective"`
	// Latency is what a good request takes at most. Default: any time.
	Latency Duration `json:"latency,omitempty" yaml:"latency"`
	// Window is the time that the budget is for. Default 720h (30 days).
	Window Duration `json:"window,omitempty" yaml:"window"`
	// OpenSLO is a file with SLO objects of openslo/v1; relative to the scenario file.
	OpenSLO string `json:"openslo,omitempty" yaml:"openslo" jsonschema:"oneof_required=openslo"`
	// Sloth is a file of prometheus/v1 of Sloth; relative to the scenario file.
	Sloth string `json:"sloth,omitempty" yaml:"sloth" jsonschema:"oneof_required=sloth"`
}
