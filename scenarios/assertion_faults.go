package scenarios

// Objectives are what is asked of a journey for a time; at least one is set.
type Objectives struct {
	// P95 is the most that 95 requests in 100 may reach.
	P95 *Duration `json:"p95,omitempty" yaml:"p95" jsonschema:"anyof_required=p95"`
	// P99 is the same for 99 in 100.
	P99 *Duration `json:"p99,omitempty" yaml:"p99" jsonschema:"anyof_required=p99"`
	// Availability is the least share of requests that must succeed.
	Availability *Percent `json:"availability,omitempty" yaml:"availability" jsonschema:"anyof_required=availability"`
}

// SteadyStateCheck asserts that a journey met its objectives before the first
// fault (else whatever depends on faults is inconclusive), those for During while
// faults lasted, and the first ones again after they were reverted.
type SteadyStateCheck struct {
	// Journey is the journey; Step narrows to one step.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Step narrows to one step.
	Step string `json:"step,omitempty" yaml:"step"`
	// Faults narrows to these; default all.
	Faults []string `json:"faults,omitempty" yaml:"faults" jsonschema:"minItems=1"`
	// Steady is asked before and after.
	Steady Objectives `json:"steady" yaml:"steady" jsonschema:"required"`
	// During is asked while faults last. Default: nothing.
	During *Objectives `json:"during,omitempty" yaml:"during"`
	// Settle is how long after a fault the time counts neither as during nor as after.
	// Default 5s; not divided by tempo.
	Settle *Duration `json:"settle,omitempty" yaml:"settle"`
}

// RecoveryCheck asserts that a journey was within its objectives again soon
// after each fault was reverted, and stayed so.
type RecoveryCheck struct {
	// Journey is the journey.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Step narrows to one step.
	Step string `json:"step,omitempty" yaml:"step"`
	// Faults narrows to these; default all.
	Faults []string `json:"faults,omitempty" yaml:"faults" jsonschema:"minItems=1"`
	// Objectives are judged over windows of three seconds.
	Objectives Objectives `json:"objectives" yaml:"objectives" jsonschema:"required"`
	// Within is the limit from the revert to the beginning of the first window from
	// which on all are within them, until the next fault or the end.
	Within Duration `json:"within" yaml:"within" jsonschema:"required"`
}

// ThirdPartyCheck asserts how a third party, or any service with a port, is called
// while faults are done to it: that calls are bounded (T1), that repeated ones back
// off with jitter (T2), that Retry-After is honoured (T3), that a breaker opens and
// closes (T4), that errors (T5) and times (T6) which users see are bounded. What is
// not asked for is not judged.
type ThirdPartyCheck struct {
	// Service is the third party, or a service with a port.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Faults narrows to these; default all that are done to it.
	Faults []string `json:"faults,omitempty" yaml:"faults" jsonschema:"minItems=1"`
	// Per is the step of users' that makes calls necessary.
	Per UserStep `json:"per" yaml:"per" jsonschema:"required"`
	// Amplification is the most calls for one user request while faults last (T1).
	Amplification *Factor `json:"amplification,omitempty" yaml:"amplification"`
	// Backoff is about the time between a failed call and the next with its key (T2).
	Backoff *BackoffWanted `json:"backoff,omitempty" yaml:"backoff"`
	// RetryAfter wants that who was told to wait does wait: at most 1 in 100 calls
	// comes too early (T3).
	RetryAfter bool `json:"retry_after,omitempty" yaml:"retry_after"`
	// Breaker is about calls that are not made any more (T4).
	Breaker *BreakerWanted `json:"breaker,omitempty" yaml:"breaker"`
	// Errors is the largest share of Per's requests that may fail while faults last (T5).
	Errors *Percent `json:"errors,omitempty" yaml:"errors"`
	// FailFast is the time within which 95 in 100 of Per's requests are answered while
	// faults last, failed ones included (T6).
	FailFast *Duration `json:"fail_fast,omitempty" yaml:"fail_fast"`
}

// UserStep names a step of a journey.
type UserStep struct {
	// Journey is the journey.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Step is the step.
	Step string `json:"step" yaml:"step" jsonschema:"required"`
}

// BackoffWanted is what repeated calls must show.
type BackoffWanted struct {
	// Least is the shortest time between two calls with one key that 95 in 100 keep.
	Least Duration `json:"least" yaml:"least" jsonschema:"required"`
	// Jitter is the least spread of the pauses before the same attempt: their 90th
	// percentile less their 10th, as a share of their median. Default 10%; 0% asks for none.
	Jitter *Percent `json:"jitter,omitempty" yaml:"jitter"`
}

// BreakerWanted is what a breaker must do.
type BreakerWanted struct {
	// OpensWithin is the limit from the beginning of a fault to the first second in which at most
	// one call comes for five user requests.
	OpensWithin Duration `json:"opens_within" yaml:"opens_within" jsonschema:"required"`
	// ClosesWithin is the limit from the revert to the first second in which at least
	// four come for five.
	ClosesWithin Duration `json:"closes_within" yaml:"closes_within" jsonschema:"required"`
}

// BlastRadiusCheck asserts that journeys met their objectives while faults
// lasted that are not theirs.
type BlastRadiusCheck struct {
	// Journey is the journey.
	Journey string `json:"journey" yaml:"journey" jsonschema:"required"`
	// Step narrows to one step.
	Step string `json:"step,omitempty" yaml:"step"`
	// Faults narrows to these; default all.
	Faults []string `json:"faults,omitempty" yaml:"faults" jsonschema:"minItems=1"`
	// Objectives are judged over the time in which a fault lasts.
	Objectives Objectives `json:"objectives" yaml:"objectives" jsonschema:"required"`
}

// StampedeCheck asserts what a database was asked for after the loss of a
// cache: at most Peak times as much in a second as before (M1), about as
// much as before again after Settle (M2), and that the cache had saved some of it (M3).
type StampedeCheck struct {
	// Service is the one whose metric it is.
	Service string `json:"service" yaml:"service" jsonschema:"required"`
	// Metric is one of its metrics: reads of the database a second.
	Metric string `json:"metric" yaml:"metric" jsonschema:"required"`
	// Faults narrows to these; default all.
	Faults []string `json:"faults,omitempty" yaml:"faults" jsonschema:"minItems=1"`
	// Peak is the most in a reading while a fault lasts and for Settle after it, as a
	// multiple of the mean before (M1).
	Peak *Factor `json:"peak,omitempty" yaml:"peak"`
	// Settle is the time from the revert (of a flush: from it) after which readings
	// are at most twice the mean of before again (M2). Default 10s; not divided by tempo.
	Settle *Duration `json:"settle,omitempty" yaml:"settle"`
	// Saves is by how much readings before, a request, are below those while the fault
	// lasts: the value of the cache. It needs Per (M3).
	Saves *Percent `json:"saves,omitempty" yaml:"saves"`
	// Per is the step whose requests are counted for Saves.
	Per *UserStep `json:"per,omitempty" yaml:"per"`
}
