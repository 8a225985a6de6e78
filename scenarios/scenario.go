// Package scenarios is the scenario language: its types, strict loading with
// line-accurate errors, the JSON Schema, and the compiler that turns a
// scenario and what its compose project offers into a plan. It acts on
// nothing: no engine, no network.
//
// The types are in the order of the documentation. Their jsonschema tags are
// rules that both the JSON Schema and the loader enforce; a key that is added
// here is known to both, and to the test that wants it in REFERENCE.md.
package scenarios

// A Scenario is one YAML file as written.
type Scenario struct {
	// Name identifies the scenario in reports and run directories: lower-case
	// letters, digits and dashes.
	Name string `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Summary says in a sentence what the scenario rehearses.
	Summary string `json:"summary,omitempty" yaml:"summary"`
	// Seed decides every random draw of the run; --seed overrides it. Default 1.
	Seed int64 `json:"seed,omitempty" yaml:"seed"`
	// Tempo divides the length of every phase, with the offsets and steps in it,
	// so that a long rehearsal fits CI. Default 1x.
	Tempo Factor `json:"tempo,omitempty" yaml:"tempo"`
	// Stack is the system under test.
	Stack Stack `json:"stack" yaml:"stack" jsonschema:"required"`
	// Traffic is what the stack is driven with.
	Traffic Traffic `json:"traffic" yaml:"traffic" jsonschema:"required"`
	// Actions are what the run does to the stack while traffic flows.
	Actions []Action `json:"actions,omitempty" yaml:"actions"`
	// Checks are what the verdict is made of.
	Checks []Check `json:"checks" yaml:"checks" jsonschema:"required,minItems=1"`
}

// Stack names the compose project under test and the role of its services.
type Stack struct {
	// Compose lists compose files, merged in order; relative to the scenario file.
	Compose []string `json:"compose" yaml:"compose" jsonschema:"required,minItems=1"`
	// Profiles switches on compose profiles.
	Profiles []string `json:"profiles,omitempty" yaml:"profiles"`
	// Services says how a service takes part. The same keys may stand in the
	// compose file under x-shakedown; what the scenario says wins key by key.
	Services map[string]Service `json:"services,omitempty" yaml:"services"`
}

// Service is the part a compose service plays in a rehearsal.
type Service struct {
	// Port is the container port that serves HTTP. A service with a port is
	// fronted by a gateway.
	Port int `json:"port,omitempty" yaml:"port" jsonschema:"minimum=1,maximum=65535"`
	// Ready is the readiness probe; without one an instance is ready when its
	// port accepts connections.
	Ready *Probe `json:"ready,omitempty" yaml:"ready"`
	// Initialized is a path that answers 200 once the instance has finished its
	// initialization, whatever its readiness probe says; it is only observed.
	Initialized string `json:"initialized,omitempty" yaml:"initialized" jsonschema:"pattern=^/"`
	// Drain is the termination sequence.
	Drain *Drain `json:"drain,omitempty" yaml:"drain"`
	// Replicas is the number of instances at the start. Default: the compose
	// file's deploy.replicas or scale, else 1.
	Replicas *int `json:"replicas,omitempty" yaml:"replicas" jsonschema:"minimum=0,maximum=100"`
	// Balance is "request" (each request to the instance with the least
	// outstanding, like an ingress) or "connection" (a client connection stays
	// on one instance, like a cluster Service). Default: request for services
	// that journeys call, else connection.
	Balance string `json:"balance,omitempty" yaml:"balance" jsonschema:"enum=request,enum=connection"`
	// Publish fixes the port on 127.0.0.1 at which the service is reachable
	// while the run lasts. Default: one that is free.
	Publish int `json:"publish,omitempty" yaml:"publish" jsonschema:"minimum=1,maximum=65535"`
	// PublicEnv names environment variables whose values are no secret and may
	// appear in logs; the values of all others are redacted.
	PublicEnv []string `json:"public_env,omitempty" yaml:"public_env"`
	// Process says how the process platform runs the service.
	Process *Process `json:"process,omitempty" yaml:"process"`
}

// Probe is a readiness probe with the fields and meaning of a Kubernetes
// httpGet probe. In YAML it may be just the path.
type Probe struct {
	// Path answers 200 to 399 when the instance is ready.
	Path string `json:"path" yaml:"path" jsonschema:"pattern=^/"`
	// Period between probes; default 250ms (Kubernetes: 10s).
	Period Duration `json:"period,omitempty" yaml:"period"`
	// Timeout of one probe; default 1s.
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout"`
	// Success is how many probes in a row must pass; default 1.
	Success int `json:"success,omitempty" yaml:"success" jsonschema:"minimum=1"`
	// Failure is how many probes in a row must fail; default 3.
	Failure int `json:"failure,omitempty" yaml:"failure" jsonschema:"minimum=1"`
}

