package verify

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// faultRecord is what the record says of faults, of the calls that proxies have
// seen and of why the run was stopped; each list is in order of time.
type faultRecord struct {
	started  map[string]timed[journal.FaultStarted] // by fault, the first
	ended    map[string]timed[journal.FaultEnded]   // by fault, the last
	states   map[string][]timed[journal.FaultState]
	counters map[string][]timed[journal.FaultCounters]
	probes   map[string][]timed[journal.FaultProbe]
	calls    map[string][]timed[journal.Calls] // by service
	stops    []timed[journal.StopTriggered]
	runs     []*faultRun // of the plan, in its order
	live     []*faultRun // that people injected, in order of their beginning
	baseline *string     // why what depends on faults proves nothing, once that was asked
}

func newFaultRecord() faultRecord {
	return faultRecord{
		started:  map[string]timed[journal.FaultStarted]{},
		ended:    map[string]timed[journal.FaultEnded]{},
		states:   map[string][]timed[journal.FaultState]{},
		counters: map[string][]timed[journal.FaultCounters]{},
		probes:   map[string][]timed[journal.FaultProbe]{},
		calls:    map[string][]timed[journal.Calls]{},
	}
}

// take sorts one event in.
func (r *faultRecord) take(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.FaultStarted:
		if _, again := r.started[b.Fault]; !again {
			r.started[b.Fault] = timed[journal.FaultStarted]{e.T, b}
		}
	case journal.FaultEnded:
		r.ended[b.Fault] = timed[journal.FaultEnded]{e.T, b}
	case journal.FaultState:
		r.states[b.Fault] = append(r.states[b.Fault], timed[journal.FaultState]{e.T, b})
	case journal.FaultCounters:
		r.counters[b.Fault] = append(r.counters[b.Fault], timed[journal.FaultCounters]{e.T, b})
	case journal.FaultProbe:
		r.probes[b.Fault] = append(r.probes[b.Fault], timed[journal.FaultProbe]{e.T, b})
	case journal.Calls:
		r.calls[b.Service] = append(r.calls[b.Service], timed[journal.Calls]{e.T, b})
	case journal.StopTriggered:
		r.stops = append(r.stops, timed[journal.StopTriggered]{e.T, b})
	}
}

// faultRun is a fault of the plan and what became of it.
type faultRun struct {
	scenarios.PlannedFault
	started  *timed[journal.FaultStarted] // nil: never
	ended    *timed[journal.FaultEnded]   // nil: never
	states   []timed[journal.FaultState]
	counters []timed[journal.FaultCounters] // the last of each target, in order of name
	probes   []timed[journal.FaultProbe]
	origin   time.Duration // of the plan's offsets
	until    time.Duration // the end of traffic
	names    []string      // of all targets on record, the first ones first
	byHand   bool          // injected by a person
}

// follow puts the faults of a plan together with what the record says of them.
func (r *faultRecord) follow(plan *scenarios.Plan, w window) {
	planned := map[string]bool{}
	for _, p := range plan.Faults {
		planned[p.ID] = true
		r.runs = append(r.runs, r.run(p, w))
	}
	for id, s := range r.started {
		if !planned[id] {
			f := r.run(scenarios.PlannedFault{ID: id, Kind: s.body.FaultKind, At: scenarios.Duration(s.at - max(0, w.from))}, w)
			f.byHand = true
			r.live = append(r.live, f)
		}
	}
	slices.SortFunc(r.live, func(a, b *faultRun) int {
		return cmp.Or(cmp.Compare(a.started.at, b.started.at), cmp.Compare(a.ID, b.ID))
	})
}

// run is what the record says of one fault.
func (r *faultRecord) run(p scenarios.PlannedFault, w window) *faultRun {
	f := &faultRun{PlannedFault: p, states: r.states[p.ID], probes: r.probes[p.ID], origin: max(0, w.from), until: w.to}
	if s, ok := r.started[p.ID]; ok {
		f.started = &s
	}
	if e, ok := r.ended[p.ID]; ok {
		f.ended = &e
	}
	last := map[string]timed[journal.FaultCounters]{}
	for _, c := range r.counters[p.ID] {
		last[c.body.Target] = c
	}
	for _, target := range slices.Sorted(maps.Keys(last)) {
		f.counters = append(f.counters, last[target])
	}
	f.names = f.targets()
	return f
}

// shown is for how long a fault that is over at once, as the flush of a cache,
// counts as lasting: what it does shows right after it.
const shown = 5 * time.Second

// calledOff tells that a person did not want the fault before it began.
func (f *faultRun) calledOff() bool {
	return f.started == nil && f.ended != nil && f.ended.body.By == journal.FaultCalledOff
}

// ordered is when the first target was about to be told; the planned moment where
// the record does not say, and forever for one that was called off: it disturbs nothing.
func (f *faultRun) ordered() time.Duration {
	if f.calledOff() {
		return forever
	}
	if f.started == nil {
		return f.origin + f.At.Std()
	}
	return f.started.at - max(0, f.started.body.Took)
}

// lasted is the time in which the fault was in force on all of its targets: until
// the end of traffic if nothing says that it was reverted, and none if it never
// began. Of one that is over at once it is the moment at which it was done.
func (f *faultRun) lasted() (span, bool) {
	if f.started == nil {
		return span{}, false
	}
	s := span{f.started.at, max(f.started.at, f.until)}
	if f.ended != nil {
		s.to = max(s.from, f.ended.at)
	}
	return s, true
}

// felt is lasted for checks of what users had of it while it lasted. They have
// something of it as soon as the first target is told: an instance that is killed
// refuses requests before the engine says that it is gone.
func (f *faultRun) felt(settle time.Duration) (span, bool) {
	s, ok := f.lasted()
	s.from = min(s.from, f.ordered())
	if ok && f.AtOnce() {
		s.to = max(s.to, s.from+settle)
	}
	return s, ok
}

// permanent tells that nothing is reverted before the run ends.
func (f *faultRun) permanent() bool { return f.Spec.Permanent }

// targets are all that the record names, the first ones first.
func (f *faultRun) targets() []string {
	if f.names != nil {
		return f.names
	}
	var list []string
	add := func(name string) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	if f.started != nil {
		for _, t := range f.started.body.Targets {
			add(t)
		}
	}
	for _, s := range f.states {
		add(s.body.Target)
	}
	return list
}

// spansOf are the times in which faults lasted, overlapping ones as one.
func spansOf(faults []*faultRun, settle time.Duration) []span {
	var list []span
	for _, f := range faults {
		if s, ok := f.felt(settle); ok {
			list = append(list, s)
		}
	}
	return united(list)
}
