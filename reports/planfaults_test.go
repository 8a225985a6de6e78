package reports

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// compiledPlan is one of the plans that the language's own tests hold, so that
// every kind of fault is in it, with some text that no plan may show.
func compiledPlan(t *testing.T, name string, services ...string) *scenarios.Plan {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "scenarios", "testdata", "valid", name+".json"))
	must(t, err)
	var plan scenarios.Plan
	must(t, json.Unmarshal(text, &plan))
	for _, service := range services {
		if _, is := plan.Services[service]; !is {
			t.Errorf("plan %s has no service %s", name, service)
		}
	}
	return &plan
}

// What may be a secret, or long, stays out of a plan: headers and bodies.
func TestPlansHideWhatFaultsSend(t *testing.T) {
	faults, parties := compiledPlan(t, "faults"), compiledPlan(t, "third-parties")
	for i, f := range faults.Faults {
		if f.Spec.CacheFlush != nil && f.Spec.CacheFlush.Request != "" {
			faults.Faults[i].Spec.CacheFlush.Headers = map[string]string{"Authorization": "Bearer s3cret"}
		}
	}
	parties.ThirdParties["payments"].Routes[0].Headers["X-Token"] = "s3cret"
	parties.ThirdParties["payments"].Routes[0].Body = "s3cret"
	for _, plan := range []*scenarios.Plan{faults, parties} {
		if text := planText(t, plan, nil); strings.Contains(text, "s3cret") {
			t.Errorf("the plan says it:\n%s", text)
		}
	}
}
