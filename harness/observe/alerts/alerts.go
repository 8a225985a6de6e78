// Package alerts loads the alert and recording rules of Prometheus as a team has
// written them, and evaluates them with Prometheus' own engine on the clock of a run.
package alerts

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Rules are rule files that Prometheus would load, with their times divided as the
// scenario wants it. They do not change, and any number of evaluators can use them.
type Rules struct {
	files   []string
	scale   float64
	every   time.Duration
	groups  []group
	remarks []string
}

// A group is evaluated together, in the order of its rules.
type group struct {
	file, name string
	interval   time.Duration
	offset     *time.Duration // how far back it looks, nil where it does not say
	limit      int            // the most alerts or series of one rule, 0 for any
	rules      []rule
}

// A rule has a record or an alert.
type rule struct {
	record, alert string
	expr          parser.Expr
	text          string // of expr: as written when no time in it was divided
	hold, keep    time.Duration
	labels        labels.Labels // its group's among them
	annotations   labels.Labels
}

// An Option changes how rules are loaded.
type Option func(*loading)

// Every says how often instances are scraped, above 0: the interval of groups that
// name none, and the shortest that a time becomes when it is divided. Default 1s.
func Every(d time.Duration) Option {
	return func(l *loading) { l.every = d }
}

// language reads expressions as a Prometheus without feature flags does.
var language = parser.NewParser(parser.Options{})
