package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// leastBaseline is how long traffic has to have come before the first fault where
// a check compares with that, in real time.
const leastBaseline = Duration(3 * time.Second)

// A stretch is a time of a run.
type stretch struct{ start, end Duration }

// coming are the times in which sessions of a journey begin, those of all for the
// name "": in order, and apart.
func (p *Plan) coming(journey string) []stretch {
	var all []stretch
	for _, l := range p.Load {
		if journey != "" && l.Journey != journey {
			continue
		}
		for _, s := range l.Segments {
			all = append(all, stretch{s.Start, s.End})
		}
		for _, b := range l.Bursts {
			all = append(all, stretch{b.Start, max(b.End, b.Start+1)})
		}
		for _, loop := range l.Closed {
			all = append(all, stretch{loop.Start, loop.End})
		}
		if r := l.Replay; r != nil && !r.Paced {
			all = append(all, stretch{r.Start, min(p.Duration, r.Start+Duration(float64(r.Span)/r.Speed)+1)})
		}
	}
	slices.SortFunc(all, func(a, b stretch) int { return cmp.Compare(a.start, b.start) })
	var joined []stretch
	for _, s := range all {
		if last := len(joined) - 1; last >= 0 && s.start <= joined[last].end {
			joined[last].end = max(joined[last].end, s.end)
		} else {
			joined = append(joined, s)
		}
	}
	return joined
}

// gap is the first time within another in which nobody comes; false where there is
// none.
func gap(coming []stretch, within stretch) (stretch, bool) {
	at := within.start
	for _, s := range coming {
		if s.end <= at {
			continue
		}
		if s.start > at {
			return stretch{at, min(s.start, within.end)}, at < within.end
		}
		at = s.end
	}
	return stretch{at, within.end}, at < within.end
}

// before is how much of the time before an offset somebody comes in.
func before(coming []stretch, at Duration) Duration {
	var sum Duration
	for _, s := range coming {
		sum += max(0, min(s.end, at)-s.start)
	}
	return sum
}

// checkWindows checks that there is traffic to see faults by: before the first,
// while they last, and for as long afterwards as checks look.
func (c *compiler) checkWindows(p *Plan) {
	known := map[string][]stretch{}
	coming := func(journey string) []stretch {
		if _, is := known[journey]; !is {
			known[journey] = p.coming(journey)
		}
		return known[journey]
	}
	for _, t := range c.faults {
		lasts := stretch{t.start, max(t.end, t.start+1)}
		if g, some := gap(coming(""), lasts); some {
			c.doc.report(c.windowAt(t), fmt.Sprintf("nobody comes from %s to %s, and fault %q lasts %s: it would be done to a stack without traffic", g.start, g.end, t.id, lasting(t)),
				"let arrivals go on for as long, or move the fault")
			continue
		}
		c.checkLooked(t, p, coming)
	}
	c.checkBaseline(coming)
	c.checkEnds()
	for i, s := range p.Stop {
		if s.For >= p.Duration {
			c.doc.report(location{"stop", i, "for"}, fmt.Sprintf("nothing can be missed for %s in a run of %s", s.For, p.Duration), "lower for, or let the run last longer")
		}
	}
}

// windowAt is where the length of a fault is written, or else its beginning.
func (c *compiler) windowAt(t faulted) location {
	if c.doc.given(t.at, "for") {
		return t.at.to("for")
	}
	return t.at.to("at")
}

