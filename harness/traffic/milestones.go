package traffic

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// maxMilestones is how many of them a run writes down: they are for the heavy
// work of some accounts, and not for every request of a crowd.
const maxMilestones = 20_000

// milestones are the moments of steps that checks want to know, of each session.
// The zero value is ready to use.
type milestones struct {
	events []journal.Event // that were not handed on yet
	taken  int
	left   int // beyond maxMilestones
}

// isMilestone tells whether a check wants to know the moments of a step.
func isMilestone(plan *scenarios.Plan, journey, step string) bool {
	for _, m := range plan.Milestones {
		if m.Journey == journey && m.Step == step {
			return true
		}
	}
	return false
}

// pass notes how the step went that has just ended: when its first byte was sent,
// if one was, and its end, as offsets from the start of traffic.
func (s *session) pass(o measure.Outcome, ended time.Duration) {
	m := &s.milestones
	if !s.asked.step.milestone {
		return
	}
	if m.taken == maxMilestones {
		m.left++
		return
	}
	m.taken++
	load := s.variables.load
	body := journal.Milestone{
		Journey: load.Journey, Step: s.asked.step.name, Cohort: load.Cohort, Tier: load.Tier,
		Tenant: s.draws.Tenant(), Session: int(s.draws.Number()),
	}
	if s.asked.begun > 0 {
		body.Outcome = "started"
		m.events = append(m.events, journal.Event{T: s.asked.begun, Body: body})
	}
	body.Outcome = o.String()
	m.events = append(m.events, journal.Event{T: s.origin + ended, Body: body})
}

// take gives what there is, and forgets it.
func (m *milestones) take() (events []journal.Event) {
	events, m.events = m.events, nil
	return events
}

// notes say what is missing.
func (m *milestones) notes() []journal.Body {
	if m.left == 0 {
		return nil
	}
	return []journal.Body{journal.Note{Level: "warning", Text: fmt.Sprintf(
		"the moments of %d requests that checks ask for are not on record: there are more than %d", m.left, maxMilestones)}}
}
