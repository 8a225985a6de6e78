package journal

import "time"

// FaultStarted says that the run began to do a fault to its targets; T is when
// the last of them was told so by whoever does it, or gave up. An error means
// that it was done to none, or not to all, of them: see FaultState.
type FaultStarted struct {
	Fault     string `json:"fault"` // the plan's ID
	FaultKind string `json:"kind"`  // the key of the language
	// Targets are instances, or the name of the service that it is done to as its
	// callers see it.
	Targets []string      `json:"targets"`
	Planned time.Duration `json:"planned"` // offset from the start of traffic, nanoseconds
	// Late is the time from the planned moment to T, Took that from the order to its
	// confirmation; nanoseconds.
	Late time.Duration `json:"late"`
	Took time.Duration `json:"took"`
	// Backend is what does it: "engine", "kernel", "nfqueue", "redirect", "proxy",
	// "helper", "database".
	Backend string `json:"backend"`
	// Revert is the class of its revert: "kernel", "agent", "api", "irreversible".
	Revert string `json:"revert"`
	Detail string `json:"detail"` // in words
	Error  string `json:"error,omitempty"`
}

// FaultEnded says that a fault was reverted; T is when all had confirmed it. One that was
// called off before it began has ended without having started, and had no targets.
type FaultEnded struct {
	Fault   string        `json:"fault"`
	Targets []string      `json:"targets"`
	Planned time.Duration `json:"planned"` // offset from the start of traffic, nanoseconds
	Late    time.Duration `json:"late"`
	Took    time.Duration `json:"took"`
	// By is why: "schedule", "at once", "stop", "interrupt", "error", "end", "hand" when a
	// person wanted it, "abort" when one ended the whole run, "lease" when whoever did
	// it had not heard from the run for too long, or FaultCalledOff.
	By    string `json:"by"`
	Error string `json:"error,omitempty"`
}

// FaultCalledOff is why a fault has ended that a person called off before it began: nothing
// was done to anybody. Who that was stands in Steered.
const FaultCalledOff = "called off"

// The states of a fault on one target.
const (
	FaultApplied  = "applied"   // in force, and evidence shows an effect
	FaultPartial  = "partial"   // in force on some of what it was meant for
	FaultNoEffect = "no-effect" // in force, and nothing shows an effect
	FaultLost     = "lost"      // gone before its time: the target went away, or whoever did it
	FaultReverted = "reverted"  // over, and evidence shows that its effect is
	FaultStuck    = "stuck"     // over, and its effect is still there, or nobody knows
)

// FaultState says how a fault stands on a target from T on. Reason is a
// sentence with the evidence.
type FaultState struct {
	Fault  string `json:"fault"`
	Target string `json:"target"`
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// FaultCounters is what whoever does a fault has counted since it began, at the
// end of it and once a second before.
type FaultCounters struct {
	Fault  string `json:"fault"`
	Target string `json:"target"`
	// Counters are by name: "packets", "dropped", "delayed", "reset", "requests",
	// "injected", "connections", "queries", "bytes".
	Counters map[string]int64 `json:"counters"`
}

// FaultProbe is one look at what a fault should change. Stage is "before",
// "during" or "after".
type FaultProbe struct {
	Fault  string  `json:"fault"`
	Target string  `json:"target"`
	Stage  string  `json:"stage"`
	What   string  `json:"what"` // "connect to postgres:5432", "look up payments"
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"` // "s", "B", "/s", "%", or "" for plain numbers
	Detail string  `json:"detail,omitempty"`
	Error  string  `json:"error,omitempty"` // then there is no value
}

// Calls are those that a proxy in front of a service, or a third party, has
// answered or given up in the interval of length For before T.
type Calls struct {
	Service string        `json:"service"`
	For     time.Duration `json:"for"` // nanoseconds
	Total   int           `json:"total"`
	// Failed had no complete answer, or one with status 429 or 500 and above; Injected
	// had a fault done to them; Told were told to wait; Early came before the end of
	// the time that their caller, or their key, had been told to wait.
	Failed   int `json:"failed,omitempty"`
	Injected int `json:"injected,omitempty"`
	Told     int `json:"told,omitempty"`
	Early    int `json:"early,omitempty"`
	InFlight int `json:"in_flight"` // at T
	// Calls are written one by one where the plan asks for it; Suppressed are those
	// beyond the cap.
	Calls      []Call `json:"calls,omitempty"`
	Suppressed int    `json:"suppressed,omitempty"`
}

// Call is one of them.
type Call struct {
	At     time.Duration `json:"at"`               // start, offset from the start of the run, nanoseconds
	Took   time.Duration `json:"took"`             // nanoseconds
	Caller string        `json:"caller,omitempty"` // an instance, or an address
	ID     string        `json:"id,omitempty"`     // the driver's number of the request, if it was sent along
	Method string        `json:"method"`
	Path   string        `json:"path"`             // without the query
	Key    string        `json:"key,omitempty"`    // of the piece of work
	Status int           `json:"status,omitempty"` // 0 when there was no complete answer
	Fault  string        `json:"fault,omitempty"`  // that was done to it
	Wait   time.Duration `json:"wait,omitempty"`   // what it was told to wait, nanoseconds
	Early  bool          `json:"early,omitempty"`
	Effect bool          `json:"effect,omitempty"` // of a third party: it did what it was asked
}

// StopTriggered says that a stop condition ended the run early.
type StopTriggered struct {
	Condition string        `json:"condition"` // in words
	Measured  string        `json:"measured"`
	For       time.Duration `json:"for"` // how long it was missed, nanoseconds
}

// Kind implements Body.
func (FaultStarted) Kind() string { return "fault.started" }

// Kind implements Body.
func (FaultEnded) Kind() string { return "fault.ended" }

// Kind implements Body.
func (FaultState) Kind() string { return "fault.state" }

// Kind implements Body.
func (FaultCounters) Kind() string { return "fault.counters" }

// Kind implements Body.
func (FaultProbe) Kind() string { return "fault.probe" }

// Kind implements Body.
func (Calls) Kind() string { return "calls" }

// Kind implements Body.
func (StopTriggered) Kind() string { return "stop.triggered" }
