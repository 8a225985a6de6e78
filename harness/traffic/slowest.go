package traffic

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
)

// keptExtremes is how many of a step's slowest requests, and of those that failed,
// are kept with the number of their trace.
const keptExtremes = 5

// extremes are the slowest requests of a step, in no order, and the first that
// failed.
type extremes struct {
	slow, failed []extreme
}

// An extreme is a request that somebody may want to look up.
type extreme struct {
	outcome  measure.Outcome
	intended time.Duration // offset from the start of traffic
	took     time.Duration
	status   int
	instance instance
	trace    string
}

// consider keeps a request that is over, if it is one of those. It runs for each.
func (e *extremes) consider(x extreme) {
	switch {
	case x.outcome != measure.OK:
		if len(e.failed) < keptExtremes {
			x.trace = strings.Clone(x.trace) // not the text of hundreds
			e.failed = append(e.failed, x)
		}
	case len(e.slow) < keptExtremes:
		x.trace = strings.Clone(x.trace)
		e.slow = append(e.slow, x)
	default:
		fastest := 0
		for i := range e.slow {
			if e.slow[i].took < e.slow[fastest].took {
				fastest = i
			}
		}
		if x.took > e.slow[fastest].took {
			x.trace = strings.Clone(x.trace)
			e.slow[fastest] = x
		}
	}
}

// slowest are the extremes of all steps, the slowest first; steps of one journey
// that several loads walk are one.
func (d *driver) slowest() (events []journal.Event) {
	type name struct{ journey, step string }
	of := map[name]*extremes{}
	var order []name
	for i, p := range d.programs {
		for _, in := range p.code {
			if in.step == nil {
				continue
			}
			n := name{d.plan.Load[i].Journey, in.step.name}
			if of[n] == nil {
				of[n] = &extremes{}
				order = append(order, n)
			}
			of[n].slow = append(of[n].slow, in.step.extremes.slow...)
			of[n].failed = append(of[n].failed, in.step.extremes.failed...)
		}
	}
	for _, n := range order {
		e := of[n]
		slices.SortFunc(e.slow, func(a, b extreme) int { return cmp.Compare(b.took, a.took) })
		slices.SortFunc(e.failed, func(a, b extreme) int { return cmp.Compare(a.intended, b.intended) })
		for _, x := range slices.Concat(e.slow[:min(keptExtremes, len(e.slow))], e.failed[:min(keptExtremes, len(e.failed))]) {
			events = append(events, journal.Event{T: d.clock.Now(), Body: journal.Slow{
				Journey: n.journey, Step: n.step, Outcome: x.outcome.String(), Start: d.origin + x.intended, Took: x.took,
				Status: x.status, Instance: d.instances.name(x.instance), Trace: x.trace,
			}})
		}
	}
	return events
}
