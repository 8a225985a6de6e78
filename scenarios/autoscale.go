package scenarios

// Autoscale adds and removes instances of a service while the run lasts. One
// of HPA, TargetTracking, Step and Queue is set, or none where Schedule alone
// is. Durations of control loops are divided by tempo.
type Autoscale struct {
	// HPA is a file with a HorizontalPodAutoscaler, autoscaling/v2, as it is given
	// to a cluster; relative to the scenario file, in a compose file to the
	// project's directory. A file with several documents may have one of them.
	HPA string `json:"hpa,omitempty" yaml:"hpa"`
	// TargetTracking keeps a metric at a value.
	TargetTracking *TargetTracking `json:"target_tracking,omitempty" yaml:"target_tracking"`
	// Step adds and removes by how far a metric is beyond a limit.
	Step *StepScaling `json:"step,omitempty" yaml:"step"`
	// Queue has as many instances as a backlog asks for.
	Queue *QueueScaling `json:"queue,omitempty" yaml:"queue"`
	// Schedule raises the least number of instances ahead of known events, beside
	// whatever else scales the service.
	Schedule []ScheduledFloor `json:"schedule,omitempty" yaml:"schedule" jsonschema:"minItems=1"`
	// Min is the least number of instances. Default 1. A manifest has its own.
	Min *int `json:"min,omitempty" yaml:"min" jsonschema:"minimum=0,maximum=100"`
	// Max is the most. Default 10. A manifest has its own.
	Max *int `json:"max,omitempty" yaml:"max" jsonschema:"minimum=1,maximum=100"`
	// Every is how often the autoscaler looks. Default 15s.
	Every Duration `json:"every,omitempty" yaml:"every"`
	// Resolution is how often CPU and memory of instances are read; the use of CPU
	// is that between two readings, as a metrics server has it. Default 15s.
	Resolution Duration `json:"resolution,omitempty" yaml:"resolution"`
	// Capacity is what one instance carries within the objectives, in requests a
	// second (of a queue: jobs a second). Demand and cost are counted with it;
	// shakedown calibrate measures it.
	Capacity Rate `json:"capacity,omitempty" yaml:"capacity"`
	// Requests are the resources that utilization is a share of. Default: the
	// compose file's deploy.resources.reservations, else its limits.
	Requests *ResourceClass `json:"requests,omitempty" yaml:"requests"`
	// PausedIn are phases in which the autoscaler decides, and says so, but changes
	// nothing. Default none.
	PausedIn []string `json:"paused_in,omitempty" yaml:"paused_in" jsonschema:"minItems=1"`
}

// WithoutKind is the autoscaler without what scales it, for another to take that
// place; a manifest takes the place of Min and Max as well.
func (a Autoscale) WithoutKind(manifest bool) *Autoscale {
	a.HPA, a.TargetTracking, a.Step, a.Queue = "", nil, nil, nil
	if manifest {
		a.Min, a.Max = nil, nil
	}
	return &a
}

// ResourceClass is CPU and memory of an instance.
type ResourceClass struct {
	// CPUs is a number of cores: 0.5, or 500m.
	CPUs Cores `json:"cpus,omitempty" yaml:"cpus"`
	// Memory is written like 512MiB.
	Memory Bytes `json:"memory,omitempty" yaml:"memory"`
}

// TargetTracking keeps a metric at a target: it adds as many instances as that
// takes, and removes them gradually.
type TargetTracking struct {
	// Metric is one of the service's metrics, or requests_per_instance (a second),
	// in_flight_per_instance, p95 (seconds, of the service's gateway), cpu or
	// memory (share of the request, in percent).
	Metric string `json:"metric" yaml:"metric" jsonschema:"required"`
	// Target is the value to keep: a number (50), a percentage, a rate or a duration.
	Target Value `json:"target" yaml:"target" jsonschema:"required"`
	// Total tells that the metric is of the service as a whole, and grows with its
	// load: it is shared among the instances before it is compared.
	Total bool `json:"total,omitempty" yaml:"total"`
	// Cooldown is how long after a scale-in, and after any scale-out, none is
	// removed. Default 300s.
	Cooldown *Duration `json:"cooldown,omitempty" yaml:"cooldown"`
	// WarmUp is how long after its start an instance is not counted in the metric,
	// and counts as capacity on its way. Default 0s.
	WarmUp Duration `json:"warm_up,omitempty" yaml:"warm_up"`
	// ScaleIn false never removes an instance. Default true.
	ScaleIn *bool `json:"scale_in,omitempty" yaml:"scale_in"`
}

