package reports

import (
	"encoding/json"
	"io"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// JSONVersion is the version of what JSON writes. New members may be added
// without a new version, and readers should ignore those they do not know;
// none is renamed, removed or given another meaning.
const JSONVersion = 1

// Document is what `--json` prints. Times whose names end in _ns are
// nanoseconds; offsets count from the start of the run.
type Document struct {
	Version  int            `json:"version"`
	Run      string         `json:"run"` // the id of the run
	Scenario string         `json:"scenario"`
	Platform string         `json:"platform"`
	Seed     int64          `json:"seed"`
	Verdict  verify.Verdict `json:"verdict"` // "pass", "fail" or "inconclusive"
	Ended    string         `json:"ended"`   // "completed", "interrupted", "error", "" if the record was cut off
	Error    string         `json:"error,omitempty"`
	// Complete tells that the run came to its end and that all of it could be read.
	Complete bool `json:"complete"`
	// Problems say, in words, why a run is not complete: how it ended, and what of its
	// directory is missing, damaged, changed since or of a newer version.
	Problems []string         `json:"problems"`
	Checks   []verify.Finding `json:"checks"`
	Totals   Totals           `json:"totals"`
	// Multiple is what --load multiplied every arrival with, 0 if not known.
	Multiple    float64      `json:"multiple"`
	ClosedLoops []ClosedLoop `json:"closed_loops"` // loads that slowed down with the system
	Replays     []Replay     `json:"replays"`
	// Control is what the run did wrong on purpose, so that a check could be seen
	// to fail; absent of an ordinary run.
	Control string `json:"control,omitempty"`
	// Variant is the one of the scenario's that was run, absent of the scenario as
	// it is.
	Variant string `json:"variant,omitempty"`
	// Hypotheses are what was expected before the run, absent of a scenario without.
	Hypotheses []Hypothesis `json:"hypotheses,omitempty"`
	// Faults is what was broken on purpose, absent of a run without any.
	Faults *Faults `json:"faults,omitempty"`
	// Alerts is what alert rules did, absent of a run that evaluated none.
	Alerts *Alerts `json:"alerts,omitempty"`
	// Slow are the slowest requests of each step and some that failed.
	Slow []SlowRequest `json:"slow,omitempty"`
	// Scaling is what autoscalers and prescaling did, absent of a run without any.
	Scaling    *Scaling   `json:"scaling,omitempty"`
	Ledgers    []Ledger   `json:"ledgers"` // what was acknowledged and what exists
	Generator  Generator  `json:"generator"`
	Breakdowns Breakdowns `json:"breakdowns"`
	Errors     []Error    `json:"errors"`  // what went wrong in the eyes of the driver, the most frequent first
	Caveats    []string   `json:"caveats"` // what the run does not prove, in words
	Dir        string     `json:"dir"`
}

// An Error is a kind of failure that the driver saw, with one sample of what
// came back. Outcome is "fail" or "unknown".
type Error struct {
	Journey string        `json:"journey"`
	Step    string        `json:"step"`
	Outcome string        `json:"outcome"`
	Message string        `json:"message"`
	Count   int           `json:"count"`
	First   time.Duration `json:"first_ns"`
	Last    time.Duration `json:"last_ns"`
	Sample  string        `json:"sample"`
}

// errorsOf are all kinds; the driver caps their number.
func errorsOf(run Run) []Error {
	list := []Error{}
	for _, g := range run.groups() {
		list = append(list, Error{g.Journey, g.Step, g.Outcome, g.Message, g.Count, g.First, g.Last, g.Sample})
	}
	return list
}

// JSON writes the run as one indented JSON object and a newline.
func JSON(w io.Writer, run Run) error {
	sums := run.sums()
	merged := timesOf(sums)
	win := windowOf(run.events())
	d := Document{
		Version: JSONVersion, Run: run.Intent.Run, Scenario: scenarioName(run), Platform: run.Intent.Platform,
		Verdict: run.Result.Verdict, Checks: []verify.Finding{}, Dir: run.Dir, Caveats: []string{},
		Totals: totalsOf(run, win, merged), ClosedLoops: closedLoops(run), Replays: replaysOf(run),
		Generator: generatorOf(run, sums, merged), Breakdowns: breakdownsOf(run, sums),
		Errors: errorsOf(run), Ledgers: ledgersOf(run), Control: controlOf(run), Hypotheses: hypothesesOf(run), Variant: variantOf(run), Scaling: scalingOf(run, win), Faults: faultsOf(run),
		Alerts: alertsOf(run), Slow: slowOf(run), Complete: trouble(run) == "", Problems: append([]string{}, troubles(run)...),
	}
	if run.Intent.Plan != nil {
		d.Seed, d.Multiple = run.Intent.Plan.Seed, run.Intent.Plan.Multiple
	}
	for _, f := range run.Result.Checks {
		if f.Evidence == nil { // a list is a list, empty or not
			f.Evidence = []verify.Evidence{}
		}
		d.Checks = append(d.Checks, f)
	}
	if end := ending(run); end != nil {
		d.Ended, d.Error = end.Reason, end.Error
	}
	for _, r := range remarksOf(run) {
		d.Caveats = append(d.Caveats, r.text)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(d)
}
