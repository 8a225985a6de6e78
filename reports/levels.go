package reports

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A level is a value that holds from a moment on.
type level struct {
	at    time.Duration
	value float64
}

// levels are a value over time, in order.
type levels []level

// to sets the value from a moment on, which is not before those that are there.
func (l levels) to(at time.Duration, value float64) levels {
	if n := len(l); n > 0 {
		if l[n-1].at == at {
			l[n-1].value = value
			return l
		}
		if l[n-1].value == value {
			return l
		}
	}
	return append(l, level{at, value})
}

// at is the value at a moment, 0 before the first.
func (l levels) at(t time.Duration) float64 {
	i, found := slices.BinarySearchFunc(l, t, func(a level, t time.Duration) int { return cmp.Compare(a.at, t) })
	switch {
	case found:
		return l[i].value
	case i == 0:
		return 0
	}
	return l[i-1].value
}

// between are the levels from a moment to another, the first at the moment itself
// if there was a value by then.
func (l levels) between(from, to time.Duration) (list levels) {
	for _, v := range l {
		switch {
		case v.at <= from:
			list = levels{{from, v.value}}
		case v.at < to:
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
		if v.at > from && v.at < to {
			least, most = min(least, int(v.value)), max(most, int(v.value))
		}
	}
	return least, most
}

// highest is the largest value, 0 of none.
func (l levels) highest() (top float64) {
	for _, v := range l {
		top = max(top, v.value)
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
		case a.at > t:
		case a.value >= v && !open:
			from, to, open = a.at, math.MaxInt64, true
		case a.value < v && open:
			to, open = a.at, false
		}
	}
	return from, to
}

// nextAtLeast is when the value is at least v for the first time after t; false if
// it never is.
func (l levels) nextAtLeast(v float64, t time.Duration) (time.Duration, bool) {
	for _, a := range l {
		if a.at > t && a.value >= v {
			return a.at, true
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
		top := part[0].value
		for _, v := range part {
			top = max(top, v.value)
		}
		few = few.to(part[0].at, top)
	}
	return few
}

// counted is how many of a service's instances are in one of some states.
func counted(lanes []*lane, service string, in func(state) bool) levels {
	type step struct {
		at time.Duration
		by int
	}
	var steps []step
	for _, l := range lanes {
		if l.service != service || l.job {
			continue
		}
		for _, s := range l.stretches {
			if in(s.state) && s.to > s.from {
				steps = append(steps, step{s.from, 1}, step{s.to, -1})
			}
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	var l levels
	n := 0
	for i, s := range steps {
		n += s.by
		if i+1 == len(steps) || steps[i+1].at != s.at {
			l = l.to(s.at, float64(n))
		}
	}
	return l
}

// servingOf is how many instances take work: those in the endpoint list, or
// where there is none those that run and are not told to stop.
func servingOf(lanes []*lane, service string) levels {
	return counted(lanes, service, func(s state) bool {
		return s == serving || s == early || s == leaving || s == running
	})
}
