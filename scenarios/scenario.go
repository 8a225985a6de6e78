// Package scenarios is the scenario language: its types, strict loading with
// line-accurate errors, the JSON Schema, and the compiler that turns a
// scenario and what its compose project offers into a plan. It acts on
// nothing: no engine, no network.
//
// The types are in the order of the documentation: here, in traffic.go,
// arrivals.go, journey.go, autoscale.go, action.go and assertion.go. Their jsonschema tags are
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
	// Hypotheses are what those who rehearse expect, a sentence each, written before
	// the run; the report shows them beside what happened.
	Hypotheses []string `json:"hypotheses,omitempty" yaml:"hypotheses" jsonschema:"minItems=1,maxItems=50"`
	// Seed decides every random draw of the run; --seed overrides it. Default 1.
	Seed int64 `json:"seed,omitempty" yaml:"seed"`
	// Tempo divides the length of every phase, with the offsets, shapes and steps
	// in it, the length of faults, how long releases wait on purpose (min_ready, keep), notices of
	// interruption, and every duration of autoscalers (periods, windows, cooldowns,
	// holds), so that a long rehearsal fits CI. Rates, thinking times, time-outs, deadlines and recordings
	// stay as they are. Default 1x.
	Tempo Factor `json:"tempo,omitempty" yaml:"tempo"`
	// Stack is the system under test.
	Stack Stack `json:"stack" yaml:"stack" jsonschema:"required"`
	// Traffic is what the stack is driven with.
	Traffic Traffic `json:"traffic" yaml:"traffic" jsonschema:"required"`
	// Actions are what the run does to the stack while traffic flows.
	Actions []Action `json:"actions,omitempty" yaml:"actions"`
	// Faults are what the run breaks on purpose, and heals again.
	Faults []Fault `json:"faults,omitempty" yaml:"faults"`
	// BlastRadius caps what faults may take away.
	BlastRadius *BlastRadius `json:"blast_radius,omitempty" yaml:"blast_radius"`
	// Stop ends the run, and heals everything, when one of these objectives is missed.
	Stop []StopCondition `json:"stop,omitempty" yaml:"stop" jsonschema:"minItems=1"`
	// Metrics is what is measured while the run lasts, and which alert rules are
	// evaluated. Default: nothing, unless a check needs it.
	Metrics *Metrics `json:"metrics,omitempty" yaml:"metrics"`
	// SLOs are objectives that have an error budget.
	SLOs []SLO `json:"slos,omitempty" yaml:"slos" jsonschema:"minItems=1"`
	// Checks are what the verdict is made of.
	Checks []Check `json:"checks" yaml:"checks" jsonschema:"required,minItems=1"`
	// Variants are other forms of the scenario, to be run beside it: policies on the
	// same traffic. run --variant NAME runs one.
	Variants map[string]Variant `json:"variants,omitempty" yaml:"variants"`
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
	// ThirdParties are stand-ins for other people's APIs, by name.
	ThirdParties map[string]ThirdParty `json:"third_parties,omitempty" yaml:"third_parties"`
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
	// Metrics are measured while the run lasts, by name: for autoscalers, and for
	// checks of queues. A manifest's metrics are looked for here.
	Metrics map[string]MetricSource `json:"metrics,omitempty" yaml:"metrics"`
	// Autoscale adds and removes instances.
	Autoscale *Autoscale `json:"autoscale,omitempty" yaml:"autoscale"`
	// Prescale changes the resources of instances.
	Prescale *Prescale `json:"prescale,omitempty" yaml:"prescale"`
	// Zones are failure domains, over which the instances are spread in turn: the
	// first is in the first zone. Default: none.
	Zones []string `json:"zones,omitempty" yaml:"zones" jsonschema:"minItems=1"`
	// TrustCA lets the instances trust the run's own certificate authority beside those
	// of their image, so that third parties with TLS can be simulated. Containers only.
	TrustCA bool `json:"trust_ca,omitempty" yaml:"trust_ca"`
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
	// Takes is how long the application itself may need from SIGTERM to its exit:
	// the time-out of its own shutdown. It is not enforced; the drain check holds
	// it, with PreStop, against Grace (D7).
	Takes Duration `json:"takes,omitempty" yaml:"takes"`
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
