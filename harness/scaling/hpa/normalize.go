package hpa

import "github.com/shakedown-dev/shakedown/harness/journal"

// settled is what limits and windows leave of a recommendation.
type settled struct {
	desired       int32
	able, limited journal.ScaleCondition
	place         int // in the history that the recommendation may take; -1: none
}

// telling is the condition that says most about why it is so.
func (s settled) telling() journal.ScaleCondition {
	if s.limited.Status == no && s.able != readyForNewScale {
		return s.able
	}
	return s.limited
}

// normalize has two ways that differ in more than their numbers: without a
// behavior upstream still does what it did before there were any.
func (in Input) normalize(wanted, low int32) settled {
	if in.Spec.Behavior == nil {
		return in.normalizeBare(wanted, low)
	}
	return in.normalizeWithBehavior(wanted, low)
}

// normalizeBare takes the highest recommendation of the controller's window, at
// most double the present number, or 4 where that is more.
func (in Input) normalizeBare(wanted, low int32) settled {
	s := settled{able: readyForNewScale, limited: withinRange, place: -1}
	stable := wanted
	cutoff := in.Now.Add(-in.Config.DownscaleStabilization)
	for i, one := range in.History.Recommendations {
		if one.At.Before(cutoff) {
			s.place = i
		} else {
			stable = max(stable, one.Replicas)
		}
	}
	if stable != wanted {
		s.able = scaleDownStabilized
	}
	high, limited := in.Spec.MaxReplicas, tooManyReplicas
	if limit := max(2*int64(in.Replicas), 4); limit < int64(high) {
		high, limited = int32(limit), scaleUpLimit
	}
	switch s.desired = stable; {
	case stable < low:
		s.desired, s.limited = low, tooFewReplicas
	case stable > high:
		s.desired, s.limited = high, limited
	}
	return s
}
