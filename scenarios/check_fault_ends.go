package scenarios

import (
	"fmt"
	"slices"
)

// checkEnds checks that what checks ask of faults can come to pass: nobody recovers
// from what stays, and nothing is measured while something lasts that is over at
// once. Such a check would be inconclusive in every run.
func (c *compiler) checkEnds() {
	for i, check := range c.doc.Scenario.Checks {
		f, ok := check.faultCheck(location{"checks", i})
		if !ok {
			continue
		}
		about := slices.DeleteFunc(slices.Clone(c.faults), func(t faulted) bool { return !slices.Contains(c.about(check, f), t.id) })
		if len(about) == 0 {
			continue // reported, or not judged by any
		}
		lasting := slices.ContainsFunc(about, func(t faulted) bool { return !t.fault.Permanent })
		switch {
		case !lasting && check.waits():
			c.doc.reportKey(f.at, "is about what follows the end of faults, and all that it is about are permanent",
				"give one of them an end (for: 30s), or ask with steady_state.during, or stampede.peak, for what must hold while they last")
		case check.Stampede != nil && check.Stampede.Saves != nil:
			c.checkSaves(f.at.to("saves"), about)
		}
	}
}

// waits tells that a check judges only what follows the end of faults.
func (c Check) waits() bool {
	switch {
	case c.Recovery != nil:
		return true
	case c.SteadyState != nil:
		return c.SteadyState.During == nil
	case c.Stampede != nil:
		return c.Stampede.Peak == nil && c.Stampede.Saves == nil
	}
	return false
}

// checkSaves checks that there is a time without the cache.
func (c *compiler) checkSaves(at location, about []faulted) {
	for _, t := range about {
		if t.fault.atOnce() {
			c.doc.reportKey(at, fmt.Sprintf("is counted while a fault lasts, and fault %q is over at once", t.id),
				"name under faults one that lasts, as an outage of the cache")
			return
		}
	}
}
