package scenarios

// Check is one assertion; exactly one kind is set.
type Check struct {
	// SLO is about latency and availability of a journey.
	SLO *SLOCheck `json:"slo,omitempty" yaml:"slo" jsonschema:"oneof_required=slo"`
	// Drain is about instances that are told to stop.
	Drain *DrainCheck `json:"drain,omitempty" yaml:"drain" jsonschema:"oneof_required=drain"`
	// Readiness is about instances that start.
	Readiness *ReadinessCheck `json:"readiness,omitempty" yaml:"readiness" jsonschema:"oneof_required=readiness"`
	// Release is about rolling releases, blue-green releases and replacements.
	Release *ReleaseCheck `json:"release,omitempty" yaml:"release" jsonschema:"oneof_required=release"`
	// Stateless is about sessions whose instance is lost.
	Stateless *StatelessCheck `json:"stateless,omitempty" yaml:"stateless" jsonschema:"oneof_required=stateless"`
	// Integrity is about what was acknowledged and what exists afterwards.
	Integrity *IntegrityCheck `json:"integrity,omitempty" yaml:"integrity" jsonschema:"oneof_required=integrity"`
	// Scaling is about how an autoscaler followed the load.
	Scaling *ScalingCheck `json:"scaling,omitempty" yaml:"scaling" jsonschema:"oneof_required=scaling"`
	// Queue is about a backlog and those who work on it.
	Queue *QueueCheck `json:"queue,omitempty" yaml:"queue" jsonschema:"oneof_required=queue"`
	// Prescale is about resources that have to be there before the work is.
	Prescale *PrescaleCheck `json:"prescale,omitempty" yaml:"prescale" jsonschema:"oneof_required=prescale"`
	// Cost is about what was used beside what was needed.
	Cost *CostCheck `json:"cost,omitempty" yaml:"cost" jsonschema:"oneof_required=cost"`
	// SteadyState is about a journey before, during and after faults.
	SteadyState *SteadyStateCheck `json:"steady_state,omitempty" yaml:"steady_state" jsonschema:"oneof_required=steady_state"`
	// Recovery is about the time from the end of faults until all is well again.
	Recovery *RecoveryCheck `json:"recovery,omitempty" yaml:"recovery" jsonschema:"oneof_required=recovery"`
	// ThirdParty is about how a third party is called while it is in trouble.
	ThirdParty *ThirdPartyCheck `json:"third_party,omitempty" yaml:"third_party" jsonschema:"oneof_required=third_party"`
	// BlastRadius is about journeys that a fault should not reach.
	BlastRadius *BlastRadiusCheck `json:"blast_radius,omitempty" yaml:"blast_radius" jsonschema:"oneof_required=blast_radius"`
	// Stampede is about what a database is asked when a cache is lost.
	Stampede *StampedeCheck `json:"stampede,omitempty" yaml:"stampede" jsonschema:"oneof_required=stampede"`
	// Alert is about an alert and what it must announce.
	Alert *AlertCheck `json:"alert,omitempty" yaml:"alert" jsonschema:"oneof_required=alert"`
	// AlertCoverage holds all alerts against all breaches of objectives.
	AlertCoverage *AlertCoverageCheck `json:"alert_coverage,omitempty" yaml:"alert_coverage" jsonschema:"oneof_required=alert_coverage"`
	// AlertLint is about alerts that cannot fire.
	AlertLint *AlertLintCheck `json:"alert_lint,omitempty" yaml:"alert_lint" jsonschema:"oneof_required=alert_lint"`
	// Threshold holds metrics against limits for a warning and a critical state.
	Threshold *ThresholdCheck `json:"threshold,omitempty" yaml:"threshold" jsonschema:"oneof_required=threshold"`
	// PromQL holds an expression against a bound.
	PromQL *PromQLCheck `json:"promql,omitempty" yaml:"promql" jsonschema:"oneof_required=promql"`
	// ErrorBudget is about how much of an error budget the run spent, and how fast.
	ErrorBudget *ErrorBudgetCheck `json:"error_budget,omitempty" yaml:"error_budget" jsonschema:"oneof_required=error_budget"`
	// Dashboard is about what services show of themselves.
	Dashboard *DashboardCheck `json:"dashboard,omitempty" yaml:"dashboard" jsonschema:"oneof_required=dashboard"`
	// Regression holds the run to the last ones of its scenario.
	Regression *RegressionCheck `json:"regression,omitempty" yaml:"regression" jsonschema:"oneof_required=regression"`
}

