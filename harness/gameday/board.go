package gameday

import (
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// What the board keeps at most. A run of a day must not grow the process.
const (
	maxPoints  = 3600 // then two become one
	maxEntries = 400  // then the oldest go
	maxPeople  = 400
	maxBands   = 200 // faults and alerts, each; those that are over go first
)

// A board is what the page shows, folded from the events of a run. It knows no clock:
// now is the time of the newest event. It is not safe for concurrent use.
type board struct {
	head   head
	bands  bands
	points series
	log    numbered // what happened
	people numbered // what people did, which must not scroll away

	redact    func(string) string
	services  []string
	list      *reports.Chronicle
	instances map[string]roll // by service
}

// A head is how the run stands, at a glance.
type head struct {
	Now     float64 `json:"now"` // seconds since the start of the run
	Traffic float64 `json:"traffic"`
	// Stage is "starting", "driving", "ending" or "over"; Outcome is in words.
	Stage    string  `json:"stage"`
	Phase    string  `json:"phase,omitempty"`
	Until    float64 `json:"until,omitempty"` // end of the phase by the plan
	Multiple float64 `json:"multiple"`
	Outcome  string  `json:"outcome,omitempty"`
}

// An entry is a line of a list; N ascends from 1.
type entry struct {
	N       int     `json:"n"`
	T       float64 `json:"t"`
	Kind    string  `json:"kind"`
	Subject string  `json:"subject"`
	Text    string  `json:"text"`
	Grave   bool    `json:"grave,omitempty"`
}

// numbered is a list that forgets its oldest entries beyond most.
type numbered struct {
	entries []entry
	last    int
	most    int
}

func (l *numbered) add(e entry) {
	l.last++
	e.N = l.last
	if len(l.entries) >= l.most {
		l.entries = slices.Delete(l.entries, 0, l.most/4+1) // not one at a time
	}
	l.entries = append(l.entries, e)
}

// since are the entries after number n.
func (l *numbered) since(n int) []entry {
	i := slices.IndexFunc(l.entries, func(e entry) bool { return e.N > n })
	if i < 0 {
		return nil
	}
	return slices.Clone(l.entries[i:])
}

// A roll is the instances of a service.
type roll struct{ running, serving map[string]bool }

func newBoard(config Config) *board {
	b := &board{
		head: head{Stage: "starting", Multiple: 1}, redact: config.Redact, list: reports.NewChronicle(),
		log: numbered{most: maxEntries}, people: numbered{most: maxPeople}, instances: map[string]roll{},
	}
	if config.Plan != nil {
		b.services = servicesOf(config.Plan)
	}
	for _, name := range b.services {
		b.instances[name] = roll{running: map[string]bool{}, serving: map[string]bool{}}
	}
	return b
}

// servicesOf are the services of the plan, by name.
func servicesOf(plan *scenarios.Plan) []string { return slices.Sorted(maps.Keys(plan.Services)) }

// wanted tells, without any lock, whether the board takes notice of an event: requests
// and counts of gateways come by the thousand a second.
func wanted(body journal.Body) bool {
	switch body.(type) {
	case journal.Request, journal.Tally, journal.Usage, journal.Measured, journal.SessionSignal, journal.Milestone,
		journal.FaultCounters, journal.Calls, journal.Moved, journal.Slow:
		return false
	}
	return true
}

// observe folds the next event in.
func (b *board) observe(e journal.Event) {
	b.head.Now = max(b.head.Now, e.T.Seconds())
	switch body := e.Body.(type) {
	case journal.Traffic:
		if body.Step != "" && body.For > 0 {
			b.points.add(e.T, body)
			b.count()
		}
		return
	case journal.Generator:
		b.points.at(e.T - time.Millisecond) // a point even where nothing was sent
		b.count()
		return
	}
	b.stage(e)
	b.bands.observe(e, b.redact)
	b.enrol(e.Body)
	b.write(e)
}

// stage follows how far the run is.
func (b *board) stage(e journal.Event) {
	switch body := e.Body.(type) {
	case journal.TrafficStarted:
		b.head.Stage, b.head.Traffic = "driving", e.T.Seconds()
	case journal.TrafficEnded:
		b.head.Stage, b.head.Phase, b.head.Until = "ending", "", 0
	case journal.PhaseStarted:
		b.head.Phase, b.head.Until = body.Phase, (e.T + body.For).Seconds()
	case journal.LoadSteered:
		b.head.Multiple = body.Multiple
	case journal.RunEnded:
		b.head.Stage, b.head.Outcome = "ending", body.Reason
	}
}

// enrol counts the instances of the plan's services; those of the run itself, such as
// gateways, are none of them.
func (b *board) enrol(body journal.Body) {
	set := func(of func(roll) map[string]bool, service, instance string, in bool) {
		r, ok := b.instances[service]
		switch {
		case ok && in:
			of(r)[instance] = true
		case ok:
			delete(of(r), instance)
		}
	}
	running := func(r roll) map[string]bool { return r.running }
	serving := func(r roll) map[string]bool { return r.serving }
	switch e := body.(type) {
	case journal.InstanceStarted:
		set(running, e.Service, e.Instance, !e.Job)
	case journal.InstanceExited:
		set(running, e.Service, e.Instance, false)
		set(serving, e.Service, e.Instance, false)
	case journal.EndpointAdded:
		set(serving, e.Service, e.Instance, true)
	case journal.EndpointRemoved:
		set(serving, e.Service, e.Instance, false)
	default:
		return
	}
	b.count()
}

// count notes the instances in the newest point: those that serve, or of a service that
// no gateway stands before those that run.
func (b *board) count() {
	p := b.points.newest()
	if p == nil {
		return
	}
	counts := make([]int, len(b.services))
	for i, name := range b.services {
		r := b.instances[name]
		counts[i] = len(r.serving)
		if !b.points.fronted(i, counts[i]) {
			counts[i] = len(r.running)
		}
	}
	p.instances = counts
}

// write puts the event into the lists, if it has a line.
func (b *board) write(e journal.Event) {
	h, ok := b.list.Next(e)
	if !ok {
		return
	}
	n := entry{T: e.T.Seconds(), Kind: h.Kind, Subject: b.redact(h.Subject), Text: b.redact(h.Text), Grave: h.Grave}
	b.log.add(n)
	if _, person := e.Body.(journal.Steered); person {
		b.people.add(n)
	}
}
