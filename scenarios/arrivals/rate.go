package arrivals

import (
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Rate is the sessions a second of a load at a moment: its segments, and its
// bursts as if they were constant. Recorded times have no rate.
func Rate(load scenarios.PlannedLoad, at time.Duration) float64 {
	sum := 0.0
	for _, s := range rated(load) {
		if at >= s.Start.Std() && at < s.End.Std() {
			p := piece{start: at, end: s.End.Std()}
			p.add(s)
			sum += p.rate(0)
		}
	}
	return max(sum, 0)
}

// Expected is the number of sessions of a load that arrive from one moment
// until before another: the integral of Rate. With even spacing the real
// number is within one of it, with Poisson arrivals it varies around it.
func Expected(load scenarios.PlannedLoad, from, to time.Duration) float64 {
	sum := 0.0
	for _, s := range rated(load) {
		p := piece{start: max(s.Start.Std(), from), end: min(s.End.Std(), to)}
		if p.start >= p.end {
			continue
		}
		p.add(s)
		sum += p.integral(p.seconds())
	}
	return max(sum, 0)
}

// Peak is the highest Rate between two moments, 0 when there is none. With
// waves it is exact at their crests and approximate in between.
func Peak(load scenarios.PlannedLoad, from, to time.Duration) float64 {
	segments := []scenarios.PlannedSegment{{Start: scenarios.Duration(from), End: scenarios.Duration(to)}} // cuts there
	most := 0.0
	for _, p := range newCourse(append(segments, rated(load)...)).pieces {
		if p.start >= from && p.end <= to {
			most = max(most, p.crest())
		}
	}
	return most
}

// rated are the segments of a load and its bursts as constant ones, without
// those that last no time.
func rated(load scenarios.PlannedLoad) []scenarios.PlannedSegment {
	all := make([]scenarios.PlannedSegment, 0, len(load.Segments)+len(load.Bursts))
	for _, s := range load.Segments {
		if s.End > s.Start {
			all = append(all, s)
		}
	}
	for _, b := range load.Bursts {
		if b.End > b.Start {
			rate := float64(max(b.Sessions, 0)) / (b.End - b.Start).Std().Seconds()
			all = append(all, scenarios.PlannedSegment{Phase: b.Phase, Start: b.Start, End: b.End, Constant: scenarios.Rate(rate)})
		}
	}
	return all
}
