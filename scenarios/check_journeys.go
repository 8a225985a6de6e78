package scenarios

import (
	"fmt"
	"maps"
	"slices"
)

// The most levels of choices and repetitions inside one another.
const mostNested = 8

// requests are the steps that are requests, those inside of others included,
// in order.
func (j Journey) requests() []JourneyStep {
	var all []JourneyStep
	j.each(nil, func(_ location, s JourneyStep) {
		if s.Choose == nil && s.Repeat == nil {
			all = append(all, s)
		}
	})
	return all
}

// each visits every step with its location, a step before those inside of it.
func (j Journey) each(at location, visit func(location, JourneyStep)) {
	for i, s := range j {
		here := at.to(i)
		visit(here, s)
		for k, option := range s.Choose {
			option.Steps.each(here.to("choose", k, "steps"), visit)
		}
		if s.Repeat != nil {
			s.Repeat.Steps.each(here.to("repeat", "steps"), visit)
		}
	}
}

// checkJourney checks one journey, step after step, with the variables that
// are known at each.
// followed are the comparisons that follow requests of it.
func (d *Document) checkJourney(name string, followed []comparison) {
	at, journey := location{"traffic", "journeys", name}, d.Scenario.Traffic.Journeys[name]
	if !nameForm.MatchString(name) {
		message, suggestion := badName(name)
		d.reportKey(at, message, suggestion)
	}
	if n := d.node(at); n != nil && n.kind == listKind && len(journey) == 0 {
		d.report(at, "the journey has no steps", "give at least one request")
	} else if len(journey) > 0 && len(journey.requests()) == 0 && !d.reportedIn(at) {
		d.report(at, "the journey has no request in it", "give at least one request")
	}
	if d.unused(name) {
		d.reportKey(at, fmt.Sprintf("no cohort walks journey %q", shorten(name)), "name it in a cohort, or remove it")
	}
	taken := map[string]bool{}
	journey.each(at, func(l location, s JourneyStep) {
		if s.Name != "" && taken[s.Name] {
			d.reportSecond(l.to("name"), "step", s.Name)
		}
		taken[s.Name] = true
	})
	w := &walk{doc: d, variables: d.variablesOf(name), keepsCookies: d.keepsCookies(name), followed: followed}
	w.steps(at, journey, 0)
}

// unused reports whether no cohort walks a journey. A cohort whose journey is
// missing or misspelt may have meant any.
func (d *Document) unused(name string) bool {
	for _, c := range d.Scenario.Traffic.Cohorts {
		_, defined := d.Scenario.Traffic.Journeys[c.Journey]
		if c.Journey == name || !defined && (c.Replay == nil || c.Journey != "") {
			return false
		}
	}
	return len(d.Scenario.Traffic.Cohorts) > 0
}

// keepsCookies names the first cohort that walks a journey and keeps cookies,
// empty without one.
func (d *Document) keepsCookies(journey string) string {
	for _, c := range d.Scenario.Traffic.Cohorts {
		if c.Cookies && c.Journey == journey {
			return c.Name
		}
	}
	return ""
}

// A walk checks the steps of a journey in their order. After each step,
// variables are those at the step that follows.
type walk struct {
	doc          *Document
	variables    *variables
	keepsCookies string // a cohort that does, for messages
	followed     []comparison
}

func (w *walk) steps(at location, steps Journey, depth int) {
	for i, s := range steps {
		w.step(at.to(i), s, depth)
	}
}

func (w *walk) step(at location, s JourneyStep, depth int) {
	switch {
	case s.Choose == nil && s.Repeat == nil:
		w.request(at, s)
	case depth >= mostNested:
		w.doc.report(at, fmt.Sprintf("steps are nested more than %d deep", mostNested), "move some of them into a journey of its own")
	case s.Choose != nil:
		w.plain(at, "choose", "a choice")
		w.choose(at.to("choose"), s.Choose, depth)
	default:
		w.plain(at, "repeat", "a repetition")
		w.repeat(at.to("repeat"), *s.Repeat, depth)
	}
}

// plain reports keys that only a request can have.
func (w *walk) plain(at location, kind, what string) {
	n := w.doc.node(at)
	if n == nil {
		return
	}
	for _, f := range n.fields {
		if !slices.Contains([]string{"name", "request", "choose", "repeat"}, f.name) && !w.doc.reportedIn(at.to(f.name)) {
			w.doc.reportKey(at.to(f.name), fmt.Sprintf("%s belongs to a request, and this step is %s", shorten(f.name), what), "give it to a request inside of "+kind)
		}
	}
}

// choose checks the ways of a choice. A variable is known afterwards when
// every way extracts it.
func (w *walk) choose(at location, options []Option, depth int) {
	total, before := 0, w.variables.known
	ways := map[string]int{} // on how many a variable is known
	for i, o := range options {
		if o.Weight > mostWeight {
			w.doc.report(at.to(i, "weight"), fmt.Sprintf("%d is out of range", o.Weight), fmt.Sprintf("give a number from 0 to %d", mostWeight))
		}
		total += min(o.Weight, mostWeight)
		w.variables.known = maps.Clone(before)
		w.steps(at.to(i, "steps"), o.Steps, depth+1)
		for name := range w.variables.known {
			ways[name]++
		}
	}
	if total == 0 && len(options) > 0 && !w.doc.reportedIn(at) {
		w.doc.report(at, "the weights sum to nothing", "give at least one option a weight above zero")
	}
	_, path := w.doc.find(at)
	w.variables.known = before
	for name, n := range ways {
		if n == len(options) {
			w.variables.known[name] = true
			continue
		}
		w.variables.partial[name] = reason{fmt.Sprintf("${%s} is not known on every way: only some options of %s extract it", name, path), "extract it in every option, or use it inside of those that do"}
	}
}

// repeat checks the steps of a repetition. A variable is known afterwards when
// the steps are taken at least once.
func (w *walk) repeat(at location, r Repeat, depth int) {
	w.doc.checkSize(at.to("times"), r.Times)
	if n := w.doc.node(at.to("times")); n != nil && r.Times.largest() == 0 && !w.doc.reportedIn(at.to("times")) {
		w.doc.report(at.to("times"), "the steps are never taken", "give 1 or more, or remove them")
	}
	before := maps.Clone(w.variables.known)
	w.steps(at.to("steps"), r.Steps, depth+1)
	if r.Times.smallest() > 0 {
		return
	}
	_, path := w.doc.find(at)
	for name := range w.variables.known {
		if !before[name] {
			w.variables.partial[name] = reason{fmt.Sprintf("${%s} is not known on every way: the steps of %s may be taken no time", name, path), "extract it before them, or let times be 1 or more"}
		}
	}
	w.variables.known = before
}

// smallest is a bound below what is drawn, largest one above.
func (s Size) smallest() int {
	switch {
	case len(s.Values) > 0:
		return slices.Min(s.Values)
	case s.Median > 0:
		return 0
	}
	return s.Constant
}

func (s Size) largest() int {
	if len(s.Values) > 0 {
		return slices.Max(s.Values)
	}
	return max(s.Constant, s.Median)
}

// bodyKeys are the ways to give a request a body.
var bodyKeys = []string{"json", "body", "body_file", "payload"}
