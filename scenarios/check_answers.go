package scenarios

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
)

// checkExpect checks what an answer must be.
func (d *Document) checkExpect(at location, e Expect) {
	for i, status := range e.Status {
		if n := d.node(at.to("status", i)); (status < 100 || status > 599) && n != nil && n.kind == intKind {
			d.report(at.to("status", i), fmt.Sprintf("%d is not a status code", status), "give a number from 100 to 599")
		}
	}
	d.checkRegexp(at.to("matches"), e.Matches)
	for _, path := range keys(e.JSON) {
		d.checkPath(at.to("json", path), path, d.reportKey)
	}
	for _, name := range keys(e.Headers) {
		d.checkHeader(at.to("headers", name), name, d.reportKey)
	}
}

// checkExtract checks where a variable is taken from.
func (d *Document) checkExtract(at location, e Extract) {
	if e.JSON != "" {
		d.checkPath(at.to("json"), e.JSON, d.report)
	}
	if e.Header != "" {
		d.checkHeader(at.to("header"), e.Header, d.report)
	}
	d.checkRegexp(at.to("regexp"), e.Regexp)
}

// checkPoll checks that polling can end, and asks more than once.
func (d *Document) checkPoll(at location, p Poll) {
	d.checkPositive(at.to("every"), p.Every, "the time between two requests")
	d.checkPositive(at.to("within"), p.Within, "polling")
	d.checkSays(at.to("until"), p.Until)
	d.checkExpect(at.to("until"), p.Until)
	if p.Unless != nil {
		d.checkSays(at.to("unless"), *p.Unless)
		d.checkExpect(at.to("unless"), *p.Unless)
	}
	every, within := cmp.Or(p.Every, defaultEvery), cmp.Or(p.Within, defaultWithin)
	if within > every || d.reportedIn(at.to("every")) || d.reportedIn(at.to("within")) {
		return
	}
	key := "within"
	if !d.given(at, key) {
		key = "every"
	}
	d.report(at.to(key), fmt.Sprintf("polling ends after %s, before the second request, which is %s after the first", within, every), "give within more than every")
}

// checkSays reports a condition that any answer meets.
func (d *Document) checkSays(at location, e Expect) {
	if reflect.ValueOf(e).IsZero() && d.node(at) != nil && !d.reportedIn(at) {
		d.report(at, "the condition says nothing", "say what the answer is then: json: {$.state: done}, status: 200 or contains: done")
	}
}

func (d *Document) checkRegexp(at location, text string) {
	if _, err := regexp.Compile(text); err != nil {
		d.report(at, "not a regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), "the syntax is that of Go's regexp package (RE2)")
	}
}

func (d *Document) checkPath(at location, path string, report func(location, string, string)) {
	if _, err := jsonpath.Compile(path); err != nil {
		report(at, err.Error(), "write it like $.items[0].id")
	}
}
