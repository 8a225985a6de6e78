package scenarios

import "time"

// PlannedFault is a fault with its defaults filled in, its times absolute and
// its targets resolved as far as they are known before the run.
type PlannedFault struct {
	// ID is its name, unique in a plan.
	ID   string `json:"id"`
	Kind string `json:"kind"` // the key of the language: "http_errors"
	// At and End are offsets from the start of traffic; the same for what is over at
	// once, and End is the end of traffic for what is permanent.
	At    Duration `json:"at"`
	End   Duration `json:"end"`
	Phase string   `json:"phase"` // in which it begins
	// Services are those that it may be done to, in order of name.
	Services []string `json:"services"`
	// Picked are the instances that would be chosen of those the run begins with: the
	// run chooses in the same way among those that are there. Empty for faults that are
	// done to a service as its callers see it, or to a database as a whole.
	Picked []string `json:"picked,omitempty"`
	// Seed is drawn from the plan's and the ID.
	Seed uint64 `json:"seed"`
	// Spec is the fault as written, defaults filled in; notices and the like are
	// divided by tempo.
	Spec Fault `json:"spec"`
}

// AtOnce tells that the fault is over as soon as it has begun.
func (f PlannedFault) AtOnce() bool { return f.Spec.CacheFlush != nil || f.Spec.Restart != nil }

// PlannedThirdParty is a stand-in with its defaults filled in.
type PlannedThirdParty struct {
	ThirdParty
	// Seed decides latencies and identifiers.
	Seed uint64 `json:"seed"`
	// Driven tells that journeys call it, or a comparison reads from it.
	Driven bool `json:"driven,omitempty"`
}

// Interposed is how calls of a service are told apart by the proxy that stands in
// front of it, for faults to be done to it and calls to be counted.
type Interposed struct {
	// Port is the service's.
	Port int `json:"port"`
	// KeyHeader names the header with the key of a piece of work.
	KeyHeader string `json:"key_header"`
	// Calls tells that calls are to be written down one by one, for a check.
	Calls bool `json:"calls,omitempty"`
}

// DefaultLease is how long faults last at most once the run has fallen silent.
const DefaultLease = 5 * time.Second

// DefaultKeyHeader is the header that the idempotency key of a call is in.
const DefaultKeyHeader = "Idempotency-Key"

// The words of Fault.ExistingConnections.
const (
	ResetExisting = "reset"
	SpareExisting = "new-only"
	DrainExisting = "drain"
)

// The words of Selection.Pick.
const (
	PickOne      = "one"
	PickMinority = "minority"
	PickMajority = "majority"
	PickAll      = "all"
)

// The words of OutageFault.As and FlappingFault.As.
const (
	OutageStatus = "status"
	OutageRefuse = "refuse"
	OutageReset  = "reset"
	OutageHang   = "hang"
)

// The words of the directions of network faults.
const (
	BothWays = "both"
	Inward   = "in"
	Outward  = "out"
)
