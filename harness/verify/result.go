// Package verify judges a finished run: pure functions from the journal to
// three-valued verdicts. Nothing here acts, waits or reads a clock, so judging
// a stored run again gives the same bytes.
package verify

import "time"

// A Verdict is what a check concluded. Fail outweighs inconclusive, which
// outweighs pass.
type Verdict string

// The three verdicts.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Inconclusive Verdict = "inconclusive"
)

// Result is what verdict.json holds.
type Result struct {
	Scenario string    `json:"scenario"`
	Verdict  Verdict   `json:"verdict"`
	Checks   []Finding `json:"checks"`
}

// Finding is the verdict on one assertion. A check of the scenario yields one
// or more findings of its kind.
type Finding struct {
	// ID is unique in the run: "slo/shop/p99", "drain/api/D2-endpoint-lag".
	ID      string  `json:"id"`
	Kind    string  `json:"kind"`    // "slo", "drain", "readiness", "release", "stateless", "integrity", "scaling", "queue", "prescale", "cost", "steady_state", "recovery", "third_party", "blast_radius", "stampede", "alert", "alert_coverage", "alert_lint", "threshold", "promql", "error_budget", "dashboard", "regression", "faults", "run"
	Service string  `json:"service"` // "" where it concerns no single service
	Verdict Verdict `json:"verdict"`
	// Wanted and Measured are short texts for one table cell each.
	Wanted   string `json:"wanted"`
	Measured string `json:"measured"`
	// Reason says in a sentence why the verdict is fail or inconclusive.
	Reason   string     `json:"reason"`
	Evidence []Evidence `json:"evidence"`
}

// Evidence points at what in the run proves a finding.
type Evidence struct {
	Text     string        `json:"text"`
	Instance string        `json:"instance,omitempty"`
	From     time.Duration `json:"from_ns"` // offsets from the start of the run
	To       time.Duration `json:"to_ns"`
	Count    int           `json:"count,omitempty"`
}
