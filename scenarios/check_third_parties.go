package scenarios

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// ownPaths is what the paths of third parties that are the run's own begin with.
const ownPaths = "/.shakedown"

// checkThirdParties checks what is said of third parties, without a look at the
// stack.
func (d *Document) checkThirdParties() {
	for _, name := range keys(d.Scenario.Stack.ThirdParties) {
		at, t := location{"stack", "third_parties", name}, d.Scenario.Stack.ThirdParties[name]
		if !nameForm.MatchString(name) {
			message, suggestion := badName(name)
			d.reportKey(at, message, suggestion)
		}
		d.checkHosts(at.to("aliases"), t.Aliases)
		if d.given(at, "key_header") && !d.reported(at.to("key_header")) {
			d.checkHeader(at.to("key_header"), t.KeyHeader, d.report)
		}
		if t.Latency != nil {
			d.checkLatency(at.to("latency"), *t.Latency)
		}
		if t.RateLimit != nil {
			d.checkRateLimit(at.to("rate_limit"), *t.RateLimit)
		}
		if d.tooMany(at.to("routes"), len(t.Routes), "routes") {
			continue
		}
		d.checkRoutes(at.to("routes"), t.Routes)
	}
}

// checkRoutes checks that each request has one answer, which can be given.
func (d *Document) checkRoutes(at location, routes []ThirdPartyRoute) {
	mux, first := http.NewServeMux(), map[string]int{}
	for i, r := range routes {
		at := at.to(i)
		if r.Request != "" && d.checkRoute(at.to("request"), r.Request) {
			if earlier, taken := first[r.Request]; taken {
				d.report(at.to("request"), fmt.Sprintf("routes[%d] answers %s already", earlier, r.Request), "keep one of the two")
			} else if problem := register(mux, r.Request); problem != "" {
				d.report(at.to("request"), problem, "write a method and a path, with names in braces for whole parts of it: GET /v1/charges/{id}")
			}
			first[r.Request] = i
		}
		d.checkAnswer(at, r)
	}
}

// checkRoute checks the form of what a route answers.
func (d *Document) checkRoute(at location, request string) bool {
	method, path, found := strings.Cut(request, " ")
	switch {
	case !found || path == "":
		d.report(at, fmt.Sprintf("%q is not a request", shorten(request)), "write a method and a path, as in POST /v1/charges")
	case !slices.Contains(methods, method):
		d.report(at, fmt.Sprintf("%q is not a method", shorten(method)), didYouMean(method, methods))
	case !strings.HasPrefix(path, "/"):
		d.report(at, fmt.Sprintf("%q is not a path", shorten(path)), "write the path alone, without a host: "+method+" /...")
	case strings.ContainsAny(path, " \t?#"):
		d.report(at, fmt.Sprintf("%q is not a path", shorten(path)), "leave out what is no part of it; ${query.NAME} is what the query has")
	case path == ownPaths || strings.HasPrefix(path, ownPaths+"/"):
		d.report(at, "paths that begin with "+ownPaths+" are the run's own", "name another path")
	default:
		return true
	}
	return false
}

// register says why a request cannot be told from those before it, or is in the
// wrong form.
func register(mux *http.ServeMux, pattern string) (problem string) {
	defer func() {
		if r := recover(); r != nil {
			problem = fmt.Sprintf("%q cannot be answered beside the routes above it", shorten(pattern))
			if text := fmt.Sprint(r); strings.Contains(text, "parsing") {
				problem = fmt.Sprintf("%q is not a path", shorten(pattern))
			}
		}
	}()
	mux.Handle(pattern, http.NotFoundHandler())
	return ""
}

// checkAnswer checks what a route answers.
func (d *Document) checkAnswer(at location, r ThirdPartyRoute) {
	if given := d.givenOf(at, "json", "body"); len(given) > 1 {
		d.reportKey(at.to("body"), "json and body exclude one another", "keep one of the two")
	}
	d.checkPlainHeaders(at.to("headers"), r.Headers)
	if r.Latency != nil {
		d.checkLatency(at.to("latency"), *r.Latency)
	}
	if r.Effect == "" && !d.given(at, "effect") {
		d.reportUseless(at, "effect_of", "the route has no effect", "add effect: charges, or another word for what it does")
	}
	if (r.Status == http.StatusNoContent || r.Status == http.StatusNotModified) && (r.Body != "" || r.JSON != nil) {
		d.report(at.to("status"), fmt.Sprintf("an answer with status %d has no body", r.Status), "leave the body out, or give another status")
	}
	text := func(at location, text string) { d.checkAnswerText(at, text, r) }
	for _, name := range keys(r.Headers) {
		text(at.to("headers", name), r.Headers[name])
	}
	text(at.to("body"), r.Body)
	text(at.to("effect_of"), r.EffectOf)
	eachText(at.to("json"), r.JSON, text)
}

// answerVariables are what a text of an answer may have in it.
const answerVariables = "there are ${json.NAME}, ${query.NAME}, ${path.NAME}, ${header.NAME}, ${key}, ${id}, ${n} and ${now}"

// checkAnswerText checks the variables of a text.
func (d *Document) checkAnswerText(at location, text string, r ThirdPartyRoute) {
	t, err := template.Parse(text)
	if err != nil {
		d.report(at, err.Error(), "write ${name} for a variable, $${ for a literal ${")
		return
	}
	for _, name := range t.Names() {
		source, rest, dotted := strings.Cut(name, ".")
		switch {
		case source == "json" && rest != "":
			if _, err := jsonpath.Compile("$." + rest); err != nil {
				d.report(at, fmt.Sprintf("${%s}: %v", name, err), "write a path into the body: ${json.order.id}")
			}
		case source == "path" && rest != "":
			if !strings.Contains(r.Request, "{"+rest+"}") && !strings.Contains(r.Request, "{"+rest+"...}") {
				d.report(at, fmt.Sprintf("the path of %q has no part {%s}", shorten(r.Request), rest), fmt.Sprintf("write {%s} in it, or name another", rest))
			}
		case (source == "query" || source == "header") && rest != "":
		case !dotted && slices.Contains([]string{"key", "id", "n", "now"}, name):
		default:
			d.report(at, fmt.Sprintf("an answer has no variable ${%s}", shorten(name)), nearestVariable(name))
		}
	}
}

// nearestVariable says what may have been meant.
func nearestVariable(name string) string {
	if near := nearest(name, []string{"key", "id", "now"}); near != "" && len(name) > 1 {
		return fmt.Sprintf("did you mean ${%s}? %s", near, answerVariables)
	}
	return answerVariables
}
