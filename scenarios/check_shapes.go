package scenarios

import (
	"fmt"
	"slices"
)

// A span is the time that a shape fills, as it is written.
type span struct {
	name   string // for messages
	length Duration
	known  bool // false: an earlier problem hides the length
}

// checkShape checks one shape against its phase.
func (d *Document) checkShape(at location, a Arrival) {
	length, known := d.length(a.Phase)
	over := span{spanName(a.Phase), length, known}
	d.checkCourse(at, a, over)
	if a.Burst != nil {
		d.checkBurst(at.to("burst"), *a.Burst, a.Phase, over)
	}
	if a.Closed != nil {
		d.reportUseless(at, "times", "a closed loop has no rate to multiply", "give it more sessions")
		d.reportUseless(at, "spacing", "the sessions of a closed loop begin when others end", "leave it out")
	}
}

// checkCourse checks a shape that is a rate over time, alone or in a sum.
func (d *Document) checkCourse(at location, a Arrival, over span) {
	switch {
	case a.Steps != nil:
		d.checkSteps(at.to("steps"), a.Steps, over)
	case a.Spike != nil:
		d.checkSpike(at.to("spike"), *a.Spike, over)
	case a.Sine != nil:
		d.checkSine(at.to("sine"), *a.Sine)
	case a.Points != nil:
		d.checkPoints(at.to("points"), a.Points, over)
	case a.Day != nil:
		d.checkDay(at.to("day"), *a.Day)
	case a.Sum != nil:
		for i, part := range a.Sum {
			d.checkPart(at.to("sum", i), part, over)
		}
	}
}

// checkPart checks a shape inside of a sum, which fills the time of the sum.
func (d *Document) checkPart(at location, part Arrival, over span) {
	for key, why := range map[string]string{
		"phase":   "the parts of a sum fill the phase of the sum",
		"spacing": "the parts of a sum have the spacing of the sum",
		"burst":   "a burst has no rate to add",
		"closed":  "a closed loop has no rate to add",
	} {
		if d.given(at, key) {
			d.reportKey(at.to(key), why, "shapes of one phase add up: give it an item of arrivals of its own")
		}
	}
	d.checkCourse(at, part, over)
}

// checkSteps checks that the steps of a shape cover its time exactly.
func (d *Document) checkSteps(at location, steps []Step, over span) {
	var sum Duration
	whole := true
	for i, s := range steps {
		d.checkPositive(at.to(i, "for"), s.For, "a step")
		whole = whole && s.For > 0
		sum = plus(sum, s.For)
	}
	if len(steps) == 0 || !whole || !over.known || sum == over.length {
		return
	}
	last := steps[len(steps)-1].For
	switch fix := last + over.length - sum; {
	case sum < over.length:
		d.report(at, fmt.Sprintf("the steps end after %s, but %s lasts %s", sum, over.name, over.length), fmt.Sprintf("let the last step last %s", fix))
	case fix > 0:
		d.report(at, fmt.Sprintf("the steps last %s, but %s ends after %s", sum, over.name, over.length), fmt.Sprintf("let the last step last %s", fix))
	default:
		d.report(at, fmt.Sprintf("the steps last %s, but %s ends after %s", sum, over.name, over.length), "shorten the steps")
	}
}

// checkSpike checks that a spike is one and ends with its phase at the latest.
// A peak below the base is refused: most such spikes have the two mixed up,
// and points say a dip without a doubt.
func (d *Document) checkSpike(at location, s Spike, over span) {
	if d.reportedIn(at) {
		return
	}
	end := plus(plus(s.At, s.Rise), plus(s.Hold, s.Fall))
	switch {
	case s.Peak <= s.Base:
		d.report(at.to("peak"), fmt.Sprintf("the peak, %s, is not above the base, %s", s.Peak, s.Base), "give a higher peak; for a dip write points")
	case s.Rise == 0 && s.Hold == 0 && s.Fall == 0:
		d.report(at, "the spike takes no time", "let it rise, hold or fall for a while")
	case over.known && end > over.length:
		d.report(at, fmt.Sprintf("the spike ends after %s, but %s lasts %s", end, over.name, over.length), "shorten at, rise, hold or fall")
	}
}

// checkSine checks that a wave never asks for a negative rate.
func (d *Document) checkSine(at location, s Sine) {
	d.checkPositive(at.to("period"), s.Period, "a period")
	if s.Amplitude > s.Mean && !d.reportedIn(at.to("mean")) {
		d.report(at.to("amplitude"), fmt.Sprintf("the amplitude, %s, is above the mean, %s: the rate would fall below zero", s.Amplitude, s.Mean), fmt.Sprintf("give at most %s", s.Mean))
	}
}

// checkPoints checks that points go forward from one end of the phase to the
// other. Two at the same moment are a jump.
func (d *Document) checkPoints(at location, points []Point, over span) {
	if d.reportedIn(at) || len(points) == 0 {
		return
	}
	if first := points[0].At; first != 0 {
		d.report(at.to(0, "at"), fmt.Sprintf("the first point is at %s", first), "let it be at 0s: points cover the whole of "+over.name)
	}
	for i, p := range points[1:] {
		if p.At < points[i].At {
			d.report(at.to(i+1, "at"), fmt.Sprintf("%s comes after %s", p.At, points[i].At), "put the points in the order of time")
			return
		}
	}
	if last := points[len(points)-1].At; over.known && last != over.length {
		d.report(at.to(len(points)-1, "at"), fmt.Sprintf("the last point is at %s, but %s lasts %s", last, over.name, over.length), fmt.Sprintf("let it be at %s", over.length))
	}
}

// checkDay checks measured values that stand in the scenario.
func (d *Document) checkDay(at location, day Day) {
	for i, value := range day.Values {
		if value < 0 {
			d.report(at.to("values", i), fmt.Sprintf("%d is negative", value), "give 0 or more")
		}
	}
	if len(day.Values) > 0 && slices.Max(day.Values) <= 0 && !d.reportedIn(at.to("values")) {
		d.report(at.to("values"), "every value is zero", "give what was measured")
	}
}

// checkBurst checks that a burst lies within its phase, or within one of the
// phases when it names none.
func (d *Document) checkBurst(at location, b Burst, phase string, over span) {
	d.checkPositive(at.to("within"), b.Within, "a burst")
	end := plus(b.At, b.Within)
	if !over.known || d.reportedIn(at) {
		return
	}
	if end > over.length {
		d.report(at, fmt.Sprintf("the burst ends after %s, but %s lasts %s", end, over.name, over.length), "shorten at or within")
		return
	}
	l, ok := d.layout()
	if !ok || phase != "" {
		return
	}
	if first, last := l.phaseAt(b.At), l.phaseAt(end-1); first != last {
		d.report(at, fmt.Sprintf("the burst begins in phase %q and ends in phase %q", first, last), "give it a phase")
	}
}
