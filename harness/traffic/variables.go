package traffic

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// variables are what the templates of one session can refer to. They belong
// to the session's goroutine.
type variables struct {
	session string
	seed    [2]uint64
	random  *rand.Rand // made when the first uuid is drawn
	uuid    string     // of the present request, "" until it is asked for
	values  map[string]variable
}

// A variable is an extracted value. A composite one is JSON text of an object
// or an array, which goes into a JSON body as it is.
type variable struct {
	text      string
	composite bool
}

func newVariables(seed int64, session uint64) *variables {
	return &variables{session: strconv.FormatUint(session, 10), seed: [2]uint64{uint64(seed), session}}
}

// nextRequest makes ${uuid} a new one. Within one request it stays the same, so
// that an idempotency key may stand in a header and in the body.
func (v *variables) nextRequest() { v.uuid = "" }

func (v *variables) set(name string, value variable) {
	if v.values == nil {
		v.values = map[string]variable{}
	}
	v.values[name] = value
}

func (v *variables) get(name string) (variable, bool) {
	switch name {
	case "session":
		return variable{text: v.session}, true
	case "uuid":
		if v.uuid == "" {
			v.uuid = v.drawUUID()
		}
		return variable{text: v.uuid}, true
	}
	value, ok := v.values[name]
	return value, ok
}

// drawUUID draws a random (version 4) UUID: the same sequence in the same
// session of every run with the same seed.
func (v *variables) drawUUID() string {
	if v.random == nil {
		v.random = rand.New(rand.NewPCG(v.seed[0], v.seed[1]))
	}
	high, low := v.random.Uint64(), v.random.Uint64()
	high = high&^0xf000 | 0x4000
	low = low&^(3<<62) | 2<<62
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&(1<<48-1))
}

// expand fills a template in, with values as they are.
func (v *variables) expand(t template.Template) (string, error) {
	return t.Expand(func(name string) (string, bool) {
		value, ok := v.get(name)
		return value.text, ok
	})
}

// expandJSON fills a template of a JSON body in: a value is escaped as the
// inside of a JSON string, unless it is an object or an array.
func (v *variables) expandJSON(t template.Template) (string, error) {
	return t.Expand(func(name string) (string, bool) {
		value, ok := v.get(name)
		if value.composite {
			return value.text, ok
		}
		return escapeJSON(value.text), ok
	})
}

// escapeJSON gives text as it stands between the quotes of a JSON string.
func escapeJSON(text string) string {
	plain := true
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			plain = false
		}
	}
	if plain {
		return text
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return text // cannot be: any string has a JSON form
	}
	return string(quoted[1 : len(quoted)-1])
}
