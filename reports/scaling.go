package reports

import (
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Scaling is what autoscalers did in a run, and whatever else changes the number
// or the resources of instances without being an action of the plan. Offsets
// count from the start of the run.
type Scaling struct {
	Services []ScaledService `json:"services"` // by name
	// Evaluations is how often autoscalers decided. Decisions are those of them that
	// changed something, were held back, or went wrong; scale-events.ndjson has all.
	Evaluations int        `json:"evaluations"`
	Decisions   []Decision `json:"decisions"`
	// Instances are those that were added, removed or lost while traffic flowed.
	Instances     []InstanceChange `json:"instances"`
	Resizes       []Resize         `json:"resizes"`
	Accounts      []Account        `json:"accounts"` // that signs of sessions came from
	Interruptions []Interruption   `json:"interruptions"`
}

// A Decision is one evaluation of an autoscaler and what came of it.
type Decision struct {
	T          time.Duration `json:"t_ns"`
	ID         int           `json:"id"` // unique in a run, ascending from 1
	Service    string        `json:"service"`
	Autoscaler string        `json:"autoscaler"`
	// Wanted is what the metrics ask for, Desired what limits, windows and policies
	// leave of it, Change is Desired - Current: all in instances.
	Current    int                      `json:"current"`
	Wanted     int                      `json:"wanted"`
	Desired    int                      `json:"desired"`
	Change     int                      `json:"change"`
	Metrics    []journal.ScaleMetric    `json:"metrics"`
	Reason     string                   `json:"reason"`
	Message    string                   `json:"message"`
	Conditions []journal.ScaleCondition `json:"conditions"`
	Held       string                   `json:"held"`    // why it was not applied, "" if nothing held it back
	Took       time.Duration            `json:"took_ns"` // of the recommendation alone
	// Applied is when the change began, null if it never did; Started are the
	// instances that it brought, Stopping those that it told to stop, Resized those
	// whose resources it changed.
	Applied  *time.Duration `json:"applied_ns"`
	Started  []Brought      `json:"started"`
	Stopping []string       `json:"stopping"`
	Resized  []string       `json:"resized"`
	Error    string         `json:"error"` // "" if nothing went wrong
}

// Brought is an instance that a decision brought. Started is when its process
// ran, Ready when it joined the endpoint list; null for never, and Ready for
// services without one.
type Brought struct {
	Instance string         `json:"instance"`
	Started  *time.Duration `json:"started_ns"`
	Ready    *time.Duration `json:"ready_ns"`
}

// Interruption is a notice that instances were given.
type Interruption struct {
	T         time.Duration `json:"t_ns"`
	Service   string        `json:"service"`
	Instances []string      `json:"instances"`
	Notice    time.Duration `json:"notice_ns"`
}

// changing tells whether more came of the decision than that all stays as it is.
func (d Decision) changing() bool {
	return d.Change != 0 || d.Held != "" || d.Error != "" || len(d.Resized) > 0
}

// instances tells whether the decision is about the number of instances, and not
// about their resources.
func (d Decision) instances() bool { return !resizers[d.Autoscaler] }

// resizers are the autoscalers that change resources.
var resizers = map[string]bool{scenarios.ProactivePolicy: true, scenarios.ReactivePolicy: true}

// scalingOf folds what the record says of autoscalers; nil where neither plan
// nor record has any.
func scalingOf(run Run, w window) *Scaling {
	events := run.events()
	all := decisionsOf(events)
	s := &Scaling{
		Evaluations: len(all), Decisions: []Decision{}, Instances: changesOf(run, w), Resizes: resizesOf(events), Accounts: accountsOf(run),
		Interruptions: interruptionsOf(events),
	}
	for _, d := range all {
		if d.changing() {
			s.Decisions = append(s.Decisions, d)
		}
	}
	s.Services = scaledServicesOf(run, w)
	if len(s.Services) == 0 && s.Evaluations+len(s.Instances)+len(s.Resizes)+len(s.Accounts)+len(s.Interruptions) == 0 {
		return nil
	}
	return s
}

// decisionsOf are all decisions of the record in order of time.
func decisionsOf(events []journal.Event) []Decision {
	f := deciders{index: map[int]int{}, brought: map[string][2]int{}}
	for _, e := range events {
		f.event(e)
	}
	return f.list
}

// deciders is decisionsOf under way.
type deciders struct {
	list    []Decision
	index   map[int]int       // of the decision with an ID
	brought map[string][2]int // of an instance: the indexes of its decision and of itself therein
}

func (f *deciders) event(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.ScaleDecision:
		f.index[b.ID] = len(f.list)
		f.list = append(f.list, newDecision(e.T, b))
	case journal.ScaleApplied:
		f.applied(e.T, b)
	case journal.InstanceStarted:
		if at := f.instance(journal.DecisionOf(b.Cause), b.Instance); at != nil && at.Started == nil {
			at.Started = &e.T
		}
	case journal.EndpointAdded:
		if i, ok := f.brought[b.Instance]; ok {
			if at := &f.list[i[0]].Started[i[1]]; at.Ready == nil {
				at.Ready = &e.T
			}
		}
	case journal.Resized:
		if d := f.decision(b.Decision); d != nil {
			d.Resized = append(d.Resized, clean(b.Instance))
			d.blame(b.Instance, b.Error)
		}
	case journal.Operation:
		if d := f.decision(journal.DecisionOf(b.Cause)); d != nil {
			d.blame(b.Op+" "+b.Subject, b.Error)
		}
	}
}

