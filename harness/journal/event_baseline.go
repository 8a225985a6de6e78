package journal

// BaselineRead says which runs of the past this one is to be held to, read before it
// began. A check that wants a baseline finds it here, and nowhere else.
type BaselineRead struct {
	Name  string `json:"name"`  // of the baseline
	Class string `json:"class"` // of machine: its runs are of the same one
	// Runs are those kept, the oldest first; none where there is no baseline yet.
	Runs []BaselineRun `json:"runs"`
	// Error says why it could not be read, "" if it could.
	Error string `json:"error,omitempty"`
}

// BaselineRun is one run of a baseline.
type BaselineRun struct {
	Run string `json:"run"`
	// Figures are what is compared, by metric: "shop/p99", "shop/availability".
	// Times are seconds, shares from 0 to 1.
	Figures map[string]float64 `json:"figures"`
}

// Kind implements Body.
func (BaselineRead) Kind() string { return "baseline.read" }
