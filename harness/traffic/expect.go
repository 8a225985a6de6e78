package traffic

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
)

// An expectation is what an answer must be, prepared once so that holding an
// answer against it allocates nothing while all is right.
type expectation struct {
	status   []int
	contains []byte // nil: anything
	lacks    []byte // nil: nothing
	matches  *regexp.Regexp
	headers  []wantedHeader
	values   []wantedValue
}

// A wantedHeader must be present, with that value unless it is "".
type wantedHeader struct{ name, value string }

// A wantedValue must stand at the path, as text.
type wantedValue struct {
	path jsonpath.Path
	text string
}

func compileExpectation(e scenarios.Expect) (expectation, error) {
	c := expectation{status: e.Status}
	if e.Contains != "" {
		c.contains = []byte(e.Contains)
	}
	if e.Lacks != "" {
		c.lacks = []byte(e.Lacks)
	}
	var err error
	if e.Matches != "" {
		if c.matches, err = regexp.Compile(e.Matches); err != nil {
			return c, fmt.Errorf("matches: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		c.headers = append(c.headers, wantedHeader{http.CanonicalHeaderKey(name), e.Headers[name]})
	}
	for _, source := range slices.Sorted(maps.Keys(e.JSON)) {
		path, err := jsonpath.Compile(source)
		if err != nil {
			return c, fmt.Errorf("json: %w", err)
		}
		c.values = append(c.values, wantedValue{path, e.JSON[source]})
	}
	return c, nil
}

// readsBody tells whether the body counts; heavy whether looking into it is
// more than a search for text.
func (e *expectation) readsBody() bool { return e.contains != nil || e.lacks != nil || e.heavy() }
func (e *expectation) heavy() bool     { return e.matches != nil || len(e.values) > 0 }

// missed says what is wrong with an answer, "" if nothing is. Without a status
// wanted, any below 400 is right. It never quotes a header's value: that may be
// a secret.
func (e *expectation) missed(a *answer) string {
	switch {
	case len(e.status) == 0 && a.status >= 400:
		return fmt.Sprintf("status %d", a.status)
	case len(e.status) > 0 && !slices.Contains(e.status, a.status):
		return fmt.Sprintf("status %d, expected %s", a.status, list(e.status))
	case e.contains != nil && !bytes.Contains(a.body, e.contains):
		return fmt.Sprintf("the body%s does not contain %q", a.extent(), e.contains)
	case e.lacks != nil && bytes.Contains(a.body, e.lacks):
		return fmt.Sprintf("the body contains %q", e.lacks)
	case e.matches != nil && !e.matches.Match(a.body):
		return fmt.Sprintf("the body%s does not match %s", a.extent(), e.matches)
	}
	for i := range e.headers {
		want := &e.headers[i]
		switch got := a.head.Get(want.name); {
		case got == nil:
			return "no header " + want.name
		case want.value != "" && string(got) != want.value:
			return "header " + want.name + " is not the expected one"
		}
	}
	return e.missedValue(a)
}

// longestQuote is how long a value may be, in bytes, and stand in a message:
// what is longer is no word that anybody waits for, and may be a secret.
const longestQuote = 32

func (e *expectation) missedValue(a *answer) string {
	for i := range e.values {
		want := &e.values[i]
		got, reason := a.at(&want.path)
		switch {
		case reason != "":
			return reason
		case got.text == want.text:
		case len(got.text) > longestQuote:
			return fmt.Sprintf("%s is something else than %q", want.path.String(), want.text)
		default:
			return fmt.Sprintf("%s is %q, expected %q", want.path.String(), got.text, want.text)
		}
	}
	return ""
}

func list(statuses []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(statuses), "[]"), " ", " or ")
}
