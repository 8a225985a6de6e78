package verify

import (
	"cmp"
	"slices"
	"time"
)

// standing is how an instance stands with its gateway.
type standing int

const (
	absent  standing = iota // not listed yet, or not any more, and nobody misses it
	listed                  // in the endpoint list
	unready                 // taken from it for its readiness alone
)

// turn is a change of an instance's standing.
type turn struct {
	at       time.Duration
	instance *instance
	to       standing
	leaving  bool // only of one that is unready
}

// turns are the changes of an instance's standing, in order. One that is
// stopping or gone stays listed for as long as it is routed to, but nobody minds
// any more that it is unready.
func (i *instance) turns() []turn {
	var list []turn
	for _, a := range i.added {
		list = append(list, turn{at: a.at, instance: i, to: listed})
	}
	left, leaves := i.leaves()
	for _, r := range i.removed {
		to := absent
		if r.body.Reason == "unready" && (!leaves || r.at < left) {
			to = unready
		}
		list = append(list, turn{at: r.at, instance: i, to: to})
	}
	if leaves {
		list = append(list, turn{at: left, instance: i, to: absent, leaving: true})
	}
	slices.SortStableFunc(list, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	return list
}

// leaves is when an instance was told to stop, or exited; false if neither.
func (i *instance) leaves() (time.Duration, bool) {
	switch {
	case i.terminating != nil && i.exited != nil:
		return min(i.terminating.at, i.exited.at), true
	case i.terminating != nil:
		return i.terminating.at, true
	case i.exited != nil:
		return i.exited.at, true
	}
	return 0, false
}

// standings walks through the changes of several instances and says, after those
// of each moment, how many stand how.
func standings(instances []*instance, after func(at time.Duration, number map[standing]int)) {
	var all []turn
	for _, i := range instances {
		all = append(all, i.turns()...)
	}
	slices.SortStableFunc(all, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	now, number := map[*instance]standing{}, map[standing]int{}
	for n, t := range all {
		if was := now[t.instance]; !t.leaving || was == unready {
			number[was]--
			number[t.to]++
			now[t.instance] = t.to
		}
		if n+1 == len(all) || all[n+1].at != t.at {
			after(t.at, number)
		}
	}
}

// standingAt is how an instance stood at a moment.
func (i *instance) standingAt(at time.Duration) standing {
	now := absent
	for _, t := range i.turns() {
		if t.at <= at && (!t.leaving || now == unready) {
			now = t.to
		}
	}
	return now
}
