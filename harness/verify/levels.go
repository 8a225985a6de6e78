package verify

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// levels is a step function of time: how many of something there were from a
// moment on, in order of time; none before the first.
type levels []level

// at is the value at a moment.
func (l levels) at(t time.Duration) int {
	i, found := slices.BinarySearchFunc(l, t, func(a level, t time.Duration) int { return cmp.Compare(a.at, t) })
	switch {
	case found:
		return l[i].n
	case i == 0:
		return 0
	}
	return l[i-1].n
}

// turnsOf are the moments of a stretch at which one of several step functions may
// change, its beginning first.
func turnsOf(s span, all ...levels) []time.Duration {
	moments := []time.Duration{s.from}
	for _, l := range all {
		for _, v := range l {
			if v.at > s.from && v.at < s.to {
				moments = append(moments, v.at)
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

// overlapping is how many of the stretches hold each moment.
func overlapping(spans []span) levels {
	type edge struct {
		at   time.Duration
		step int
	}
	var edges []edge
	for _, s := range spans {
		if s.from < s.to {
			edges = append(edges, edge{s.from, 1}, edge{s.to, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	var l levels
	n := 0
	for i, e := range edges {
		n += e.step
		last := i+1 == len(edges) || edges[i+1].at != e.at
		if changed := len(l) == 0 || l[len(l)-1].n != n; last && changed && e.at != forever {
			l = append(l, level{e.at, n})
		}
	}
	return l
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
	return overlapping(h.lives(service, (*instance).leaves))
}

// running is how many instances of a service ran, those that were stopping too.
func (h *history) running(service string) levels {
	return overlapping(h.lives(service, func(i *instance) (time.Duration, bool) {
		if i.exited == nil {
			return 0, false
		}
		return i.exited.at, true
	}))
}

// lives are the times from the start of each instance of a service to an end.
func (h *history) lives(service string, end func(*instance) (time.Duration, bool)) []span {
	var list []span
	for _, i := range h.of(service) {
		if i.started == nil || i.job {
			continue
		}
		s := span{*i.started, forever}
		if at, ok := end(i); ok {
			s.to = at
		}
		list = append(list, s)
	}
	return list
}
