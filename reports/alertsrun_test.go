package reports

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// alertsRun is a run with an episode of every fate: an alert that fires after it was
// pending and is over, one that fires at once and to the end, one that only is
// pending, one that is pending at the end, and one that is never active; with a rule
// that fails, a page that cannot be read, and requests with traces.
func alertsRun() Run {
	s := &synthetic{random: rand.New(rand.NewPCG(13, 14)), fine: true}
	s.stack()
	s.at(origin, journal.RulesLoaded{Files: []string{"alerts/api.yaml", "alerts/queue.yaml"}, Scale: 5, Source: "embedded", Rules: []journal.Rule{
		{Group: "api", Alert: "ErrorsHigh", Expr: "errors > 0.02", For: 3 * second}, {Group: "api", Alert: "LatencyHigh", Expr: "p95 > 0.5"},
		{Group: "queue", Alert: "QueueOld", Expr: "age > 30", For: 5 * second}, {Group: "queue", Alert: "PaymentsFail", Expr: "x > 1"}, {Group: "api", Record: "errors", Expr: "a / b"},
	}})
	s.at(origin, journal.TrafficStarted{})
	for i, name := range []string{"baseline", "trouble"} {
		from := origin + time.Duration(i)*15*second
		s.at(from, journal.PhaseStarted{Phase: name, For: 15 * second})
		s.at(from+15*second, journal.PhaseEnded{Phase: name})
		s.traffic(load{from, from + 15*second, name, "home", 40, 4 * ms, nil, nil})
		s.traffic(load{from, from + 15*second, name, "", 40, 160 * ms, nil, nil})
	}
	s.generator(origin, origin+30*second)
	api, worker := map[string]string{"job": "api", "service": "api", "severity": "page"}, map[string]string{"service": "worker", "severity": "ticket"}
	change := func(at time.Duration, group, alert string, labels map[string]string, from, to string, active time.Duration, value float64) {
		s.at(origin+at, journal.AlertChanged{Group: group, Alert: alert, Labels: labels, From: from, To: to, ActiveAt: origin + active, Value: value,
			Annotations: map[string]string{"summary": alert + " <b>of</b> " + labels["service"]}})
	}
	change(4*second, "queue", "QueueOld", worker, journal.AlertInactive, journal.AlertPending, 4*second, 31)
	s.at(origin+5*second, journal.RuleFailed{Group: "api", Rule: "errors", Error: "many-to-many matching not allowed"})
	change(6*second, "queue", "QueueOld", worker, journal.AlertPending, journal.AlertInactive, 4*second, 31)
	change(16*second, "api", "ErrorsHigh", api, journal.AlertInactive, journal.AlertPending, 16*second, 0.3)
	change(19*second, "api", "ErrorsHigh", api, journal.AlertPending, journal.AlertFiring, 16*second, 0.31)
	change(20*second, "api", "LatencyHigh", api, journal.AlertInactive, journal.AlertFiring, 20*second, 1.2)
	s.at(origin+21*second, journal.ScrapeChanged{Service: "api", Instance: "api-1", Error: "it answers with status 500"})
	change(26*second, "api", "ErrorsHigh", api, journal.AlertFiring, journal.AlertInactive, 16*second, 0.31)
	change(28*second, "queue", "QueueOld", worker, journal.AlertInactive, journal.AlertPending, 28*second, 33)
	s.at(origin+30*second, journal.Slow{Journey: "shop", Step: "home", Outcome: "ok", Start: origin + 20*second, Took: 912 * ms, Status: 200, Instance: "api-1", Trace: strings.Repeat("0a", 16)})
	s.at(origin+30*second, journal.Slow{Journey: "shop", Step: "home", Outcome: "unknown", Start: origin + 21*second, Took: 5 * second, Trace: strings.Repeat("0b", 16)})
	s.end()
	run := Run{Dir: "runs/20261202-140000-drill", Intent: intent(), Record: s.record()}
	run.Intent.Command = []string{"shakedown", "run", "drill"}
	run.Result = verify.Result{Scenario: "drill", Verdict: verify.Pass, Checks: []verify.Finding{{
		ID: "alert/ErrorsHigh/A1-fires", Kind: "alert", Verdict: verify.Pass, Wanted: "fires within 30 s of phase trouble", Measured: "4 s", Evidence: []verify.Evidence{},
	}}}
	return run
}

func TestAlertsAreToldEpisodeByEpisode(t *testing.T) {
	a := alertsOf(alertsRun())
	var got []string
	for _, e := range a.Episodes {
		got = append(got, strings.Join(e.cells(), " | "))
	}
	base := func(at time.Duration) string { return moment(origin + at) }
	want := []string{
		base(4*second) + " | never | QueueOld | service=worker, severity=ticket | only pending, for 2 s | QueueOld <b>of</b> worker",
		base(19*second) + " | 7 s | ErrorsHigh | service=api, severity=page | fired after 3 s pending | ErrorsHigh <b>of</b> api",
		base(20*second) + " | to the end | LatencyHigh | service=api, severity=page | fired at once | LatencyHigh <b>of</b> api",
		base(28*second) + " | never | QueueOld | service=worker, severity=ticket | pending at the end | QueueOld <b>of</b> worker",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("have\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(a.Silent) != 1 || a.Silent[0] != "PaymentsFail" || len(a.Troubles) != 2 {
		t.Errorf("silent %v, troubles %v", a.Silent, a.Troubles)
	}
	if line := a.line(); line != "5 rules of 2 files, with all of their times divided by 5" {
		t.Error(line)
	}
}

// A run without rules says nothing of alerts, and one whose alerts have no value
// that JSON knows is rendered all the same.
func TestAlertsWithoutRulesAndWithoutValues(t *testing.T) {
	if a := alertsOf(failingRun()); a != nil {
		t.Errorf("%+v", a)
	}
	run := alertsRun()
	for i, e := range run.Record.Events {
		if b, is := e.Body.(journal.AlertChanged); is {
			b.Value = math.Inf(1)
			run.Record.Events[i].Body = b
		}
	}
	if text := render(t, run, JSON); !strings.Contains(text, `"alert": "ErrorsHigh"`) {
		t.Error("the alert is not in it")
	}
}
