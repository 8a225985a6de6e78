package scenarios

import (
	"cmp"
	"math"
	"slices"
)

// A layout is the time of a run, on which arrivals are laid. Lengths that are
// written are divided by tempo; rates are not.
type layout struct {
	phases   []PlannedPhase
	tempo    float64
	multiple float64              // of every arrival
	days     map[string][]float64 // measured values by file; nil: files are not read yet
}

// A program is what arrivals come to.
type program struct {
	segments []PlannedSegment // in order of Start
	bursts   []PlannedBurst
	closed   []PlannedClosed
}

func (p program) empty() bool { return len(p.segments)+len(p.bursts)+len(p.closed) == 0 }

// begin reports whether sessions begin in a phase.
func (p program) begin(phase string) bool {
	return slices.ContainsFunc(p.segments, func(s PlannedSegment) bool { return s.Phase == phase }) ||
		slices.ContainsFunc(p.bursts, func(b PlannedBurst) bool { return b.Phase == phase }) ||
		slices.ContainsFunc(p.closed, func(c PlannedClosed) bool { return c.Phase == phase })
}

// lay puts shapes where they belong. Those that fill the same time overlap:
// they add up.
func (l layout) lay(arrivals Arrivals) program {
	var p program
	for _, a := range arrivals {
		start, end, ok := l.span(a.Phase)
		switch {
		case !ok:
		case a.Burst != nil:
			p.bursts = append(p.bursts, l.burst(a, start))
		case a.Closed != nil:
			p.closed = append(p.closed, l.closed(a, start, end)...)
		default:
			p.segments = append(p.segments, l.cut(l.shape(a, start, end), a.Spacing == "poisson")...)
		}
	}
	slices.SortStableFunc(p.segments, func(a, b PlannedSegment) int { return cmp.Compare(a.Start, b.Start) })
	slices.SortStableFunc(p.bursts, func(a, b PlannedBurst) int { return cmp.Compare(a.Start, b.Start) })
	slices.SortStableFunc(p.closed, func(a, b PlannedClosed) int { return cmp.Compare(a.Start, b.Start) })
	return p
}

// span is the time of a phase, of the run for the name "".
func (l layout) span(phase string) (start, end Duration, ok bool) {
	if phase == "" {
		return l.phases[0].Start, l.phases[len(l.phases)-1].End, true
	}
	i := slices.IndexFunc(l.phases, func(p PlannedPhase) bool { return p.Name == phase })
	if i < 0 {
		return 0, 0, false
	}
	return l.phases[i].Start, l.phases[i].End, true
}

// phaseAt is the phase of a moment.
func (l layout) phaseAt(at Duration) string {
	for _, p := range l.phases {
		if at < p.End {
			return p.Name
		}
	}
	return l.phases[len(l.phases)-1].Name
}

// cut makes segments of pieces, each within one phase. Where no session ever
// begins there is none.
func (l layout) cut(pieces []piece, poisson bool) []PlannedSegment {
	var segments []PlannedSegment
	for _, phase := range l.phases {
		for _, p := range pieces {
			start, end := max(p.start, phase.Start), min(p.end, phase.End)
			if start >= end || p.from == 0 && p.to == 0 {
				continue
			}
			s := PlannedSegment{Phase: phase.Name, Start: start, End: end, Constant: p.from, Poisson: poisson}
			if p.from != p.to {
				s.Constant, s.Ramp = 0, &Ramp{From: p.rate(start), To: p.rate(end)}
			}
			if p.wave != nil {
				s.Waves = []Wave{*p.wave}
			}
			segments = append(segments, s)
		}
	}
	return segments
}

// burst puts a burst on the time that its phase begins at.
func (l layout) burst(a Arrival, start Duration) PlannedBurst {
	b := PlannedBurst{
		Start:    start + scale(a.Burst.At, l.tempo),
		End:      start + scale(a.Burst.At+a.Burst.Within, l.tempo),
		Sessions: l.sessions(a.Burst.Sessions, a.Times),
		Poisson:  a.Spacing == "poisson",
	}
	b.Phase = l.phaseAt(b.Start)
	return b
}

// closed puts a closed loop on each phase that it fills. Those that touch are
// one loop: at the border between them sessions go on.
func (l layout) closed(a Arrival, start, end Duration) []PlannedClosed {
	var loops []PlannedClosed
	for _, p := range l.phases {
		if from, to := max(p.Start, start), min(p.End, end); from < to {
			loops = append(loops, PlannedClosed{Phase: p.Name, Start: from, End: to, Sessions: l.sessions(a.Closed.Sessions, 0)})
		}
	}
	return loops
}

// sessions multiplies a number of sessions; there is always one.
func (l layout) sessions(n int, times Factor) int {
	return int(max(1, math.Round(float64(n)*l.times(times))))
}

// times is a shape's own factor and that of the run.
func (l layout) times(own Factor) float64 { return cmp.Or(float64(own), 1) * l.multiple }

// peak is a rate that the segment never exceeds.
func (s PlannedSegment) peak() Rate {
	rate := s.Constant
	if s.Ramp != nil {
		rate = max(s.Ramp.From, s.Ramp.To)
	}
	for _, w := range s.Waves {
		rate += w.Amplitude
	}
	return rate
}
