package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// capacity is L3: at no moment of a release are there fewer instances in the
// endpoint list than its floor. Floor 0 asks for nothing.
func (h *history) capacity(c scenarios.ReleaseCheck, releases []*rollout) Finding {
	f := releaseFinding(c.Service, "L3-capacity", "")
	list := h.listedCounts(c.Service)
	if len(list) == 0 && len(releases) > 0 {
		f.Verdict, f.Wanted, f.Measured = Inconclusive, wantedFloor(c, nil), "not known"
		f.Reason = "no gateway told which instances of " + c.Service + " were in its endpoint list"
		return f
	}
	floors := map[int]bool{}
	for _, r := range releases {
		floor := r.floor
		if c.Floor != nil {
			floor = *c.Floor
		}
		floors[floor] = true
		l := lowest(list, r.start, r.until)
		f.Measured = join(f.Measured, r.about(releases, l.measured(floor)))
		f.Evidence = append(f.Evidence, l.evidence(r, floor)...)
		if below := l.below(floor); below > 0 {
			f.Verdict = Fail
			f.Reason = join(f.Reason, r.about(releases, fmt.Sprintf("only %s in the endpoint list from %s on (%s after the start of the release), where %s had to be; below that for %s",
				count(l.least), offset(l.at), offset(max(0, l.at-r.start)), count(floor), offset(below))))
		}
	}
	f.Wanted = wantedFloor(c, floors)
	return f
}

// wantedFloor names the floor if it is one and the same for all releases.
func wantedFloor(c scenarios.ReleaseCheck, floors map[int]bool) string {
	floor := -1
	if c.Floor != nil {
		floor = *c.Floor
	} else if len(floors) == 1 {
		for only := range floors {
			floor = only
		}
	}
	switch floor {
	case -1:
		return "never fewer instances in the endpoint list than the release promises"
	case 0:
		return "no number of instances in the endpoint list is promised"
	}
	return fmt.Sprintf("never fewer than %s in the endpoint list", plural(floor, "instance"))
}

// listedCounts folds the endpoint list of a service from the start of the run.
// What changes in the same moment is one change.
func (h *history) listedCounts(service string) levels {
	listed := map[string]bool{}
	var list levels
	for _, e := range h.rec.Events {
		switch b := e.Body.(type) {
		case journal.EndpointAdded:
			if b.Service != service {
				continue
			}
			listed[b.Instance] = true
		case journal.EndpointRemoved:
			if b.Service != service {
				continue
			}
			delete(listed, b.Instance)
		default:
			continue
		}
		list = list.Set(e.T, len(listed))
	}
	return list
}

// lows is the endpoint list during a release.
type lows struct {
	levels levels // the first is at the start
	until  time.Duration
	least  int
	at     time.Duration // when it came to that first
}

func lowest(list levels, from, until time.Duration) lows {
	l := lows{levels: levels{{At: from}}, until: until}
	for _, s := range list {
		switch {
		case s.At <= from:
			l.levels[0].N = s.N
		case s.At <= until:
			l.levels = append(l.levels, s)
		}
	}
	least := slices.MinFunc(l.levels, func(a, b level) int { return a.N - b.N })
	l.least, l.at = least.N, least.At
	return l
}

// stretches are the times at which there were fewer than a floor.
func (l lows) stretches(floor int) []Evidence {
	var list []Evidence
	for n, s := range l.levels {
		if s.N >= floor {
			continue
		}
		end := l.until
		if n+1 < len(l.levels) {
			end = l.levels[n+1].At
		}
		list = append(list, Evidence{Text: fmt.Sprintf("%s in the endpoint list for %s, where %s had to be", plural(s.N, "instance"), offset(end-s.At), count(floor)),
			From: s.At, To: end, Count: s.N})
	}
	return list
}

// below is for how long there were fewer than a floor; a moment is at least a
// nanosecond.
func (l lows) below(floor int) time.Duration {
	var sum time.Duration
	for _, s := range l.stretches(floor) {
		sum += max(1, s.To-s.From)
	}
	return sum
}

// measured is the table cell.
func (l lows) measured(floor int) string {
	if below := l.below(floor); below > 0 {
		return fmt.Sprintf("least %s at %s, below %s for %s", count(l.least), offset(l.at), count(floor), offset(below))
	}
	return "never fewer than " + count(l.least)
}

func (l lows) evidence(r *rollout, floor int) []Evidence {
	list := []Evidence{{Text: fmt.Sprintf("%s: %s in the endpoint list at its start, least %s", r.detail, count(l.levels[0].N), count(l.least)),
		From: r.start, To: r.until, Count: l.least}}
	low := l.stretches(floor)
	for n, s := range low {
		if n == maxNamed {
			return append(list, Evidence{Text: plural(len(low)-n, "more time") + " below " + count(floor), From: s.From, To: l.until, Count: len(low) - n})
		}
		list = append(list, s)
	}
	return list
}
