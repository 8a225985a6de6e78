package scenarios

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
