package scenarios

import "fmt"

// checkSLOs checks what SLOs say of themselves, and what they refer to in the file.
func (d *Document) checkSLOs(steps map[string][]string) {
	if d.tooMany(location{"slos"}, len(d.Scenario.SLOs), "slos") {
		return
	}
	for i, s := range d.Scenario.SLOs {
		at := location{"slos", i}
		if key := s.fileKey(); key != "" {
			for _, useless := range []string{"step", "objective", "latency", "window"} {
				d.reportUseless(at, useless, "the file says it", "leave it out, or change it in the file")
			}
			continue
		}
		if s.Journey == "" {
			continue // reported
		}
		d.checkUserStep(at, s.Journey, s.Step, steps)
		d.checkPositive(at.to("latency"), s.Latency, "a good request")
		d.checkPositive(at.to("window"), s.Window, "a window")
		if !d.given(at, "name") {
			d.report(at, `"name" is missing: checks call it so`, "add name: "+s.Journey+"-availability")
		}
		d.checkObjectiveOf(at, s)
	}
}

// checkObjectiveOf checks that an objective leaves a budget.
func (d *Document) checkObjectiveOf(at location, s SLO) {
	switch o := s.Objective; {
	case o == nil:
		if !d.given(at, "objective") {
			d.report(at, `"objective" is missing: without it there is no budget`, "add objective: 99.9%")
		}
	case d.reportedIn(at.to("objective")):
	case *o == 100:
		d.report(at.to("objective"), "100% leaves no error budget: the first bad request would spend all of it, and more", "give less, as 99.9%, or use a check slo")
	case *o == 0:
		d.report(at.to("objective"), "0% leaves everything for the budget: nothing could be missed", "give more, as 99.9%")
	}
}

// checkBudget checks what of an error budget can be seen without files.
func (d *Document) checkBudget(at location, b ErrorBudgetCheck) {
	d.checkPhases(at.to("phases"), b.Phases)
	checkAbove(d, at.to("spend"), b.Spend)
}

// checkPromQL checks that a check of an expression can be judged.
func (d *Document) checkPromQL(at location, q PromQLCheck) {
	d.checkPhases(at.to("phases"), q.Phases)
	d.checkPositive(at.to("step"), q.Step, "the time between two evaluations")
	if q.Step > 0 && q.Step < leastScrape {
		d.report(at.to("step"), fmt.Sprintf("%s is too short", q.Step), fmt.Sprintf("give %s or more: nothing is scraped more often", leastScrape))
	}
	if q.Min != nil && q.Max != nil && *q.Min > *q.Max && !d.reportedIn(at.to("min")) && !d.reportedIn(at.to("max")) {
		d.report(at.to("min"), fmt.Sprintf("the min of %s is above the max of %s: no value keeps to both", q.Min, q.Max), "exchange them, or leave one out")
	}
	for _, phase := range q.Phases {
		if length, ok := d.realLength(phase); ok && (q.Skip >= length || q.Step > length) {
			d.reportTooLong(at, q, fmt.Sprintf("phase %q, which lasts %s in real time", phase, length))
			return
		}
	}
	if length, ok := d.realLength(""); len(q.Phases) == 0 && ok && (q.Skip >= length || q.Step > length) {
		d.reportTooLong(at, q, fmt.Sprintf("the run, which lasts %s in real time", length))
	}
}

// reportTooLong reports what leaves no value of a query.
func (d *Document) reportTooLong(at location, q PromQLCheck, of string) {
	if length := q.Skip; length > 0 && d.given(at, "skip") && (q.Step == 0 || q.Skip >= q.Step) {
		d.report(at.to("skip"), fmt.Sprintf("%s leaves nothing of %s", q.Skip, of), "skip less, or let it last longer")
		return
	}
	d.report(at.to("step"), fmt.Sprintf("%s is longer than %s", q.Step, of), "evaluate more often")
}

// realLength is the length of a phase, or of all for "", with tempo in it; false where
// it cannot be told.
func (d *Document) realLength(phase string) (Duration, bool) {
	length, ok := d.length(phase)
	if tempo := float64(d.Scenario.Tempo); tempo > 0 {
		length = scale(length, tempo)
	}
	return length, ok
}
