package verify

import "fmt"

// A session that thinks when the run ends is cut off, and its outcome is
// unknown. That is the doing of the schedule and not of the system: journeys
// that take longer than what is left of the run are always cut off. Nobody
// knows what would have become of it, so it counts as lost, but no failure
// stands on such sessions alone.

// cutOff is how many of the sessions of a sample were cut off between two
// requests: those whose outcome is unknown although no request's is. A request
// may belong to another phase than its session, hence those of all phases are
// taken off; so it is never too many.
func (h *history) cutOff(c selection, s sample) int {
	c.Phases = nil
	lost := 0
	for _, t := range h.traffic {
		if b := t.body; b.Step != "" && c.sessions(b.Phase, b.Cohort, b.Tier, b.Journey) {
			lost += b.Unknown
		}
	}
	return max(0, s.unknown-lost)
}

// finished is the sample without the sessions that were cut off.
func (s sample) finished() sample {
	s.unknown -= s.cut
	s.cut = 0
	return s
}

// unfinished says why a failure does not stand.
func (s sample) unfinished() string {
	return fmt.Sprintf("%s between two requests when the run ended, and without them this would not fail; end with a phase in which none begins, as long as a session takes",
		plural(s.cut, "session")+" stood")
}