// SLOCheck asserts a service level objective of a journey or of one of its
// steps, over the whole run or over some phases. At least one objective is set.
type SLOCheck struct {
	// Journey is the journey that the objective is for; a replay's is named
	// after its cohort.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Step narrows to one step; without it every request of the journey counts.
	Step string `json:"step,omitempty" yaml:"step"`
	// Whole judges sessions instead of requests: from the intended start of a
	// session to the end of its last step, with the times in which it thinks.
	Whole bool `json:"whole,omitempty" yaml:"whole"`
	// Cohort narrows to the sessions of one cohort.
	Cohort string `json:"cohort,omitempty" yaml:"cohort"`
	// Tier narrows to the sessions of one tier.
	Tier string `json:"tier,omitempty" yaml:"tier"`
	// Phases narrows to these phases; default all.
	Phases []string `json:"phases,omitempty" yaml:"phases" jsonschema:"minItems=1"`
	// P50 is the most that half of the requests may reach, from their intended start.
	P50 *Duration `json:"p50,omitempty" yaml:"p50" jsonschema:"anyof_required=p50"`
	// P95 is the same for 95 requests in 100.
	P95 *Duration `json:"p95,omitempty" yaml:"p95" jsonschema:"anyof_required=p95"`
	// P99 is the same for 99 requests in 100.
	P99 *Duration `json:"p99,omitempty" yaml:"p99" jsonschema:"anyof_required=p99"`
	// Availability is the least share of requests that must succeed.
	Availability *Percent `json:"availability,omitempty" yaml:"availability" jsonschema:"anyof_required=availability"`
}

// DrainCheck asserts that every instance that was told to stop finished its
// work: in flight at SIGTERM completed (D1), requests that arrived while it
// was still in the endpoint list succeeded (D2), nothing reached it afterwards
// (D3), connections in use were told to close (D4), it exited with code 0
// within ExitWithin of its grace period (D5), the work of a queue that it had
// in hand was done once (D6), and its settings allow all that (D7).
type DrainCheck struct {
	// Service is the service whose instances are watched. D1 to D4 need a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// ExitWithin is the share of the grace period by which it must have exited. Default 80%.
	ExitWithin *Percent `json:"exit_within,omitempty" yaml:"exit_within"`
	// Work is what the service, a consumer of a queue, has to do once for each
	// acknowledged request (D6). The rows that are read are completions: one for
	// each time that the work was done. A second column of a query, or the field
	// deliveries of an item, tells how often the work was delivered until then.
	Work *Work `json:"work,omitempty" yaml:"work"`
}

// Work is pieces of work that requests give rise to.
type Work struct {
	// Of is what was acknowledged.
	Of Acknowledged `json:"of" yaml:"of" jsonschema:"required"`
	// Read is where to see what was done.
	Read Truth `json:"read" yaml:"read" jsonschema:"required"`
}

// ReadinessCheck asserts that no request reached an instance before its
// initialization was complete (R1), that its first requests were as fast as
// any (R2), that instances became ready in time (R3), did not flap (R4), were
// not all unready at once (R5), and were not ready any more soon after they
// were told to stop (R6).
type ReadinessCheck struct {
	// Service is the service whose instances are watched; it has a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// TimeToReady is the limit from start to ready, of 95 instances in 100, which
	// is every instance where there are fewer than 20. Default 30s.
	TimeToReady *Duration `json:"time_to_ready,omitempty" yaml:"time_to_ready"`
	// Flaps is how often an instance may lose readiness while it is not terminating. Default 0.
	Flaps int `json:"flaps,omitempty" yaml:"flaps" jsonschema:"minimum=0"`
	// FirstRequests is the time within which 9 in 10 of the first 20 requests to a
	// new instance are answered (R2). Default: the highest p99 that the scenario
	// asks of requests to the service, for a first request may be of the slowest
	// kind; without one R2 is not judged.
	FirstRequests *Duration `json:"first_requests,omitempty" yaml:"first_requests"`
	// Dependency names a service that the instances share. R5 then wants to have
	// seen them ready although instances of that one were stopped or replaced, or
	// went away; without it R5 is judged on what happened.
	Dependency string `json:"dependency,omitempty" yaml:"dependency"`
	// UnreadyWithin is the limit from the stop signal until the readiness probe
	// fails (R6), for balancers that only look at it. Default: not judged.
	UnreadyWithin *Duration `json:"unready_within,omitempty" yaml:"unready_within"`
}