// StepScaling adds and removes instances in steps, as an alarm on a metric says.
type StepScaling struct {
	// Metric is as in TargetTracking.
	Metric string `json:"metric" yaml:"metric" jsonschema:"required"`
	// Out adds instances: the last step whose Above the metric has reached.
	Out []ScaleStep `json:"out" yaml:"out" jsonschema:"required,minItems=1"`
	// In removes instances: the last step whose Below the metric has reached.
	In []ScaleStep `json:"in,omitempty" yaml:"in" jsonschema:"minItems=1"`
	// Periods is how many readings in a row must be beyond a limit. Default 1.
	Periods int `json:"periods,omitempty" yaml:"periods" jsonschema:"minimum=1,maximum=100"`
	// Cooldown is how long after a change none is removed. Default 300s.
	Cooldown *Duration `json:"cooldown,omitempty" yaml:"cooldown"`
	// WarmUp is how long after its start an instance counts as capacity that is on
	// its way: a further step out adds only what goes beyond it. Default 0s.
	WarmUp Duration `json:"warm_up,omitempty" yaml:"warm_up"`
}

// ScaleStep is one step; exactly one of Above and Below is set, and exactly one
// of Change and To.
type ScaleStep struct {
	// Above is the value from which on the step applies; for out.
	Above *Value `json:"above,omitempty" yaml:"above" jsonschema:"oneof_required=above"`
	// Below is the value up to which the step applies; for in.
	Below *Value `json:"below,omitempty" yaml:"below" jsonschema:"oneof_required=below"`
	// Change is how many instances are added or removed: a number, or a percentage
	// of those there are, rounded up and at least 1.
	Change *Portion `json:"change,omitempty" yaml:"change"`
	// To is how many there are afterwards.
	To *int `json:"to,omitempty" yaml:"to" jsonschema:"minimum=0,maximum=100"`
}

// QueueScaling has ceil(backlog / PerInstance) instances.
type QueueScaling struct {
	// Backlog is one of the service's metrics: the jobs that are not done.
	Backlog string `json:"backlog" yaml:"backlog" jsonschema:"required"`
	// PerInstance is how many of them one instance should have at most.
	PerInstance int `json:"per_instance" yaml:"per_instance" jsonschema:"required,minimum=1"`
	// Activation is the backlog above which there is an instance at all, where Min
	// is 0. Default 0.
	Activation int `json:"activation,omitempty" yaml:"activation" jsonschema:"minimum=0"`
	// Age is one of the service's metrics: how old the oldest job is, in seconds.
	Age string `json:"age,omitempty" yaml:"age"`
	// MaxAge adds an instance whenever the oldest job is older. It needs Age.
	MaxAge *Duration `json:"max_age,omitempty" yaml:"max_age"`
	// Cooldown is how long the backlog must have asked for fewer instances before
	// any is removed. Default 300s.
	Cooldown *Duration `json:"cooldown,omitempty" yaml:"cooldown"`
}

// ScheduledFloor is a least number of instances for a time.
type ScheduledFloor struct {
	// At is when it begins, ahead of the event: "before + 90s".
	At Moment `json:"at" yaml:"at" jsonschema:"required"`
	// For is how long it holds, divided by tempo as phases are.
	For Duration `json:"for" yaml:"for" jsonschema:"required"`
	// Min is the number.
	Min int `json:"min" yaml:"min" jsonschema:"required,minimum=1,maximum=100"`
}

// MetricSource is where a metric of a service is read; exactly one source is
// set. It is read once a second (divided by no tempo), or as Every says.
type MetricSource struct {
	// Exposition reads the text that Prometheus scrapes from instances.
	Exposition *Exposition `json:"exposition,omitempty" yaml:"exposition" jsonschema:"oneof_required=exposition"`
	// HTTP reads a number out of a JSON answer.
	HTTP *HTTPMetric `json:"http,omitempty" yaml:"http" jsonschema:"oneof_required=http"`
	// PromQL asks a Prometheus.
	PromQL *PromQLMetric `json:"promql,omitempty" yaml:"promql" jsonschema:"oneof_required=promql"`
	// Every is how often it is read. Default 1s.
	Every Duration `json:"every,omitempty" yaml:"every"`
}

// Exposition reads a series from the metrics page of every instance of a service.
type Exposition struct {
	// Service is whose instances are read. Default: the service itself.
	Service string `json:"service,omitempty" yaml:"service"`
	// Port of the page. Default: the service's port, else the first that it exposes.
	Port int `json:"port,omitempty" yaml:"port" jsonschema:"minimum=1,maximum=65535"`
	// Path of the page. Default /metrics.
	Path string `json:"path,omitempty" yaml:"path" jsonschema:"pattern=^/"`
	// Series is a name, with labels if need be: queue_depth{queue="orders"}. Series
	// that match are added up.
	Series string `json:"series" yaml:"series" jsonschema:"required"`
	// Rate takes the growth a second, for counters.
	Rate bool `json:"rate,omitempty" yaml:"rate"`
	// Combine says what the metric of the service is, of those of its instances:
	// sum (default), max (for what each of them tells of the same thing, as the depth
	// of a queue) or mean. Metrics of pods are those of single instances.
	Combine string `json:"combine,omitempty" yaml:"combine" jsonschema:"enum=sum,enum=max,enum=mean"`
}

