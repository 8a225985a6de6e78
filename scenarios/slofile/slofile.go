// Package slofile reads service level objectives from files that teams have
// already: of OpenSLO (openslo/v1) and of Sloth (prometheus/v1). It reads strictly:
// what it does not know is refused, not passed over. It works on plain values, as
// YAML has them, and knows no file; problems have the path of what they are about,
// so that the caller can point at it. Expressions are not looked into.
package slofile

import (
	"slices"
	"time"
)

// An SLO is one objective of a file.
type SLO struct {
	Name string
	// Doc is the number of the document that it stands in, from 0, and Path leads to it.
	Doc  int
	Path Path
	// Objective is the share of events, or of time slices, that must be good, in
	// percent: above 0 and below 100, unless there are problems.
	Objective float64
	// Window is the time that the error budget is for.
	Window time.Duration
	// Good, Bad and Total are expressions of Prometheus. Either Good or Bad is set, and
	// Total unless Means is Share.
	Good, Bad, Total string
	Means            Meaning
	// Slice is the length of time slices; 0: events are counted. A slice is good when
	// SliceTarget percent of its events are; with 0 it counts by the share that is good.
	Slice       time.Duration
	SliceTarget float64
}

// A Meaning is what the values of an SLO's expressions are.
type Meaning int

const (
	// Counters only grow: they count events up to now.
	Counters Meaning = iota
	// Gauges are of the moment: only their ratio says something.
	Gauges
	// Windows have the variable {{.window}} in place of a range, and are of the time
	// that it stands for.
	Windows
	// Share is one expression, of the share from 0 to 1 that is good or bad. It may have
	// the variable too.
	Share
)

// A Path leads to a value: names of fields and indexes of items.
type Path []any

// to is the path of something below.
func (p Path) to(steps ...any) Path { return append(slices.Clone(p), steps...) }

// A Problem is one mistake in a file.
type Problem struct {
	// Doc is the number of the document, from 0, and Path leads to the value that it is
	// about, or to where one is missing.
	Doc  int
	Path Path
	// Message says what is wrong, Suggestion what to do about it.
	Message, Suggestion string
	// Key tells that the name of the field is wrong, and Known which there are.
	Key   bool
	Known []string
}

// defaultWindow is that of files that name none.
const defaultWindow = 30 * 24 * time.Hour