// ReleaseCheck asserts that every release of a service went through (L1)
// without a failed request (L2), with enough capacity at every moment (L3),
// with both versions serving as its strategy says (L4), and that a job ran
// exactly once (L5).
type ReleaseCheck struct {
	// Service is the service whose releases are watched; it has a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Floor is the least number of instances that must be in the endpoint list at
	// any moment of a release. Default: what its strategy promises.
	Floor *int `json:"floor,omitempty" yaml:"floor" jsonschema:"minimum=0"`
	// Job names a job of the scenario that belongs to the release.
	Job *JobCheck `json:"job,omitempty" yaml:"job"`
}

// JobCheck is about a job that must run exactly once.
type JobCheck struct {
	// Name is the job's.
	Name string `json:"name" yaml:"name" jsonschema:"required"`
	// Read is where its runs, or what it made, can be counted: each key that is
	// read stands there once, and there is at least one. Default: only what the
	// run itself started is counted.
	Read *Truth `json:"read,omitempty" yaml:"read"`
}

// StatelessCheck asserts that sessions survive the loss of any instance: what
// the first instance of a session has told it holds with every other.
type StatelessCheck struct {
	// Service is the service whose instances are lost; it has a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Journey is the journey whose sessions are followed.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Steps narrows to these steps; default all but the first that calls the service.
	Steps []string `json:"steps,omitempty" yaml:"steps" jsonschema:"minItems=1"`
}

// IntegrityCheck asserts that what was acknowledged exists exactly once
// afterwards, or that something does not exist at all.
type IntegrityCheck struct {
	// Name names it in the report: orders, charges, drift.
	Name string `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Want is once (default: every acknowledged key is read exactly once, and no
	// other key twice) or none (nothing is read: what is looked for are mistakes).
	Want string `json:"want,omitempty" yaml:"want" jsonschema:"enum=once,enum=none"`
	// Of is what was acknowledged; without it only what is read is judged.
	Of *Acknowledged `json:"of,omitempty" yaml:"of"`
	// Read is where to see what exists.
	Read Truth `json:"read" yaml:"read" jsonschema:"required"`
}

// Acknowledged is what the system has confirmed to its clients: a key for each
// request of a step that succeeded.
type Acknowledged struct {
	// Journey is the journey.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Step is the step whose success is the acknowledgement.
	Step string `json:"step" yaml:"step" jsonschema:"required"`
	// Key is a text with variables that tells one from another, as ${order}; the
	// step may extract them itself.
	Key string `json:"key" yaml:"key" jsonschema:"required"`
}

// Truth is where to see what exists, after the last request; exactly one
// source is set. It is read again until it shows what is wanted, or until the
// time for that is over.
type Truth struct {
	// SQL reads from a database of the stack.
	SQL *SQLRead `json:"sql,omitempty" yaml:"sql" jsonschema:"oneof_required=sql"`
	// HTTP reads from a service of the stack.
	HTTP *HTTPRead `json:"http,omitempty" yaml:"http" jsonschema:"oneof_required=http"`
	// Within is how long the system may take, from the end of traffic, until it
	// shows what is wanted. Default 10s.
	Within Duration `json:"within,omitempty" yaml:"within"`
}

// SQLRead is a query; the first column of its rows is the key. PostgreSQL
// (postgres://) and SQLite (sqlite://) are known.
type SQLRead struct {
	// Service is the service that the address of the database is taken from.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// URLFrom names the environment variable of that service that holds the
	// address, with the credentials: DATABASE_URL.
	URLFrom string `json:"url_from" yaml:"url_from" jsonschema:"required"`
	// Query is one SELECT.
	Query string `json:"query" yaml:"query" jsonschema:"required"`
}

// HTTPRead is a list that a service answers with, page by page if need be.
type HTTPRead struct {
	// Request is "GET service/path"; the service has a port.
	Request string `json:"request" yaml:"request" jsonschema:"required"`
	// Headers are sent along.
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`
	// Items is the JSON path of the list in the answer.
	Items string `json:"items" yaml:"items" jsonschema:"required"`
	// Key is the JSON path of the key in an item; $ where an item is the key.
	Key string `json:"key" yaml:"key" jsonschema:"required"`
	// Next is the JSON path, in the answer, of the path of the next page; there is
	// none where it finds nothing, null or an empty text. Default: one page.
	Next string `json:"next,omitempty" yaml:"next"`
}
