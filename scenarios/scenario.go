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
	// Tempo divides the length of every phase, with the offsets, shapes and steps
	// in it, so that a long rehearsal fits CI. Rates, thinking times, time-outs and
	// recordings stay as they are. Default 1x.
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
	// Arrivals are sessions that the cohorts with a weight share.
	Arrivals Arrivals `json:"arrivals,omitempty" yaml:"arrivals" jsonschema:"minItems=1"`
	// Cohorts say who arrives and how often.
	Cohorts []Cohort `json:"cohorts" yaml:"cohorts" jsonschema:"required,minItems=1"`
	// Journeys say what one session does. Only replays need none.
	Journeys map[string]Journey `json:"journeys,omitempty" yaml:"journeys"`
	// Timeout of a request where its step sets none. Default 10s.
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout"`
	// Connections says how the driver holds connections.
	Connections *Connections `json:"connections,omitempty" yaml:"connections"`
	// Targets are addresses on loopback, outside of the stack's gateways, that
	// journeys may call by name as they call services.
	Targets map[string]Target `json:"targets,omitempty" yaml:"targets"`
}

// Connections says how the driver holds connections to each service.
type Connections struct {
	// Max is the most connections to one service; requests beyond wait for one,
	// and the wait counts. Default 1024.
	Max int `json:"max,omitempty" yaml:"max" jsonschema:"minimum=1,maximum=65535"`
	// Reuse keeps connections for later requests; false opens one for each.
	// Default true.
	Reuse *bool `json:"reuse,omitempty" yaml:"reuse"`
	// MaxAge is how old a connection may be and still carry another request.
	// Default: no limit.
	MaxAge Duration `json:"max_age,omitempty" yaml:"max_age"`
	// DialRate is how many connections to one service may be opened in a second;
	// requests wait for it, and the wait counts. Default: no limit.
	DialRate Rate `json:"dial_rate,omitempty" yaml:"dial_rate"`
}

// Target is an address on loopback that journeys may call.
type Target struct {
	// URL is scheme, host and port: https://127.0.0.1:8443.
	URL string `json:"url" yaml:"url" jsonschema:"required"`
	// HTTP2 speaks HTTP/2: negotiated with https, by prior knowledge with http.
	HTTP2 bool `json:"http2,omitempty" yaml:"http2"`
	// CA is a file with the certificates that the server's may be signed by, in
	// PEM; relative to the scenario file. Default: the system's.
	CA string `json:"ca,omitempty" yaml:"ca"`
}

// Phase is a named window of the run.
type Phase struct {
	// Name is how arrivals, actions and checks refer to the phase.
	Name string `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// For is how long the phase lasts, before tempo.
	For Duration `json:"for" yaml:"for" jsonschema:"required"`
}

// Cohort is a population that walks one journey, or whose recorded requests
// are replayed.
type Cohort struct {
	// Name identifies the cohort in reports.
	Name string `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Tier is the kind of account that the tenants have, ${tier} in journeys:
	// free, pro, enterprise, or whatever the product knows.
	Tier string `json:"tier,omitempty" yaml:"tier" jsonschema:"pattern=^[a-z0-9][a-z0-9-]*$"`
	// Journey is what each of its sessions does.
	Journey string `json:"journey,omitempty" yaml:"journey"`
	// Arrivals says when sessions begin.
	Arrivals Arrivals `json:"arrivals,omitempty" yaml:"arrivals" jsonschema:"minItems=1"`
	// Weight is the cohort's share of traffic.arrivals, next to those of the
	// others: one number, or one for each phase.
	Weight Weights `json:"weight,omitempty" yaml:"weight"`
	// Tenants is the number of tenants, named NAME-1, NAME-2, ... after the
	// cohort; each session is of one, ${tenant}. Default 1.
	Tenants int `json:"tenants,omitempty" yaml:"tenants" jsonschema:"minimum=1,maximum=100000000"`
	// Skew says how sessions fall on tenants: "uniform" or "zipf(1.1)", where
	// the n-th tenant has a share in proportion to n to the power of -1.1.
	// Default uniform.
	Skew Skew `json:"skew,omitempty" yaml:"skew"`
	// Hot is one tenant that has a share of its own.
	Hot *Hot `json:"hot,omitempty" yaml:"hot"`
	// Sizes are drawn once for each session and are variables of its journey:
	// sizes: {objects: 500} makes ${objects}.
	Sizes map[string]Size `json:"sizes,omitempty" yaml:"sizes"`
	// Cookies keeps the cookies that a session is given and sends them back.
	Cookies bool `json:"cookies,omitempty" yaml:"cookies"`
	// Replay takes arrivals, and without a journey the requests too, from a
	// recording.
	Replay *Replay `json:"replay,omitempty" yaml:"replay"`
}

