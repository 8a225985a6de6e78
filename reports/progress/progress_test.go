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
