package reports

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Faults is what a run broke on purpose, how it is known that it did, and that
// it is over. Offsets count from the start of the run.
type Faults struct {
	Faults []FaultRun `json:"faults"` // in the order of their beginning
	Calls  []Called   `json:"calls"`  // of services that a proxy stands in front of, by name
	// Stopped is the stop condition that ended the run, absent if none did.
	Stopped *Stopped `json:"stopped,omitempty"`
}

// A FaultRun is one fault of the plan and what came of it.
type FaultRun struct {
	ID      string        `json:"id"`
	Kind    string        `json:"kind"`
	Targets []string      `json:"targets"`
	Backend string        `json:"backend"`    // what did it
	Revert  string        `json:"revert"`     // the class of its revert
	Detail  string        `json:"detail"`     // in words
	Planned time.Duration `json:"planned_ns"` // offset from the start of traffic
	// Began and Ended are null for what did not take place; of a fault that was called off
	// Ended is when. Late is how long after
	// its moment it was in force, Took how long the order for it took; the same of its
	// revert.
	Began      *time.Duration `json:"began_ns"`
	Ended      *time.Duration `json:"ended_ns"`
	Late       time.Duration  `json:"late_ns"`
	Took       time.Duration  `json:"took_ns"`
	RevertLate time.Duration  `json:"revert_late_ns"`
	RevertTook time.Duration  `json:"revert_took_ns"`
	Permanent  bool           `json:"permanent,omitempty"` // it is not reverted before the run ends
	By         string         `json:"by"`                  // why it ended: "schedule", "stop", "called off", ...
	Error      string         `json:"error"`
	On         []FaultTarget  `json:"on"` // by name of the target
}

// A FaultTarget is a fault on one target.
type FaultTarget struct {
	Target   string           `json:"target"`
	States   []StateChange    `json:"states"`
	Counters map[string]int64 `json:"counters"`
	Probes   []ProbeReading   `json:"probes"`
}

// A StateChange is how a fault stands on a target from T on.
type StateChange struct {
	T      time.Duration `json:"t_ns"`
	State  string        `json:"state"`
	Reason string        `json:"reason"`
}

// A ProbeReading is one look at what a fault should change.
type ProbeReading struct {
	T      time.Duration `json:"t_ns"`
	Stage  string        `json:"stage"`
	What   string        `json:"what"`
	Value  float64       `json:"value"`
	Unit   string        `json:"unit"`
	Detail string        `json:"detail"`
	Error  string        `json:"error"`
}

// Called is what a proxy in front of a service saw in the whole run.
type Called struct {
	Service  string `json:"service"`
	Total    int    `json:"total"`
	Failed   int    `json:"failed"`
	Injected int    `json:"injected"`
	Told     int    `json:"told"`  // to wait
	Early    int    `json:"early"` // came before the end of that
}

// Stopped is a stop condition that ended the run.
type Stopped struct {
	T         time.Duration `json:"t_ns"`
	Condition string        `json:"condition"`
	Measured  string        `json:"measured"`
	For       time.Duration `json:"for_ns"`
}

// faultsOf folds what the record says of faults; nil where neither plan nor
// record has any.
func faultsOf(run Run) *Faults {
	f := faultFold{faults: map[string]*FaultRun{}, on: map[string]map[string]*FaultTarget{}, calls: map[string]*Called{}}
	if run.Intent.Plan != nil {
		for _, p := range run.Intent.Plan.Faults {
			f.plan(p)
		}
	}
	for _, e := range run.events() {
		f.event(e)
	}
	if len(f.faults)+len(f.calls) == 0 && f.stopped == nil {
		return nil
	}
	return f.done()
}

// faultFold is faultsOf under way.
type faultFold struct {
	faults  map[string]*FaultRun
	on      map[string]map[string]*FaultTarget
	calls   map[string]*Called
	stopped *Stopped
}

func (f *faultFold) plan(p scenarios.PlannedFault) {
	r := f.fault(p.ID)
	r.Kind, r.Planned, r.Permanent = clean(p.Kind), p.At.Std(), p.Spec.Permanent
	r.Targets = cleanAll(p.Picked)
	if len(r.Targets) == 0 {
		r.Targets = cleanAll(p.Services)
	}
}

