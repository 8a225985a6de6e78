package scenarios

import (
	"fmt"
	"slices"
)

// checkArrivals checks a list of shapes against the phases and against one
// another.
func (d *Document) checkArrivals(at location, arrivals Arrivals) {
	if d.tooMany(at, len(arrivals), "shapes") {
		return
	}
	shapes := map[string]int{} // by phase
	for _, a := range arrivals {
		shapes[a.Phase]++
	}
	for i, a := range arrivals {
		here := at.to(i)
		switch {
		case a.Phase != "":
			d.checkName(here.to("phase"), "phase", a.Phase, d.phaseNames())
		case len(shapes) > 1:
			// Does it fill the phases that no other shape names, or all? Both have
			// been meant, so neither is guessed.
			d.report(here, "a shape for the whole run stands beside others", "give each shape a phase")
		}
		if a.Closed != nil && shapes[a.Phase] > 1 {
			d.reportKey(here.to("closed"), "a closed loop stands beside another shape of "+spanName(a.Phase), "give it the phase to itself, or a cohort of its own")
		}
		d.checkShape(here, a)
	}
	if len(arrivals) == 0 || d.reportedIn(at) || d.reportedIn(location{"traffic", "phases"}) {
		return
	}
	if l, ok := d.layout(); ok && l.lay(arrivals).empty() {
		d.report(at, "nobody ever arrives: every rate is zero", "give a rate above zero")
	}
}

// checkShared checks the arrivals that cohorts share by weight.
func (d *Document) checkShared(at location) {
	t := d.Scenario.Traffic
	d.checkArrivals(at, t.Arrivals)
	if !d.given(at[:1], "arrivals") {
		return
	}
	first := slices.IndexFunc(t.Cohorts, func(c Cohort) bool { return len(c.Weight) > 0 })
	if first < 0 {
		if !d.reportedIn(location{"traffic", "cohorts"}) {
			d.reportKey(at, "no cohort has a weight, so nobody takes these sessions", "give at least one cohort a weight")
		}
		return
	}
	l, ok := d.layout()
	if !ok || d.reportedIn(at) || d.reportedIn(location{"traffic", "cohorts"}) || d.reportedIn(location{"traffic", "phases"}) {
		return
	}
	shared := l.lay(t.Arrivals)
	for _, p := range l.phases {
		if shared.begin(p.Name) && sum(weightsIn(t.Cohorts, p.Name)) == 0 {
			d.report(location{"traffic", "cohorts", first, "weight"}, fmt.Sprintf("the weights sum to nothing in phase %q, in which traffic.arrivals has sessions", p.Name),
				"give a cohort a weight for that phase, or leave the phase out of traffic.arrivals")
		}
	}
}

// weightsIn are the weights of all cohorts in a phase, 0 for those without.
func weightsIn(cohorts []Cohort, phase string) []int {
	weights := make([]int, len(cohorts))
	for i, c := range cohorts {
		weights[i] = c.Weight.in(phase)
	}
	return weights
}

func sum(numbers []int) int {
	total := 0
	for _, n := range numbers {
		total += n
	}
	return total
}

// layout is the time of the run as it is written, before tempo; false when a
// phase has no length or nothing but a problem.
func (d *Document) layout() (layout, bool) {
	l := layout{tempo: 1, multiple: 1}
	var end Duration
	for _, p := range d.Scenario.Traffic.Phases {
		if p.For == 0 {
			return l, false
		}
		l.phases = append(l.phases, PlannedPhase{p.Name, end, plus(end, p.For)})
		end = plus(end, p.For)
	}
	return l, len(l.phases) > 0
}
