package scenarios

import (
	"fmt"
	"slices"
)

// checkTraffic checks phases, cohorts and arrivals.
func (d *Document) checkTraffic() {
	t := d.Scenario.Traffic
	d.checkUnique(location{"traffic", "phases"}, "phase", names(t.Phases, func(p Phase) string { return p.Name }))
	d.checkUnique(location{"traffic", "cohorts"}, "cohort", names(t.Cohorts, func(c Cohort) string { return c.Name }))
	for i, p := range t.Phases {
		d.checkPositive(location{"traffic", "phases", i, "for"}, p.For, "a phase")
	}
	d.checkPositive(location{"traffic", "timeout"}, t.Timeout, "a time-out")
	for i, c := range t.Cohorts {
		at := location{"traffic", "cohorts", i}
		if c.Journey != "" {
			d.checkName(at.to("journey"), "journey", c.Journey, keys(t.Journeys))
		}
		d.checkArrivals(at.to("arrivals"), c.Arrivals)
	}
	for _, name := range keys(t.Journeys) {
		d.checkJourney(name)
	}
	d.checkProbes()
}

func names[T any](items []T, name func(T) string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = name(item)
	}
	return out
}

// keys are the keys of a map, sorted.
func keys[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// checkUnique reports names that several items of a list have.
func (d *Document) checkUnique(list location, what string, names []string) {
	for i, name := range names {
		if first := slices.Index(names, name); name != "" && first < i {
			d.report(list.to(i, "name"), fmt.Sprintf("a second %s has the name %q", what, shorten(name)), "give each "+what+" a name of its own")
		}
	}
}

// checkName reports a name that nothing was defined under. When there is
// nothing at all, that has been reported already.
func (d *Document) checkName(at location, what, name string, defined []string) {
	if len(defined) > 0 && !slices.Contains(defined, name) {
		d.report(at, fmt.Sprintf("%s %q is never defined", what, shorten(name)), didYouMean(name, defined))
	}
}

// checkPositive reports a duration of zero where one was written.
func (d *Document) checkPositive(at location, value Duration, what string) {
	if n := d.node(at); value == 0 && n != nil && n.isZero() {
		d.report(at, what+" cannot last 0s", "give a duration above zero")
	}
}

// isZero reports whether the text really is a duration of zero, rather than
// one that could not be read.
func (n *node) isZero() bool {
	v, err := ParseDuration(n.text)
	return err == nil && v == 0
}

// phaseNames are the names of all phases.
func (d *Document) phaseNames() []string {
	return names(d.Scenario.Traffic.Phases, func(p Phase) string { return p.Name })
}

// length is how long a phase lasts, all phases for the name ""; the second
// result is false when that cannot be told because of an earlier problem.
func (d *Document) length(phase string) (Duration, bool) {
	var sum Duration
	found := false
	for _, p := range d.Scenario.Traffic.Phases {
		if phase == "" || p.Name == phase {
			if p.For == 0 {
				return 0, false
			}
			sum, found = sum+p.For, true
		}
		if found && phase != "" {
			break
		}
	}
	return sum, found
}

// checkArrivals checks the shapes of a cohort against the phases.
func (d *Document) checkArrivals(at location, arrivals Arrivals) {
	for i, a := range arrivals {
		here := at.to(i)
		earlier := slices.IndexFunc(arrivals[:i], func(b Arrival) bool { return b.Phase == a.Phase })
		switch {
		case a.Phase != "":
			d.checkName(here.to("phase"), "phase", a.Phase, d.phaseNames())
			if earlier >= 0 {
				d.report(here.to("phase"), fmt.Sprintf("phase %q has a second shape", a.Phase), "keep one shape a phase")
			}
		case len(arrivals) > 1:
			d.report(here, "a shape for the whole run stands beside others", "give each shape a phase")
		}
		d.checkSteps(here.to("steps"), a)
	}
}

// checkSteps checks that the steps of a shape cover its time exactly.
func (d *Document) checkSteps(at location, a Arrival) {
	var sum Duration
	whole := true
	for i, s := range a.Steps {
		d.checkPositive(at.to(i, "for"), s.For, "a step")
		whole = whole && s.For > 0
		sum += s.For
	}
	length, known := d.length(a.Phase)
	if len(a.Steps) == 0 || !whole || !known || sum == length {
		return
	}
	span := fmt.Sprintf("phase %q", a.Phase)
	if a.Phase == "" {
		span = "the run"
	}
	last := a.Steps[len(a.Steps)-1].For
	switch fix := last + length - sum; {
	case sum < length:
		d.report(at, fmt.Sprintf("the steps end after %s, but %s lasts %s", sum, span, length), fmt.Sprintf("let the last step last %s", fix))
	case fix > 0:
		d.report(at, fmt.Sprintf("the steps last %s, but %s ends after %s", sum, span, length), fmt.Sprintf("let the last step last %s", fix))
	default:
		d.report(at, fmt.Sprintf("the steps last %s, but %s ends after %s", sum, span, length), "shorten the steps")
	}
}

// checkProbes checks the durations of services, for which zero has no meaning.
func (d *Document) checkProbes() {
	for name, s := range d.Scenario.Stack.Services {
		at := location{"stack", "services", name}
		if s.Ready != nil {
			d.checkPositive(at.to("ready", "period"), s.Ready.Period, "a period")
			d.checkPositive(at.to("ready", "timeout"), s.Ready.Timeout, "a time-out")
		}
		if s.Drain != nil {
			d.checkPositive(at.to("drain", "grace"), s.Drain.Grace, "a grace period")
		}
	}
}
