package reports

import (
	"cmp"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Breakdowns are the sums of a run by one thing at a time, over all phases.
type Breakdowns struct {
	Phases    []Part `json:"phases"`    // requests, in the order of play
	Rows      []Part `json:"rows"`      // requests by phase, journey and step
	Journeys  []Part `json:"journeys"`  // sessions, from their intended start to the end of their last step
	Steps     []Part `json:"steps"`     // requests
	Polls     []Part `json:"polls"`     // of steps that poll: from the first request to the end of the last
	Cohorts   []Part `json:"cohorts"`   // requests
	Tiers     []Part `json:"tiers"`     // requests of cohorts with a tier
	Instances []Part `json:"instances"` // right answers of which a gateway said who gave them
	// Faults are what each fault did to each journey, in the order of their beginning.
	Faults []FaultEffect `json:"faults"`
}

// A Part is what one journey, step, cohort, tier or instance did. Quantiles
// are of what succeeded, 0 where nothing was measured, or too little for them.
type Part struct {
	Name string `json:"name"`
	Step string `json:"step,omitempty"` // Name is its journey
	// Phase is set of the rows alone.
	Phase string `json:"phase,omitempty"`
	// Count is how many ended; of polls and instances how many were measured,
	// and the outcomes are 0.
	Count   int           `json:"count"`
	OK      int           `json:"ok"`
	Failed  int           `json:"failed"`
	Unknown int           `json:"unknown"`
	P50     time.Duration `json:"p50_ns"`
	P95     time.Duration `json:"p95_ns"`
	P99     time.Duration `json:"p99_ns"`
	Max     time.Duration `json:"max_ns"`
}

// breakdownsOf folds counts and histograms. A step's histograms come one for
// each instance that answered: together they are the step's.
func breakdownsOf(run Run, sums []journal.Interval) Breakdowns {
	var phases, journeys, steps, polls, cohorts, tiers, instances fold
	rows := phaseRows{folds: map[string]*fold{}}
	for _, e := range run.events() {
		t, ok := e.Body.(journal.Traffic)
		switch {
		case !ok:
		case t.Step == "":
			journeys.count(t.Journey, "", t)
		default:
			phases.count(t.Phase, "", t)
			rows.in(t.Phase).count(t.Journey, t.Step, t)
			steps.count(t.Journey, t.Step, t)
			cohorts.count(t.Cohort, "", t)
			if t.Tier != "" {
				tiers.count(t.Tier, "", t)
			}
		}
	}
	for _, i := range sums {
		switch {
		case i.Tag.Measure == journal.Waited:
			polls.measure(i.Tag.Journey, i.Tag.Step, i)
		case i.Tag.Measure != journal.Response:
		case i.Tag.Step == "":
			journeys.measure(i.Tag.Journey, "", i)
		default:
			phases.measure(i.Tag.Phase, "", i)
			rows.in(i.Tag.Phase).measure(i.Tag.Journey, i.Tag.Step, i)
			steps.measure(i.Tag.Journey, i.Tag.Step, i)
			cohorts.measure(i.Tag.Cohort, "", i)
			if i.Tag.Tier != "" {
				tiers.measure(i.Tag.Tier, "", i)
			}
			if i.Tag.Instance != "" {
				instances.measure(i.Tag.Instance, "", i)
			}
		}
	}
	played := func(a, b Part) int { return cmp.Compare(rows.place(a.Name), rows.place(b.Name)) }
	placed := placeOf(run)
	inJourney := func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(placed(row{journey: a.Name, step: a.Step}), placed(row{journey: b.Name, step: b.Step})),
			cmp.Compare(a.Step, b.Step))
	}
	bySize := func(a, b Part) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) }
	byNumber := func(a, b Part) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	}
	return Breakdowns{
		Phases: phases.parts(played), Rows: rows.parts(inJourney), Faults: faultEffectsOf(run),
		Journeys: journeys.parts(inJourney), Steps: steps.parts(inJourney), Polls: polls.parts(inJourney),
		Cohorts: cohorts.parts(bySize), Tiers: tiers.parts(bySize), Instances: instances.parts(byNumber),
	}
}

// phaseRows are the parts of each phase, in the order in which phases were first
// counted.
type phaseRows struct {
	order []string
	folds map[string]*fold
}

// in is the fold of a phase.
func (r *phaseRows) in(phase string) *fold {
	if r.folds[phase] == nil {
		r.folds[phase] = &fold{}
		r.order = append(r.order, phase)
	}
	return r.folds[phase]
}

// place is when a phase was played.
func (r *phaseRows) place(phase string) int { return slices.Index(r.order, phase) }

func (r *phaseRows) parts(order func(a, b Part) int) []Part {
	list := []Part{}
	for _, phase := range r.order {
		for _, p := range r.folds[phase].parts(order) {
			p.Phase = phase
			list = append(list, p)
		}
	}
	return list
}

// A fold collects the parts of one kind. Histograms are large: it keeps the
// intervals and merges them part by part at the end.
type fold map[partKey]*folded

type partKey struct{ name, step string }

type folded struct {
	Part
	intervals []journal.Interval
}

func (f *fold) part(name, step string) *folded {
	if *f == nil {
		*f = fold{}
	}
	key := partKey{name, step}
	if (*f)[key] == nil {
		(*f)[key] = &folded{Part: Part{Name: name, Step: step}}
	}
	return (*f)[key]
}

func (f *fold) count(name, step string, t journal.Traffic) {
	p := f.part(name, step)
	p.OK, p.Failed, p.Unknown = p.OK+t.OK, p.Failed+t.Failed, p.Unknown+t.Unknown
	p.Max = max(p.Max, t.Max)
}

func (f *fold) measure(name, step string, i journal.Interval) {
	p := f.part(name, step)
	p.intervals = append(p.intervals, i)
}

// parts are what was collected, in an order that is total.
func (f fold) parts(order func(a, b Part) int) []Part {
	all := journal.NewHistogram()
	list := make([]Part, 0, len(f))
	for _, p := range f {
		if len(p.intervals) > 0 {
			all.Reset()
			for _, i := range p.intervals {
				i.AddTo(all)
			}
			if all.TotalCount() > 0 {
				p.P50, p.P95, p.P99, p.Max = carried(all)
			}
		}
		p.Count = p.OK + p.Failed + p.Unknown
		if p.Count == 0 && len(p.intervals) > 0 {
			p.Count = int(all.TotalCount())
		}
		list = append(list, p.Part)
	}
	slices.SortFunc(list, order)
	return list
}

// A breakdown is one kind of parts as a table.
type breakdown struct {
	title    string
	parts    []Part
	outcomes bool // known
}

// maxParts bounds the rows of one kind in a table; JSON has them all.
const maxParts = 100

// tables are the breakdowns that a reader wants: what has one part only and
// says nothing of its own is left out.
func (b Breakdowns) tables() []breakdown {
	var list []breakdown
	add := func(title string, parts []Part, outcomes bool, least int) {
		if len(parts) >= least {
			list = append(list, breakdown{title, parts, outcomes})
		}
	}
	add("Requests by phase", b.Phases, true, 2)
	add("Sessions by journey, start to end", b.Journeys, true, 1)
	add("Polling, from the first request to the end of the last", b.Polls, false, 1)
	add("Requests by cohort", b.Cohorts, true, 2)
	add("Requests by tier", b.Tiers, true, 1)
	add("Right answers by instance", b.Instances, false, 1)
	return list
}

// label is what a part is called in a table.
func (p Part) label() string { return clean(after(p.Name, " / ", p.Step)) }
