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
	contains *wanted // nil: anything
	lacks    *wanted // nil: nothing
	matches  *regexp.Regexp
	headers  []wantedHeader
	values   []wantedValue
	varying  bool // variables are to be filled in
}

// A wanted is a text that an answer is held against. Messages quote it as it
// is written, so that they are the same for all sessions.
type wanted struct {
	text
	source string
	value  []byte // filled in
}

// A wantedHeader must be present, with that value unless it is "".
type wantedHeader struct {
	name string
	wanted
}

// A wantedValue must stand at the path, as text.
type wantedValue struct {
	path jsonpath.Path
	wanted
}

func compileExpectation(e scenarios.Expect) (c expectation, err error) {
	c.status = e.Status
	if e.Contains != "" {
		if c.contains, err = c.want(e.Contains); err != nil {
			return c, fmt.Errorf("contains: %w", err)
		}
	}
	if e.Lacks != "" {
		if c.lacks, err = c.want(e.Lacks); err != nil {
			return c, fmt.Errorf("lacks: %w", err)
		}
	}
	if e.Matches != "" {
		if c.matches, err = regexp.Compile(e.Matches); err != nil {
			return c, fmt.Errorf("matches: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		value, err := c.want(e.Headers[name])
		if err != nil {
			return c, fmt.Errorf("header %s: %w", name, err)
		}
		c.headers = append(c.headers, wantedHeader{http.CanonicalHeaderKey(name), *value})
	}
	for _, source := range slices.Sorted(maps.Keys(e.JSON)) {
		path, err := jsonpath.Compile(source)
		if err != nil {
			return c, fmt.Errorf("json: %w", err)
		}
		value, err := c.want(e.JSON[source])
		if err != nil {
			return c, fmt.Errorf("json %s: %w", source, err)
		}
		c.values = append(c.values, wantedValue{path, *value})
	}
	return c, nil
}

// want prepares one text of the expectation.
func (e *expectation) want(source string) (*wanted, error) {
	t, err := compileText(source)
	if err != nil {
		return nil, err
	}
	e.varying = e.varying || !t.fixed
	return &wanted{text: t, source: source, value: []byte(t.constant)}, nil
}

// filled is the expectation with the variables of a session in it; it shares
// nothing with the session.
func (e *expectation) filled(v *variables) (*expectation, error) {
	if e == nil || !e.varying {
		return e, nil
	}
	c := *e
	c.headers, c.values = slices.Clone(e.headers), slices.Clone(e.values)
	var texts []*wanted
	for _, w := range []**wanted{&c.contains, &c.lacks} {
		if *w != nil {
			own := **w
			*w = &own
			texts = append(texts, &own)
		}
	}
	for i := range c.headers {
		texts = append(texts, &c.headers[i].wanted)
	}
	for i := range c.values {
		texts = append(texts, &c.values[i].wanted)
	}
	for _, w := range texts {
		value, err := w.plain(v)
		if err != nil {
			return nil, err
		}
		w.value = []byte(value)
	}
	return &c, nil
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
	case e.contains != nil && !bytes.Contains(a.body, e.contains.value):
		return fmt.Sprintf("the body%s does not contain %q", a.extent(), e.contains.source)
	case e.lacks != nil && bytes.Contains(a.body, e.lacks.value):
		return fmt.Sprintf("the body contains %q", e.lacks.source)
	case e.matches != nil && !e.matches.Match(a.body):
		return fmt.Sprintf("the body%s does not match %s", a.extent(), e.matches)
	}
	for i := range e.headers {
		want := &e.headers[i]
		switch got := a.head.Get(want.name); {
		case got == nil:
			return "no header " + want.name
		case want.source != "" && !bytes.Equal(got, want.value):
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
		case got.text == string(want.value):
		case len(got.text) > longestQuote:
			return fmt.Sprintf("%s is something else than %q", want.path.String(), want.source)
		default:
			return fmt.Sprintf("%s is %q, expected %q", want.path.String(), got.text, want.source)
		}
	}
	return ""
}

func list(statuses []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(statuses), "[]"), " ", " or ")
}
