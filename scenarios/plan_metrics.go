package scenarios

// PlannedMetrics is Metrics with the defaults filled in.
type PlannedMetrics struct {
	Every     Duration `json:"every"`
	MaxSeries int      `json:"max_series"`
	// Pages are the metrics pages of instances, by service. Assumed tells that nobody
	// has said that there is one.
	Pages map[string]PlannedPage `json:"pages,omitempty"`
	// Rules are absolute paths, in the order of the scenario.
	Rules []string `json:"rules,omitempty"`
	// RuleScale is what times in rules are divided by: the tempo, or 1.
	RuleScale float64 `json:"rule_scale"`
	// From is an existing Prometheus: a service or a target; "" for none.
	From string `json:"from,omitempty"`
	// Listen and OTLP are as written.
	Listen string `json:"listen,omitempty"`
	OTLP   string `json:"otlp,omitempty"`
	// Queries are what checks want to know; see PlannedQuery.
	Queries []PlannedQuery `json:"queries,omitempty"`
}

// PlannedPage is a metrics page.
type PlannedPage struct {
	Port    int    `json:"port"`
	Path    string `json:"path"`
	Assumed bool   `json:"assumed,omitempty"`
}

// PlannedQuery is an expression that is evaluated after the run over a part of it,
// once in Step. Journal.QueryResult carries the same ID.
type PlannedQuery struct {
	ID    string   `json:"id"` // "promql/NAME", "threshold/METRIC", "slo/NAME/good"
	Expr  string   `json:"expr"`
	Start Duration `json:"start"` // offset from the start of traffic
	End   Duration `json:"end"`
	Step  Duration `json:"step"`
}

// PlannedSLO is an SLO, from wherever it was read. Of one of a file the expressions are
// made such that a run can count:
//
//   - Counters of OpenSLO (counter: true) count events up to now as they are.
//   - Expressions with {{.window}}, as Sloth has them, get a window that holds all of the
//     run, and max_over_time in place of rate or increase: the highest value of each
//     counter, which is what it has counted up to now. That counts the events of
//     instances that are gone; of an instance that begins again under its own name only
//     those beyond what it had counted before.
//   - Where another function has the window (irate, a subquery), and where OpenSLO has
//     no counters, events cannot be counted: Ratio is set, and the window is that of
//     four scrapes, 5s at least. So it is for ratios that were made elsewhere (raw).
//   - RatioTimeslices is Ratio with a window of one slice, and Slice is 0: the mean of
//     the share over time.
//
// Where there is no series of bad events an expression for them has no value, which is
// no bad event as long as Total has one; Ratio has that in it.
type PlannedSLO struct {
	Name      string  `json:"name"`
	From      string  `json:"from,omitempty"` // the file, relative to the scenario's
	Objective Percent `json:"objective"`
	// Window is the time that the budget is for.
	Window Duration `json:"window"`
	// Journey, Step and Latency are of requests that the driver sends.
	Journey string   `json:"journey,omitempty"`
	Step    string   `json:"step,omitempty"`
	Latency Duration `json:"latency,omitempty"`
	// Good, Bad and Total are expressions that count events up to now, or, with Ratio,
	// Bad is the share of bad ones; of Good and Bad one is set. They are for SLOs of files.
	Good  string `json:"good,omitempty"`
	Bad   string `json:"bad,omitempty"`
	Total string `json:"total,omitempty"`
	Ratio bool   `json:"ratio,omitempty"`
	// Slice and SliceTarget are of the method of time slices: a slice is good when
	// that share of its events is. Slice 0: events are counted.
	Slice       Duration `json:"slice,omitempty"`
	SliceTarget Percent  `json:"slice_target,omitempty"`
}
