package scenarios

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// DefaultInjected is how long a fault lasts that is injected by hand and does not say
// for how long.
const DefaultInjected = Duration(time.Minute)

// leastInjected is how much of the traffic has to be left for a fault.
const leastInjected = Duration(time.Second)

// Steerable is the plan of a run that people have a hand in: a proxy stands in front of
// every service with a port, so that faults can be done to it which the plan does not
// know of. The plan itself stays as it is.
func (p *Plan) Steerable() *Plan {
	all := *p
	all.Services = maps.Clone(p.Services)
	for name, s := range all.Services {
		if s.Port != 0 && s.Interposed == nil {
			s.Interposed = &Interposed{Port: s.Port, KeyHeader: DefaultKeyHeader}
			all.Services[name] = s
		}
	}
	return &all
}

// A Live compiles single faults for a run under way. It is safe for concurrent use.
type Live struct {
	doc  *Document
	info StackInfo
	plan *Plan
}

// Live is for a run of the plan that the document was compiled to with the same info.
func (d *Document) Live(info StackInfo, plan *Plan) *Live { return &Live{d, info, plan} }

// Underway is the run that an injected fault comes into.
type Underway struct {
	// At is now, from the start of traffic.
	At Duration
	// Faults are those of the plan and those injected so far.
	Faults []PlannedFault
	// Over tells of one of them, by its ID, that it is over, or was never done.
	Over func(id string) bool
}

// Fault compiles one fault that is to begin now, written in YAML as in a scenario but
// without at. Its times are real: tempo does not divide them. Without for it lasts
// DefaultInjected; it ends with traffic at the latest. Errors are Problems: mistakes in
// the text, what the stack has no place for, what is protected, and faults with which it
// would be in conflict.
func (l *Live) Fault(text string, run Underway) (PlannedFault, error) {
	doc, problems := l.parse(text)
	if len(problems) == 0 {
		var f PlannedFault
		if f, problems = l.compile(doc, run); len(problems) == 0 {
			return f, nil
		}
	}
	for i := range problems {
		problems[i].Path = strings.TrimPrefix(strings.TrimPrefix(problems[i].Path, "faults"), ".")
	}
	return PlannedFault{}, problems.sorted()
}

// parse reads the fault into a scenario that is as the run's but for its faults.
func (l *Live) parse(text string) (*Document, Problems) {
	src := newSource("fault", []byte(text))
	documents, problem := readYAML(src, []byte(text))
	if problem != nil {
		return nil, Problems{*problem}
	}
	c := newConverter(src)
	n := c.convert(documents[0], "")
	if n.kind == listKind && len(n.items) == 1 { // copied out of a scenario, with its dash
		n = n.items[0]
	}
	switch {
	case len(c.problems) > 0:
		return nil, c.problems
	case len(documents) > 1 || n.kind == listKind:
		return nil, Problems{src.problem(n.at, "", "this is more than one fault", "inject one at a time")}
	case n.kind == mapKind && n.get("at") != nil:
		return nil, Problems{src.problem(n.field("at").at, "at", "a fault that is injected begins now", "leave at out")}
	}
	fault := Fault{}
	dec := &decoder{src: src, problems: c.problems}
	n = l.complete(n)
	dec.decode(n, reflect.ValueOf(&fault).Elem(), "", rules{})
	doc := &Document{File: src.file, Dir: l.doc.Dir, src: src, problems: dec.problems, Scenario: l.doc.Scenario,
		root: &node{kind: mapKind, at: n.at, fields: []field{{name: "faults", value: &node{kind: listKind, at: n.at, single: true, items: []*node{n}}}}}}
	doc.Scenario.Tempo, doc.Scenario.Checks, doc.Scenario.Faults = 1, nil, []Fault{fault}
	doc.prefix("faults")
	doc.checkFaults()
	return doc, doc.problems
}

// prefix puts what was reported of the fault where checks look for it.
func (d *Document) prefix(path string) {
	for i := range d.problems {
		if d.problems[i].Path == "" {
			d.problems[i].Path = path
		} else {
			d.problems[i].Path = path + "." + d.problems[i].Path
		}
	}
}