// Weights are shares next to those of others, by phase; "" stands for every
// phase that is not named, which otherwise has 0. In YAML it may be just the
// number.
type Weights map[string]int

// Hot is a named tenant with a fixed share of a cohort's sessions.
type Hot struct {
	// Tenant is its name, ${tenant} of its sessions.
	Tenant string `json:"tenant" yaml:"tenant" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Share is its part of the cohort's sessions.
	Share Percent `json:"share" yaml:"share" jsonschema:"required"`
	// Phases narrows to these phases; in the others it is a tenant like the
	// rest, the first. Default all.
	Phases []string `json:"phases,omitempty" yaml:"phases" jsonschema:"minItems=1"`
}

// Size is a distribution of whole numbers; exactly one of Constant, Median
// and Values is set. In YAML it may be just the number.
type Size struct {
	// Constant is the same number every time.
	Constant int `json:"constant,omitempty" yaml:"constant" jsonschema:"oneof_required=constant,minimum=0"`
	// Median and P95 give a lognormal distribution: half of the draws are below
	// the one, 95 in 100 below the other.
	Median int `json:"median,omitempty" yaml:"median" jsonschema:"oneof_required=median,minimum=1"`
	// P95 is above Median.
	P95 int `json:"p95,omitempty" yaml:"p95" jsonschema:"minimum=1"`
	// Values are measured ones, each as likely as any other; a value may stand
	// there more than once.
	Values []int `json:"values,omitempty" yaml:"values" jsonschema:"oneof_required=values,minItems=1"`
	// Max cuts off what is drawn above it. Default: no limit.
	Max int `json:"max,omitempty" yaml:"max" jsonschema:"minimum=1"`
}

// Think is a distribution of times; exactly one of Constant, Median and Values
// is set. In YAML it may be just the duration.
type Think struct {
	// Constant is the same time every time.
	Constant Duration `json:"constant,omitempty" yaml:"constant" jsonschema:"oneof_required=constant"`
	// Median and P95 give a lognormal distribution: half of the draws are below
	// the one, 95 in 100 below the other.
	Median Duration `json:"median,omitempty" yaml:"median" jsonschema:"oneof_required=median"`
	// P95 is above Median.
	P95 Duration `json:"p95,omitempty" yaml:"p95"`
	// Values are measured ones, each as likely as any other.
	Values []Duration `json:"values,omitempty" yaml:"values" jsonschema:"oneof_required=values,minItems=1"`
	// Max cuts off what is drawn above it. Default: no limit.
	Max Duration `json:"max,omitempty" yaml:"max"`
}

// Replay takes the arrivals of a cohort from a recording. Without a journey
// the recorded requests themselves are sent; with one only their times count
// and each arrival walks the journey. A cohort that has arrivals besides sends
// the requests at those times, from the first again after the last: that is
// how targets without times are sent.
type Replay struct {
	// File is the recording, relative to the scenario file.
	File string `json:"file" yaml:"file" jsonschema:"required"`
	// Format is access-log (common and combined), json-lines, har,
	// vegeta-http, vegeta-json, or times (one time a line). Default: told from
	// the beginning of the file.
	Format string `json:"format,omitempty" yaml:"format" jsonschema:"enum=access-log,enum=json-lines,enum=har,enum=vegeta-http,enum=vegeta-json,enum=times"`
	// Phase is the phase whose start is the first recorded request's time.
	// Default: the first. The recording ends before the last phase does.
	Phase string `json:"phase,omitempty" yaml:"phase"`
	// Speed divides the recorded distances: 10x sends an hour in six minutes.
	// Default 1x.
	Speed Factor `json:"speed,omitempty" yaml:"speed"`
	// Service gets every request whose host Hosts does not name.
	Service string `json:"service,omitempty" yaml:"service"`
	// Hosts says which service gets the requests for a recorded host. Without
	// Service, requests for other hosts are left out, and counted.
	Hosts map[string]string `json:"hosts,omitempty" yaml:"hosts"`
	// Headers names the recorded headers that are sent. Default: all but those
	// that carry credentials or belong to the connection.
	Headers []string `json:"headers,omitempty" yaml:"headers"`
	// Fields names the members of json-lines that hold time, method, path (or
	// url), host and body. Default: names in common use.
	Fields map[string]string `json:"fields,omitempty" yaml:"fields"`
	// Malformed is the share of lines that may be unreadable. Default 1%.
	Malformed *Percent `json:"malformed,omitempty" yaml:"malformed"`
}

// Arrivals is the shape of sessions over time: in YAML either one shape for the
// whole run, or a list of shapes with a phase each. Several shapes of one phase
// add up, and so do several for the whole run.
type Arrivals []Arrival

// Arrival is the shape of arrivals in one phase; exactly one shape is set. An
// empty Phase means the whole run.
type Arrival struct {
	// Phase is the phase that the shape fills; without one it fills the run.
	Phase string `json:"phase,omitempty" yaml:"phase"`
	// Constant holds one rate of sessions.
	Constant Rate `json:"constant,omitempty" yaml:"constant" jsonschema:"oneof_required=constant"`
	// Ramp goes from one rate to another.
	Ramp *Ramp `json:"ramp,omitempty" yaml:"ramp" jsonschema:"oneof_required=ramp"`
	// Steps holds one rate after the other.
	Steps []Step `json:"steps,omitempty" yaml:"steps" jsonschema:"oneof_required=steps,minItems=1"`
	// Spike rises from a base to a peak and falls back.
	Spike *Spike `json:"spike,omitempty" yaml:"spike" jsonschema:"oneof_required=spike"`
	// Sine swings around a mean, as days and weeks do.
	Sine *Sine `json:"sine,omitempty" yaml:"sine" jsonschema:"oneof_required=sine"`
	// Points are joined by straight lines.
	Points []Point `json:"points,omitempty" yaml:"points" jsonschema:"oneof_required=points,minItems=2"`
	// Day is a measured course of rates, stretched over the phase.
	Day *Day `json:"day,omitempty" yaml:"day" jsonschema:"oneof_required=day"`
	// Sum adds shapes up; they have no phase, spacing, burst or closed loop of
	// their own.
	Sum []Arrival `json:"sum,omitempty" yaml:"sum" jsonschema:"oneof_required=sum,minItems=1"`
	// Burst is a number of sessions within a short time.
	Burst *Burst `json:"burst,omitempty" yaml:"burst" jsonschema:"oneof_required=burst"`
	// Closed is a fixed number of sessions, each begun anew when it ends: a
	// closed loop, which slows down with the system.
	Closed *Closed `json:"closed,omitempty" yaml:"closed" jsonschema:"oneof_required=closed"`
	// Times multiplies the shape. Default 1x.
	Times Factor `json:"times,omitempty" yaml:"times"`
	// Spacing is "uniform" (evenly, as the rate has it) or "poisson" (at random,
	// as independent people arrive). Default uniform.
	Spacing string `json:"spacing,omitempty" yaml:"spacing" jsonschema:"enum=uniform,enum=poisson"`
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

// Spike is a rate that rises from Base to Peak, which is higher, and falls back
// to Base, where it stays. Durations are before tempo.
type Spike struct {
	// Base is the rate before and after.
	Base Rate `json:"base" yaml:"base" jsonschema:"required"`
	// Peak is the rate in between.
	Peak Rate `json:"peak" yaml:"peak" jsonschema:"required"`
	// At is when the rise begins, from the start of the phase. Default 0s.
	At Duration `json:"at,omitempty" yaml:"at"`
	// Rise is how long it takes from Base to Peak. Default 0s, at once.
	Rise Duration `json:"rise,omitempty" yaml:"rise"`
	// Hold is how long Peak lasts.
	Hold Duration `json:"hold" yaml:"hold" jsonschema:"required"`
	// Fall is how long it takes from Peak to Base. Default 0s, at once.
	Fall Duration `json:"fall,omitempty" yaml:"fall"`
}

// Sine is Mean + Amplitude * cos(2 pi (t - Peak) / Period), t from the start
// of the phase. Durations are before tempo.
type Sine struct {
	// Mean is the rate around which it swings.
	Mean Rate `json:"mean" yaml:"mean" jsonschema:"required"`
	// Amplitude is how far it swings; at most Mean.
	Amplitude Rate `json:"amplitude" yaml:"amplitude" jsonschema:"required"`
	// Period is the time from crest to crest. Default: the length of the phase.
	Period Duration `json:"period,omitempty" yaml:"period"`
	// Peak is the time of a crest. Default 0s.
	Peak Duration `json:"peak,omitempty" yaml:"peak"`
}

// Point is a rate at a moment of the phase; the first is at 0s, the last at
// the phase's end. Two at the same moment are a jump.
type Point struct {
	// At is the offset from the start of the phase, before tempo.
	At Duration `json:"at" yaml:"at" jsonschema:"required"`
	// Rate is the rate then.
	Rate Rate `json:"rate" yaml:"rate" jsonschema:"required"`
}

// Day is a course of measured values, equally far apart, stretched over the
// phase and joined by straight lines. Exactly one of Values and File is set.
type Day struct {
	// Values are measurements in any unit, 24 hourly ones for example.
	Values []int `json:"values,omitempty" yaml:"values" jsonschema:"oneof_required=values,minItems=2"`
	// File holds one number a line, or lines whose last column is the number;
	// relative to the scenario file. A first line whose last column is a word and
	// lines that begin with # do not count.
	File string `json:"file,omitempty" yaml:"file" jsonschema:"oneof_required=file"`
	// Peak is the rate that the largest value stands for.
	Peak Rate `json:"peak" yaml:"peak" jsonschema:"required"`
}

// Burst is a number of sessions that open within a short time.
type Burst struct {
	// Sessions is how many.
	Sessions int `json:"sessions" yaml:"sessions" jsonschema:"required,minimum=1,maximum=10000000"`
	// Within is the time in which they arrive, before tempo.
	Within Duration `json:"within" yaml:"within" jsonschema:"required"`
	// At is when the first may arrive, from the start of the phase, before
	// tempo. Default 0s.
	At Duration `json:"at,omitempty" yaml:"at"`
}

// Closed is a closed loop: the next session of a user begins when the last one
// has ended.
type Closed struct {
	// Sessions is how many walk at the same time.
	Sessions int `json:"sessions" yaml:"sessions" jsonschema:"required,minimum=1,maximum=1000000"`
}

// Journey is what one session does, step after step.
type Journey []JourneyStep

// JourneyStep is a request, a choice or a repetition; exactly one of Request,
// Choose and Repeat is set. ${name} in Request, Headers, JSON, Body and Payload is
// replaced by a variable: one that an earlier step extracted, a size of the
// cohort, or one of ${session} (a number unique in the run), ${uuid} (drawn anew
// for each request, the same within it: an idempotency key), ${tenant}, ${tier}
// and ${cohort}.
type JourneyStep struct {
	// Name is how checks and reports refer to the step; a request has one.
	Name string `json:"name,omitempty" yaml:"name" jsonschema:"pattern=^[a-z0-9][a-z0-9-]*$"`
	// Request is "METHOD service/path", for example "POST api/v1/sessions".
	Request string `json:"request,omitempty" yaml:"request" jsonschema:"oneof_required=request"`
	// Headers are sent with the request.
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`
	// JSON is a body written as YAML and sent as application/json.
	JSON any `json:"json,omitempty" yaml:"json"`
	// Body is a body sent as it stands.
	Body string `json:"body,omitempty" yaml:"body"`
	// BodyFile is a file sent as it stands, read while it is sent; relative to
	// the scenario file.
	BodyFile string `json:"body_file,omitempty" yaml:"body_file"`
	// Payload is a body of many items, made while it is sent.
	Payload *Payload `json:"payload,omitempty" yaml:"payload"`
	// Gzip compresses the body.
	Gzip bool `json:"gzip,omitempty" yaml:"gzip"`
	// Chunked sends the body in chunks, without its length.
	Chunked bool `json:"chunked,omitempty" yaml:"chunked"`
	// Think is the time between the end of the step before and this one.
	Think *Think `json:"think,omitempty" yaml:"think"`
	// Timeout of the whole request; a request that runs into it is unknown.
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout"`
	// Expect says which answers are right. Default: any status below 400.
	Expect *Expect `json:"expect,omitempty" yaml:"expect"`
	// Extract sets variables from the answer; finding nothing fails the step.
	Extract map[string]Extract `json:"extract,omitempty" yaml:"extract"`
	// Poll sends the request again until an answer meets a condition.
	Poll *Poll `json:"poll,omitempty" yaml:"poll"`
	// Choose takes one of several ways, by weight.
	Choose []Option `json:"choose,omitempty" yaml:"choose" jsonschema:"oneof_required=choose,minItems=1"`
	// Repeat takes its steps several times.
	Repeat *Repeat `json:"repeat,omitempty" yaml:"repeat" jsonschema:"oneof_required=repeat"`
}

