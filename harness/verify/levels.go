package verify

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Steps are a value over time, in order of time: each holds from a moment on, and
// before the first there is none. The zero value is ready to be set.
type Steps[V int | float64] []Step[V]

// A Step is a value that holds from a moment on.
type Step[V int | float64] struct {
	At time.Duration // offset from the start of the run
	N  V
}

// At is the value at a moment, 0 before the first.
func (l Steps[V]) At(t time.Duration) V {
	i, found := slices.BinarySearchFunc(l, t, func(a Step[V], t time.Duration) int { return cmp.Compare(a.At, t) })
	switch {
	case found:
		return l[i].N
	case i == 0:
		return 0
	}
	return l[i-1].N
}

// Set sets the value from a moment on, which is not before those that are there, and
// returns the levels. What changes in the same moment is one change, and what stays
// the same is none.
func (l Steps[V]) Set(at time.Duration, n V) Steps[V] {
	last := len(l) - 1
	if last >= 0 && l[last].At == at {
		l[last].N = n
		return l
	}
	if last >= 0 && l[last].N == n {
		return l
	}
	return append(l, Step[V]{at, n})
}

// Overlapping is how many of several stretches, each from one moment to before
// another, hold each moment. Those that end before they begin hold none.
func Overlapping[V int | float64](stretches [][2]time.Duration) Steps[V] {
	type edge struct {
		at time.Duration
		by V
	}
	var edges []edge
	for _, s := range stretches {
		if s[0] < s[1] {
			edges = append(edges, edge{s[0], 1}, edge{s[1], -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	var l Steps[V]
	var n V
	for i, e := range edges {
		n += e.by
		if last := i+1 == len(edges) || edges[i+1].at != e.at; last && e.at != forever {
			l = l.Set(e.at, n)
		}
	}
	return l
}

// levels are numbers of instances.
type (
	levels = Steps[int]
	level  = Step[int]
)

// turnsOf are the moments of a stretch at which one of several step functions may
// change, its beginning first.
func turnsOf(s span, all ...levels) []time.Duration {
	moments := []time.Duration{s.from}
	for _, l := range all {
		for _, v := range l {
			if v.At > s.from && v.At < s.to {
				moments = append(moments, v.At)
			}
		}
	}
	slices.Sort(moments)
	return slices.Compact(moments)
}

// A span is a stretch of time; it ends before to.
type span struct{ from, to time.Duration }

// forever is when what has no end on record ends.
const forever = time.Duration(math.MaxInt64)

func (s span) length() time.Duration { return max(0, s.to-s.from) }

// overlap is how long two stretches have in common.
func (s span) overlap(o span) time.Duration {
	return span{max(s.from, o.from), min(s.to, o.to)}.length()
}

// length is that of all stretches.
func length(spans []span) time.Duration {
	var sum time.Duration
	for _, s := range spans {
		sum += s.length()
	}
	return sum
}

// phases are the stretches of those phases while traffic flowed, of all without
// a name. What follows the last phase belongs to none: nothing is sent there and
// nothing scaled.
func (h *history) phases(names []string) []span {
	if !h.window.flowed {
		return nil
	}
	var list []span
	for _, p := range h.plan.Phases {
		s := span{max(h.window.from, h.window.from+p.Start.Std()), min(h.window.to, h.window.from+p.End.Std())}
		if s.from < s.to && (len(names) == 0 || slices.Contains(names, p.Name)) {
			list = append(list, s)
		}
	}
	return list
}

// controlled is the stretch in which autoscalers were at work: from the start of
// traffic to the end of the last phase.
func (h *history) controlled() span {
	s := span{h.window.from, h.window.from}
	for _, p := range h.phases(nil) {
		s.to = max(s.to, p.to)
	}
	return s
}

// serving is how many instances of a service took work: those in its endpoint
// list, or, where nothing routes to it, those that ran and had not been told to
// stop.
func (h *history) serving(service string) levels {
	if h.routed(service) {
		return h.listedCounts(service)
	}
	return h.members(service)
}

// members is how many instances of a service ran and had not been told to stop,
// whether they took work or not.
func (h *history) members(service string) levels {
	return Overlapping[int](h.lives(service, (*instance).leaves))
}

// running is how many instances of a service ran, those that were stopping too.
func (h *history) running(service string) levels {
	return Overlapping[int](h.lives(service, func(i *instance) (time.Duration, bool) {
		if i.exited == nil {
			return 0, false
		}
		return i.exited.at, true
	}))
}

// lives are the times from the start of each instance of a service to an end.
func (h *history) lives(service string, end func(*instance) (time.Duration, bool)) [][2]time.Duration {
	var list [][2]time.Duration
	for _, i := range h.of(service) {
		if i.started == nil || i.job {
			continue
		}
		until := forever
		if at, ok := end(i); ok {
			until = at
		}
		list = append(list, [2]time.Duration{*i.started, until})
	}
	return list
}