// complete adds to a fault what every fault of a scenario has.
func (l *Live) complete(n *node) *node {
	if n.kind != mapKind {
		return n
	}
	all := *n
	add := func(name, text string) {
		all.fields = append(slices.Clone(all.fields), field{name, n.at, &node{kind: textKind, text: text, value: text, at: n.at}})
	}
	add("at", l.plan.Phases[0].Name)
	permanent := n.get("permanent")
	stays := permanent != nil && permanent.value != false
	if n.get("for") == nil && !stays && n.get("cache_flush") == nil && n.get("restart") == nil {
		add("for", DefaultInjected.String())
	}
	return &all
}

// compile checks the fault against the stack and the run, and fills it in.
func (l *Live) compile(doc *Document, run Underway) (PlannedFault, Problems) {
	c := newCompiler(l.doc, l.info)
	c.merge()
	c.doc = doc
	c.takeFaulted()
	t := faulted{at: location{"faults", 0}, fault: doc.Scenario.Faults[0], phase: l.plan.PhaseAt(run.At)}
	t.id = freeID(t.fault, run.Faults)
	if slices.ContainsFunc(run.Faults, func(f PlannedFault) bool { return f.ID == t.id }) {
		doc.report(t.at.to("name"), fmt.Sprintf("there is, or was, a fault %q in this run", t.id), "give another name, or none")
	}
	if !c.aim(&t) || len(doc.problems) > 0 {
		return PlannedFault{}, doc.problems
	}
	c.placeNow(&t, run.At, l.plan.Duration)
	if !t.front && !ofDatabase(t.fault.Kind()) {
		f := c.planned(t)
		t.picked, _ = f.Choose(c.candidates(t.services, c.replicas)) // whom there is to choose from is known to the run
	}
	c.faults = []faulted{t}
	c.checkProtected()
	c.checkBeside(t, run, l.plan)
	return c.planFault(t, &Plan{Tempo: 1}), doc.problems
}

// freeID names a fault as the plan would, with a number that no other has.
func freeID(f Fault, others []PlannedFault) string {
	all := []Fault{f}
	for _, o := range others {
		all = append(all, Fault{Name: o.ID})
	}
	return faultIDs(all)[0]
}

// PhaseAt is the name of the phase that an offset from the start of traffic lies in: the
// last one for what comes later.
func (p *Plan) PhaseAt(at Duration) string {
	name := ""
	for _, phase := range p.Phases {
		if phase.Start <= at || name == "" {
			name = phase.Name
		}
	}
	return name
}

// placeNow lets a fault begin now, and end with traffic at the latest.
func (c *compiler) placeNow(t *faulted, now, end Duration) {
	if end-now < leastInjected {
		c.doc.report(t.at, fmt.Sprintf("traffic ends at %s, and it is %s", end, now.Std().Round(time.Millisecond)), "nothing can be seen of a fault that comes so late")
		return
	}
	t.start, t.end = now, min(now+t.fault.For, end)
	switch {
	case t.fault.Permanent:
		t.end = end
	case t.fault.atOnce():
		t.end = now
	default:
		c.checkRoom(*t, t.end-now)
	}
}

// checkBeside reports a fault of the run that is in force, or will be before this one
// ends, and cannot be beside it.
func (c *compiler) checkBeside(t faulted, run Underway, plan *Plan) {
	for _, f := range run.Faults {
		if f.At >= t.over() || run.Over != nil && run.Over(f.ID) {
			continue
		}
		other := faulted{id: f.ID, fault: f.Spec, start: f.At, end: f.End, services: f.Services, front: plan.InFront(f), picked: f.Picked}
		if why := c.conflict(other, t); why != "" {
			c.doc.report(t.at, fmt.Sprintf("it contradicts fault %q (%s, %s): %s", f.ID, f.Kind, lasting(other), why), "revert that one, or wait for its end, or choose another target")
			return
		}
	}
}
