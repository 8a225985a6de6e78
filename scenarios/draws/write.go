package draws

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/arrivals"
)

// A Line is one session as Write prints it.
type Line struct {
	Number uint64             `json:"number"`
	At     scenarios.Duration `json:"at"` // from the start of traffic
	Phase  string             `json:"phase"`
	Cohort string             `json:"cohort"`
	Tier   string             `json:"tier,omitempty"`
	Tenant string             `json:"tenant"`
	Sizes  map[string]int     `json:"sizes,omitempty"`
	// Walk is what it does if every step succeeds; More says that it goes on.
	Walk []Stride `json:"walk,omitempty"`
	More bool     `json:"more,omitempty"`
}

// Write writes the first sessions of a plan, at most limit, in the order in
// which they arrive, one JSON object a line. The bytes are a pure function of
// the plan and of recorded, which are the times of replays as arrivals.Merge
// takes them. Sessions of closed loops are not among them: when those begin is
// up to the system.
func Write(w io.Writer, plan *scenarios.Plan, recorded map[int][]time.Duration, limit int) error {
	buffered := bufio.NewWriter(w)
	out := json.NewEncoder(buffered)
	out.SetEscapeHTML(false)
	source, merged := New(plan), arrivals.Merge(plan, recorded)
	for range limit {
		arrival, ok := merged.Peek()
		if !ok {
			break
		}
		if err := out.Encode(source.line(plan, arrival)); err != nil {
			return fmt.Errorf("write sessions: %w", err)
		}
		merged.Take()
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write sessions: %w", err)
	}
	return nil
}

// line makes all the draws of a session.
func (s *Source) line(plan *scenarios.Plan, a arrivals.Arrival) Line {
	planned := plan.Load[a.Load]
	session := s.Session(a.Load, a.Ordinal, a.At)
	line := Line{
		Number: session.Number(),
		At:     scenarios.Duration(a.At),
		Phase:  phaseAt(plan.Phases, a.At),
		Cohort: planned.Cohort,
		Tier:   planned.Tier,
		Tenant: session.Tenant(),
	}
	for name := range planned.Sizes {
		if line.Sizes == nil {
			line.Sizes = make(map[string]int, len(planned.Sizes))
		}
		line.Sizes[name], _ = session.Size(name)
	}
	walk, whole := Walk(&session, plan.Journeys[planned.Journey])
	line.Walk, line.More = walk, !whole
	return line
}

// phaseAt is the phase that a moment falls into; what comes after the last one
// belongs to it.
func phaseAt(phases []scenarios.PlannedPhase, at time.Duration) string {
	for i, phase := range phases {
		if at < phase.End.Std() || i == len(phases)-1 {
			return phase.Name
		}
	}
	return ""
}
