package scenarios

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// request checks one request, and adds what it extracts to the variables.
func (w *walk) request(at location, s JourneyStep) {
	d := w.doc
	if s.Request != "" {
		if _, err := parseRequest(s.Request); err != nil {
			d.reportForm(at.to("request"), err)
		}
		w.text(at.to("request"), s.Request)
	}
	if d.given(at, "request") && !d.given(at, "name") && !d.reported(at) {
		d.report(at, `"name" is missing`, "add name: ...")
	}
	for _, name := range keys(s.Headers) {
		w.header(at.to("headers", name), name, s)
	}
	w.body(at, s)
	d.checkThink(at.to("think"), s.Think)
	d.checkPositive(at.to("timeout"), s.Timeout, "a time-out")
	if s.Expect != nil {
		d.checkExpect(at.to("expect"), *s.Expect)
		w.expect(at.to("expect"), *s.Expect)
	}
	if s.Poll != nil {
		d.checkPoll(at.to("poll"), *s.Poll)
		w.expect(at.to("poll", "until"), s.Poll.Until)
		if s.Poll.Unless != nil {
			w.expect(at.to("poll", "unless"), *s.Poll.Unless)
		}
	}
	for _, name := range keys(s.Extract) {
		d.checkVariable(at.to("extract", name), name)
		d.checkExtract(at.to("extract", name), s.Extract[name])
		w.variables.known[name] = true
	}
	w.acknowledged(s)
}

// text checks the variables of a text.
func (w *walk) text(at location, text string) { w.doc.checkTemplate(at, text, w.variables) }

// expect checks the variables in what an answer must be.
func (w *walk) expect(at location, e Expect) {
	w.text(at.to("contains"), e.Contains)
	w.text(at.to("lacks"), e.Lacks)
	for _, name := range keys(e.Headers) {
		w.text(at.to("headers", name), e.Headers[name])
	}
	for _, path := range keys(e.JSON) {
		w.text(at.to("json", path), e.JSON[path])
	}
}

// header checks one header of a request.
func (w *walk) header(at location, name string, s JourneyStep) {
	d := w.doc
	d.checkHeader(at, name, d.reportKey)
	d.checkOwnHeader(at, name, d.reportKey)
	switch canonical := http.CanonicalHeaderKey(name); {
	case canonical == "Cookie" && w.keepsCookies != "":
		d.reportKey(at, fmt.Sprintf("cohort %q keeps cookies, and this would be a second Cookie header", w.keepsCookies), "leave the header out, or cookies of the cohort")
	case canonical == "Content-Encoding" && s.Gzip:
		d.reportKey(at, "gzip sets Content-Encoding itself", "leave the header out, or gzip")
	}
	if strings.ContainsAny(s.Headers[name], "\r\n") {
		d.report(at, "the header has a line break in it", "write its value in one line")
		return
	}
	w.text(at, s.Headers[name])
}

// body checks that a request has one body at most, and that body.
func (w *walk) body(at location, s JourneyStep) {
	given := w.doc.givenOf(at, bodyKeys...)
	if len(given) > 1 {
		suggestion := "keep one of them"
		if len(given) == 2 {
			suggestion = "keep one of the two"
		}
		w.doc.reportKey(at.to(given[1]), enumerate(given)+" exclude one another", suggestion)
	}
	if len(given) == 0 && s.Gzip {
		w.doc.reportUseless(at, "gzip", "the request has no body", "leave it out, or give a body")
	}
	if len(given) == 0 && s.Chunked {
		w.doc.reportUseless(at, "chunked", "the request has no body", "leave it out, or give a body")
	}
	w.text(at.to("body"), s.Body)
	eachText(at.to("json"), s.JSON, w.text)
	if s.Payload != nil {
		w.payload(at.to("payload"), *s.Payload)
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

// payload checks a body of many items.
func (w *walk) payload(at location, p Payload) {
	w.count(at.to("count"), p.Count)
	for key, text := range map[string]string{"before": p.Before, "separator": p.Separator, "after": p.After} {
		w.text(at.to(key), text)
	}
	known := w.variables.known[indexName]
	w.variables.known[indexName] = true
	w.text(at.to("item"), p.Item)
	if !known {
		delete(w.variables.known, indexName)
	}
}

// count checks how many items a payload has: a number or one variable that
// can be one.
func (w *walk) count(at location, text string) {
	if text == "" || w.doc.reportedIn(at) {
		return
	}
	if strings.Trim(text, "0123456789") == "" {
		if _, err := strconv.ParseInt(text, 10, 32); err != nil {
			w.doc.report(at, shorten(text)+" is too large", "a payload has up to 2147483647 items")
		}
		return
	}
	t, err := template.Parse(text)
	if names := t.Names(); err != nil || len(names) != 1 || text != "${"+names[0]+"}" {
		w.doc.report(at, fmt.Sprintf("%q is neither a number nor a variable", shorten(text)), "write count: 500 or count: ${objects}")
		return
	}
	if name := t.Names()[0]; name != "session" && slices.Contains(builtin, name) {
		w.doc.report(at, fmt.Sprintf("${%s} is no number", name), "name a size of the cohort, or what a step extracts")
		return
	}
	w.text(at, text)
}

// reservedHeader is how the driver marks its requests for the gateway.
const reservedHeader = "X-Shakedown-Request"

// checkHeader checks the name of a header.
func (d *Document) checkHeader(at location, name string, report func(location, string, string)) {
	if !headerName(name) {
		report(at, fmt.Sprintf("%q is not the name of a header", shorten(name)), "header names have no spaces and no colon")
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