// Payload is a body made of an item, many times over: Before, the items with
// Separator between them, After. It takes no memory, however large.
type Payload struct {
	// Count is how many items: a number or a variable.
	Count string `json:"count" yaml:"count" jsonschema:"required"`
	// Item is one item; ${index} is its number, from 0.
	Item string `json:"item" yaml:"item" jsonschema:"required"`
	// Before stands in front of the items.
	Before string `json:"before,omitempty" yaml:"before"`
	// Separator stands between two items.
	Separator string `json:"separator,omitempty" yaml:"separator"`
	// After stands behind the items.
	After string `json:"after,omitempty" yaml:"after"`
}

// Poll sends a request until an answer meets a condition. Each request counts
// as one of the step; the time from the first to the end of the last is
// measured besides.
type Poll struct {
	// Until is what an answer must be for the polling to end. Answers that are
	// right but do not meet it lead to another request.
	Until Expect `json:"until" yaml:"until" jsonschema:"required"`
	// Unless is an answer that ends the polling and fails the step.
	Unless *Expect `json:"unless,omitempty" yaml:"unless"`
	// Every is the time between the end of an answer and the next request.
	// Default 1s.
	Every Duration `json:"every,omitempty" yaml:"every"`
	// Within is how long to go on; then the step fails. Default 60s.
	Within Duration `json:"within,omitempty" yaml:"within"`
}

