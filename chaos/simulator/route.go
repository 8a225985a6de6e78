package simulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// route is what is answered to one kind of request.
type route struct {
	spec      order.Route
	headers   map[string]template.Template
	text      template.Template // the body, unless it is JSON
	tree      any               // JSON, with filled templates in the place of strings
	of        template.Template
	paths     map[string]jsonpath.Path // of the variables json.NAME
	readsJSON bool
}

// filled is a string in a JSON body.
type filled struct {
	template template.Template
	whole    string // the variable that it consists of, "" if it does not
}

// compile reads the templates of a route.
func compile(spec order.Route) (*route, error) {
	if spec.Method == "" || !strings.HasPrefix(spec.Path, "/") {
		return nil, fmt.Errorf("write a method and a path that begins with /")
	}
	if strings.HasPrefix(spec.Path, Prefix) {
		return nil, fmt.Errorf("paths that begin with %s are the run's own", Prefix)
	}
	spec.Status = cmp.Or(spec.Status, http.StatusOK)
	r := &route{spec: spec, headers: map[string]template.Template{}, paths: map[string]jsonpath.Path{}}
	for _, name := range slices.Sorted(maps.Keys(spec.Headers)) {
		t, err := r.parse(spec.Headers[name])
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		r.headers[name] = t
	}
	var err error
	if r.of, err = r.parse(cmp.Or(spec.EffectOf, "${key}")); err != nil {
		return nil, fmt.Errorf("effect_of: %w", err)
	}
	if !spec.JSON {
		if r.text, err = r.parse(spec.Body); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		return r, nil
	}
	decoder := json.NewDecoder(strings.NewReader(spec.Body))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("json: %w", err)
	}
	if r.tree, err = r.plant(tree); err != nil {
		return nil, fmt.Errorf("json: %w", err)
	}
	return r, nil
}

// parse reads a template and learns what it needs.
func (r *route) parse(text string) (template.Template, error) {
	t, err := template.Parse(text)
	if err != nil {
		return t, err
	}
	for _, name := range t.Names() {
		source, rest, _ := strings.Cut(name, ".")
		switch {
		case source == "json" && rest != "":
			path, err := jsonpath.Compile("$." + rest)
			if err != nil {
				return t, err
			}
			r.paths[name], r.readsJSON = path, true
		case slices.Contains([]string{"query", "path", "header"}, source) && rest != "":
		case slices.Contains([]string{"key", "id", "n", "now"}, name):
		default:
			return t, fmt.Errorf("there is no variable %s; use json.NAME, query.NAME, path.NAME, header.NAME, key, id, n or now", name)
		}
	}
	return t, nil
}

// plant puts templates in the place of the strings of a JSON document.
func (r *route) plant(node any) (any, error) {
	var err error
	switch v := node.(type) {
	case string:
		f := filled{}
		if f.template, err = r.parse(v); err != nil {
			return nil, err
		}
		if names := f.template.Names(); len(names) == 1 && v == "${"+names[0]+"}" {
			f.whole = names[0]
		}
		return f, nil
	case map[string]any:
		for key := range v {
			if v[key], err = r.plant(v[key]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = r.plant(v[i]); err != nil {
				return nil, err
			}
		}
	}
	return node, nil
}

// call is one call of a route.
type call struct {
	n       uint64
	key     string
	id      string
	now     time.Time
	request *http.Request
	json    any
}

// value is that of a variable, as JSON has it.
func (r *route) value(c *call, name string) (any, bool) {
	source, rest, _ := strings.Cut(name, ".")
	switch source {
	case "json":
		return r.paths[name].Lookup(c.json)
	case "query":
		values := c.request.URL.Query()
		return values.Get(rest), values.Has(rest)
	case "path":
		value := c.request.PathValue(rest)
		return value, value != ""
	case "header":
		_, there := c.request.Header[http.CanonicalHeaderKey(rest)]
		return c.request.Header.Get(rest), there
	case "key":
		return c.key, true
	case "id":
		return c.id, true
	case "n":
		return c.n, true
	}
	return c.now.UTC().Format(time.RFC3339Nano), true
}

// expand fills a template in.
func (r *route) expand(c *call, t template.Template) (string, error) {
	return t.Expand(func(name string) (string, bool) {
		value, ok := r.value(c, name)
		return words(value), ok
	})
}

// words is a value of JSON as text: strings without quotes.
func words(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	text, err := json.Marshal(value)
	if err != nil { // it came from JSON
		return ""
	}
	return string(text)
}

// harvest fills a JSON document in. A string that is one variable becomes what
// that is: a number stays one.
func (r *route) harvest(c *call, node any) (any, error) {
	switch v := node.(type) {
	case filled:
		if v.whole != "" {
			value, ok := r.value(c, v.whole)
			if !ok {
				return nil, fmt.Errorf("variable %s has no value", v.whole)
			}
			return value, nil
		}
		return r.expand(c, v.template)
	case map[string]any:
		made := make(map[string]any, len(v))
		for key, child := range v {
			value, err := r.harvest(c, child)
			if err != nil {
				return nil, err
			}
			made[key] = value
		}
		return made, nil
	case []any:
		made := make([]any, len(v))
		for i, child := range v {
			value, err := r.harvest(c, child)
			if err != nil {
				return nil, err
			}
			made[i] = value
		}
		return made, nil
	}
	return node, nil
}

// response is an answer.
type response struct {
	status   int
	header   http.Header
	body     []byte
	effect   bool
	replayed bool
	refused  bool // for what the request lacks
}

// answer makes the answer to a call; what its templates want and the request
// does not have is the caller's mistake.
func (r *route) answer(c *call) *response {
	made := &response{status: r.spec.Status, header: http.Header{}}
	for name, t := range r.headers {
		value, err := r.expand(c, t)
		if err != nil {
			return mistake(err)
		}
		made.header.Set(name, value)
	}
	if !r.spec.JSON {
		text, err := r.expand(c, r.text)
		if err != nil {
			return mistake(err)
		}
		made.body = []byte(text)
		return made
	}
	document, err := r.harvest(c, r.tree)
	if err != nil {
		return mistake(err)
	}
	if made.header.Get("Content-Type") == "" {
		made.header.Set("Content-Type", "application/json")
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return mistake(err)
	}
	made.body = body.Bytes()
	return made
}

// mistake is the answer to a request that lacks something.
func mistake(err error) *response {
	body, _ := json.Marshal(map[string]string{"error": "the request lacks something: " + err.Error()}) // a text is always JSON
	return &response{refused: true, status: http.StatusUnprocessableEntity, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// write sends an answer.
func (a *response) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	if a.effect {
		w.Header().Set(EffectHeader, "1")
	}
	if a.replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller that is gone is not missed
}