// Drain is the termination sequence of a service's instances: endpoint removal
// and the sequence start together; SIGTERM follows after PreStop, SIGKILL at Grace.
type Drain struct {
	// PreStop delays SIGTERM. Default 0s.
	PreStop Duration `json:"pre_stop,omitempty" yaml:"pre_stop"`
	// Grace is the time from the start of the sequence, PreStop included, to
	// SIGKILL. Default: the compose file's stop_grace_period, else 10s.
	Grace Duration `json:"grace,omitempty" yaml:"grace"`
	// EndpointLag is how long the data plane goes on routing to the instance.
	// Default: drawn for each removal from 0 to 1s, as kube-proxy would.
	EndpointLag *Duration `json:"endpoint_lag,omitempty" yaml:"endpoint_lag"`
}

// Process says how the process platform runs a service. In values, {ip},
// {port}, {instance} and {shared} (a directory that all instances of the run
// share) are replaced; service:port of the stack becomes its loopback address.
type Process struct {
	// Command is the program and its arguments. A program without a slash is
	// looked for beside the shakedown executable, then in PATH.
	Command []string `json:"command,omitempty" yaml:"command" jsonschema:"minItems=1"`
	// Environment is added to the compose file's and wins over it.
	Environment map[string]string `json:"environment,omitempty" yaml:"environment"`
	// Omit leaves the service out on this platform.
	Omit bool `json:"omit,omitempty" yaml:"omit"`
}

// Traffic is what the stack is driven with.
type Traffic struct {
	// Phases follow one another from the start of traffic.
	Phases []Phase `json:"phases" yaml:"phases" jsonschema:"required,minItems=1"`
	// Cohorts say who arrives and how often.
	Cohorts []Cohort `json:"cohorts" yaml:"cohorts" jsonschema:"required,minItems=1"`
	// Journeys say what one session does.
	Journeys map[string]Journey `json:"journeys" yaml:"journeys" jsonschema:"required"`
	// Timeout of a request where its step sets none. Default 10s.
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout"`
}

// Phase is a named window of the run.
type Phase struct {
	// Name is how arrivals, actions and checks refer to the phase.
	Name string `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// For is how long the phase lasts, before tempo.
	For Duration `json:"for" yaml:"for" jsonschema:"required"`
}

// Cohort is a population that walks one journey.
type Cohort struct {
	// Name identifies the cohort in reports.
	Name string `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Journey is what each of its sessions does.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Arrivals says when sessions begin.
	Arrivals Arrivals `json:"arrivals" yaml:"arrivals" jsonschema:"required,minItems=1"`
}

// Arrivals is the shape of a cohort's sessions over time: in YAML either one
// shape for the whole run, or a list of shapes with a phase each.
type Arrivals []Arrival

// Arrival is the shape of arrivals in one phase; exactly one of Constant,
// Ramp and Steps is set. An empty Phase means the whole run.
type Arrival struct {
	// Phase is the phase that the shape fills; without one it fills the run.
	Phase string `json:"phase,omitempty" yaml:"phase"`
	// Constant holds one rate of sessions.
	Constant Rate `json:"constant,omitempty" yaml:"constant" jsonschema:"oneof_required=constant"`
	// Ramp goes from one rate to another.
	Ramp *Ramp `json:"ramp,omitempty" yaml:"ramp" jsonschema:"oneof_required=ramp"`
	// Steps holds one rate after the other.
	Steps []Step `json:"steps,omitempty" yaml:"steps" jsonschema:"oneof_required=steps,minItems=1"`
}

// Ramp changes the rate linearly over the phase.
type Ramp struct {
	// From is the rate at the start of the phase.
	From Rate `json:"from" yaml:"from" jsonschema:"required"`
	// To is the rate at its end.
	To Rate `json:"to" yaml:"to" jsonschema:"required"`
}

// Step holds a rate for a while; the steps of a shape cover its phase exactly.
type Step struct {
	// Rate is the rate of sessions during the step.
	Rate Rate `json:"rate" yaml:"rate" jsonschema:"required"`
	// For is how long the step lasts, before tempo.
	For Duration `json:"for" yaml:"for" jsonschema:"required"`
}

// Journey is what one session does, request after request.
type Journey []Request

