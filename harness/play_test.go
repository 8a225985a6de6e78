package harness

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Actions may take as long as the plan allows them, and an end it has.
func TestPatienceCoversTheLongestAction(t *testing.T) {
	plan := &scenarios.Plan{Services: map[string]scenarios.PlannedService{
		"api": {Replicas: 4, Drain: scenarios.Drain{Grace: scenarios.Duration(10 * time.Second)}},
		"web": {Drain: scenarios.Drain{Grace: scenarios.Duration(40 * time.Second)}},
	}}
	for _, c := range []struct {
		action scenarios.PlannedAction
		want   time.Duration
	}{
		{scenarios.PlannedAction{Scale: &scenarios.Scale{}}, 70 * time.Second},
		{scenarios.PlannedAction{Job: &scenarios.Job{Within: scenarios.Duration(time.Minute)}}, 130 * time.Second},
		{scenarios.PlannedAction{Release: &scenarios.PlannedRelease{Deadline: scenarios.Duration(time.Second)}}, 130 * time.Second},
		{scenarios.PlannedAction{Release: &scenarios.PlannedRelease{
			Deadline: scenarios.Duration(time.Minute), MinReady: scenarios.Duration(time.Second), Keep: scenarios.Duration(time.Minute),
		}}, 191 * time.Second},
		// Each of the instances has to be ready for that long before the next one begins.
		{scenarios.PlannedAction{Release: &scenarios.PlannedRelease{
			Service: "api", Deadline: scenarios.Duration(time.Minute), MinReady: scenarios.Duration(50 * time.Second),
		}}, 330 * time.Second},
		{scenarios.PlannedAction{Scale: &scenarios.Scale{Service: "api", To: 6}}, 430 * time.Second},
		{scenarios.PlannedAction{Interrupt: &scenarios.Interrupt{Service: "api", Notice: scenarios.Duration(10 * time.Minute)}}, 670 * time.Second},
	} {
		plan.Actions = append(plan.Actions, c.action)
		if have := patience(plan); have != c.want {
			t.Errorf("with %s: %v, want %v", c.action, have, c.want)
		}
	}
}
