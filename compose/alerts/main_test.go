package alerts_test

import (
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// files are the rule files of the stack; those of the defects are none of them.
func files(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.yaml")
	if err != nil || len(found) < 5 {
		t.Fatalf("rule files %v, %v", found, err)
	}
	return found
}

// parsed is a rule file as Prometheus reads it.
func parsed(t *testing.T, file string) *rulefmt.RuleGroups {
	t.Helper()
	groups, problems := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, problem := range problems {
		t.Errorf("%s: %v", file, problem)
	}
	if len(problems) > 0 {
		t.FailNow()
	}
	return groups
}

// rulesOf are the rules of files, in their order.
func rulesOf(t *testing.T, files ...string) (list []rulefmt.Rule) {
	t.Helper()
	for _, file := range files {
		for _, group := range parsed(t, file).Groups {
			list = append(list, group.Rules...)
		}
	}
	return list
}

// alertNames are the names of the alerts there are, each once, sorted.
func alertNames(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	for _, rule := range rulesOf(t, files(t)...) {
		if rule.Alert != "" {
			names[rule.Alert] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
