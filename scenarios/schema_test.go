package scenarios

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// quantities are the types that read themselves from text, as a schema that
// is laxer than the parser: an editor that flags a right value is worse than
// one that misses a wrong one.
var quantities = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[Duration](): {
		Type: "string", Pattern: `^[0-9.]+(ns|us|µs|ms|s|m|h|d)([0-9.]+(ns|us|µs|ms|s|m|h))*$`, Examples: []any{"250ms", "30s", "1m30s"},
	},
	reflect.TypeFor[Rate]():    {Type: "string", Pattern: `^[0-9.eE+-]+ */ *(s|m|min|h)$`, Examples: []any{"40/s", "90/min"}},
	reflect.TypeFor[Percent](): {Type: "string", Pattern: `^[0-9.eE+-]+ *%$`, Examples: []any{"99.9%"}},
	reflect.TypeFor[Factor]():  {Type: "string", Pattern: `^[0-9.eE+-]+ *x$`, Examples: []any{"5x"}},
	reflect.TypeFor[Skew]():    {Type: "string", Pattern: `^ *(uniform|zipf\([0-9.eE+-]+\)) *$`, Examples: []any{"uniform", "zipf(1.1)"}},
	reflect.TypeFor[Portion](): {OneOf: []*jsonschema.Schema{
		{Type: "integer", Minimum: "0", Maximum: "100"},
		{Type: "string", Pattern: `^ *([0-9]+|[0-9.eE+-]+ *%) *$`},
	}, Examples: []any{1, "25%"}},
	reflect.TypeFor[Cores](): {OneOf: []*jsonschema.Schema{
		{Type: "number", Minimum: "0.001", Maximum: "1024"},
		{Type: "string", Pattern: `^ *[0-9.eE+-]+ *m? *$`},
	}, Examples: []any{0.5, "500m"}},
	reflect.TypeFor[Bytes](): {Type: "string", Pattern: `^[0-9.eE+-]+ *([KMGT]iB|[kKMGT]B)$`, Examples: []any{"512MiB", "2GB"}},
	reflect.TypeFor[Value](): {OneOf: []*jsonschema.Schema{
		{Type: "number", Minimum: "0"},
		{Type: "string", Pattern: `^ *[0-9].*$`},
	}, Examples: []any{50, "70%", "40/s", "250ms"}},
	reflect.TypeFor[Level](): {OneOf: []*jsonschema.Schema{
		{Type: "number"},
		{Type: "string", Pattern: `^ *[0-9.eE+-]+ *(%|(ns|us|µs|ms|s|m|h|d)([0-9.]+(ns|us|µs|ms|s|m|h))*)? *$`},
	}, Examples: []any{1000, "500ms", "90%"}},
	reflect.TypeFor[Moment](): {Type: "string", Pattern: `^[a-z0-9][a-z0-9-]*( *\+ *[^ ].*)?$`, Examples: []any{"surge", "surge + 30s"}},
}

// generate makes the schema from the types and their comments.
func generate(t *testing.T) []byte {
	t.Helper()
	r := &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if q, ok := quantities[t]; ok {
				c := *q
				return &c
			}
			return nil
		},
	}
	if err := r.AddGoComments("github.com/shakedown-dev/shakedown/scenarios", ".", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r.Reflect(&Scenario{}))
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	toDraft07(document)
	shortForms(t, document["definitions"].(map[string]any))
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(document); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// toDraft07 takes the words that came after draft-07 out of a schema, and
// makes one line of each comment.
func toDraft07(document map[string]any) {
	document["$schema"] = "http://json-schema.org/draft-07/schema#"
	document["title"] = "shakedown scenario"
	delete(document, "$id")
	document["definitions"] = document["$defs"]
	delete(document, "$defs")
	document["allOf"] = []any{object{"$ref": document["$ref"]}} // draft-07 ignores what stands beside $ref
	delete(document, "$ref")
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for key, item := range v {
				text, isText := item.(string)
				switch {
				case key == "$ref" && isText:
					v[key] = strings.Replace(text, "#/$defs/", "#/definitions/", 1)
				case key == "description" && isText:
					v[key] = strings.Join(strings.Fields(text), " ")
				default:
					walk(item)
				}
				if properties, ok := item.(object); ok && key == "properties" {
					inYAMLNames(properties)
				}
			}
		}
	}
	walk(document)
}

