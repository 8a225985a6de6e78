package scenarios

// segments lays a cohort's shapes over the phases: in order, one segment for
// each phase and shape, steps as one segment each. Phases that no shape names
// have none, and so no arrivals.
func segments(arrivals Arrivals, phases []PlannedPhase, tempo float64) []PlannedSegment {
	var all []PlannedSegment
	for _, p := range phases {
		for _, a := range arrivals {
			switch a.Phase {
			case p.Name:
				all = append(all, shape(a, p.Start, p.End, tempo).within(p)...)
			case "":
				all = append(all, shape(a, phases[0].Start, phases[len(phases)-1].End, tempo).within(p)...)
			}
		}
	}
	return all
}

// A piece is one constant or ramp between two moments.
type piece struct {
	start, end Duration
	from, to   Rate
	ramp       bool
}

type pieces []piece

// shape is the pieces of an arrival that fills the time from start to end.
func shape(a Arrival, start, end Duration, tempo float64) pieces {
	switch {
	case a.Ramp != nil:
		return pieces{{start, end, a.Ramp.From, a.Ramp.To, true}}
	case len(a.Steps) == 0:
		return pieces{{start: start, end: end, from: a.Constant}}
	}
	var all pieces
	var sum Duration
	for _, s := range a.Steps {
		from := start + scale(sum, tempo)
		sum += s.For
		all = append(all, piece{start: from, end: start + scale(sum, tempo), from: s.Rate})
	}
	all[len(all)-1].end = end // whatever rounding left
	return all
}

// within cuts the pieces to a phase.
func (all pieces) within(phase PlannedPhase) []PlannedSegment {
	var cut []PlannedSegment
	for _, p := range all {
		segment := PlannedSegment{Phase: phase.Name, Start: max(p.start, phase.Start), End: min(p.end, phase.End)}
		switch {
		case segment.Start >= segment.End:
			continue
		case p.ramp:
			segment.Ramp = &Ramp{From: p.rate(segment.Start), To: p.rate(segment.End)}
		default:
			segment.Constant = p.from
		}
		cut = append(cut, segment)
	}
	return cut
}

// rate is the rate of a ramp at a moment of it, exact at both ends.
func (p piece) rate(at Duration) Rate {
	share := Rate(at-p.start) / Rate(p.end-p.start)
	return p.from*(1-share) + p.to*share
}
