package journal

import "time"

// RulesLoaded says which rules of Prometheus the run evaluates.
type RulesLoaded struct {
	Files []string `json:"files"`
	// Scale is what times in rules were divided by, 1 when they are as written.
	Scale float64 `json:"scale"`
	// Source is "embedded", or the Prometheus that was asked.
	Source string `json:"source"`
	Rules  []Rule `json:"rules"`
	// Remarks name what Scale could not be applied to: times that would have become
	// shorter than a scrape and were kept at that, and the like.
	Remarks []string `json:"remarks,omitempty"`
}

// Rule is a recording rule, with Record, or an alert, with Alert. Times are those that
// it is evaluated with, after scaling; nanoseconds.
type Rule struct {
	File        string            `json:"file,omitempty"`
	Group       string            `json:"group"`
	Record      string            `json:"record,omitempty"`
	Alert       string            `json:"alert,omitempty"`
	Expr        string            `json:"expr"`
	Interval    time.Duration     `json:"interval"`
	For         time.Duration     `json:"for,omitempty"`
	KeepFiring  time.Duration     `json:"keep_firing,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"` // templates
	// Metrics are the names of the series that Expr selects; Ranges the ranges that it
	// looks back over, the longest first.
	Metrics []string        `json:"metrics,omitempty"`
	Ranges  []time.Duration `json:"ranges,omitempty"`
	// Threshold is the number that Expr is compared with at its top, where there is
	// one, and Compare the operator: ">".
	Threshold *float64 `json:"threshold,omitempty"`
	Compare   string   `json:"compare,omitempty"`
}

// The states of an alert.
const (
	AlertInactive = "inactive"
	AlertPending  = "pending"
	AlertFiring   = "firing"
)

// AlertChanged says that an alert with these labels went from one state to another; T
// is the time of the evaluation.
type AlertChanged struct {
	Group  string            `json:"group"`
	Alert  string            `json:"alert"`
	Labels map[string]string `json:"labels,omitempty"` // without alertname
	From   string            `json:"from"`
	To     string            `json:"to"`
	// ActiveAt is when its expression became true, offset from the start of the run.
	ActiveAt time.Duration `json:"active_at"`
	// Value is the last of its expression; for an infinite one the largest number, for
	// NaN 0, because JSON has neither.
	Value       float64           `json:"value"`
	Annotations map[string]string `json:"annotations,omitempty"` // expanded
}

// RuleFailed says that the evaluation of a rule failed, once for each message.
type RuleFailed struct {
	Group string `json:"group"`
	Rule  string `json:"rule"` // the name of the alert or of the record
	Error string `json:"error"`
}

// ScrapeChanged says that the metrics page of an instance can be read from T on, or
// not, and why; once for each change.
type ScrapeChanged struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Up       bool   `json:"up"`
	Error    string `json:"error,omitempty"`
	Series   int    `json:"series,omitempty"`
}

// Exported is a metric that instances of a service export themselves, with the names
// of its labels; written at the end of a run.
type Exported struct {
	Service string   `json:"service"` // "" for the run's own
	Metric  string   `json:"metric"`  // of a histogram or summary without _bucket, _sum, _count
	Type    string   `json:"type,omitempty"`
	Labels  []string `json:"labels,omitempty"`
	Series  int      `json:"series"`
}

// QueryResult is what a query of the plan came to. Series beyond the cap are counted
// in Left.
type QueryResult struct {
	ID     string        `json:"id"`
	Expr   string        `json:"expr"`
	Step   time.Duration `json:"step"` // nanoseconds
	Series []QuerySeries `json:"series,omitempty"`
	Left   int           `json:"left,omitempty"`
	Error  string        `json:"error,omitempty"` // then there is no series
}

// QuerySeries is one series of an answer. At are offsets from the start of the run, in
// nanoseconds, in order; Values are as many. NaN and infinities are left out, and
// counted in Not.
type QuerySeries struct {
	Labels map[string]string `json:"labels,omitempty"`
	At     []time.Duration   `json:"at"`
	Values []float64         `json:"values"`
	Not    int               `json:"not,omitempty"`
}

// Slow is one of the slowest requests of a step, or one that failed, with the number
// of its trace; written at the end of a run.
type Slow struct {
	Journey  string        `json:"journey"`
	Step     string        `json:"step"`
	Outcome  string        `json:"outcome"` // "ok", "fail" or "unknown"
	Start    time.Duration `json:"start"`   // intended, offset from the start of the run, nanoseconds
	Took     time.Duration `json:"took"`    // nanoseconds
	Status   int           `json:"status,omitempty"`
	Instance string        `json:"instance,omitempty"`
	Trace    string        `json:"trace"` // 32 hexadecimal digits
}

// Kind implements Body.
func (RulesLoaded) Kind() string { return "rules.loaded" }

// Kind implements Body.
func (AlertChanged) Kind() string { return "alert.changed" }

// Kind implements Body.
func (RuleFailed) Kind() string { return "rule.failed" }

// Kind implements Body.
func (ScrapeChanged) Kind() string { return "scrape.changed" }

// Kind implements Body.
func (Exported) Kind() string { return "exported" }

// Kind implements Body.
func (QueryResult) Kind() string { return "query.result" }

// Kind implements Body.
func (Slow) Kind() string { return "slow" }
