package traffic

import (
	"iter"
	"math"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Pacer says when the sessions of one load arrive. It implements vegeta's
// Pacer, but answers from the closed form of the arrival times: vegeta's own
// LinearPacer takes a start at 0/s for an infinite rate and extrapolates each
// wait from the rate at its beginning, so a ramp that is asked only when
// something is due arrives in clumps; its ConstantPacer knows only rates that
// are a whole number per unit and truncates the interval.
//
// Arrival n (from 0) falls where the integral of the rate reaches n + 1/2, in
// the middle of its share. Shares run on from segment to segment, so a load
// has as many arrivals as its integral, rounded, and every segment as many as
// its own, within one.
//
// A Pacer is immutable; all offsets count from the start of traffic.
type Pacer struct {
	segments []segment
	total    uint64
}

var _ vegeta.Pacer = (*Pacer)(nil)

// A segment is a linear shape between two offsets; before is the integral of
// all segments ahead of it, area its own.
type segment struct {
	start, end   time.Duration
	from, to     float64 // sessions a second
	before, area float64
}

// NewPacer makes the Pacer of a load. Segments must be in order and must not
// overlap, which the compiler of plans sees to; rates below 0 count as 0.
func NewPacer(load scenarios.PlannedLoad) *Pacer {
	p := &Pacer{}
	var sum float64
	for _, planned := range load.Segments {
		s := segment{start: planned.Start.Std(), end: planned.End.Std(), before: sum}
		s.from, s.to = float64(planned.Constant), float64(planned.Constant)
		if planned.Ramp != nil {
			s.from, s.to = float64(planned.Ramp.From), float64(planned.Ramp.To)
		}
		s.from, s.to = max(s.from, 0), max(s.to, 0)
		s.area = (s.from + s.to) / 2 * s.seconds()
		if !(s.area > 0) {
			continue // silence, or no time at all
		}
		sum += s.area
		p.segments = append(p.segments, s)
	}
	p.total = uint64(max(math.Ceil(sum-0.5), 0))
	return p
}

// Arrivals is the sequence of the intended arrival times of a load, ascending:
// a pure function, the same at every call.
func Arrivals(load scenarios.PlannedLoad) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		p := NewPacer(load)
		for n := range p.total {
			if !yield(p.At(n)) {
				return
			}
		}
	}
}

// Total is the number of arrivals.
func (p *Pacer) Total() uint64 { return p.total }

// At is the intended time of arrival n, which counts from 0 and is below Total.
func (p *Pacer) At(n uint64) time.Duration {
	share := float64(n) + 0.5
	for _, s := range p.segments {
		if share < s.before+s.area {
			return s.at(share - s.before)
		}
	}
	last := p.segments[len(p.segments)-1] // a share lost to rounding
	return last.end - 1
}

// Pace implements vegeta.Pacer: how long to wait, elapsed after the start of
// traffic, for the arrival that follows the first hits ones; 0 when it is
// overdue, stop when there is none. Callers that want to stop promptly cap the
// wait and ask again.
func (p *Pacer) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	if hits >= p.total {
		return 0, true
	}
	return max(p.At(hits)-elapsed, 0), false
}

// Rate implements vegeta.Pacer: sessions a second at an offset, 0 outside of
// all segments.
func (p *Pacer) Rate(elapsed time.Duration) float64 {
	for _, s := range p.segments {
		if elapsed >= s.start && elapsed < s.end {
			return s.from + s.slope()*(elapsed-s.start).Seconds()
		}
	}
	return 0
}

func (s segment) seconds() float64 { return (s.end - s.start).Seconds() }

// slope is the change of the rate in a second, what vegeta calls Slope.
func (s segment) slope() float64 { return (s.to - s.from) / s.seconds() }

// at is the offset at which the integral from the segment's start reaches
// area: the root of from*x + slope/2*x^2 = area, in the form that neither
// divides by a slope of 0 nor cancels.
func (s segment) at(area float64) time.Duration {
	root := math.Sqrt(max(s.from*s.from+2*s.slope()*area, 0))
	offset := time.Duration(2 * area / (s.from + root) * float64(time.Second))
	return s.start + min(max(offset, 0), s.end-s.start-1)
}