// checkLooked checks that the time in which checks look at a fault, and at what
// follows it, is one with traffic.
func (c *compiler) checkLooked(t faulted, p *Plan, coming func(journey string) []stretch) {
	for i, check := range c.doc.Scenario.Checks {
		f, ok := check.faultCheck(location{"checks", i})
		if !ok || !slices.Contains(c.about(check, f), t.id) {
			continue
		}
		_, path := c.doc.find(f.at)
		after := f.after
		if t.fault.Permanent {
			after = 0 // it is never over
		}
		until := t.end + after
		if until > p.Duration {
			c.doc.report(c.windowAt(t), fmt.Sprintf("fault %q is over at %s, and %s looks for %s after that, but the run ends at %s", t.id, t.end, path, after, p.Duration),
				fmt.Sprintf("let the run last %s longer, or let the fault begin earlier", until-p.Duration))
			return
		}
		if g, some := gap(coming(f.journey), stretch{t.start, max(until, t.start+1)}); some {
			c.doc.report(c.windowAt(t), fmt.Sprintf("%s looks from %s to %s at what fault %q does%s, and nobody comes from %s to %s", path, t.start, until, t.id, ofJourney(f.journey), g.start, g.end),
				"let arrivals go on for as long, or move the fault")
			return
		}
	}
}

// ofJourney narrows words to a journey.
func ofJourney(journey string) string {
	if journey == "" {
		return ""
	}
	return " to journey " + journey
}

// checkBaseline checks that there is a time before the first fault that checks can
// compare with.
func (c *compiler) checkBaseline(coming func(journey string) []stretch) {
	if len(c.faults) == 0 {
		return
	}
	first := c.faults[0]
	for i, check := range c.doc.Scenario.Checks {
		f, ok := check.faultCheck(location{"checks", i})
		if !ok {
			continue
		}
		if seen := before(coming(f.journey), first.start); seen < leastBaseline {
			_, path := c.doc.find(f.at)
			c.doc.report(first.at.to("at"), fmt.Sprintf("fault %q begins after %s of traffic%s, and %s goes by what was before the first fault", first.id, seen, ofJourney(f.journey), path),
				fmt.Sprintf("let it begin after %s of traffic at least, in real time: what was broken before proves nothing", leastBaseline))
			return
		}
	}
}

// checkFaultsOf checks what checks of faults want of the services that they are
// about.
func (c *compiler) checkFaultsOf(at location, check Check) {
	if t := check.ThirdParty; t != nil {
		c.checkCalled(at.to("third_party"), *t)
	}
	if s := check.Stampede; s != nil && c.checkKnown(at.to("stampede", "service"), s.Service, nil) {
		c.checkMetric(at.to("stampede", "metric"), s.Service, s.Metric, false)
	}
}

// checkCalled checks that there is somebody whose calls can be judged, while
// something is done to it.
func (c *compiler) checkCalled(at location, t ThirdPartyCheck) {
	if t.Service == "" {
		return
	}
	if !c.third(t.Service) && !c.checkCall(at.to("service"), t.Service, "checked for how it is called", keys(c.doc.Scenario.Stack.ThirdParties)) {
		return
	}
	wrong := len(c.faults) < len(c.doc.Scenario.Faults) || len(c.faults) == 0 // reported already
	f, _ := Check{ThirdParty: &t}.faultCheck(at)
	about := c.about(Check{ThirdParty: &t}, f)
	switch {
	case wrong:
	case len(about) == 0:
		c.doc.report(at.to("service"), fmt.Sprintf("no fault is done to %q, nor to what is sent to it", t.Service), "add one, or name under faults those that are meant")
	case t.RetryAfter && c.third(t.Service) && !c.tells(t.Service, about):
		c.doc.report(at.to("retry_after"), fmt.Sprintf("nobody is ever told to wait by %q", t.Service), "add a fault rate_limit, or retry_after to one of http_errors; or leave it out")
	}
}

// tells tells that a third party, or a fault that is done to it, tells callers to
// wait.
func (c *compiler) tells(name string, about []string) bool {
	party := c.doc.Scenario.Stack.ThirdParties[name]
	if party.RateLimit != nil || slices.ContainsFunc(party.Routes, func(r ThirdPartyRoute) bool { return hasHeader(r.Headers, "Retry-After") }) {
		return true
	}
	return slices.ContainsFunc(c.faults, func(t faulted) bool {
		return slices.Contains(about, t.id) && (t.fault.RateLimit != nil || t.fault.HTTPErrors != nil && t.fault.HTTPErrors.RetryAfter > 0)
	})
}
