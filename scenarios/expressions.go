package scenarios

import (
	"maps"
	"os"
	"slices"
)

// ExpressionProblems are the PromQL expressions of checks that are wrong, each placed
// where it stands. What is wrong with one only PromQL's own parser can tell, which is
// none of this package's.
func (d *Document) ExpressionProblems(wrong func(expr string) error) (problems Problems) {
	look := func(expr string, where location) {
		if expr == "" {
			return
		}
		if err := wrong(expr); err != nil {
			at, path := d.find(where)
			problems = append(problems, d.src.problem(at, path, err.Error(), "write it as it would stand in a rule or on a dashboard"))
		}
	}
	for i, c := range d.Scenario.Checks {
		if c.PromQL != nil {
			look(c.PromQL.Query, location{"checks", i, "promql", "query"})
		}
		if c.Threshold != nil {
			for _, name := range slices.Sorted(maps.Keys(c.Threshold.Metrics)) {
				look(c.Threshold.Metrics[name].Query, location{"checks", i, "threshold", "metrics", name, "query"})
			}
		}
	}
	return problems
}

// RuleFiles are the rule files that are there, each once, against Dir. Those that are
// not, or are named twice, are mistakes that Compile reports.
func (d *Document) RuleFiles() []string {
	if d.Scenario.Metrics == nil {
		return nil
	}
	var files []string
	for _, file := range d.Scenario.Metrics.Rules {
		path := d.resolve(file)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && !slices.Contains(files, path) {
			files = append(files, path)
		}
	}
	return files
}
