package arrivals

import (
	"cmp"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/draws/seeded"
)

// A course is the sum of segments over time, cut into pieces wherever one
// begins or ends. It turns shares, which count sessions from the first piece
// on, into moments.
type course struct {
	pieces  []piece
	current int
	x       float64 // of the last moment given, in the current piece
}

// newCourse adds segments up. Pieces without sessions are left out.
func newCourse(segments []scenarios.PlannedSegment) course {
	ordered := slices.DeleteFunc(slices.Clone(segments), func(s scenarios.PlannedSegment) bool { return s.End <= s.Start })
	slices.SortStableFunc(ordered, func(a, b scenarios.PlannedSegment) int { return cmp.Compare(a.Start, b.Start) })
	var c course
	var active []scenarios.PlannedSegment
	var sum float64
	cuts := boundaries(ordered)
	for i := 0; i+1 < len(cuts); i++ {
		p := piece{start: cuts[i], end: cuts[i+1], before: sum}
		active = slices.DeleteFunc(active, func(s scenarios.PlannedSegment) bool { return s.End.Std() <= p.start })
		for len(ordered) > 0 && ordered[0].Start.Std() <= p.start {
			active, ordered = append(active, ordered[0]), ordered[1:]
		}
		for _, s := range active {
			p.add(s)
		}
		p.area = p.integral(p.seconds())
		if p.area > 0 && finite(p.area) {
			sum += p.area
			c.pieces = append(c.pieces, p)
		}
	}
	return c
}

// boundaries are the moments at which segments begin or end, each once.
func boundaries(segments []scenarios.PlannedSegment) []time.Duration {
	var cuts []time.Duration
	for _, s := range segments {
		cuts = append(cuts, s.Start.Std(), s.End.Std())
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// moment is where the integral reaches a share, ok false when it never does.
// Shares must ascend from call to call.
func (c *course) moment(share float64) (at time.Duration, ok bool) {
	for ; c.current < len(c.pieces); c.current++ {
		p := &c.pieces[c.current]
		if share < p.before+p.area {
			c.x = max(c.x, p.invert(share-p.before, c.x)) // rounding must not step back
			return p.moment(c.x), true
		}
		c.x = 0
	}
	return 0, false
}

// even is a course with arrivals in the middle of each share.
type even struct {
	course
	taken uint64
}

func (e *even) next() (time.Duration, bool) {
	at, ok := e.moment(float64(e.taken) + 0.5)
	e.taken++
	return at, ok
}

// random is a course with Poisson arrivals: a Poisson process of rate 1 whose
// time is the integral of the rate (Cinlar, "Introduction to Stochastic
// Processes", 1975, section 4.7).
type random struct {
	course
	rand  seeded.Rand
	share float64
}

func (r *random) next() (time.Duration, bool) {
	r.share += r.rand.Exponential()
	return r.moment(r.share)
}
