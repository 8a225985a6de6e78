package verify

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// scaleRecord is what the record says of autoscalers, of the resources of
// instances and of what both go by; each list is in order of time.
type scaleRecord struct {
	decisions  []timed[journal.ScaleDecision]
	applied    map[int]timed[journal.ScaleApplied] // by the ID of the decision
	resized    []timed[journal.Resized]
	signals    []timed[journal.SessionSignal]
	claims     []timed[journal.Claim]
	usage      []timed[journal.Usage]
	measured   []timed[journal.Measured]
	notices    []timed[journal.Interrupted]
	milestones []timed[journal.Milestone]
}

// take sorts one event in.
func (r *scaleRecord) take(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.ScaleDecision:
		r.decisions = append(r.decisions, timed[journal.ScaleDecision]{e.T, b})
	case journal.ScaleApplied:
		if r.applied == nil {
			r.applied = map[int]timed[journal.ScaleApplied]{}
		}
		r.applied[b.ID] = timed[journal.ScaleApplied]{e.T, b}
	case journal.Resized:
		r.resized = append(r.resized, timed[journal.Resized]{e.T, b})
	case journal.SessionSignal:
		r.signals = append(r.signals, timed[journal.SessionSignal]{e.T, b})
	case journal.Claim:
		r.claims = append(r.claims, timed[journal.Claim]{e.T, b})
	case journal.Usage:
		r.usage = append(r.usage, timed[journal.Usage]{e.T, b})
	case journal.Measured:
		r.measured = append(r.measured, timed[journal.Measured]{e.T, b})
	case journal.Interrupted:
		r.notices = append(r.notices, timed[journal.Interrupted]{e.T, b})
	case journal.Milestone:
		r.milestones = append(r.milestones, timed[journal.Milestone]{e.T, b})
	}
}

// decision is one evaluation of an autoscaler and what came of it.
type decision struct {
	at time.Duration
	journal.ScaleDecision
	applied *timed[journal.ScaleApplied] // nil: nothing says that it was carried out
}

// replacing is the autoscaler that stands for what a ReplicaSet does.
const replacing = "replace"

// decisionsOf are the evaluations of what scales a service: neither replacements
// of what broke down nor changes of resources.
func (h *history) decisionsOf(service string) []decision {
	var list []decision
	for _, d := range h.scale.decisions {
		if d.body.Service != service {
			continue
		}
		switch d.body.Autoscaler {
		case replacing, scenarios.ProactivePolicy, scenarios.ReactivePolicy:
			continue
		}
		list = append(list, h.decided(d))
	}
	return list
}

func (h *history) decided(d timed[journal.ScaleDecision]) decision {
	made := decision{at: d.at, ScaleDecision: d.body}
	if a, ok := h.scale.applied[d.body.ID]; ok {
		made.applied = &a
	}
	return made
}

// change is how many instances it adds; negative where it removes.
func (d decision) change() int { return d.Desired - d.Current }

// carried tells whether a change was carried out.
func (d decision) carried() bool {
	return d.change() != 0 && d.Held == "" && d.applied != nil && d.applied.body.Error == ""
}

// obstacle says why a change that was decided was not carried out; "" if it was.
func (d decision) obstacle() string {
	switch {
	case d.Held != "":
		return "held back, " + d.Held
	case d.applied == nil:
		return "the record does not say that it was carried out"
	case d.applied.body.Error != "":
		return firstLine(d.applied.body.Error)
	}
	return ""
}

// unread tells whether the metrics could not be read, none of them or not all.
func (d decision) unread() bool {
	for _, m := range d.Metrics {
		if m.Value == nil {
			return true
		}
	}
	return false
}
