package scenarios

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// The variables that every step has without extracting them.
var builtin = []string{"session", "uuid"}

// checkJourney checks one journey, step after step, with the variables that
// the steps before have extracted.
func (d *Document) checkJourney(name string) {
	at, journey := location{"traffic", "journeys", name}, d.Scenario.Traffic.Journeys[name]
	if !nameForm.MatchString(name) {
		message, suggestion := badName(name)
		d.reportKey(at, message, suggestion)
	}
	if n := d.node(at); n != nil && n.kind == listKind && len(journey) == 0 {
		d.report(at, "the journey has no steps", "give at least one request")
	}
	if d.unused(name) {
		d.reportKey(at, fmt.Sprintf("no cohort walks journey %q", shorten(name)), "name it in a cohort, or remove it")
	}
	d.checkUnique(at, "step", names(journey, func(r JourneyStep) string { return r.Name }))
	known := slices.Clone(builtin)
	for i, step := range journey {
		later := extracts(journey[i:])
		d.checkRequest(at.to(i), step, func(l location, text string) { d.checkTemplate(l, text, known, later) })
		known = append(known, keys(step.Extract)...)
	}
}

// unused reports whether no cohort walks a journey. A cohort whose journey is
// missing or misspelt may have meant any.
func (d *Document) unused(name string) bool {
	for _, c := range d.Scenario.Traffic.Cohorts {
		if _, defined := d.Scenario.Traffic.Journeys[c.Journey]; c.Journey == name || !defined {
			return false
		}
	}
	return len(d.Scenario.Traffic.Cohorts) > 0
}

// extracts are the variables that steps set.
func extracts(steps Journey) []string {
	var all []string
	for _, s := range steps {
		all = append(all, keys(s.Extract)...)
	}
	return all
}

// checkTemplate checks the variables of a text against those that are known.
func (d *Document) checkTemplate(at location, text string, known, later []string) {
	t, err := template.Parse(text)
	if err != nil {
		d.report(at, err.Error(), "write ${name} for a variable, $${ for a literal ${")
		return
	}
	for _, name := range t.Names() {
		switch {
		case slices.Contains(known, name):
		case slices.Contains(later, name):
			d.report(at, fmt.Sprintf("${%s} is not known yet: no step before this one extracts it", name), "extract it in an earlier step")
		default:
			d.report(at, fmt.Sprintf("${%s} is never extracted", shorten(name)), didYouMean(name, known))
		}
	}
}

// checkRequest checks one step; variables is called for each text that may
// have some.
func (d *Document) checkRequest(at location, r JourneyStep, variables func(location, string)) {
	if r.Request != "" {
		if _, err := parseRequest(r.Request); err != nil {
			d.reportForm(at.to("request"), err)
		}
		variables(at.to("request"), r.Request)
	}
	for _, name := range keys(r.Headers) {
		d.checkHeader(at.to("headers", name), name)
		variables(at.to("headers", name), r.Headers[name])
	}
	if r.JSON != nil && r.Body != "" {
		d.reportKey(at.to("body"), "json and body exclude one another", "keep one of the two")
	}
	variables(at.to("body"), r.Body)
	eachText(at.to("json"), r.JSON, variables)
	d.checkPositive(at.to("timeout"), r.Timeout, "a time-out")
	if r.Expect != nil {
		d.checkExpect(at.to("expect"), *r.Expect)
	}
	for _, name := range keys(r.Extract) {
		d.checkExtract(at.to("extract", name), name, r.Extract[name])
	}
}

// eachText calls visit for every text inside a JSON body, keys included.
func eachText(at location, value any, visit func(location, string)) {
	switch v := value.(type) {
	case string:
		visit(at, v)
	case []any:
		for i, item := range v {
			eachText(at.to(i), item, visit)
		}
	case map[string]any:
		for _, key := range keys(v) {
			visit(at.to(key), key)
			eachText(at.to(key), v[key], visit)
		}
	}
}

// reservedHeader is how the driver marks its requests for the gateway.
const reservedHeader = "X-Shakedown-Request"

func (d *Document) checkHeader(at location, name string) {
	switch {
	case !headerName(name):
		d.reportKey(at, fmt.Sprintf("%q is not the name of a header", shorten(name)), "header names have no spaces and no colon")
	case http.CanonicalHeaderKey(name) == reservedHeader:
		d.reportKey(at, reservedHeader+" is the driver's own", "use another header")
	}
}

func (d *Document) checkExpect(at location, e Expect) {
	for i, status := range e.Status {
		if n := d.node(at.to("status", i)); (status < 100 || status > 599) && n != nil && n.kind == intKind {
			d.report(at.to("status", i), fmt.Sprintf("%d is not a status code", status), "give a number from 100 to 599")
		}
	}
	for _, name := range keys(e.Headers) {
		d.checkHeader(at.to("headers", name), name)
	}
}

// checkExtract checks the name of a variable and where it is taken from.
func (d *Document) checkExtract(at location, name string, e Extract) {
	switch {
	case slices.Contains(builtin, name):
		d.reportKey(at, fmt.Sprintf("${%s} is set by shakedown itself", name), "use another name")
	case !template.ValidName(name):
		d.reportKey(at, fmt.Sprintf("%q is not the name of a variable", shorten(name)), "a variable has letters, digits, _, - and .")
	}
	if e.JSON != "" {
		if _, err := jsonpath.Compile(e.JSON); err != nil {
			d.report(at.to("json"), err.Error(), "write it like $.items[0].id")
		}
	}
	if e.Header != "" && !headerName(e.Header) {
		d.report(at.to("header"), fmt.Sprintf("%q is not the name of a header", shorten(e.Header)), "header names have no spaces and no colon")
	}
	if _, err := regexp.Compile(e.Regexp); err != nil {
		d.report(at.to("regexp"), "not a regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), "the syntax is that of Go's regexp package (RE2)")
	}
}

// reportForm adds a problem for text in a wrong form.
func (d *Document) reportForm(at location, err error) {
	var bad *formError
	if errors.As(err, &bad) {
		d.report(at, bad.message, bad.hint)
		return
	}
	d.report(at, err.Error(), "")
}