// HTTPMetric reads a number from a service of the stack, through its gateway.
type HTTPMetric struct {
	// Request is "GET service/path"; the service has a port.
	Request string `json:"request" yaml:"request" jsonschema:"required"`
	// Headers are sent along.
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`
	// Value is the JSON path of the number.
	Value string `json:"value" yaml:"value" jsonschema:"required"`
}

// PromQLMetric asks a Prometheus that is a service of the stack, or a target on
// loopback, over its HTTP API. The answer is a scalar or a vector, whose values
// are added up; with a label instance, or pod, they are those of instances too.
type PromQLMetric struct {
	// Query is the expression.
	Query string `json:"query" yaml:"query" jsonschema:"required"`
	// From is a service with a port, or a name of traffic.targets.
	From string `json:"from" yaml:"from" jsonschema:"required"`
}

// Prescale gives instances of a service a larger resource class while they are
// needed, and takes it back: before heavy work arrives (proactive), or when use
// says so (reactive).
type Prescale struct {
	// Policy is proactive (default), reactive, or off, which only watches.
	Policy string `json:"policy,omitempty" yaml:"policy" jsonschema:"enum=proactive,enum=reactive,enum=off"`
	// Tier is the kind of account whose sessions ask for it.
	Tier string `json:"tier" yaml:"tier" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Webhook is how the application tells of sessions.
	Webhook *PrescaleWebhook `json:"webhook,omitempty" yaml:"webhook"`
	// Header is how a gateway sees them.
	Header *PrescaleHeader `json:"header,omitempty" yaml:"header"`
	// Large is the larger class; what it leaves out stays as the compose file's
	// limits have it.
	Large ResourceClass `json:"large" yaml:"large" jsonschema:"required"`
	// Instances is all (default: an account may be served by any of them) or one
	// (the one that the webhook names, else the one with the fewest accounts).
	Instances string `json:"instances,omitempty" yaml:"instances" jsonschema:"enum=all,enum=one"`
	// Hold is how long an account keeps it after the last sign of it. Default 10m.
	Hold Duration `json:"hold,omitempty" yaml:"hold"`
	// Budget is how many accounts may have it at a time. Default 10.
	Budget int `json:"budget,omitempty" yaml:"budget" jsonschema:"minimum=1,maximum=10000"`
	// Beyond is what happens to the others: reject (default) or queue.
	Beyond string `json:"beyond,omitempty" yaml:"beyond" jsonschema:"enum=reject,enum=queue"`
	// QueueFor is how long one waits at most before it is rejected. Default 10s.
	QueueFor Duration `json:"queue_for,omitempty" yaml:"queue_for"`
	// Above is the share of its memory limit, or of its CPU limit, from which on the
	// reactive policy raises an instance; it also raises what replaces an instance
	// that ran out of memory. Default 80%.
	Above *Percent `json:"above,omitempty" yaml:"above"`
	// Every is how often the reactive policy looks. Default 15s.
	Every Duration `json:"every,omitempty" yaml:"every"`
}

// PrescaleWebhook is an address that the application posts to when a session
// begins: {"account": "...", "tier": "...", "instance": "importer-1"} is answered
// with 200 and {"state": "granted"}, 202 and {"state": "queued"}, or 429 with
// Retry-After and {"state": "rejected", "reason": "..."}; with 204 where the policy
// sets nothing aside for anybody.
type PrescaleWebhook struct {
	// Service is the one that calls; it has a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Variable is the environment variable of that service that is set to the address.
	Variable string `json:"variable" yaml:"variable" jsonschema:"required"`
}

// PrescaleHeader is a header of requests that tells the tier of an account.
type PrescaleHeader struct {
	// Service is whose gateway looks.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Tier names the header that holds the tier.
	Tier string `json:"tier" yaml:"tier" jsonschema:"required"`
	// Account names the header that holds the account.
	Account string `json:"account" yaml:"account" jsonschema:"required"`
}

// Variant is another form of a scenario: the same traffic, seed and stack, and
// some values that differ.
type Variant struct {
	// Summary says in a sentence what differs.
	Summary string `json:"summary,omitempty" yaml:"summary"`
	// Set overrides values, as --set does: path and value.
	Set map[string]string `json:"set" yaml:"set" jsonschema:"required"`
}