// Request is one step of a journey. ${name} in Path, Headers, JSON and Body is
// replaced by a variable: ${session} (a number unique in the run), ${uuid} (drawn
// anew for each request) or one that an earlier step extracted.
type Request struct {
	// Name is how checks and reports refer to the step.
	Name string `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Request is "METHOD service/path", for example "POST api/v1/sessions".
	Request string `json:"request" yaml:"request" jsonschema:"required"`
	// Headers are sent with the request.
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`
	// JSON is a body written as YAML and sent as application/json.
	JSON any `json:"json,omitempty" yaml:"json"`
	// Body is a body sent as it stands.
	Body string `json:"body,omitempty" yaml:"body"`
	// Think is the time between the end of the step before and this one.
	Think Duration `json:"think,omitempty" yaml:"think"`
	// Timeout of the whole request; a request that runs into it is unknown.
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout"`
	// Expect says which answers are right. Default: any status below 400.
	Expect *Expect `json:"expect,omitempty" yaml:"expect"`
	// Extract sets variables from the answer; finding nothing fails the step.
	Extract map[string]Extract `json:"extract,omitempty" yaml:"extract"`
}

// Expect is what an answer must be.
type Expect struct {
	// Status is the status code wanted, or a list of those that are right.
	Status []int `json:"status,omitempty" yaml:"status" jsonschema:"minItems=1"`
	// Contains is text that the body must contain.
	Contains string `json:"contains,omitempty" yaml:"contains"`
	// Headers must be present with these values; "" means any value.
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`
}

// Extract takes one value from an answer; exactly one field is set. In YAML
// it may be just the JSON path.
type Extract struct {
	// JSON is a path such as $.items[0].id.
	JSON string `json:"json,omitempty" yaml:"json" jsonschema:"oneof_required=json"`
	// Header is a header's name.
	Header string `json:"header,omitempty" yaml:"header" jsonschema:"oneof_required=header"`
	// Regexp is a regular expression; its first group is the value, or all of it.
	Regexp string `json:"regexp,omitempty" yaml:"regexp" jsonschema:"oneof_required=regexp"`
}

// Action is something done to the stack at a moment of a phase; exactly one
// action is set.
type Action struct {
	// At is "phase" or "phase + duration".
	At Moment `json:"at" yaml:"at" jsonschema:"required"`
	// Scale changes the number of instances of a service.
	Scale *Scale `json:"scale,omitempty" yaml:"scale" jsonschema:"oneof_required=scale"`
}

// Scale sets the number of instances of a service. The highest-numbered
// instances leave first.
type Scale struct {
	// Service is the service to scale; it has a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// To is the number of instances wanted.
	To int `json:"to" yaml:"to" jsonschema:"required,minimum=0,maximum=100"`
}

// Check is one assertion; exactly one kind is set.
type Check struct {
	// SLO is about latency and availability of a journey.
	SLO *SLOCheck `json:"slo,omitempty" yaml:"slo" jsonschema:"oneof_required=slo"`
	// Drain is about instances that are told to stop.
	Drain *DrainCheck `json:"drain,omitempty" yaml:"drain" jsonschema:"oneof_required=drain"`
	// Readiness is about instances that start.
	Readiness *ReadinessCheck `json:"readiness,omitempty" yaml:"readiness" jsonschema:"oneof_required=readiness"`
}

// SLOCheck asserts a service level objective of a journey or of one of its
// steps, over the whole run or over some phases. At least one objective is set.
type SLOCheck struct {
	// Journey is the journey that the objective is for.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Step narrows to one step; without it every request of the journey counts.
	Step string `json:"step,omitempty" yaml:"step"`
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
// (D3), it exited with code 0 within ExitWithin of its grace period (D5).
type DrainCheck struct {
	// Service is the service whose instances are watched; it has a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// ExitWithin is the share of the grace period by which it must have exited. Default 80%.
	ExitWithin *Percent `json:"exit_within,omitempty" yaml:"exit_within"`
}

// ReadinessCheck asserts that no request reached an instance before its
// initialization was complete (R1), that instances became ready in time (R3)
// and did not flap (R4).
type ReadinessCheck struct {
	// Service is the service whose instances are watched; it has a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// TimeToReady is the limit from start to ready, of every instance. Default 30s.
	TimeToReady *Duration `json:"time_to_ready,omitempty" yaml:"time_to_ready"`
	// Flaps is how often an instance may lose readiness while it is not terminating. Default 0.
	Flaps int `json:"flaps,omitempty" yaml:"flaps" jsonschema:"minimum=0"`
}
