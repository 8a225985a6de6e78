package scenarios

// ThirdParty is a stand-in for somebody else's API, under a name of the stack's
// networks. It keeps a ledger of every call, and faults can be done to it as to
// a service. A compose service of that name is left out.
type ThirdParty struct {
	// Port is where it listens.
	Port int `json:"port" yaml:"port" jsonschema:"required,minimum=1,maximum=65535"`
	// Aliases are more names it answers to, dots included: api.pay.example.
	// Containers only.
	Aliases []string `json:"aliases,omitempty" yaml:"aliases"`
	// TLS serves HTTPS, with a certificate of the run's own authority, which services
	// with trust_ca trust.
	TLS bool `json:"tls,omitempty" yaml:"tls"`
	// KeyHeader is the header that tells one piece of work from another, however often
	// it is tried. Default Idempotency-Key.
	KeyHeader string `json:"key_header,omitempty" yaml:"key_header"`
	// Latency is what every call takes, but for routes that have their own.
	Latency *LatencyFault `json:"latency,omitempty" yaml:"latency"`
	// RateLimit is one that is always there.
	RateLimit *RateLimitFault `json:"rate_limit,omitempty" yaml:"rate_limit"`
	// Routes are what it answers; anything else is answered with 404.
	Routes []ThirdPartyRoute `json:"routes" yaml:"routes" jsonschema:"required,minItems=1"`
	// Publish fixes the port on 127.0.0.1 at which it is reachable. Default: one that is free.
	Publish int `json:"publish,omitempty" yaml:"publish" jsonschema:"minimum=1,maximum=65535"`
}

// ThirdPartyRoute is what it answers to one kind of request. In Body, JSON, Headers and
// EffectKey, ${json.NAME} (a path into the body: json.order.id), ${query.NAME},
// ${path.NAME}, ${header.NAME}, ${key} (of KeyHeader), ${id} (unique, from the
// seed), ${n} (the number of the call) and ${now} are replaced.
type ThirdPartyRoute struct {
	// Request is method and path: "POST /v1/charges", "GET /v1/charges/{id}".
	Request string `json:"request" yaml:"request" jsonschema:"required"`
	// Status of the answer. Default 200.
	Status int `json:"status,omitempty" yaml:"status" jsonschema:"minimum=200,maximum=599"`
	// Headers of the answer.
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`
	// JSON is a body written as YAML and sent as application/json.
	JSON any `json:"json,omitempty" yaml:"json"`
	// Body is a body sent as it stands.
	Body string `json:"body,omitempty" yaml:"body"`
	// Latency is what this route takes.
	Latency *LatencyFault `json:"latency,omitempty" yaml:"latency"`
	// Idempotent answers calls with the same key as the first one was answered, without
	// doing it again; calls without a key get 400.
	Idempotent bool `json:"idempotent,omitempty" yaml:"idempotent"`
	// Effect names what a call does, once it is answered: charges. Effects can be
	// read, page by page, at GET /.shakedown/effects/NAME of the third party:
	// {"items": [{"key": ..., "of": ..., "at": ...}], "next": ...}.
	Effect string `json:"effect,omitempty" yaml:"effect" jsonschema:"pattern=^[a-z0-9][a-z0-9-]*$"`
	// EffectOf says what it is done to: ${json.order}. Default ${key}.
	EffectOf string `json:"effect_of,omitempty" yaml:"effect_of"`
}
