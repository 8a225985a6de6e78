package stack

import "github.com/shakedown-dev/shakedown/scenarios"

// A standing is how far a rolling release has come. Instances that terminate
// are in neither list.
type standing struct {
	wanted             int      // instances there were at the start
	surge, unavailable int      // beyond wanted, and missing from it; not both 0
	old                []member // of the version before, the oldest first
	fresh              []member // of the new version
}

// A member is an instance as a release counts it.
type member struct {
	name      string
	available bool
}

// next says how many new instances to start and which old ones to stop at this
// moment, by the rules of a Kubernetes Deployment: old instances that are not
// available go as far as that makes room for nobody else's failure, then those
// that are, the oldest first, as far as enough others are available. It is a
// pure function.
func (s standing) next() (start int, stop []string) {
	total := len(s.old) + len(s.fresh)
	start = max(0, min(s.wanted-len(s.fresh), s.wanted+s.surge-total))
	floor := s.wanted - s.unavailable
	available, freshUnavailable := 0, 0
	for _, m := range s.old {
		available += one(m.available)
	}
	for _, m := range s.fresh {
		available += one(m.available)
		freshUnavailable += one(!m.available)
	}
	spare := total - floor - freshUnavailable // of those that are not available, which may be so again
	for _, m := range s.old {
		if !m.available && spare > 0 {
			stop = append(stop, m.name)
			spare--
		}
	}
	spare = available - floor
	for _, m := range s.old {
		if m.available && spare > 0 {
			stop = append(stop, m.name)
			spare--
		}
	}
	return start, stop
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// bounds resolves surge and unavailable of a rolling release for a number of
// instances. They are not both 0, because nothing could be done then.
func bounds(r *scenarios.PlannedRelease, instances int) (surge, unavailable int) {
	surge = r.MaxSurge.Of(instances, true)
	unavailable = min(r.MaxUnavailable.Of(instances, false), instances)
	if surge == 0 && unavailable == 0 {
		unavailable = min(1, instances)
	}
	return surge, unavailable
}

// Floor is how many of so many instances a release keeps available at any
// moment, by its strategy.
func Floor(r *scenarios.PlannedRelease, instances int) int {
	switch {
	case r.Strategy == scenarios.RollingStrategy:
		_, unavailable := bounds(r, instances)
		return instances - unavailable
	case r.Strategy == scenarios.ReplaceStrategy && !r.StartFirst:
		return 0
	}
	return instances
}
