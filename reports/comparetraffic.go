package reports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// trafficDifferences say in what the traffic of runs was planned differently,
// never nil. A run without a plan is compared with nothing.
func trafficDifferences(runs []Run) []string {
	list := []string{}
	for _, run := range runs {
		if run.Intent.Plan == nil {
			return append(list, fmt.Sprintf("what was planned is not known of %s", clean(run.Dir)))
		}
	}
	if values := distinct(runs, scenarioName); len(values) > 1 {
		list = append(list, "the scenarios differ: "+strings.Join(values, ", "))
	}
	if values := distinct(runs, func(r Run) string { return fmt.Sprint(r.Intent.Plan.Seed) }); len(values) > 1 {
		list = append(list, "the seeds differ: "+strings.Join(values, ", "))
	}
	if values := distinct(runs, func(r Run) string { return fmt.Sprintf("%gx", factorOf(r.Intent.Plan.Multiple)) }); len(values) > 1 {
		list = append(list, "the load differs: "+strings.Join(values, ", ")+" of the scenario's")
	}
	for _, part := range []struct {
		name string
		of   func(*scenarios.Plan) any
	}{
		{"phases differ", func(p *scenarios.Plan) any { return p.Phases }},
		{"arrivals differ", func(p *scenarios.Plan) any { return arrivalsOf(p) }},
		{"journeys differ", func(p *scenarios.Plan) any { return p.Journeys }},
		{"connections differ", func(p *scenarios.Plan) any { return p.Connections }},
	} {
		if len(distinct(runs, func(r Run) string { return rendered(part.of(r.Intent.Plan)) })) > 1 {
			list = append(list, "the "+part.name)
		}
	}
	return list
}

// arrivalsOf are the loads of a plan. Where a recording lies does not matter, its
// digest does.
func arrivalsOf(plan *scenarios.Plan) []scenarios.PlannedLoad {
	loads := slices.Clone(plan.Load)
	for i, l := range loads {
		if l.Replay != nil {
			replay := *l.Replay
			replay.File = ""
			loads[i].Replay = &replay
		}
	}
	return loads
}

// rendered is a value as it would stand in run.json, to be compared.
func rendered(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// distinct are the values of runs, each once, in order of appearance.
func distinct(runs []Run, value func(Run) string) []string {
	var list []string
	for _, run := range runs {
		if v := clean(value(run)); !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// comparisonRemarks are about what weighs on a comparison besides the traffic.
func comparisonRemarks(runs []Run) []string {
	list := []string{}
	add := func(format string, values []string) {
		if len(values) > 1 {
			list = append(list, fmt.Sprintf(format, strings.Join(values, ", ")))
		}
	}
	add("not on the same platform: %s", distinct(runs, func(r Run) string { return r.Intent.Platform }))
	add("not on the same machine: %s", distinct(runs, machine))
	add("not by the same version: %s", distinct(runs, func(r Run) string { return r.Intent.Version }))
	for _, run := range runs {
		name := clean(run.Dir)
		if text := trouble(run); text != "" {
			list = append(list, clean(name+": "+text))
		}
		if text := spoiled(run); text != "" {
			list = append(list, clean(name+": "+text))
		}
		for _, l := range closedLoops(run) {
			list = append(list, clean(name+": "+l.remark()))
		}
	}
	if names := setUpDifferently(runs); len(names) > 0 {
		list = append(list, "set up differently: "+strings.Join(names, ", "))
	}
	return list
}

// setUpDifferently are the services whose plans differ, by name.
func setUpDifferently(runs []Run) (names []string) {
	services := map[string]bool{}
	for _, run := range runs {
		for name := range run.planned() {
			services[name] = true
		}
	}
	for _, name := range sortedNames(services) {
		if len(distinct(runs, func(r Run) string { return rendered(r.planned()[name]) })) > 1 {
			names = append(names, clean(name))
		}
	}
	return names
}
