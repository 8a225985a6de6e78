package traffic

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/draws"
	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// variables are what the templates of one session can refer to.
type variables struct {
	load  *scenarios.PlannedLoad
	draws draws.Session
	// What has been drawn or written already, "" until it is asked for.
	session, tenant string
	uuid            string    // of the present request
	values          []binding // extracted; few, so they are searched one by one
}

// A variable is a value. A composite one is JSON text of an object or an array,
// which goes into a JSON body as it is.
type variable struct {
	text      string
	composite bool
}

// nextRequest makes ${uuid} a new one. Within one request it stays the same, so
// that an idempotency key may stand in a header and in the body.
func (v *variables) nextRequest() { v.uuid = "" }

func (v *variables) set(name string, value variable) {
	known := slices.IndexFunc(v.values, func(b binding) bool { return b.name == name })
	if known >= 0 {
		v.values[known].value = value
		return
	}
	v.values = append(v.values, binding{name, value})
}

func (v *variables) get(name string) (variable, bool) {
	switch name {
	case "session":
		if v.session == "" {
			v.session = strconv.FormatUint(v.draws.Number(), 10)
		}
		return variable{text: v.session}, true
	case "uuid":
		if v.uuid == "" {
			v.uuid = v.draws.UUID()
		}
		return variable{text: v.uuid}, true
	case "tenant":
		if v.tenant == "" {
			v.tenant = v.draws.Tenant()
		}
		return variable{text: v.tenant}, true
	case "tier":
		return variable{text: v.load.Tier}, true
	case "cohort":
		return variable{text: v.load.Cohort}, true
	}
	for i := range v.values {
		if v.values[i].name == name {
			return v.values[i].value, true
		}
	}
	if n, ok := v.draws.Size(name); ok {
		return variable{text: strconv.Itoa(n)}, true
	}
	return variable{}, false
}

// value is a variable as it stands in a body; in JSON it is escaped as the
// inside of a JSON string, unless it is an object or an array.
func (v *variables) value(name string, json bool) (string, bool) {
	value, ok := v.get(name)
	if json && !value.composite {
		return escapeJSON(value.text), ok
	}
	return value.text, ok
}

// expand fills a template in, with values as they are.
func (v *variables) expand(t template.Template) (string, error) {
	return t.Expand(func(name string) (string, bool) { return v.value(name, false) })
}

// expandJSON fills a template of a JSON body in.
func (v *variables) expandJSON(t template.Template) (string, error) {
	return t.Expand(func(name string) (string, bool) { return v.value(name, true) })
}

// escapeJSON gives text as it stands between the quotes of a JSON string.
func escapeJSON(text string) string {
	plain := true
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			plain = false
		}
	}
	if plain {
		return text
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return text // cannot be: any string has a JSON form
	}
	return string(quoted[1 : len(quoted)-1])
}
