package harness

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A plan that is shown holds the names of variables and headers, and no value
// that could be a secret.
func TestAPrintedPlanHoldsNoSecret(t *testing.T) {
	const secret = "hunter2-hunter2"
	read := scenarios.Truth{HTTP: &scenarios.HTTPRead{Headers: map[string]string{"Authorization": secret}}}
	plan := &scenarios.Plan{
		Services: map[string]scenarios.PlannedService{
			"api": {Metrics: map[string]scenarios.MetricSource{"depth": {HTTP: &scenarios.HTTPMetric{Headers: map[string]string{"Authorization": secret}}}},
				PublicEnv: []string{"MODE"}, Process: &scenarios.Process{Environment: map[string]string{"PASSWORD": secret, "MODE": "on"}}},
		},
		Journeys: map[string][]scenarios.PlannedStep{"shop": {{Name: "buy", Headers: map[string]string{"Authorization": secret}}}},
		Actions: []scenarios.PlannedAction{
			{Release: &scenarios.PlannedRelease{Service: "api", Environment: map[string]string{"PASSWORD": secret, "MODE": "dual"}}},
			{Job: &scenarios.Job{Service: "api", Environment: map[string]string{"PASSWORD": secret}}},
		},
		Checks: []scenarios.Check{
			{Integrity: &scenarios.IntegrityCheck{Read: read}},
			{Drain: &scenarios.DrainCheck{Work: &scenarios.Work{Read: read}}},
			{Queue: &scenarios.QueueCheck{Work: &scenarios.Work{Read: read}}},
			{Release: &scenarios.ReleaseCheck{Job: &scenarios.JobCheck{Read: &read}}},
		},
		Faults: []scenarios.PlannedFault{{ID: "flush", Spec: scenarios.Fault{
			At: scenarios.Moment{Phase: "chaos"}, CacheFlush: &scenarios.CacheFlushFault{Headers: map[string]string{"X-Token": secret}},
		}}},
		ThirdParties: map[string]scenarios.PlannedThirdParty{"payments": {ThirdParty: scenarios.ThirdParty{
			Routes: []scenarios.ThirdPartyRoute{{Request: "GET /", Headers: map[string]string{"Set-Cookie": secret}}},
		}}},
		Ledgers: []scenarios.PlannedLedger{{HTTP: &scenarios.PlannedHTTPRead{Headers: map[string]string{"Authorization": secret}}}},
	}
	before, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	printed, err := json.Marshal(PrintablePlan(&Loaded{Plan: plan}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(printed), secret) {
		t.Errorf("a secret is printed: %s", printed)
	}
	for _, kept := range []string{`"PASSWORD"`, `"dual"`, `"on"`, `"Authorization"`} {
		if !strings.Contains(string(printed), kept) {
			t.Errorf("%s is missing: %s", kept, printed)
		}
	}
	if after, err := json.Marshal(plan); err != nil || string(after) != string(before) {
		t.Errorf("the plan itself was changed: %s, %v", after, err)
	}
}
