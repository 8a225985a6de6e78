package scenarios

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
