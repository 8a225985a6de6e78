package traffic

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios/template"
)

var version4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// uuids draws one for each of n requests.
func uuids(seed int64, session uint64, n int) []string {
	v := newVariables(seed, session)
	var all []string
	for range n {
		v.nextRequest()
		value, _ := v.get("uuid")
		all = append(all, value.text)
	}
	return all
}

func TestUUIDsAreSeeded(t *testing.T) {
	seen := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		seed, session := rapid.Int64().Draw(t, "seed"), rapid.Uint64().Draw(t, "session")
		first := uuids(seed, session, 5)
		if again := uuids(seed, session, 5); !slices.Equal(first, again) {
			t.Errorf("seed %d, session %d: %v, then %v", seed, session, first, again)
		}
		if other := uuids(seed+1, session, 5); slices.Equal(first, other) {
			t.Errorf("seeds %d and %d draw the same", seed, seed+1)
		}
		if other := uuids(seed, session+1, 5); slices.Equal(first, other) {
			t.Errorf("sessions %d and %d draw the same", session, session+1)
		}
		for _, u := range first {
			if !version4.MatchString(u) {
				t.Errorf("%s is no version 4 UUID", u)
			}
		}
	})
	for session := range uint64(1000) {
		for _, u := range uuids(1, session, 3) {
			if seen[u] {
				t.Fatalf("%s was drawn twice", u)
			}
			seen[u] = true
		}
	}
}

func TestUUIDIsOneWithinARequest(t *testing.T) {
	v := newVariables(1, 1)
	a, _ := v.get("uuid")
	b, _ := v.get("uuid")
	v.nextRequest()
	c, _ := v.get("uuid")
	if a != b || a == c {
		t.Errorf("drew %s and %s in one request, %s in the next", a.text, b.text, c.text)
	}
}

func TestExpand(t *testing.T) {
	v := newVariables(1, 42)
	v.set("id", variable{text: "7"})
	v.set("name", variable{text: "a \"b\"\n<c>"})
	v.set("items", variable{text: `[{"n":1}]`, composite: true})
	for name, c := range map[string]struct{ text, plain, json string }{
		"session":           {"s-${session}", "s-42", "s-42"},
		"a number":          {`{"id": ${id}}`, `{"id": 7}`, `{"id": 7}`},
		"quotes":            {`{"n": "${name}"}`, "{\"n\": \"a \"b\"\n<c>\"}", `{"n": "a \"b\"\n\u003cc\u003e"}`},
		"an array":          {`{"i": ${items}}`, `{"i": [{"n":1}]}`, `{"i": [{"n":1}]}`},
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
