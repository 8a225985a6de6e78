package order

// Injector does faults of one sort. Its methods are safe for concurrent use.
// Every implementation passes the suite in ordertest.
type Injector interface {
	// Apply begins a fault and returns when it is in force. An error leaves nothing
	// of it. Applying an ID that is in force is an error.
	Apply(Fault) error
	// Revert ends a fault, returns when it is gone, and gives its last counters.
	// Reverting what is not there does nothing.
	Revert(id string) (counters map[string]int64, err error)
	// Counters are those of each fault in force.
	Counters() map[string]map[string]int64
	// Close reverts everything and releases what the injector holds. It may be called again.
	Close() error
}
