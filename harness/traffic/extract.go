package traffic

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
)

// An extraction takes one variable from an answer; exactly one of the three
// ways is set.
type extraction struct {
	variable string
	json     *jsonpath.Path
	header   string
	regexp   *regexp.Regexp
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

// from takes the variable's value out of an answer, or says why it cannot.
func (e *extraction) from(a *answer) (value variable, reason string) {
	switch {
	case e.json != nil:
		return a.at(e.json)
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