// inYAMLNames begins descriptions with the key in place of the Go field.
func inYAMLNames(properties object) {
	for key, p := range properties {
		text, _ := p.(object)["description"].(string)
		first, rest, _ := strings.Cut(text, " ")
		if strings.EqualFold(first, strings.ReplaceAll(key, "_", "")) {
			p.(object)["description"] = key + " " + rest
		}
	}
}

type object = map[string]any

// shortForms adds what normalize accepts, and rules that no tag can say.
func shortForms(t *testing.T, definitions object) {
	t.Helper()
	either := func(name string, short object) {
		full := definitions[name].(object)
		definitions[name] = object{"description": full["description"], "oneOf": []any{short, full}}
		delete(full, "description")
	}
	properties := func(name string) object { return definitions[name].(object)["properties"].(object) }
	oneOrMore := func(definition, key string) {
		list := properties(definition)[key].(object)
		properties(definition)[key] = object{
			"description": list["description"],
			"oneOf":       []any{object{"type": "integer"}, object{"type": "array", "items": object{"type": "integer"}, "minItems": 1}},
		}
	}

	steps(definitions, properties("JourneyStep"))
	properties("ThirdPartyRoute")["json"] = object{"description": properties("ThirdPartyRoute")["json"].(object)["description"]}
	properties("Stack")["third_parties"].(object)["propertyNames"] = object{"pattern": namePattern}
	properties("HTTPErrorsFault")["statuses"].(object)["propertyNames"] = object{"pattern": "^[45][0-9][0-9]$"}
	properties("HTTPErrorsFault")["statuses"].(object)["additionalProperties"] = object{"type": "integer", "minimum": 1}
	journeys := properties("Traffic")["journeys"].(object)
	journeys["propertyNames"] = object{"pattern": namePattern}
	journeys["additionalProperties"] = object{"allOf": []any{object{"$ref": "#/definitions/Journey"}}, "minItems": 1}
	properties("Traffic")["targets"].(object)["propertyNames"] = object{"pattern": namePattern}
	properties("Payload")["count"] = object{
		"description": properties("Payload")["count"].(object)["description"],
		"oneOf":       []any{object{"type": "integer", "minimum": 0}, object{"type": "string", "pattern": `^([0-9]+|\$\{[^}]+\})$`}},
	}
	weight := object{"type": "integer", "minimum": 0, "maximum": mostWeight}
	definitions["Weights"].(object)["additionalProperties"] = weight
	definitions["Arrivals"].(object)["minItems"] = 1
	properties("Variant")["set"].(object)["additionalProperties"] = object{"type": []any{"string", "number", "boolean", "array", "object"}}
	properties("Scenario")["variants"].(object)["propertyNames"] = object{"pattern": namePattern}
	properties("DashboardCheck")["signals"].(object)["propertyNames"] = object{"enum": []any{"rate", "errors", "duration", "saturation"}}
	definitions["ScaleStep"].(object)["allOf"] = []any{object{"oneOf": []any{object{"required": []any{"change"}}, object{"required": []any{"to"}}}}}
	oneOrMore("Expect", "status")
	oneOrMore("Size", "values")
	either("Probe", object{"type": "string", "pattern": "^/"})
	either("Selection", object{"type": "string", "minLength": 1})
	either("Extract", object{"type": "string", "pattern": `^\$`})
	either("Arrivals", object{"$ref": "#/definitions/Arrival"})
	either("Weights", weight)
	either("Size", object{"type": "integer", "minimum": 0})
	duration := *quantities[reflect.TypeFor[Duration]()]
	either("Think", object{"type": "string", "pattern": duration.Pattern, "examples": duration.Examples})
}

// steps adds what keys of a journey's step go together.
func steps(definitions, properties object) {
	properties["json"] = object{"description": properties["json"].(object)["description"]}
	var bodies []any
	for i, key := range bodyKeys {
		for _, other := range bodyKeys[i+1:] {
			bodies = append(bodies, object{"required": []any{key, other}})
		}
	}
	step := definitions["JourneyStep"].(object)
	step["not"] = object{"anyOf": bodies}
	requests := object{"request": []any{"name"}}
	for key := range properties {
		if key != "name" && key != "request" && key != "choose" && key != "repeat" {
			requests[key] = []any{"request"}
		}
	}
	step["dependencies"] = requests
}

// The published schema is what the types say; go generate makes it.
func TestSchemaIsFresh(t *testing.T) {
	golden(t, "scenario.schema.json", string(generate(t)))
}

