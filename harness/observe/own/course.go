package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// failed is the outcome of what ended with an error.
const failed = "error"

// outcome is ok without an error.
func outcome(message string) string {
	if message == "" {
		return ok
	}
	return failed
}

// course is how the run itself goes: its phases, actions, operations and remarks.
type course struct {
	info, phase, traffic   *family
	active, actions        *family
	operations, operationT *family
	stops, notes, ledger   *family
}

func newCourse(c *catalogue, plan *scenarios.Plan) *course {
	r := &course{
		info: c.gauge("shakedown_run_info",
			"1, with the names of the run.", "run", "scenario", "platform"),
		phase: c.gauge("shakedown_phase",
			"1 for the phase that the run is in, 0 for the others.", "phase"),
		traffic: c.gauge("shakedown_traffic_active",
			"1 from the start of traffic to its end, else 0."),
		active: c.gauge("shakedown_actions_active",
			"Actions of the plan that are under way.", "service", "action"),
		actions: c.counter("shakedown_actions_total",
			"Actions of the plan that ended, by outcome: ok or error.", "service", "action", "outcome"),
		operations: c.counter("shakedown_operations_total",
			"Calls to what runs the instances, by outcome: ok or error.", "op", "outcome"),
		operationT: c.counter("shakedown_operation_seconds_total",
			"Time that calls to what runs the instances took, added up.", "op"),
		stops: c.counter("shakedown_stops_total",
			"Stop conditions that ended the run early."),
		notes: c.counter("shakedown_notes_total",
			"Remarks for the reader of the run.", "level"),
		ledger: c.gauge("shakedown_ledger_keys",
			"Keys of a comparison after the last request: acknowledged, lost, found, missing, repeated, again (delivered more than once).", "ledger", "state"),
	}
	for _, phase := range plan.Phases {
		r.phase.expect(phase.Name)
	}
	for _, action := range plan.Actions {
		r.expect(action.Subject(), action.Kind())
	}
	r.stops.expect()
	r.notes.expect("warning")
	r.traffic.expect()
	return r
}

func (r *course) expect(service, action string) {
	r.active.expect(service, action)
	r.actions.expect(service, action, ok)
	r.actions.expect(service, action, failed)
}

func (r *course) observe(t time.Duration, b journal.Body) {
	switch b := b.(type) {
	case journal.RunStarted:
		r.info.set(t, 1, b.Run, b.Scenario, b.Platform)
	case journal.TrafficStarted:
		r.traffic.set(t, 1)
	case journal.TrafficEnded:
		r.traffic.set(t, 0)
	case journal.PhaseStarted:
		r.phase.set(t, 1, b.Phase)
	case journal.PhaseEnded:
		r.phase.set(t, 0, b.Phase)
	case journal.ActionStarted:
		r.active.shift(1, b.Service, b.Action)
	case journal.ActionEnded:
		r.active.shift(-1, b.Service, b.Action)
		r.actions.add(1, b.Service, b.Action, outcome(b.Error))
	case journal.Operation:
		r.operations.add(1, b.Op, outcome(b.Error))
		r.operationT.add(b.Took.Seconds(), b.Op)
	case journal.StopTriggered:
		r.stops.add(1)
	case journal.Note:
		r.notes.add(1, b.Level)
	case journal.Ledger:
		r.compared(t, b)
	}
}

func (r *course) compared(t time.Duration, b journal.Ledger) {
	for _, of := range []struct {
		state string
		keys  int
	}{
		{"acknowledged", b.Acknowledged}, {"lost", b.Lost}, {"found", b.Found},
		{"missing", b.Missing}, {"repeated", b.Repeated}, {"again", b.Again},
	} {
		r.ledger.set(t, float64(of.keys), b.ID, of.state)
	}
}
