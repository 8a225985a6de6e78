// Package scaling holds the recommenders: pure functions of a specification,
// readings of metrics, what was decided before, and the present moment. They act
// on nothing and read no clock; package control reads the metrics and applies
// what they decide.
//
// Moments and durations are those of the control loop's own time: real time, from
// the start of traffic, multiplied with the plan's tempo, so that a manifest's
// windows can stay as they are.
package scaling

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// An Instance is what recommenders see of an instance that is not leaving.
type Instance struct {
	Name string
	// Started is when it was started, Ready since when it takes work; zero while it
	// does not.
	Started, Ready time.Time
}

// A Reading is what a metric was at a moment. With Err there is no value, and
// recommenders do not scale in.
type Reading struct {
	// Value is that of the service, in the unit of the metric; Each that of single
	// instances by name, nil where the metric has none.
	Value float64
	Each  map[string]float64
	At    time.Time
	Err   error
}

// A State is what there is when a recommender is asked.
type State struct {
	Now       time.Time
	Instances []Instance // that are there and not leaving, started or not
	Min, Max  int
	// Owed is how many of Instances wait to be started again, because they broke down
	// or did not come up: they are wanted, but nothing is to be gained by waiting for
	// them to warm up.
	Owed int
}

// A Decision is what a recommender says; the controller fills in ID, Service and
// Autoscaler.
type Decision = journal.ScaleDecision
