package traffic

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// RequestHeader carries the number of a request, unique in the run, to the
// gateway, which records it and takes it off.
const RequestHeader = "X-Shakedown-Request"

// A step is one request of a journey, ready to be filled in and sent.
type step struct {
	name    string
	method  string
	path    template.Template
	headers []header
	body    template.Template
	escape  bool // the body is JSON: values are escaped for a JSON string
	think   time.Duration
	timeout time.Duration
	target  *target
	expect  scenarios.Expect
	extract []extraction
	keep    int // how much of the answer's body is looked at, in bytes
}

type header struct {
	name  string // canonical
	value template.Template
}

// An extraction takes one variable from an answer; exactly one of the three
// ways is set.
type extraction struct {
	variable string
	json     *jsonpath.Path
	header   string
	regexp   *regexp.Regexp
}

// How much of a body is kept: enough for a sample, or for what looks into it.
const (
	keepSample = 1 << 10
	keepBody   = 1 << 20
)

// defaultTimeout is for steps of plans that leave it out.
const defaultTimeout = 10 * time.Second

// compileStep prepares a step. The compiler of plans has checked all this with
// line numbers; plans from elsewhere are checked here.
func compileStep(planned scenarios.PlannedStep, targets map[string]*target) (step, error) {
	s := step{
		name: planned.Name, method: planned.Method, expect: planned.Expect,
		timeout: planned.Timeout.Std(), target: targets[planned.Service],
		keep: keepSample,
	}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	var err error
	if s.path, err = template.Parse(planned.Path); err != nil {
		return s, fmt.Errorf("path: %w", err)
	}
	if s.body, err = template.Parse(planned.Body); err != nil {
		return s, fmt.Errorf("body: %w", err)
	}
	if s.headers, err = compileHeaders(planned.Headers); err != nil {
		return s, err
	}
	if s.extract, err = compileExtractions(planned.Extract); err != nil {
		return s, err
	}
	s.escape = slices.ContainsFunc(s.headers, func(h header) bool {
		return h.name == "Content-Type" && strings.Contains(strings.ToLower(h.value.String()), "json")
	})
	if s.expect.Contains != "" || slices.ContainsFunc(s.extract, func(e extraction) bool { return e.header == "" }) {
		s.keep = keepBody
	}
	return s, nil
}

func compileHeaders(planned map[string]string) ([]header, error) {
	var headers []header
	for _, name := range slices.Sorted(maps.Keys(planned)) {
		value, err := template.Parse(planned[name])
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		headers = append(headers, header{http.CanonicalHeaderKey(name), value})
	}
	return headers, nil
}

func compileExtractions(planned map[string]scenarios.Extract) ([]extraction, error) {
	var all []extraction
	for _, variable := range slices.Sorted(maps.Keys(planned)) {
		from, e := planned[variable], extraction{variable: variable}
		switch {
		case from.JSON != "":
			path, err := jsonpath.Compile(from.JSON)
			if err != nil {
				return nil, fmt.Errorf("extract %s: %w", variable, err)
			}
			e.json = &path
		case from.Regexp != "":
			expression, err := regexp.Compile(from.Regexp)
			if err != nil {
				return nil, fmt.Errorf("extract %s: %w", variable, err)
			}
			e.regexp = expression
		default:
			e.header = from.Header
		}
		all = append(all, e)
	}
	return all, nil
}
