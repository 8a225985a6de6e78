package traffic

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/draws"
	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// sessionOf are the variables of a session of the only load of a plan.
func sessionOf(load scenarios.PlannedLoad, ordinal uint64) *variables {
	plan := &scenarios.Plan{Seed: 1, Load: []scenarios.PlannedLoad{load}}
	return &variables{load: &plan.Load[0], draws: draws.New(plan).Session(0, ordinal, 0)}
}

func TestUUIDIsOneWithinARequest(t *testing.T) {
	v := sessionOf(scenarios.PlannedLoad{}, 0)
	a, _ := v.get("uuid")
	b, _ := v.get("uuid")
	v.nextRequest()
	c, _ := v.get("uuid")
	if a != b || a == c {
		t.Errorf("drew %s and %s in one request, %s in the next", a.text, b.text, c.text)
	}
}

func TestExpand(t *testing.T) {
	v := sessionOf(scenarios.PlannedLoad{
		Cohort: "big", Tier: "pro", Tenants: 1, Sizes: map[string]scenarios.Size{"objects": {Constant: 500}},
	}, 41)
	v.set("id", variable{text: "7"})
	v.set("name", variable{text: "a \"b\"\n<c>"})
	v.set("items", variable{text: `[{"n":1}]`, composite: true})
	for name, c := range map[string]struct{ text, plain, json string }{
		"session":           {"s-${session}", "s-42", "s-42"},
		"a number":          {`{"id": ${id}}`, `{"id": 7}`, `{"id": 7}`},
		"quotes":            {`{"n": "${name}"}`, "{\"n\": \"a \"b\"\n<c>\"}", `{"n": "a \"b\"\n\u003cc\u003e"}`},
		"an array":          {`{"i": ${items}}`, `{"i": [{"n":1}]}`, `{"i": [{"n":1}]}`},
		"whose it is":       {"${tenant} ${tier} ${cohort}", "big-1 pro big", "big-1 pro big"},
		"a size":            {"${objects}", "500", "500"},
		"nothing to expand": {"plain", "plain", "plain"},
	} {
		parsed, err := template.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.expand(parsed); err != nil || got != c.plain {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.plain)
		}
		if got, err := v.expandJSON(parsed); err != nil || got != c.json {
			t.Errorf("%s: JSON %q, %v, want %q", name, got, err, c.json)
		}
	}
	missing, _ := template.Parse("/${token}")
	if _, err := v.expand(missing); err == nil {
		t.Error("a variable without a value was expanded")
	}
}

// Whatever a variable holds, a string in a JSON body says exactly that.
func TestEscapeJSONProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		var back string
		if err := json.Unmarshal([]byte(`"`+escapeJSON(text)+`"`), &back); err != nil || back != text {
			t.Errorf("%q came back as %q, %v", text, back, err)
		}
	})
}
