// Package reports renders a finished run: text for the terminal, JSON for
// scripts, JUnit for CI, Markdown for pull requests and one self-contained
// HTML page. Every format is a fold over the stored record and its verdict:
// a format acts on nothing, reads no clock and opens no file, so rendering a
// stored run again gives the same bytes. (Read and WriteAll, which load and
// store a run directory, are the exception.) All functions are safe for
// concurrent use; errors of a format are those of the writer.
package reports

import (
	"sync"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Run is everything the formats are made from. Intent may be the zero value
// and Record may be nil or cut off: what is missing is left out or said to be
// missing.
type Run struct {
	Dir    string // the run directory, as it is to be shown to the reader
	Intent rundir.Intent
	Record *journal.Record
	Result verify.Result
	// Problems say, in words, what of the run directory is missing, damaged, changed
	// since the run or of a newer version; none of a run that is whole.
	Problems []string

	once *once // nil: folds are made anew each time
}

// once is what all formats need and what takes seconds to make of a run of hours.
type once struct {
	record    *journal.Record // that they are made of
	plan      *scenarios.Plan
	sums      func() []journal.Interval
	generator func() Generator
	groups    func() []journal.ErrorGroup
	demands   func() map[string][]verify.Level
}

// fold has the run keep what is made of it more than once. Its record must not change
// any more.
func (r Run) fold() Run {
	bare := r
	bare.once = nil
	sums := sync.OnceValue(bare.sums)
	r.once = &once{
		record: r.Record, plan: r.Intent.Plan,
		sums:      sums,
		groups:    sync.OnceValue(bare.groups),
		demands:   sync.OnceValue(bare.demands),
		generator: sync.OnceValue(func() Generator { return generatorOf(bare, sums(), timesOf(sums())) }),
	}
	return r
}

// kept is what was made before of the same record; nil where nothing was.
func (r Run) kept() *once {
	if r.once == nil || r.once.record != r.Record || r.once.plan != r.Intent.Plan {
		return nil
	}
	return r.once
}

// events are the events of the record, none without one.
func (r Run) events() []journal.Event {
	if r.Record == nil {
		return nil
	}
	return r.Record.Events
}

// sums are the histograms of the record by tag, one for each: what is asked
// of the run as a whole is asked of them.
func (r Run) sums() []journal.Interval {
	if kept := r.kept(); kept != nil {
		return kept.sums()
	}
	return journal.Condense(r.latency())
}

// groups are the error groups of the record, the largest first; they are only read.
func (r Run) groups() []journal.ErrorGroup {
	if kept := r.kept(); kept != nil {
		return kept.groups()
	}
	return allGroups(r.events())
}

// demands are how many instances each autoscaled service needed; they are only read.
func (r Run) demands() map[string][]verify.Level {
	if kept := r.kept(); kept != nil {
		return kept.demands()
	}
	return verify.Demands(r.Record, r.Intent.Plan)
}

// latency is the histograms of the record, none without one.
func (r Run) latency() []journal.Interval {
	if r.Record == nil {
		return nil
	}
	return r.Record.Latency
}
