package journal

import "time"

// ScaleDecision is one evaluation of an autoscaler, written before it is
// applied. For changes of instances Current, Wanted and Desired are numbers of
// them; for changes of resources see Claim and Resized.
type ScaleDecision struct {
	// ID is unique in a run and ascends from 1.
	ID      int    `json:"id"`
	Service string `json:"service"`
	// Autoscaler is "hpa", "target_tracking", "step", "queue", "schedule",
	// "proactive", "reactive", or "replace" for what takes the place of an instance
	// that broke down or did not come up.
	Autoscaler string `json:"autoscaler"`
	Current    int    `json:"current"`
	// Wanted is what the metrics ask for, Desired what limits, windows and policies
	// leave of it.
	Wanted  int           `json:"wanted"`
	Desired int           `json:"desired"`
	Metrics []ScaleMetric `json:"metrics,omitempty"`
	// Reason is one word, of the HPA its own: "SucceededRescale", "DesiredWithinRange".
	Reason     string           `json:"reason"`
	Message    string           `json:"message"`
	Conditions []ScaleCondition `json:"conditions,omitempty"`
	// Held says why it is not applied although it asks for a change: "frozen".
	Held string        `json:"held,omitempty"`
	Took time.Duration `json:"took"` // nanoseconds, of the recommendation alone
}

// ScaleMetric is one metric of a decision. Value and Target are in Unit ("%",
// "/s", "s", "B", or "" for plain numbers).
type ScaleMetric struct {
	Name     string   `json:"name"`
	Value    *float64 `json:"value,omitempty"` // nil: it could not be read
	Target   float64  `json:"target"`
	Unit     string   `json:"unit,omitempty"`
	Proposed *int     `json:"proposed,omitempty"` // instances, by this metric alone
	Missing  int      `json:"missing,omitempty"`  // instances without a reading
	Unready  int      `json:"unready,omitempty"`  // instances left out because they start
	Error    string   `json:"error,omitempty"`
}

// ScaleCondition is a condition of an HPA, in its own words.
type ScaleCondition struct {
	Type    string `json:"type"` // "AbleToScale", "ScalingActive", "ScalingLimited"
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// ScaleApplied says what came of a decision: the instances that were created or
// told to stop, as soon as that has begun.
type ScaleApplied struct {
	ID       int      `json:"id"` // of the decision
	Service  string   `json:"service"`
	Started  []string `json:"started,omitempty"`
	Stopping []string `json:"stopping,omitempty"`
	Error    string   `json:"error,omitempty"`
}

// Resized says that the resources of a running instance were changed, or were
// to be; T is when the new limits were read back from what enforces them.
type Resized struct {
	Decision int    `json:"decision"`
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Class    string `json:"class"` // "large" or "base"
	// Limits before and after; bytes and cores, 0 for none.
	FromCPUs   float64       `json:"from_cpus"`
	FromMemory int64         `json:"from_memory"`
	CPUs       float64       `json:"cpus"`
	Memory     int64         `json:"memory"`
	Cause      string        `json:"cause"`
	Took       time.Duration `json:"took"` // nanoseconds
	Error      string        `json:"error,omitempty"`
	// Created tells that the instance was created with these limits.
	Created bool `json:"created,omitempty"`
}

// SessionSignal says that a gateway was told of a session that begins, or goes
// on, by the application (Via "webhook") or by a request that came through
// (Via "header"); T is when.
type SessionSignal struct {
	Service string `json:"service"` // whose gateway
	Via     string `json:"via"`
	Account string `json:"account"`
	Tier    string `json:"tier"`
	Wants   string `json:"wants,omitempty"` // the instance that the application names
}

// Claim is how an account stands that needs larger instances. State is
// "granted", "renewed", "queued", "rejected" or "released".
type Claim struct {
	Decision int           `json:"decision"`
	Service  string        `json:"service"` // the one that is prescaled
	Account  string        `json:"account"`
	State    string        `json:"state"`
	Instance string        `json:"instance,omitempty"` // "" for all of them
	Via      string        `json:"via,omitempty"`
	Waited   time.Duration `json:"waited,omitempty"` // nanoseconds in the queue
	Answered bool          `json:"answered,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	// Error is what the engine said where there was room and the larger class could
	// not be made effective all the same.
	Error string `json:"error,omitempty"`
}

// Usage is what an instance used up to T.
type Usage struct {
	Service  string        `json:"service"`
	Instance string        `json:"instance"`
	CPU      time.Duration `json:"cpu"` // since its start, all cores, nanoseconds
	Memory   int64         `json:"memory"`
	Limit    int64         `json:"limit,omitempty"` // of memory, 0 for none
}

// Measured is a reading of a metric of a service.
type Measured struct {
	Service string  `json:"service"`
	Metric  string  `json:"metric"`
	Value   float64 `json:"value"`
	Error   string  `json:"error,omitempty"` // then there is no value
}

// Interrupted says that instances were given notice: they are killed at T +
// Notice if they are still there.
type Interrupted struct {
	Service   string        `json:"service"`
	Instances []string      `json:"instances"`
	Notice    time.Duration `json:"notice"` // nanoseconds
}

// Milestone says how a step that a check wants to know the moments of went in
// one session. Outcome is "started" when its first byte was sent, then "ok",
// "fail" or "unknown" when it was over.
type Milestone struct {
	Journey string `json:"journey"`
	Step    string `json:"step"`
	Cohort  string `json:"cohort"`
	Tier    string `json:"tier,omitempty"`
	Tenant  string `json:"tenant"`
	Session int    `json:"session"`
	Outcome string `json:"outcome"`
}

// Kind implements Body.
func (ScaleDecision) Kind() string { return "scale.decision" }

// Kind implements Body.
func (ScaleApplied) Kind() string { return "scale.applied" }

// Kind implements Body.
func (Resized) Kind() string { return "resized" }

// Kind implements Body.
func (SessionSignal) Kind() string { return "session.signal" }

// Kind implements Body.
func (Claim) Kind() string { return "claim" }

// Kind implements Body.
func (Usage) Kind() string { return "usage" }

// Kind implements Body.
func (Measured) Kind() string { return "measured" }

// Kind implements Body.
func (Interrupted) Kind() string { return "interrupted" }

// Kind implements Body.
func (Milestone) Kind() string { return "milestone" }
