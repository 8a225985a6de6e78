package own

import (
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// faults is which faults are in force, and what they do.
type faults struct {
	kinds   map[string]string    // by fault
	targets map[string][]string  // that the fault was begun on, by fault
	partly  map[string]bool      // faults that were not done to all of their targets
	seen    map[[2]string]string // the last state, by fault and target

	active, state, injected *family
	begun, ended, probes    *family
}

func newFaults(c *catalogue, plan *scenarios.Plan) *faults {
	f := &faults{
		kinds: map[string]string{}, targets: map[string][]string{}, partly: map[string]bool{}, seen: map[[2]string]string{},
		active: c.gauge("shakedown_fault_active",
			"1 while a fault is in force on a target, or stuck on it; else 0.", "fault", "kind", "target"),
		state: c.gauge("shakedown_fault_state",
			"1 for the state that a fault is in on a target, 0 for those that it was in before.", "fault", "target", "state"),
		injected: c.counter("shakedown_fault_injected_total",
			"What whoever does a fault has counted since it began: packets, requests, injected.", "fault", "target", "what"),
		begun: c.counter("shakedown_faults_started_total",
			"Faults that the run began to do, by outcome: error if not to all targets.", "fault", "kind", "outcome"),
		ended: c.counter("shakedown_faults_ended_total",
			"Faults that were reverted, by why.", "fault", "by", "outcome"),
		probes: c.counter("shakedown_fault_probes_total",
			"Looks at what a fault should change, by stage: before, during, after.", "fault", "stage", "outcome"),
	}
	for _, planned := range plan.Faults {
		f.kinds[planned.ID] = planned.Kind
		f.begun.expect(planned.ID, planned.Kind, ok)
		f.begun.expect(planned.ID, planned.Kind, failed)
		for _, target := range planned.Picked {
			f.active.expect(planned.ID, planned.Kind, target)
		}
	}
	return f
}

func (f *faults) observe(t time.Duration, b journal.Body) {
	switch b := b.(type) {
	case journal.FaultStarted:
		f.begin(t, b)
	case journal.FaultEnded:
		f.end(t, b)
	case journal.FaultState:
		f.stand(t, b)
	case journal.FaultCounters:
		for what, n := range b.Counters {
			f.injected.set(t, float64(n), b.Fault, b.Target, what)
		}
	case journal.FaultProbe:
		f.probes.add(1, b.Fault, b.Stage, outcome(b.Error))
	}
}

func (f *faults) begin(t time.Duration, b journal.FaultStarted) {
	f.kinds[b.Fault] = b.FaultKind
	f.partly[b.Fault] = b.Error != ""
	f.begun.add(1, b.Fault, b.FaultKind, outcome(b.Error))
	for _, target := range b.Targets {
		f.is(t, b.Fault, target, 1)
	}
}

func (f *faults) end(t time.Duration, b journal.FaultEnded) {
	f.ended.add(1, b.Fault, b.By, outcome(b.Error))
	for _, target := range f.targets[b.Fault] {
		if f.seen[[2]string{b.Fault, target}] != journal.FaultStuck {
			f.is(t, b.Fault, target, 0)
		}
	}
}

// stand takes in the state of a fault on a target. Where a fault was not done to all
// of its targets, one whose first state is without effect is one to which it was not.
func (f *faults) stand(t time.Duration, b journal.FaultState) {
	key := [2]string{b.Fault, b.Target}
	before := f.seen[key]
	if before != "" && before != b.State {
		f.state.set(t, 0, b.Fault, b.Target, before)
	}
	f.seen[key] = b.State
	f.state.set(t, 1, b.Fault, b.Target, b.State)
	switch b.State {
	case journal.FaultApplied, journal.FaultStuck:
		f.is(t, b.Fault, b.Target, 1)
	case journal.FaultLost, journal.FaultReverted:
		f.is(t, b.Fault, b.Target, 0)
	case journal.FaultNoEffect:
		if before == "" && f.partly[b.Fault] {
			f.is(t, b.Fault, b.Target, 0)
		}
	}
}

// is says that a fault is in force on a target, or not.
func (f *faults) is(t time.Duration, fault, target string, active float64) {
	if !slices.Contains(f.targets[fault], target) {
		f.targets[fault] = append(f.targets[fault], target)
	}
	f.active.set(t, active, fault, f.kinds[fault], target)
}