func TestSchemaUsesDraft07Only(t *testing.T) {
	for _, word := range []string{"$defs", "$dynamicRef", "unevaluatedProperties", "dependentRequired", "prefixItems", "$anchor"} {
		if bytes.Contains(Schema(), []byte(`"`+word+`"`)) {
			t.Errorf("%s is no word of draft-07", word)
		}
	}
}

func compiled(t *testing.T) *validator.Schema {
	t.Helper()
	document, err := validator.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("scenario.schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("scenario.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate checks a YAML file as an editor would.
func validate(t *testing.T, s *validator.Schema, file string) error {
	t.Helper()
	text, err := yaml.YAMLToJSON(read(t, file))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	document, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return s.Validate(document)
}

func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	s := compiled(t)
	for _, file := range append(files(t, "testdata/valid/*.yaml"), files(t, "library/*.yaml")...) {
		if err := validate(t, s, file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The mistakes that a schema can see, an editor shows while they are made.
func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	for _, name := range []string{
		"unknown-field", "unknown-field-far-from-any", "wrong-type", "text-without-quotes", "bad-duration", "negative-duration",
		"bad-rate", "bad-percent", "bad-factor", "factor-without-x", "bad-moment", "missing-field", "missing-section",
		"empty-value", "empty-list", "empty-journey", "bad-name", "bad-journey-name", "two-shapes-at-once", "no-shape",
		"two-extracts-at-once", "no-action", "two-checks-in-one", "slo-without-objective", "negative-scale",
		"number-out-of-range", "bad-balance", "bad-path", "bad-json-path", "json-and-body", "three-mistakes",
		"two-bodies", "step-without-name", "step-without-kind", "step-of-two-kinds", "choice-with-request-keys", "choice-weight-negative",
		"poll-without-until", "bad-skew", "bad-spacing", "bad-tier", "size-two-kinds", "weight-negative", "day-of-one-value", "points-only-one",
		"payload-count-is-text", "target-bad-name", "reuse-not-a-boolean", "replay-bad-format",
		"action-of-two-kinds", "bad-portion", "bad-version", "release-order-unknown", "job-without-command", "integrity-without-reading",
		"fault-unknown-kind", "fault-unknown-parameter", "fault-bad-figures", "stop-conditions", "third-party-names", "third-party-routes",
		"metrics-rule-tempo", "metrics-scrape", "alert-of-nothing", "threshold-empty", "threshold-units", "promql-bounds", "slo-objectives", "dashboard-signals", "stop-on-metric",
	} {
		if validate(t, s, filepath.Join("testdata/mistakes", name+".yaml")) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// The patterns of the schema accept the usual forms of every quantity.
func TestSchemaPatterns(t *testing.T) {
	for typ, examples := range map[reflect.Type][]string{
		reflect.TypeFor[Duration](): {"0s", "250ms", "1.5h", "1m30s", "2d", "1d12h"},
		reflect.TypeFor[Rate]():     {"0/s", "40/s", "1.5 / min", "7200/h", "90/m"},
		reflect.TypeFor[Percent]():  {"0%", "99.95 %"},
		reflect.TypeFor[Factor]():   {"5x", "0.5x"},
		reflect.TypeFor[Moment]():   {"surge", "surge+1s", "a-1 + 1m30s"},
		reflect.TypeFor[Portion]():  {"0", "2", "100", "25%", " 33.3 %"},
		reflect.TypeFor[Skew]():     {"uniform", "zipf(1.1)", "zipf(2)"},
		reflect.TypeFor[Cores]():    {"0.5", "2", "500m", "1e3m"},
		reflect.TypeFor[Bytes]():    {"512MiB", "2GB", "1.5 GiB", "64kB", "1MB"},
		reflect.TypeFor[Value]():    {"50", "0.5", "70%", "40/s", "64MiB", "250ms"},
		reflect.TypeFor[Level]():    {"50", "0.5", "1e3", "-1", "70%", "250ms", "1m30s", "2d"},
	} {
		for _, text := range examples {
			pattern := quantities[typ].Pattern
			for _, form := range quantities[typ].OneOf {
				pattern += form.Pattern
			}
			if pattern == "" || !regexp.MustCompile(pattern).MatchString(text) {
				t.Errorf("%s: the pattern refuses %q", typ, text)
			}
			v := reflect.New(typ).Interface().(interface{ UnmarshalText([]byte) error })
			if err := v.UnmarshalText([]byte(text)); err != nil {
				t.Errorf("%s: %v", typ, err)
			}
		}
	}
}
