package reports

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// The ways in which the number of a service's instances changes.
const (
	instanceAdded   = "added"
	instanceRemoved = "removed"
	instanceLost    = "lost" // it ended although nobody had asked
)

// An InstanceChange is an instance that was added, removed or lost while traffic
// flowed, with who decided on it and by what. Of an autoscaled service there is one
// for every such instance, whoever was the cause. Moments are null for what never
// was.
type InstanceChange struct {
	// T is when it was decided; without a decision, when it was first seen.
	T        time.Duration `json:"t_ns"`
	Service  string        `json:"service"`
	Instance string        `json:"instance"`
	Change   string        `json:"event"`    // "added", "removed" or "lost"
	Decision int           `json:"decision"` // its ID, 0 without one
	// Autoscaler decided, "" for nobody; Cause is what the change says of itself.
	Autoscaler string `json:"autoscaler"`
	Cause      string `json:"cause"`
	// Metric is the one that decided, null without one; Reason, Current, Wanted
	// (proposed) and Desired (applied) are those of the decision.
	Metric  *journal.ScaleMetric `json:"metric"`
	Reason  string               `json:"reason"`
	Current int                  `json:"current"`
	Wanted  int                  `json:"wanted"`
	Desired int                  `json:"desired"`
	// Applied is when the change began. Of an added instance, Started is when its
	// process ran and Ready when it took work. Of one that was removed or lost, Told is
	// when it was told to stop, Unlisted when it left the endpoint list, Exited when its
	// process was gone.
	Applied  *time.Duration `json:"applied_ns"`
	Started  *time.Duration `json:"started_ns"`
	Ready    *time.Duration `json:"ready_ns"`
	Told     *time.Duration `json:"told_ns"`
	Unlisted *time.Duration `json:"unlisted_ns"`
	Exited   *time.Duration `json:"exited_ns"`
	// Need is how that stands to the load, null where what it needed is not known.
	Need  *Need  `json:"need"`
	Error string `json:"error"` // "" if nothing went wrong
}

// changesOf are the instances that were added, removed or lost, in order of the
// decisions on them.
func changesOf(run Run, w window) []InstanceChange {
	if len(managed(run)) == 0 {
		return []InstanceChange{}
	}
	f := changing{window: w, needs: demandsOf(run, w), list: []InstanceChange{}, decisions: map[int]Decision{}, managed: map[string]bool{}, listed: map[string]bool{},
		present: map[string]map[string]bool{}, fell: map[string]map[int]time.Duration{}, open: map[string]int{}, jobs: jobsOf(run.events())}
	for _, d := range decisionsOf(run.events()) {
		f.decisions[d.ID] = d
	}
	for _, name := range managed(run) {
		f.managed[name], f.present[name], f.fell[name] = true, map[string]bool{}, map[int]time.Duration{}
	}
	for _, e := range run.events() {
		if b, ok := e.Body.(journal.EndpointAdded); ok {
			f.listed[b.Service] = true
		}
	}
	for _, e := range run.events() {
		if _, over := e.Body.(journal.RunEnded); over {
			break // what follows is the tear-down
		}
		f.event(e)
	}
	f.missing()
	slices.SortStableFunc(f.list, func(a, b InstanceChange) int {
		return cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.Decision, b.Decision), compareNumbered(a.Instance, b.Instance))
	})
	return f.list
}

// changing is changesOf under way.
type changing struct {
	window    window
	needs     demandLevels
	decisions map[int]Decision
	managed   map[string]bool                  // services
	listed    map[string]bool                  // services that a gateway routes to
	jobs      map[string]bool                  // instances that are one-offs
	present   map[string]map[string]bool       // of a service: the instances that take work and are not told to stop
	fell      map[string]map[int]time.Duration // of a service: when fewer than so many were left, the last time
	open      map[string]int                   // of an instance: the index of its last change
	list      []InstanceChange
}

func (f *changing) event(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.InstanceStarted:
		f.started(e.T, b)
	case journal.EndpointAdded:
		f.took(e.T, b.Service, b.Instance)
	case journal.EndpointRemoved:
		f.leaves(e.T, b.Service, b.Instance)
		if c := f.leaving(b.Instance); c != nil && c.Unlisted == nil {
			c.Unlisted = &e.T
		}
	case journal.InstanceTerminating:
		f.told(e.T, b)
	case journal.InstanceExited:
		f.exited(e.T, b)
	}
}

