package reports

import (
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// A level is a value that holds from a moment on.
type level = verify.Step[float64]

// levels are a value over time, in order.
type levels verify.Steps[float64]

// to sets the value from a moment on, which is not before those that are there.
func (l levels) to(at time.Duration, value float64) levels {
	return levels(verify.Steps[float64](l).Set(at, value))
}

// at is the value at a moment, 0 before the first.
func (l levels) at(t time.Duration) float64 { return verify.Steps[float64](l).At(t) }

// between are the levels from a moment to another, the first at the moment itself
// if there was a value by then.
func (l levels) between(from, to time.Duration) (list levels) {
	for _, v := range l {
		switch {
		case v.At <= from:
			list = levels{{At: from, N: v.N}}
		case v.At < to:
			list = append(list, v)
		}
	}
	return list
}

// within are the least and the most of a whole number between two moments.
func (l levels) within(from, to time.Duration) (least, most int) {
	least = int(l.at(from))
	most = least
	for _, v := range l {
		if v.At > from && v.At < to {
			least, most = min(least, int(v.N)), max(most, int(v.N))
		}
	}
	return least, most
}

// highest is the largest value, 0 of none.
func (l levels) highest() (top float64) {
	for _, v := range l {
		top = max(top, v.N)
	}
	return top
}

// lastAtLeast is the last stretch up to t, t within it or not, in which the value was
// at least v: from is its beginning, to its end, the end of time while it lasts at t.
// Both are 0 without one.
func (l levels) lastAtLeast(v float64, t time.Duration) (from, to time.Duration) {
	open := false
	for _, a := range l {
		switch {
		case a.At > t:
		case a.N >= v && !open:
			from, to, open = a.At, math.MaxInt64, true
		case a.N < v && open:
			to, open = a.At, false
		}
	}
	return from, to
}

// nextAtLeast is when the value is at least v for the first time after t; false if
// it never is.
func (l levels) nextAtLeast(v float64, t time.Duration) (time.Duration, bool) {
	for _, a := range l {
		if a.At > t && a.N >= v {
			return a.At, true
		}
	}
	return 0, false
}

// thinned is at most about most changes, each the highest of its stretch.
func (l levels) thinned(most int) levels {
	if len(l) <= most {
		return l
	}
	var few levels
	for i := range most {
		part := l[i*len(l)/most : (i+1)*len(l)/most]
		top := part[0].N
		for _, v := range part {
			top = max(top, v.N)
		}
		few = few.to(part[0].At, top)
	}
	return few
}

// counted is how many of a service's instances are in one of some states.
func counted(lanes []*lane, service string, in func(state) bool) levels {
	var stretches [][2]time.Duration
	for _, l := range lanes {
		if l.service != service || l.job {
			continue
		}
		for _, s := range l.stretches {
			if in(s.state) {
				stretches = append(stretches, [2]time.Duration{s.from, s.to})
			}
		}
	}
	return levels(verify.Overlapping[float64](stretches))
}

// servingOf is how many instances take work: those in the endpoint list, or
// where there is none those that run and are not told to stop.
func servingOf(lanes []*lane, service string) levels {
	return counted(lanes, service, func(s state) bool {
		return s == serving || s == early || s == leaving || s == running
	})
}
