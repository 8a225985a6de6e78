package harness

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// State implements steer.Run.
func (l *live) State() steer.State {
	kinds := l.kinds()
	l.mu.Lock()
	s := steer.State{Paused: l.paused, Multiple: l.multiple, Faults: l.known.present(), Services: []steer.Service{}, Kinds: kinds}
	l.mu.Unlock()
	plan := l.r.Loaded.Plan
	for _, name := range slices.Sorted(maps.Keys(plan.Services)) {
		if !l.left(plan.Services[name]) {
			s.Services = append(s.Services, steer.Service{Name: name, Replicas: l.r.stack.Replicas(name)})
		}
	}
	return s
}

// left tells that a service is left out on the platform of the run.
func (l *live) left(s scenarios.PlannedService) bool {
	return l.r.Platform.Name() == "process" && s.Process != nil && s.Process.Omit
}

// faultBook is how the faults of a run stand, from what the journal says. It is for one
// goroutine at a time.
type faultBook struct {
	planned []scenarios.PlannedFault // and injected, in that order
	stands  map[string]*steer.Fault
	ended   map[string]bool
}

// The states of a fault that is not, or not yet, in the journal's own words.
const (
	faultPlanned   = "planned"
	faultReverting = "reverting"
	faultCalledOff = journal.FaultCalledOff
)

func newFaultBook(planned []scenarios.PlannedFault) faultBook {
	b := faultBook{stands: map[string]*steer.Fault{}, ended: map[string]bool{}}
	for _, f := range planned {
		b.add(f)
		b.stands[f.ID].Live = false
	}
	return b
}

// add takes in a fault that is about to begin.
func (b *faultBook) add(f scenarios.PlannedFault) {
	b.planned = append(slices.Clip(b.planned), f)
	b.stands[f.ID] = &steer.Fault{ID: f.ID, Kind: f.Kind, Targets: f.Services, State: faultPlanned, Live: true}
}

// plans are all faults of the run, whether they are over or not.
func (b *faultBook) plans() []scenarios.PlannedFault { return b.planned }

// over tells of faults whether they are over, as it is now.
func (b *faultBook) over() func(id string) bool {
	ended := maps.Clone(b.ended)
	return func(id string) bool { return ended[id] }
}

// failed takes in that a fault is in force nowhere.
func (b *faultBook) failed(id string) { b.ended[id] = true }

// reverting takes in that a person has asked for the end of a fault.
func (b *faultBook) reverting(id string) {
	if !b.ended[id] {
		b.stands[id].State = faultReverting
	}
}

// waits tells whether a fault of the run has not begun.
func (b *faultBook) waits(id string) bool { return b.stands[id].State == faultPlanned && !b.ended[id] }

// take takes in what the journal says.
func (b *faultBook) take(body journal.Body) {
	switch e := body.(type) {
	case journal.FaultStarted:
		if f := b.stands[e.Fault]; f != nil {
			f.Targets = either(e.Targets, f.Targets)
			if f.State != faultReverting {
				f.State = journal.FaultNoEffect
			}
		}
	case journal.FaultState:
		if f := b.stands[e.Fault]; f != nil && f.State != faultReverting {
			f.State = e.State
		}
	case journal.FaultEnded:
		b.ended[e.Fault] = true
		if f := b.stands[e.Fault]; f != nil && e.By == journal.FaultCalledOff {
			f.State = faultCalledOff
		}
	}
}

// either is the first of two lists that has something in it.
func either(a, b []string) []string {
	if len(a) == 0 {
		return b
	}
	return a
}

// present are the faults that are in force or about to be, and those that would be but for
// having been called off: nobody is to wait for them.
func (b *faultBook) present() []steer.Fault {
	all := []steer.Fault{}
	for _, f := range b.planned {
		if stands := b.stands[f.ID]; !b.ended[f.ID] || stands.State == faultCalledOff {
			all = append(all, *stands)
		}
	}
	return all
}

// revertible says why a fault can neither be reverted nor called off now, nil if it can.
func (b *faultBook) revertible(id string) error {
	f := b.stands[id]
	switch {
	case f == nil:
		inForce, planned := b.names()
		return fmt.Errorf("there is no fault %q; in force: %s; planned: %s", clipped(id, mostName), cmp.Or(inForce, "none"), cmp.Or(planned, "none"))
	case f.State == faultCalledOff:
		return fmt.Errorf("fault %s was called off already", id)
	case b.ended[id]:
		return fmt.Errorf("fault %s is over already", id)
	}
	return nil
}

// names are the faults that can be reverted, and those that can be called off.
func (b *faultBook) names() (inForce, planned string) {
	var begun, waiting []string
	for _, p := range b.planned {
		switch {
		case b.ended[p.ID]:
		case b.waits(p.ID):
			waiting = append(waiting, p.ID)
		default:
			begun = append(begun, p.ID)
		}
	}
	return strings.Join(begun, ", "), strings.Join(waiting, ", ")
}
