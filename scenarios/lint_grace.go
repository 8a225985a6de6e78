package scenarios

import (
	"fmt"
	"time"
)

// grace holds the longest requests against the grace period: what an autoscaler
// removes has to end them.
func (l *linter) grace() {
	if l.service.Port == 0 {
		return
	}
	longest, objective := l.slowest()
	if longest == 0 {
		return
	}
	last, what := l.service.Drain.PreStop.Std(), "after its stop signal"
	if lag := l.service.Drain.EndpointLag; lag != nil && lag.Std() > last {
		last, what = lag.Std(), "after the last that is routed to it (endpoint_lag)"
	}
	left := max(0, l.service.Drain.Grace.Std()-last)
	bad := longest > left
	text := fmt.Sprintf("a request to %s may take %s (%s), and an instance that is removed has %s for it %s", l.name, longest, objective, left, what)
	if bad {
		text += "; raise drain.grace, or lower pre_stop or endpoint_lag, whichever is longer"
	}
	l.remark("grace", bad, "%s", text)
}

// slowest is the longest that a request to the service may take by the objectives,
// and which of them says so; 0 where none does. Those of whole sessions tell nothing of
// a request.
func (l *linter) slowest() (longest time.Duration, objective string) {
	allow := func(journey, step string, limit *Duration, words string) {
		if limit == nil || limit.Std() <= longest {
			return
		}
		for _, s := range Requests(l.plan.Journeys[journey]) {
			if s.Service == l.name && (step == "" || step == s.Name) {
				longest, objective = limit.Std(), words
				return
			}
		}
	}
	for _, c := range l.plan.Checks {
		if s := c.SLO; s != nil && !s.Whole {
			allow(s.Journey, s.Step, s.P99, "p99")
			allow(s.Journey, s.Step, s.P95, "p95")
			allow(s.Journey, s.Step, s.P50, "p50")
		}
	}
	for _, s := range l.plan.SLOs {
		allow(s.Journey, s.Step, &s.Latency, "SLO "+s.Name)
	}
	return longest, objective
}
