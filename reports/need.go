package reports

import (
	"slices"
	"time"
)

// How a change of the number of instances stands to the load.
const (
	needAfter    = "after"    // it took work after it was needed
	needAhead    = "ahead"    // it took work before it was needed
	needMissed   = "missed"   // it took work when the load that needed it had gone
	needUnneeded = "unneeded" // the load never needed it
	needSpare    = "spare"    // it was removed, or lost, while the load did without
	needStill    = "needed"   // it was removed, or lost, while the load needed it
)

// A Need is how a change stands to the load: whether an instance came in time, and
// whether one that went could be done without. What the load needs is averaged over
// steps of some seconds.
type Need struct {
	// Instances is how many took work with this one.
	Instances int `json:"instances"`
	// Timing is "after", "ahead", "missed" or "unneeded" of an added instance; "spare"
	// or "needed" of one that went.
	Timing string `json:"timing"`
	// By is how long after, or ahead of, the need it took work; of one that went, for
	// how long so many had not been needed. Null where there is no such time.
	By *time.Duration `json:"by_ns"`
	// Within is the longest that the scenario's scaling check allows between the rise
	// of load and an instance more, null without such a check.
	Within *time.Duration `json:"within_ns"`
}

// late tells whether the instance came later than the scenario allows, or went
// although it was needed.
func (n *Need) late() bool {
	if n == nil {
		return false
	}
	return n.Timing == needStill || n.Timing == needMissed || n.Timing == needAfter && n.Within != nil && n.By != nil && *n.By > *n.Within
}

// worse tells whether n is further from being in time than another, nil further than
// nothing is not.
func (n *Need) worse(than *Need) bool {
	switch {
	case n == nil || than == nil:
		return n != nil
	case n.late() != than.late():
		return n.late()
	case n.Timing != than.Timing:
		return slices.Index(needsByGravity, n.Timing) < slices.Index(needsByGravity, than.Timing)
	case n.By == nil || than.By == nil:
		return false
	case n.Timing == needAfter:
		return *n.By > *than.By
	}
	return *n.By < *than.By
}

// needsByGravity are the timings, the worst first.
var needsByGravity = []string{needStill, needMissed, needAfter, needUnneeded, needAhead, needSpare}

// words are a need as a cell of a table: "3.5 s after need, 15 s allowed".
func (n *Need) words() string {
	text := n.brief()
	switch {
	case n == nil:
		return text
	case n.Timing == needAfter && n.Within != nil && !n.late():
		return text + " need, " + length(*n.Within) + " allowed"
	case n.Timing == needAfter && n.Within == nil:
		return text + " need"
	case n.Timing == needAhead:
		return text + " of need"
	}
	return text
}

// brief is the same in few words, for a terminal: "3.5 s after", and what is allowed
// only where it was longer.
func (n *Need) brief() string {
	if n == nil {
		return "–"
	}
	by := ""
	if n.By != nil {
		by = length(*n.By)
	}
	switch n.Timing {
	case needAfter:
		if n.late() {
			return by + " after need, more than " + length(*n.Within)
		}
		return by + " after"
	case needAhead:
		return by + " ahead"
	case needMissed:
		return "too late"
	case needUnneeded:
		return "never needed"
	case needStill:
		return "still needed"
	}
	return after("spare", " for ", by)
}

// demandLevels are how many instances services needed over time, and how long they
// may take to react.
type demandLevels struct {
	needed map[string]levels
	within map[string]time.Duration
	end    time.Duration // of the plan: what comes later is not known
}

// demandsOf are those of a run.
func demandsOf(run Run, w window) demandLevels {
	d := demandLevels{needed: map[string]levels{}, within: map[string]time.Duration{}, end: w.traffic + rated(run, w)}
	if run.Intent.Plan == nil {
		return d
	}
	for service, list := range run.demands() {
		for _, l := range list {
			d.needed[service] = d.needed[service].to(l.At, float64(l.N))
		}
	}
	for _, c := range run.Intent.Plan.Checks {
		if c.Scaling != nil && c.Scaling.Reaction != nil {
			d.within[c.Scaling.Service] = time.Duration(*c.Scaling.Reaction)
		}
	}
	return d
}

// ofJoining is how the arrival of the n-th instance of a service at t stands to the
// load, when it was decided on at decided and there have been fewer since since; nil
// where that is not known.
func (d demandLevels) ofJoining(service string, n int, decided, since, t time.Duration) *Need {
	l := d.needed[service]
	if len(l) == 0 || t < l[0].At || t > d.end {
		return nil
	}
	need := &Need{Instances: n}
	if within, ok := d.within[service]; ok {
		need.Within = &within
	}
	from, upTo := l.lastAtLeast(float64(n), t)
	switch {
	case upTo > t:
		need.Timing, need.By = needAfter, between(max(from, since), t)
	case upTo > decided:
		need.Timing = needMissed
	default:
		need.Timing = needUnneeded
		if next, ok := l.nextAtLeast(float64(n), t); ok && next < d.end {
			need.Timing, need.By = needAhead, between(t, next)
		}
	}
	return need
}

func between(from, to time.Duration) *time.Duration {
	d := to - from
	return &d
}

// ofLeaving is how the departure of one of n instances stands to the load; nil
// where that is not known.
func (d demandLevels) ofLeaving(service string, n int, t time.Duration) *Need {
	l := d.needed[service]
	if len(l) == 0 || t < l[0].At || t > d.end {
		return nil
	}
	_, upTo := l.lastAtLeast(float64(n), t)
	if upTo > t {
		return &Need{Instances: n, Timing: needStill}
	}
	return &Need{Instances: n, Timing: needSpare, By: between(max(upTo, l[0].At), t)}
}
