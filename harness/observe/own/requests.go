package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The outcomes of a request or a session.
const (
	ok      = "ok"
	fail    = "fail"
	unknown = "unknown"
)

// requests is what the driver saw: requests by step, sessions by journey.
type requests struct {
	plan *scenarios.Plan

	total, sent, unsent        *family
	sessions, intended         *family
	requestTimes, sessionTimes *family
	moved, refused             *family
	milestones                 *family

	interval map[stepOf][]journal.Traffic // those with answers, of the interval that is being told
	end      time.Duration                // of that interval
}

// stepOf is a step of a journey; step "" is the journey as a whole.
type stepOf struct{ journey, step string }

func newRequests(c *catalogue, plan *scenarios.Plan) *requests {
	return &requests{
		plan: plan, interval: map[stepOf][]journal.Traffic{},
		total: c.counter("shakedown_requests_total",
			"Requests of the driver that ended, by outcome.", "journey", "step", "cohort", "tier", "phase", "outcome"),
		sent: c.counter("shakedown_requests_sent_total",
			"Requests that the driver sent.", "journey", "step", "cohort", "tier", "phase"),
		unsent: c.counter("shakedown_requests_not_sent_total",
			"Requests of outcome fail that were not sent because the generator lacked something: ports, descriptors.", "journey", "step"),
		requestTimes: c.gauge("shakedown_request_duration_seconds",
			"Response times of successful requests in the last interval of the driver, from the intended send time. Absent while there are none.", "journey", "step", "quantile"),
		intended: c.counter("shakedown_sessions_intended_total",
			"Sessions that were to begin.", "journey", "cohort"),
		sessions: c.counter("shakedown_sessions_total",
			"Sessions that ended, by outcome.", "journey", "cohort", "tier", "phase", "outcome"),
		sessionTimes: c.gauge("shakedown_session_duration_seconds",
			"Times of successful sessions that ended in the last interval of the driver, from the intended start. Absent while there are none.", "journey", "quantile"),
		moved: c.counter("shakedown_requests_moved_total",
			"Requests that another instance answered than the first of their session.", "service", "journey", "step"),
		refused: c.counter("shakedown_requests_moved_refused_total",
			"Of the requests that another instance answered: those whose answer was not what the step expects.", "service", "journey", "step"),
		milestones: c.counter("shakedown_milestones_total",
			"Steps that a check wants to know the moments of, by what became of them: started, then ok, fail or unknown.", "journey", "step", "cohort", "tier", "outcome"),
	}
}

func (r *requests) observe(t time.Duration, b journal.Body) {
	switch b := b.(type) {
	case journal.PhaseStarted:
		r.expect(b.Phase)
	case journal.Traffic:
		r.traffic(t, b)
	case journal.Generator: // closes what the driver has to say of an interval
		if t >= r.end {
			r.publish(t)
		}
	case journal.TrafficEnded:
		clear(r.interval)
		r.publish(t)
	case journal.Moved:
		r.moved.add(float64(b.Total), b.Service, b.Journey, b.Step)
		r.refused.add(float64(b.Refused), b.Service, b.Journey, b.Step)
	case journal.Milestone:
		r.milestones.add(1, b.Journey, b.Step, b.Cohort, b.Tier, b.Outcome)
	}
}

// expect begins the counters of a phase.
func (r *requests) expect(phase string) {
	for _, load := range r.plan.Load {
		r.intended.expect(load.Journey, load.Cohort)
		for _, outcome := range []string{ok, fail, unknown} {
			r.sessions.expect(load.Journey, load.Cohort, load.Tier, phase, outcome)
		}
		for _, s := range scenarios.Requests(r.plan.Journeys[load.Journey]) {
			r.sent.expect(load.Journey, s.Name, load.Cohort, load.Tier, phase)
			for _, outcome := range []string{ok, fail, unknown} {
				r.total.expect(load.Journey, s.Name, load.Cohort, load.Tier, phase, outcome)
			}
		}
	}
}

func (r *requests) traffic(t time.Duration, b journal.Traffic) {
	if t > r.end {
		if len(r.interval) > 0 { // nobody closed the one before
			r.publish(r.end)
		}
		r.end = t
	}
	if b.OK > 0 && t == r.end {
		of := stepOf{b.Journey, b.Step}
		r.interval[of] = append(r.interval[of], b)
	}
	if b.Step == "" {
		r.intended.add(float64(b.Intended), b.Journey, b.Cohort)
		r.sessions.add(float64(b.OK), b.Journey, b.Cohort, b.Tier, b.Phase, ok)
		r.sessions.add(float64(b.Failed), b.Journey, b.Cohort, b.Tier, b.Phase, fail)
		r.sessions.add(float64(b.Unknown), b.Journey, b.Cohort, b.Tier, b.Phase, unknown)
		return
	}
	r.sent.add(float64(b.Sent), b.Journey, b.Step, b.Cohort, b.Tier, b.Phase)
	r.unsent.add(float64(b.Own), b.Journey, b.Step)
	r.total.add(float64(b.OK), b.Journey, b.Step, b.Cohort, b.Tier, b.Phase, ok)
	r.total.add(float64(b.Failed), b.Journey, b.Step, b.Cohort, b.Tier, b.Phase, fail)
	r.total.add(float64(b.Unknown), b.Journey, b.Step, b.Cohort, b.Tier, b.Phase, unknown)
}