func (f *faultFold) fault(id string) *FaultRun {
	r := f.faults[id]
	if r == nil {
		r = &FaultRun{ID: clean(id), Targets: []string{}, On: []FaultTarget{}}
		f.faults[id], f.on[id] = r, map[string]*FaultTarget{}
	}
	return r
}

func (f *faultFold) target(fault, name string) *FaultTarget {
	f.fault(fault)
	t := f.on[fault][name]
	if t == nil {
		t = &FaultTarget{Target: clean(name), States: []StateChange{}, Counters: map[string]int64{}, Probes: []ProbeReading{}}
		f.on[fault][name] = t
	}
	return t
}

func (f *faultFold) event(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.FaultStarted:
		r := f.fault(b.Fault)
		r.Kind, r.Targets, r.Planned = clean(b.FaultKind), cleanAll(b.Targets), b.Planned
		r.Began, r.Late, r.Took = &e.T, b.Late, b.Took
		r.Backend, r.Revert, r.Detail, r.Error = clean(b.Backend), clean(b.Revert), clean(b.Detail), clean(b.Error)
	case journal.FaultEnded:
		r := f.fault(b.Fault)
		r.Ended, r.RevertLate, r.RevertTook, r.By = &e.T, b.Late, b.Took, clean(b.By)
		r.Error = cmp.Or(r.Error, clean(b.Error))
	case journal.FaultState:
		t := f.target(b.Fault, b.Target)
		t.States = append(t.States, StateChange{e.T, clean(b.State), clean(b.Reason)})
	case journal.FaultCounters:
		t := f.target(b.Fault, b.Target)
		for name, n := range b.Counters {
			t.Counters[clean(name)] = n
		}
	case journal.FaultProbe:
		t := f.target(b.Fault, b.Target)
		t.Probes = append(t.Probes, ProbeReading{e.T, clean(b.Stage), clean(b.What), b.Value, clean(b.Unit), clean(b.Detail), clean(b.Error)})
	case journal.Calls:
		f.called(b)
	case journal.StopTriggered:
		f.stopped = &Stopped{e.T, clean(b.Condition), clean(b.Measured), b.For}
	}
}

func (f *faultFold) called(b journal.Calls) {
	c := f.calls[b.Service]
	if c == nil {
		c = &Called{Service: clean(b.Service)}
		f.calls[b.Service] = c
	}
	c.Total += b.Total
	c.Failed += b.Failed
	c.Injected += b.Injected
	c.Told += b.Told
	c.Early += b.Early
}

func (f *faultFold) done() *Faults {
	made := &Faults{Faults: []FaultRun{}, Calls: []Called{}, Stopped: f.stopped}
	for id, r := range f.faults {
		for _, name := range slices.Sorted(maps.Keys(f.on[id])) {
			r.On = append(r.On, *f.on[id][name])
		}
		made.Faults = append(made.Faults, *r)
	}
	slices.SortFunc(made.Faults, func(a, b FaultRun) int { return cmp.Or(cmp.Compare(a.Planned, b.Planned), cmp.Compare(a.ID, b.ID)) })
	for _, name := range slices.Sorted(maps.Keys(f.calls)) {
		made.Calls = append(made.Calls, *f.calls[name])
	}
	return made
}

// last is how a fault stood on a target at last before it was over, and
// whether it is: reverted, with nothing left of it.
func (t FaultTarget) last() (in StateChange, over *StateChange) {
	for i, s := range t.States {
		switch s.State {
		case journal.FaultReverted, journal.FaultStuck:
			over = &t.States[i]
		default:
			in, over = s, nil
		}
	}
	return in, over
}

// calledOff tells that a person did not want the fault before it began.
func (r FaultRun) calledOff() bool {
	return r.Began == nil && r.Ended != nil && r.By == journal.FaultCalledOff
}

// sound tells whether the fault was in force on all of its targets, with
// evidence, and is over; one that is permanent is in force to the end.
func (r FaultRun) sound() bool {
	if r.Began == nil || r.Error != "" || len(r.On) == 0 {
		return false
	}
	for _, t := range r.On {
		in, over := t.last()
		if in.State != journal.FaultApplied || !r.Permanent && (over == nil || over.State != journal.FaultReverted) {
			return false
		}
	}
	return true
}
