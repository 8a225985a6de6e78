package scenarios

import (
	"fmt"
	"slices"

	"github.com/shakedown-dev/shakedown/scenarios/template"
)

// The variables that every step has without extracting them.
var builtin = []string{"session", "uuid", "tenant", "tier", "cohort"}

// indexName is the variable that the items of a payload have besides.
const indexName = "index"

func isBuiltin(name string) bool { return name == indexName || slices.Contains(builtin, name) }

// A reason says why a variable that some sessions have is not known to all.
type reason struct{ message, suggestion string }

// variables are those of one place in a journey.
type variables struct {
	known   map[string]bool   // on every way that leads here
	partial map[string]reason // on some ways, or to some cohorts
	later   map[string]bool   // extracted anywhere in the journey
}

// variablesOf are the variables at the start of a journey.
func (d *Document) variablesOf(name string) *variables {
	v := &variables{known: map[string]bool{}, partial: map[string]reason{}, later: map[string]bool{}}
	for _, variable := range builtin {
		v.known[variable] = true
	}
	for _, request := range d.Scenario.Traffic.Journeys[name].requests() {
		for variable := range request.Extract {
			v.later[variable] = true
		}
	}
	var walkers, possible []Cohort
	for _, c := range d.Scenario.Traffic.Cohorts {
		_, defined := d.Scenario.Traffic.Journeys[c.Journey]
		switch {
		case c.Journey == name:
			walkers = append(walkers, c)
		case !defined && c.Replay == nil: // misspelt: it may have meant this one
			possible = append(possible, c)
		}
	}
	v.ofCohorts(walkers, possible)
	return v
}

// ofCohorts adds what cohorts bring along. What one of the walkers lacks is
// not known.
func (v *variables) ofCohorts(walkers, possible []Cohort) {
	for _, c := range walkers {
		if c.Tier == "" && v.known["tier"] {
			delete(v.known, "tier")
			v.partial["tier"] = reason{fmt.Sprintf("${tier} is not known: cohort %q walks this journey and has no tier", c.Name), "give the cohort a tier"}
		}
	}
	for _, c := range slices.Concat(walkers, possible) {
		for size := range c.Sizes {
			v.known[size] = true
		}
	}
	for size := range v.known {
		lacks := slices.IndexFunc(walkers, func(c Cohort) bool { _, has := c.Sizes[size]; return !has })
		if lacks >= 0 && !isBuiltin(size) {
			delete(v.known, size)
			v.partial[size] = reason{
				fmt.Sprintf("${%s} is not known: cohort %q walks this journey and has no such size", size, walkers[lacks].Name),
				fmt.Sprintf("give the cohort sizes: {%s: ...}", size),
			}
		}
	}
}

// names are those that are known, sorted.
func (v *variables) names() []string { return keys(v.known) }

// unknown says why a variable has no value here; the message is empty when it
// has one.
func (v *variables) unknown(name string) reason {
	partial, some := v.partial[name]
	switch {
	case v.known[name]:
		return reason{}
	case some:
		return partial
	case name == indexName:
		return reason{"${index} is known in the item of a payload only", "it is the number of the item, from 0"}
	case v.later[name]:
		return reason{fmt.Sprintf("${%s} is not known yet: no step before this one extracts it", name), "extract it in an earlier step"}
	}
	return reason{fmt.Sprintf("${%s} is never extracted", shorten(name)), didYouMean(name, v.names())}
}

// checkTemplate checks the variables of a text against those that are known.
func (d *Document) checkTemplate(at location, text string, v *variables) {
	t, err := template.Parse(text)
	if err != nil {
		d.report(at, err.Error(), "write ${name} for a variable, $${ for a literal ${")
		return
	}
	for _, name := range t.Names() {
		if why := v.unknown(name); why.message != "" {
			d.report(at, why.message, why.suggestion)
		}
	}
}
