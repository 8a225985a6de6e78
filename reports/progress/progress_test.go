package progress

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func plan() *scenarios.Plan {
	second := scenarios.Duration(time.Second)
	return &scenarios.Plan{Scenario: "s", Duration: 10 * second, Phases: []scenarios.PlannedPhase{{Name: "steady", Start: 0, End: 10 * second}}}
}

func events() []journal.Event {
	no := false
	second := func(n int) journal.Event {
		return journal.Event{T: time.Duration(n) * time.Second, Body: journal.Traffic{
			Phase: "steady", Journey: "j", Step: "a", Intended: 100, Sent: 100, OK: 98, Failed: 1, Unknown: 1, P99: 30 * time.Millisecond,
		}}
	}
	return []journal.Event{
		{T: 0, Body: journal.RunStarted{Run: "r1", Scenario: "s", Platform: "process", Seed: 7}},
		{T: 0, Body: journal.EndpointAdded{Service: "api", Instance: "api-1", Initialized: &no}},
		{T: time.Second, Body: journal.TrafficStarted{}},
		{T: time.Second, Body: journal.PhaseStarted{Phase: "steady", For: 10 * time.Second}},
		second(2), {T: 2 * time.Second, Body: journal.Traffic{Journey: "j", Intended: 50, OK: 50}}, second(3),
		{T: 4 * time.Second, Body: journal.InstanceTerminating{Service: "api", Instance: "api-1", Lag: time.Second, Cause: "why"}},
		{T: 4 * time.Second, Body: journal.InstanceTerminating{Service: "worker", Instance: "worker-1", Lag: time.Second, Cause: "why"}},
		{T: 5 * time.Second, Body: journal.InstanceExited{Service: "api", Instance: "api-1", Code: 3}},
		{T: 5 * time.Second, Body: journal.ActionEnded{Detail: "run job fill", Error: "run job fill: fill-1 exited with code 3; its last log lines:\n  no such column"}},
		{T: 6 * time.Second, Body: journal.TrafficEnded{}},
		{T: 7 * time.Second, Body: journal.RunEnded{Reason: "completed"}},
		{T: 8 * time.Second, Body: journal.InstanceExited{Service: "db", Instance: "db-1", Code: 137, Wanted: true}},
		{T: 8 * time.Second, Body: journal.Request{Service: "api"}},
	}
}

func show(mode Mode) string {
	var out bytes.Buffer
	o := New(&out, mode, plan())
	for _, e := range events() {
		o.Observe(e)
	}
	return out.String()
}

func TestPlainLinesSayWhatHappens(t *testing.T) {
	have := show(Plain)
	for _, want := range []string{
		"r1: s on process, seed 7",
		"api-1 ready (but it says it is still initializing); ready: api 1",
		"steady for 10s; 10s of traffic left",
		"100 req/s answered, 2 failed, 2 unknown; slowest step p50 0s p99 30ms; ready: api 1; steady has 8s left", // steps alone, over two seconds
		"api-1 is told to stop (why); endpoint list follows after 1s",
		"worker-1 is told to stop (why)\n",
		"run job fill: fill-1 exited with code 3\n",
		"api-1 exited with code 3, which nobody had asked for",
		"ended; 4 failed or unknown in all",
		"completed",
	} {
		if !strings.Contains(have, want) {
			t.Errorf("nothing says %q in\n%s", want, have)
		}
	}
	for _, unwanted := range []string{"137", "\x1b"} {
		if strings.Contains(have, unwanted) {
			t.Errorf("%q is in\n%s", unwanted, have)
		}
	}
}

func TestQuietIsQuiet(t *testing.T) {
	if have := show(Quiet); have != "" {
		t.Errorf("it says %q", have)
	}
}

