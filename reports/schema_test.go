package reports

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// contracts are what is printed as JSON, by the file of its schema.
var contracts = map[string]struct {
	title  string
	of     any
	schema func() []byte
}{
	"report.schema.json":  {"shakedown report", &Document{}, Schema},
	"compare.schema.json": {"shakedown comparison", &Comparison{}, CompareSchema},
}

// The published schemas are what the types say; go generate makes them.
func TestSchemasAreFresh(t *testing.T) {
	for file, contract := range contracts {
		want := schemaOf(t, contract.title, contract.of)
		if *update {
			must(t, os.WriteFile(file, want, 0o644))
		}
		have, err := os.ReadFile(file)
		must(t, err)
		if !bytes.Equal(have, want) {
			t.Errorf("%s is not what the types say, at %s; run go generate ./reports", file, firstDifference(string(want), string(have)))
		}
	}
}

type object = map[string]any

// schemaOf makes the schema of a type from it and its comments.
func schemaOf(t *testing.T, title string, of any) []byte {
	t.Helper()
	r := &jsonschema.Reflector{AllowAdditionalProperties: true}
	for path, folder := range map[string]string{"reports": ".", "harness/verify": "../harness/verify", "harness/journal": "../harness/journal", "scenarios": "../scenarios"} {
		must(t, r.AddGoComments("github.com/shakedown-dev/shakedown/"+strings.TrimSuffix(path, "/"), folder, jsonschema.WithFullComment()))
	}
	text, err := json.Marshal(r.Reflect(of))
	must(t, err)
	var document object
	must(t, json.Unmarshal(text, &document))
	definitions := document["$defs"].(object)
	nullable(definitions, reflect.TypeOf(of), map[reflect.Type]bool{})
	document = object{
		"$schema": "http://json-schema.org/draft-07/schema#", "title": title, "definitions": definitions,
		"allOf": []any{object{"$ref": document["$ref"]}}, // draft-07 ignores what stands beside $ref
	}
	inDraft07(document)
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	must(t, e.Encode(document))
	return out.Bytes()
}

// nullable lets members be null that Go writes so: pointers that are always written.
func nullable(definitions object, typ reflect.Type, seen map[reflect.Type]bool) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || seen[typ] {
		return
	}
	seen[typ] = true
	definition, _ := definitions[typ.Name()].(object)
	properties, _ := definition["properties"].(object)
	for i := range typ.NumField() {
		field := typ.Field(i)
		nullable(definitions, field.Type, seen)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		member, ok := properties[name].(object)
		if !ok || field.Type.Kind() != reflect.Pointer || strings.Contains(options, "omitempty") {
			continue
		}
		either := object{"anyOf": []any{member, object{"type": "null"}}}
		if about, ok := member["description"]; ok {
			either["description"] = about
			delete(member, "description")
		}
		properties[name] = either
	}
}

// inDraft07 takes the words that came after draft-07 out of a schema, and makes one line
// of each comment.
func inDraft07(value any) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			inDraft07(item)
		}
	case object:
		for key, item := range v {
			text, isText := item.(string)
			switch {
			case key == "$ref" && isText:
				v[key] = strings.Replace(text, "#/$defs/", "#/definitions/", 1)
			case key == "description" && isText:
				v[key] = strings.Join(strings.Fields(text), " ")
			default:
				inDraft07(item)
			}
		}
		if about, beside := v["description"]; beside && v["$ref"] != nil { // which draft-07 would not see
			ref := v["$ref"]
			delete(v, "$ref")
			v["description"], v["allOf"] = about, []any{object{"$ref": ref}}
		}
	}
}

// compiledSchema is a published schema, ready to validate with.
func compiledSchema(t *testing.T, source []byte) *validator.Schema {
	t.Helper()
	document, err := validator.UnmarshalJSON(bytes.NewReader(source))
	must(t, err)
	c := validator.NewCompiler()
	c.DefaultDraft(validator.Draft7)
	must(t, c.AddResource("schema.json", document))
	schema, err := c.Compile("schema.json")
	must(t, err)
	return schema
}

// validate holds a JSON text against a schema.
func validate(schema *validator.Schema, text []byte) error {
	value, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// What is printed keeps to the contract: every stored run, whole, damaged and empty.
func TestJSONKeepsToItsSchema(t *testing.T) {
	schema := compiledSchema(t, Schema())
	for name, s := range storedRuns {
		if err := validate(schema, []byte(render(t, s.read(t), JSON))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, run := range map[string]Run{"nothing": {}, "hostile": hostileRun(), "healthy": healthyRun()} {
		if err := validate(schema, []byte(render(t, run, JSON))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestComparisonKeepsToItsSchema(t *testing.T) {
	schema := compiledSchema(t, CompareSchema())
	for name, runs := range map[string][]Run{"two": {healthyRun(), failingRun()}, "scaled": {scalingRun(), releaseRun()}, "nothing": {{}, {}}} {
		var out bytes.Buffer
		must(t, Compare(runs).JSON(&out))
		if err := validate(schema, out.Bytes()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A schema that takes anything proves nothing.
func TestSchemaRefusesWhatIsNoReport(t *testing.T) {
	schema := compiledSchema(t, Schema())
	whole := render(t, failingRun(), JSON)
	for name, change := range map[string][2]string{
		"no verdict":        {`"verdict": "fail",`, ``},
		"a text as seed":    {`"seed": 7`, `"seed": "7"`},
		"checks as an item": {`"checks": [`, `"checks": "none", "was": [`},
	} {
		spoiled := strings.Replace(whole, change[0], change[1], 1)
		if spoiled == whole {
			t.Errorf("%s: nothing was changed", name)
		} else if validate(schema, []byte(spoiled)) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := validate(schema, []byte(strings.Replace(whole, `"seed": 7`, `"seed": 7, "novelty": [1]`, 1))); err != nil {
		t.Errorf("a member of a later version was refused: %v", err)
	}
}

// Readers may rely on what is there: what a published schema requires stays required.
func TestVersion1OnlyGrows(t *testing.T) {
	var schema struct {
		Definitions map[string]struct{ Required []string } `json:"definitions"`
	}
	must(t, json.Unmarshal(Schema(), &schema))
	has := strings.Join(schema.Definitions["Document"].Required, " ") + " "
	for _, member := range strings.Fields("version run scenario platform seed verdict ended checks totals multiple closed_loops replays ledgers generator breakdowns errors caveats dir complete problems") {
		if !strings.Contains(has, member+" ") {
			t.Errorf("%s was promised and is gone (have %s)", member, has)
		}
	}
	if matches, _ := filepath.Glob("*.schema.json"); len(matches) != len(contracts) {
		t.Errorf("schemas without a contract: %v", matches)
	}
}
