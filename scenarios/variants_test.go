package scenarios

import (
	"strings"
	"testing"
)

const varied = `variants:
  more: {set: {stack.services.api.replicas: 3, "checks[slo].slo.p99": 2s}}
  mapping: {summary: As YAML., set: {stack.services.api.drain: {grace: 7s, pre_stop: 1s}, stack.services.api.public_env: [A, B]}}
  less: {set: {checks: '[{drain: {service: api}}]'}}
`

// vary compiles a variant of a small scenario.
func vary(t *testing.T, variant string, set ...string) (*Plan, Problems) {
	t.Helper()
	text := string(read(t, "testdata/valid/least.yaml")) + varied
	d, problems := Parse("s.yaml", []byte(text), Options{Variant: variant, Set: set})
	if len(problems) > 0 {
		return nil, problems
	}
	return d.Compile(shop())
}

func TestVariants(t *testing.T) {
	base, problems := vary(t, "")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	more, problems := vary(t, "more")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if base.Variant != "" || base.Services["api"].Replicas != 1 || more.Variant != "more" || more.Services["api"].Replicas != 3 || more.Checks[0].SLO.P99.String() != "2s" {
		t.Errorf("variant %q with %d, %q with %d", base.Variant, base.Services["api"].Replicas, more.Variant, more.Services["api"].Replicas)
	}
	if base.Digest == more.Digest || base.Seed != more.Seed {
		t.Errorf("digests %s and %s, seeds %d and %d", base.Digest, more.Digest, base.Seed, more.Seed)
	}
	mapping, problems := vary(t, "mapping")
	if len(problems) > 0 || mapping.Services["api"].Drain.Grace.String() != "7s" || strings.Join(mapping.Services["api"].PublicEnv, "") != "AB" {
		t.Errorf("%+v, %v", mapping, problems)
	}
	less, problems := vary(t, "less")
	if len(problems) > 0 || len(less.Checks) != 1 || less.Checks[0].Drain == nil {
		t.Errorf("%+v, %v", less, problems)
	}
}

// What is set on the command line wins over a variant, and may be about one.
func TestSetWinsOverVariants(t *testing.T) {
	for set, want := range map[string]int{
		"stack.services.api.replicas=5":                      5,
		"variants.more.set={stack.services.api.replicas: 6}": 6,
		"stack.services.api.port=8080":                       3,
	} {
		plan, problems := vary(t, "more", set)
		if len(problems) > 0 || plan.Services["api"].Replicas != want {
			t.Errorf("%s: %+v, %v", set, plan, problems)
		}
	}
}

func TestUnknownVariant(t *testing.T) {
	for variant, want := range map[string]string{"mores": `did you mean "more"?`, "entirely-other": "there are less, mapping and more"} {
		_, problems := vary(t, variant)
		if len(problems) != 1 || problems[0].File != "--variant "+variant || !strings.Contains(problems[0].Message, variant) || problems[0].Suggestion != want {
			t.Errorf("%s: %v", variant, problems)
		}
	}
	_, problems := Parse("s.yaml", read(t, "testdata/valid/least.yaml"), Options{Variant: "more"})
	if len(problems) != 1 || problems[0].Suggestion != "the scenario has no variants" {
		t.Errorf("without variants: %v", problems)
	}
}

// A mistake in a variant is a mistake of the scenario; one of the scenario is
// told once, however many variants have it as well.
func TestMistakesOfVariants(t *testing.T) {
	_, problems := vary(t, "", "checks[slo].slo.journey=other")
	if len(problems) != 1 || !strings.Contains(problems[0].Message, `journey "other" is never defined`) {
		t.Errorf("of the scenario: %v", problems)
	}
	_, problems = vary(t, "", "variants.more.set={stack.services.api.replicas: 300}")
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "300 is out of range") {
		t.Errorf("of a variant: %v", problems)
	}
	if _, problems = vary(t, "less", "variants.more.set={stack.services.api.replicas: 300}"); len(problems) > 0 {
		t.Errorf("of another variant than that which is run: %v", problems)
	}
}

// Variants do not read recordings again, and refuse what the scenario refuses.
func TestVariantsOfARecording(t *testing.T) {
	text := `name: recorded
stack: {compose: [compose.yaml], services: {api: {port: 8080}}}
traffic:
  phases: [{name: all, for: 100s}]
  cohorts: [{name: users, replay: {file: testdata/files/%s, service: api}}]
checks: [{slo: {journey: users, p99: 1s}}]
variants: {more: {set: {stack.services.api.replicas: 3}}}
`
	if _, problems := all("s.yaml", []byte(strings.Replace(text, "%s", "access.log", 1)), Options{}); len(problems) > 0 {
		t.Error(problems)
	}
	if _, problems := all("s.yaml", []byte(strings.Replace(text, "%s", "none.log", 1)), Options{}); len(problems) != 1 {
		t.Error(problems)
	}
}
