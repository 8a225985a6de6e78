package scenarios

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