func newDecision(t time.Duration, b journal.ScaleDecision) Decision {
	d := Decision{
		T: t, ID: b.ID, Service: clean(b.Service), Autoscaler: clean(b.Autoscaler), Current: b.Current, Wanted: b.Wanted, Desired: b.Desired,
		Change: b.Desired - b.Current, Metrics: []journal.ScaleMetric{}, Reason: clean(b.Reason), Message: clean(b.Message),
		Conditions: []journal.ScaleCondition{}, Held: clean(b.Held), Took: b.Took, Started: []Brought{}, Stopping: []string{}, Resized: []string{},
	}
	d.Metrics = append(d.Metrics, b.Metrics...)
	d.Conditions = append(d.Conditions, b.Conditions...)
	return d
}

func (f *deciders) decision(id int) *Decision {
	if i, ok := f.index[id]; ok && id != 0 {
		return &f.list[i]
	}
	return nil
}

// instance is the entry of an instance that a decision brought, nil without the
// decision.
func (f *deciders) instance(id int, name string) *Brought {
	d := f.decision(id)
	if d == nil {
		return nil
	}
	if i, ok := f.brought[name]; ok {
		return &f.list[i[0]].Started[i[1]]
	}
	f.brought[name] = [2]int{f.index[id], len(d.Started)}
	d.Started = append(d.Started, Brought{Instance: clean(name)})
	return &d.Started[len(d.Started)-1]
}

func (f *deciders) applied(t time.Duration, b journal.ScaleApplied) {
	d := f.decision(b.ID)
	if d == nil {
		return
	}
	if d.Applied == nil {
		d.Applied = &t
	}
	for _, name := range b.Started {
		f.instance(b.ID, name)
	}
	d.Stopping = append(d.Stopping, cleanAll(b.Stopping)...)
	d.blame("", b.Error)
}

// blame keeps the first thing that went wrong.
func (d *Decision) blame(what, err string) {
	if err != "" && d.Error == "" {
		d.Error = clean(after(what, ": ", err))
		if what == "" {
			d.Error = clean(err)
		}
	}
}

// started and ready are how long after the decision the last instance that it
// brought ran, and joined the endpoint list; 0 while one has not, or none was
// brought.
func (d Decision) started() time.Duration {
	return d.last(func(b Brought) *time.Duration { return b.Started })
}

func (d Decision) ready() time.Duration {
	return d.last(func(b Brought) *time.Duration { return b.Ready })
}

func (d Decision) last(moment func(Brought) *time.Duration) (most time.Duration) {
	for _, b := range d.Started {
		at := moment(b)
		if at == nil {
			return 0
		}
		most = max(most, *at-d.T)
	}
	return most
}

func interruptionsOf(events []journal.Event) []Interruption {
	list := []Interruption{}
	for _, e := range events {
		if b, ok := e.Body.(journal.Interrupted); ok {
			list = append(list, Interruption{e.T, clean(b.Service), cleanAll(b.Instances), b.Notice})
		}
	}
	return list
}

// planned are the services of the plan, none without one.
func (r Run) planned() map[string]scenarios.PlannedService {
	if r.Intent.Plan == nil {
		return nil
	}
	return r.Intent.Plan.Services
}

// managed are the services that something scales or resizes, by name: those that
// the plan says so of, and those that the record has decisions on.
func managed(run Run) []string {
	found := map[string]bool{}
	for name, s := range run.planned() {
		if s.Autoscale != nil || s.Prescale != nil {
			found[name] = true
		}
	}
	for _, e := range run.events() {
		switch b := e.Body.(type) {
		case journal.ScaleDecision:
			found[b.Service] = true
		case journal.Resized:
			found[b.Service] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
