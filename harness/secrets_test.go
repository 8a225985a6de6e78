package harness

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Headers of what is read afterwards are secrets like those of journeys.
func TestHeadersOfLedgersAreHushed(t *testing.T) {
	plan := &scenarios.Plan{Ledgers: []scenarios.PlannedLedger{
		{ID: "integrity/sql", SQL: &scenarios.SQLRead{}},
		{ID: "integrity/list", HTTP: &scenarios.PlannedHTTPRead{Headers: map[string]string{"Authorization": "Bearer hunter2", "Accept": "application/json"}}},
	}}
	text, err := json.Marshal(hushed(rundir.Intent{Plan: plan}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "application/json") {
		t.Errorf("run.json holds %s", text)
	}
	if plan.Ledgers[1].HTTP.Headers["Authorization"] != "Bearer hunter2" {
		t.Error("the plan itself has changed")
	}
}