// begin opens a change of an instance; nil where it is not one that counts.
func (f *changing) begin(t time.Duration, service, instance, change, cause string) *InstanceChange {
	if !f.managed[service] || f.jobs[instance] || t < f.window.traffic || t > f.window.silent {
		return nil
	}
	c := InstanceChange{T: t, Service: clean(service), Instance: clean(instance), Change: change, Cause: clean(cause)}
	if d, ok := f.decisions[journal.DecisionOf(cause)]; ok {
		c.decided(d)
	}
	f.open[instance] = len(f.list)
	f.list = append(f.list, c)
	return &f.list[len(f.list)-1]
}

// decided takes in the decision behind a change.
func (c *InstanceChange) decided(d Decision) {
	c.T, c.Decision, c.Autoscaler, c.Reason = d.T, d.ID, d.Autoscaler, d.Reason
	c.Current, c.Wanted, c.Desired, c.Applied = d.Current, d.Wanted, d.Desired, d.Applied
	if m := deciding(d.Metrics); m != nil {
		metric := *m
		metric.Name, metric.Unit, metric.Error = clean(m.Name), clean(m.Unit), clean(m.Error)
		c.Metric = &metric
	}
}

func (f *changing) started(t time.Duration, b journal.InstanceStarted) {
	if c := f.begin(t, b.Service, b.Instance, instanceAdded, b.Cause); c != nil {
		c.Started = &t
	} else {
		delete(f.open, b.Instance)
	}
	if !f.listed[b.Service] && !b.Job {
		f.took(t, b.Service, b.Instance) // there is no list to join
	}
}

// took says that an instance takes work from now on.
func (f *changing) took(t time.Duration, service, instance string) {
	if f.present[service] == nil || f.present[service][instance] {
		return
	}
	f.present[service][instance] = true
	i, ok := f.open[instance]
	if !ok || f.list[i].Change != instanceAdded || f.list[i].Ready != nil {
		return
	}
	c, n := &f.list[i], len(f.present[service])
	if f.listed[service] {
		c.Ready = &t
	}
	c.Need = f.needs.ofJoining(service, n, c.T, f.fell[service][n], t)
}

// leaves says that an instance takes no more work, and tells how many did with it; 0
// if it had taken none.
func (f *changing) leaves(t time.Duration, service, instance string) (n int) {
	if !f.present[service][instance] {
		return 0
	}
	n = len(f.present[service])
	delete(f.present[service], instance)
	f.fell[service][n] = t
	return n
}

func (f *changing) told(t time.Duration, b journal.InstanceTerminating) {
	n := f.leaves(t, b.Service, b.Instance)
	c := f.begin(t, b.Service, b.Instance, instanceRemoved, b.Cause)
	if c == nil {
		delete(f.open, b.Instance)
		return
	}
	c.Told = &t
	if n > 0 {
		c.Need = f.needs.ofLeaving(b.Service, n, t)
	}
}

func (f *changing) exited(t time.Duration, b journal.InstanceExited) {
	n := f.leaves(t, b.Service, b.Instance)
	if c := f.leaving(b.Instance); c != nil {
		if c.Exited == nil {
			c.Exited = &t
		}
		return
	}
	if b.Wanted {
		return
	}
	if c := f.begin(t, b.Service, b.Instance, instanceLost, exitWords(b)); c != nil {
		c.Exited = &t
		if n > 0 {
			c.Need = f.needs.ofLeaving(b.Service, n, t)
		}
	}
}

// exitWords are why an instance is gone.
func exitWords(b journal.InstanceExited) string {
	if b.OOM {
		return "out of memory"
	}
	return fmt.Sprintf("exit %d, unasked", b.Code)
}

// leaving is the open change of an instance that goes, nil of any other.
func (f *changing) leaving(instance string) *InstanceChange {
	if i, ok := f.open[instance]; ok && f.list[i].Change != instanceAdded {
		return &f.list[i]
	}
	return nil
}

// missing adds the instances that decisions were to bring and that never ran, and
// what went wrong with the others.
func (f *changing) missing() {
	for i := range f.list {
		if c := &f.list[i]; c.Change == instanceAdded && c.Ready == nil && f.listed[c.Service] {
			c.Error = f.decisions[c.Decision].Error
		}
	}
	for _, id := range sortedNumbers(f.decisions) {
		d := f.decisions[id]
		for _, b := range d.Started {
			if b.Started == nil && d.T >= f.window.traffic && d.T <= f.window.silent {
				c := InstanceChange{Service: d.Service, Instance: b.Instance, Change: instanceAdded, Cause: clean(journal.DecisionCause(d.ID, d.Reason)), Error: cmp.Or(d.Error, "it never started")}
				c.decided(d)
				f.list = append(f.list, c)
			}
		}
	}
}

// sortedNumbers are the keys of a map, ascending.
func sortedNumbers[V any](m map[int]V) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
