package traffic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/wire"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// An answer is a complete response. The body is the beginning of it, as much
// as the step keeps; it is valid until the session's next request.
type answer struct {
	status int
	head   *wire.Head
	body   []byte
	cut    bool // the body was longer
}

// judge holds an answer against a step's expectations, then extracts its
// variables; nil means that all is right.
func (s *step) judge(a *answer, v *variables) *trouble {
	message := unexpected(s.expect, a)
	for i := 0; i < len(s.extract) && message == ""; i++ {
		e := s.extract[i]
		value, reason := e.from(a)
		if reason == "" {
			v.set(e.variable, value)
			continue
		}
		message = fmt.Sprintf("extract %s: %s", e.variable, reason)
	}
	if message == "" {
		return nil
	}
	return &trouble{outcome: fail, message: message, sample: a.sample()}
}

// unexpected says what is wrong with an answer, "" if nothing is. It never
// quotes a header's value: that may be a secret.
func unexpected(expect scenarios.Expect, a *answer) string {
	switch {
	case len(expect.Status) == 0 && a.status >= 400:
		return fmt.Sprintf("status %d", a.status)
	case len(expect.Status) > 0 && !slices.Contains(expect.Status, a.status):
		return fmt.Sprintf("status %d, expected %s", a.status, list(expect.Status))
	case !bytes.Contains(a.body, []byte(expect.Contains)):
		return fmt.Sprintf("the body%s does not contain %q", a.extent(), expect.Contains)
	}
	for _, name := range slices.Sorted(maps.Keys(expect.Headers)) {
		want, got := expect.Headers[name], a.head.Get(name)
		switch {
		case got == nil:
			return fmt.Sprintf("no header %s", http.CanonicalHeaderKey(name))
		case want != "" && string(got) != want:
			return fmt.Sprintf("header %s is not the expected one", http.CanonicalHeaderKey(name))
		}
	}
	return ""
}

func list(statuses []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(statuses), "[]"), " ", " or ")
}

// from takes the variable's value out of an answer, or says why it cannot.
func (e extraction) from(a *answer) (value variable, reason string) {
	switch {
	case e.json != nil:
		return e.fromJSON(a)
	case e.regexp != nil:
		found := e.regexp.FindSubmatch(a.body)
		if found == nil {
			return variable{}, fmt.Sprintf("nothing in the body%s matches %s", a.extent(), e.regexp)
		}
		return variable{text: string(found[min(1, len(found)-1)])}, ""
	}
	if got := a.head.Get(e.header); got != nil {
		return variable{text: string(got)}, ""
	}
	return variable{}, "no header " + http.CanonicalHeaderKey(e.header)
}

func (e extraction) fromJSON(a *answer) (value variable, reason string) {
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber() // an id of 20 digits stays what it is
	var document any
	if err := decoder.Decode(&document); err != nil {
		return variable{}, fmt.Sprintf("the body%s is not JSON", a.extent())
	}
	found, ok := e.json.Lookup(document)
	if !ok || found == nil {
		return variable{}, "nothing at " + e.json.String()
	}
	if text, ok := found.(string); ok {
		return variable{text: text}, ""
	}
	text, err := json.Marshal(found)
	if err != nil {
		return variable{}, "nothing usable at " + e.json.String()
	}
	return variable{text: string(text), composite: text[0] == '{' || text[0] == '['}, ""
}

// extent says, in a message, that only the beginning of the body was searched.
func (a *answer) extent() string {
	if a.cut {
		return fmt.Sprintf(" (its first %d bytes)", len(a.body))
	}
	return ""
}

// sampleBody is how many bytes of a body a sample quotes.
const sampleBody = 200

// sample is an answer in short, without its headers.
func (a *answer) sample() string {
	excerpt, dots := a.body, ""
	if len(excerpt) > sampleBody {
		excerpt, dots = excerpt[:sampleBody], "..."
	}
	return fmt.Sprintf("status %d, body %q%s", a.status, excerpt, dots)
}

// secrets are what must not be in a sample wherever it came from: user info of
// URLs and credentials as they stand in headers. The journal redacts besides.
var secrets = regexp.MustCompile(`(?i)(://)[^/@\s"]+@|(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}|((?:authorization|cookie)\\?"?\s*[:=]\s*\\?"?)[^\r\n",}]+`)

// clean takes secrets out of a sample and caps it.
func clean(sample string) string {
	const longest = 400
	sample = secrets.ReplaceAllString(sample, "${1}${2}${3}[redacted]")
	return strings.ToValidUTF8(sample[:min(len(sample), longest)], "")
}