func TestJSONIsOneObjectALine(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(show(JSON)), "\n")
	if len(lines) != len(events())-1 { // requests are for the journal alone
		t.Errorf("%d lines for %d events", len(lines), len(events()))
	}
	for _, line := range lines {
		var object struct{ Type string }
		if err := json.Unmarshal([]byte(line), &object); err != nil || object.Type == "" {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// Autoscalers are heard when they change something, and nobody is turned away or
// killed in silence.
func TestScalingIsTold(t *testing.T) {
	value, proposed := 92.0, 4
	var out bytes.Buffer
	o := New(&out, Plain, plan())
	for _, body := range []journal.Body{
		journal.ScaleDecision{ID: 1, Service: "api", Autoscaler: "hpa", Current: 2, Wanted: 2, Desired: 2, Reason: "DesiredWithinRange"},
		journal.ScaleDecision{ID: 2, Service: "api", Autoscaler: "hpa", Current: 2, Wanted: 4, Desired: 4, Reason: "SucceededRescale",
			Metrics: []journal.ScaleMetric{{Name: "cpu", Value: &value, Target: 60, Unit: "%", Proposed: &proposed}}},
		journal.ScaleDecision{ID: 3, Service: "api", Autoscaler: "step", Current: 1, Desired: 2, Reason: "AboveLimit", Held: "frozen"},
		journal.ScaleApplied{ID: 2, Service: "api", Started: []string{"api-3"}},
		journal.ScaleApplied{ID: 2, Service: "api", Error: "no space"},
		journal.Resized{Service: "importer", Instance: "importer-1", Class: "large", FromCPUs: .5, CPUs: 1, FromMemory: 192 << 20, Memory: 512 << 20},
		journal.Resized{Service: "importer", Instance: "importer-1", Class: "base", Error: "in use"},
		journal.Resized{Service: "importer", Instance: "importer-1", Class: "base", Error: "in use"},
		journal.Claim{Service: "importer", Account: "acme", State: "granted"},
		journal.Claim{Service: "importer", Account: "umbrella", State: "rejected", Reason: "the budget is used up"},
		journal.InstanceExited{Service: "importer", Instance: "importer-2", Code: 137, OOM: true},
		journal.Interrupted{Service: "api", Instances: []string{"api-1", "api-2"}, Notice: 24 * time.Second},
		journal.Usage{Service: "api", Instance: "api-1"}, journal.Measured{Service: "api"}, journal.SessionSignal{}, journal.Milestone{},
	} {
		o.Observe(journal.Event{T: time.Second, Body: body})
	}
	want := `    1.0s  scaling   api: 2 to 4 instances (hpa: cpu 92 % of 60 %; SucceededRescale)
    1.0s  scaling   api: 1 to 2 instances (step; AboveLimit), not applied: frozen
    1.0s  warning   api: decision 2 could not be applied: no space
    1.0s  scaling   importer-1 made large: 0.5 to 1 CPU, 192 MiB to 512 MiB
    1.0s  warning   importer-1 could not be made base: in use
    1.0s  scaling   importer: account umbrella rejected: the budget is used up
    1.0s  instance  importer-2 exited with code 137, killed by the kernel for want of memory, which nobody had asked for
    1.0s  notice    24 s of notice for api-1, api-2 of api
`
	if out.String() != want {
		t.Errorf("it says\n%s\nwant\n%s", &out, want)
	}
}

// Alerts are heard when they fire and when that is over, not when they are pending.
func TestAlertsAreTold(t *testing.T) {
	var out bytes.Buffer
	o := New(&out, Plain, plan())
	labels := map[string]string{"service": "web", "severity": "page"}
	for _, body := range []journal.Body{
		journal.AlertChanged{Alert: "Slow", Labels: labels, From: journal.AlertInactive, To: journal.AlertPending},
		journal.AlertChanged{Alert: "Slow", Labels: labels, From: journal.AlertPending, To: journal.AlertInactive},
		journal.AlertChanged{Alert: "Slow", Labels: labels, From: journal.AlertPending, To: journal.AlertFiring},
		journal.AlertChanged{Alert: "Slow", Labels: labels, From: journal.AlertFiring, To: journal.AlertInactive},
		journal.RuleFailed{Group: "api", Rule: "errors", Error: "many-to-many"},
		journal.ScrapeChanged{Service: "api", Instance: "api-1", Up: true},
		journal.ScrapeChanged{Service: "api", Instance: "api-1", Error: "status 500"},
	} {
		o.Observe(journal.Event{T: time.Second, Body: body})
	}
	have := out.String()
	for _, want := range []string{
		"alert Slow fires (service=web, severity=page)\n", "alert Slow is over (service=web, severity=page)\n",
		"rule errors of api: many-to-many\n", "the metrics of api-1 cannot be read: status 500\n",
	} {
		if !strings.Contains(have, want) {
			t.Errorf("nothing says %q in\n%s", want, have)
		}
	}
	if n := strings.Count(have, "\n"); n != 4 {
		t.Errorf("%d lines, want 4:\n%s", n, have)
	}
}