// Option is one way of a choice.
type Option struct {
	// Weight is its share next to those of the other options.
	Weight int `json:"weight" yaml:"weight" jsonschema:"required,minimum=0"`
	// Steps are what is done; none is a way too.
	Steps Journey `json:"steps,omitempty" yaml:"steps"`
}

// Repeat takes steps several times.
type Repeat struct {
	// Times is how often, drawn for each session.
	Times Size `json:"times" yaml:"times" jsonschema:"required"`
	// Steps are what is done each time.
	Steps Journey `json:"steps" yaml:"steps" jsonschema:"required,minItems=1"`
}

// Expect is what an answer must be. ${name} in Contains, Lacks, Headers and
// JSON is replaced by a variable.
type Expect struct {
	// Status is the status code wanted, or a list of those that are right.
	Status []int `json:"status,omitempty" yaml:"status" jsonschema:"minItems=1"`
	// Contains is text that the body must contain.
	Contains string `json:"contains,omitempty" yaml:"contains"`
	// Lacks is text that the body must not contain.
	Lacks string `json:"lacks,omitempty" yaml:"lacks"`
	// Matches is a regular expression that the body must match.
	Matches string `json:"matches,omitempty" yaml:"matches"`
	// JSON says what must stand at a JSON path: the text of the value.
	JSON map[string]string `json:"json,omitempty" yaml:"json"`
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
