package traffic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/wire"
	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
)

// An answer is a complete response. The body is the beginning of it, as much
// as the step keeps; it is valid only while Exchange.Done runs, unless it was
// copied.
type answer struct {
	status int
	head   *wire.Head
	body   []byte
	cut    bool // the body was longer

	parsed   bool // document and broken hold what became of it
	document any
	broken   bool
}

func answerOf(x *exchange.Exchange) answer {
	return answer{status: x.Status, head: x.Head, body: x.Body, cut: x.Cut}
}

// clone is a copy that stays valid.
func (a *answer) clone() *answer {
	fields := make([]wire.Field, 0, len(a.head.Fields))
	for _, f := range a.head.Fields {
		fields = append(fields, wire.Field{Name: bytes.Clone(f.Name), Value: bytes.Clone(f.Value)})
	}
	return &answer{status: a.status, head: &wire.Head{Fields: fields}, body: bytes.Clone(a.body), cut: a.cut}
}

// json decodes the body, once; false if it is not JSON.
func (a *answer) json() (document any, ok bool) {
	if !a.parsed {
		decoder := json.NewDecoder(bytes.NewReader(a.body))
		decoder.UseNumber() // an id of 20 digits stays what it is
		a.broken = decoder.Decode(&a.document) != nil
		a.parsed = true
	}
	return a.document, !a.broken
}

// at is the value at a JSON path, or why there is none.
func (a *answer) at(path *jsonpath.Path) (value variable, reason string) {
	document, ok := a.json()
	if !ok {
		return variable{}, fmt.Sprintf("the body%s is not JSON", a.extent())
	}
	found, ok := path.Lookup(document)
	if !ok || found == nil {
		return variable{}, "nothing at " + path.String()
	}
	if text, ok := found.(string); ok {
		return variable{text: text}, ""
	}
	text, err := json.Marshal(found)
	if err != nil {
		return variable{}, "nothing usable at " + path.String()
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

// capped is text, cut to so many bytes.
func capped(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
