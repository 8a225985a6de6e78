// Package measure keeps everything that the driver finds out while it drives:
// counts and times of every step, how the driver itself is doing, and what went
// wrong. Recording costs some nanoseconds and allocates nothing in the long
// run, and what it takes is bounded however long nobody can write it down.
//
// Everything happens on one thread, the loop's, without locks, but for
// Batch.Write and Recorder.Finish, which take their time on another goroutine:
//
//	b := recorder.Cut(now, gauges)     // on the loop, once a second
//	go func() { err := b.Write(sink) }() // elsewhere, one batch at a time
//
// Moments are offsets from the start of traffic unless they are said to be on
// the run's clock.
package measure

import (
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Recorder takes what happens in a run. Make it with New.
type Recorder struct {
	start  time.Duration   // of traffic, on the run's clock
	phases []time.Duration // their starts
	rows   [][]*Row        // by load and phase
	meters []*Meter        // in the order of loads, phases, journey and steps
	series []series        // only ever grows: a batch keeps the part it knows
	lags   *hdrhistogram.Histogram

	area       area
	begun      bins
	intended   bins
	exhausted  map[string]int
	troubles   troubles
	lastUsage  usage
	lastDialed int

	samples *samples      // of the batch that is being filled
	filling *Batch        // what Cut hands over next
	spare   *Batch        // what Cut handed over last
	cut     time.Duration // the last one, on the run's clock
	writing atomic.Bool   // spare is not written yet

	writer writer // for the goroutine that writes
}

// A series is the times of one tag: of one measure of a meter, or of its
// responses from one instance.
type series struct {
	tag   journal.Tag
	meter int
}

// A Row is the meters of one load in one phase. Steps are in the order of
// scenarios.Requests of the load's journey.
type Row struct {
	Session *Meter
	Steps   []*Meter
}

// New makes the recorder of a run of plan; start is the moment on the run's
// clock at which traffic starts. Call it on the loop's thread: else what that
// thread used up to the first Cut is not known.
func New(plan *scenarios.Plan, start time.Duration) *Recorder {
	r := &Recorder{
		start: start, cut: start,
		lags:      journal.NewHistogram(),
		lastUsage: readUsage(),
		filling:   &Batch{}, spare: &Batch{},
	}
	r.writer.machine = newMachine()
	r.filling.recorder, r.spare.recorder = r, r
	r.samples = &r.filling.samples
	phases := plan.Phases
	if len(phases) == 0 {
		phases = []scenarios.PlannedPhase{{End: plan.Duration}}
	}
	for _, phase := range phases {
		r.phases = append(r.phases, phase.Start.Std())
	}
	for _, load := range plan.Load {
		var byPhase []*Row
		for _, phase := range phases {
			byPhase = append(byPhase, r.row(phase.Name, load, scenarios.Requests(plan.Journeys[load.Journey])))
		}
		r.rows = append(r.rows, byPhase)
	}
	return r
}

func (r *Recorder) row(phase string, load scenarios.PlannedLoad, steps []scenarios.PlannedStep) *Row {
	tag := journal.Tag{Phase: phase, Cohort: load.Cohort, Tier: load.Tier, Journey: load.Journey}
	row := &Row{Session: r.meter(tag, true)}
	for _, step := range steps {
		tag.Step = step.Name
		row.Steps = append(row.Steps, r.meter(tag, false))
	}
	return row
}

func (r *Recorder) meter(tag journal.Tag, session bool) *Meter {
	m := &Meter{recorder: r, tag: tag, session: session, index: len(r.meters), first: uint32(len(r.series))}
	r.meters = append(r.meters, m)
	for _, measure := range measures {
		tag.Measure = measure
		r.series = append(r.series, series{tag, m.index})
	}
	return m
}

// Row gives the meters of the load of that index in the plan by the phase of an
// intended time. What comes after the last phase belongs to it.
func (r *Recorder) Row(load int, at time.Duration) *Row {
	phase := 0
	for phase+1 < len(r.phases) && at >= r.phases[phase+1] {
		phase++
	}
	return r.rows[load][phase]
}

// Begun says that the driver began a session, and when it should have.
func (r *Recorder) Begun(now, intended time.Duration) {
	r.begun.add(now)
	r.intended.add(intended)
}

// Under says that so many more requests are under way (or fewer, if delta is
// negative), each counted from the moment the driver got to it. The moments
// need not be in order.
func (r *Recorder) Under(now time.Duration, delta int) { r.area.change(now, delta) }

// Sojourn says how long a request that ended was under way: from its Under(+1)
// to its Under(-1).
func (r *Recorder) Sojourn(d time.Duration) { r.area.sojourn += d }

// Exhausted says that a request was not sent for want of something of the
// generator's: "ports", "files", "memory".
func (r *Recorder) Exhausted(what string) {
	if r.exhausted == nil {
		r.exhausted = map[string]int{}
	}
	r.exhausted[what]++
}
