package journal

// Steered says that a person asked something of the run while it was under way.
type Steered struct {
	By     string `json:"by"`              // who
	Verb   string `json:"verb"`            // of package steer: "pause", "inject", "note"
	Detail string `json:"detail"`          // in words: "scale api to 4"; of a note, its text
	Error  string `json:"error,omitempty"` // why it was not carried out
}

// LoadSteered says that from now on Multiple times as many sessions arrive as the plan
// has them: 0 while traffic is paused, 1 as planned. Until the first one it is 1.
type LoadSteered struct {
	Multiple float64 `json:"multiple"`
}

// Kind implements Body.
func (Steered) Kind() string { return "steered" }

// Kind implements Body.
func (LoadSteered) Kind() string { return "load.steered" }
