package alerts_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

// A story is a healthy stack with one thing wrong, and the alerts that fire at some
// times, all of them: Name{label="value"}. Series are added to those of a healthy
// stack, or take the place of one with the same labels, in promtool's notation.
type story struct {
	Name     string              `yaml:"name"`
	Interval string              `yaml:"interval"` // between samples, and between evaluations
	Instead  map[string]string   `yaml:"instead"`  // files in place of others
	Series   map[string]string   `yaml:"series"`
	Firing   map[string][]string `yaml:"firing"` // by the time since the beginning
}

func stories(t *testing.T) (list []story) {
	t.Helper()
	found, err := filepath.Glob("testdata/stories/*.yaml")
	if err != nil || len(found) == 0 {
		t.Fatalf("stories %v, %v", found, err)
	}
	for _, file := range found {
		var some []story
		read(t, file, &some)
		list = append(list, some...)
	}
	return list
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(content, into, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestWhatFires(t *testing.T) {
	healthy := map[string]string{}
	read(t, "testdata/healthy.yaml", &healthy)
	for _, s := range stories(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			series := maps.Clone(healthy)
			maps.Copy(series, s.Series)
			s.Series = series
			got := s.play(t)
			for _, at := range slices.Sorted(maps.Keys(s.Firing)) {
				want := slices.Sorted(slices.Values(s.Firing[at]))
				if !slices.Equal(got[at], want) {
					t.Errorf("after %s fire\n%s\nwant\n%s", at, strings.Join(got[at], "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}

// An alert that no story has fire may be one that cannot.
func TestEveryAlertHasItsStory(t *testing.T) {
	told := map[string]bool{}
	for _, s := range stories(t) {
		for _, firing := range s.Firing {
			for _, alert := range firing {
				name, _, _ := strings.Cut(alert, "{")
				told[name] = true
			}
		}
	}
	for _, name := range alertNames(t) {
		if !told[name] {
			t.Errorf("%s fires in no story", name)
		}
	}
}

// play evaluates the rules in virtual time, and returns what fires at the times that
// the story asks for.
func (s story) play(t *testing.T) map[string][]string {
	t.Helper()
	interval := length(t, s.Interval)
	load := "load " + s.Interval + "\n"
	for _, name := range slices.Sorted(maps.Keys(s.Series)) {
		load += "  " + name + " " + s.Series[name] + "\n"
	}
	loader, err := promqltest.NewLazyLoader(load, promqltest.LazyLoaderOpts{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = loader.Close() })
	groups := s.groups(t, loader, interval)
	asked, end := map[time.Duration]string{}, time.Duration(0)
	for at := range s.Firing {
		d := length(t, at)
		asked[d], end = at, max(end, d)
	}
	got := map[string][]string{}
	for at := time.Duration(0); at <= end; at += interval {
		loader.WithSamplesTill(time.Unix(0, 0).Add(at), func(err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range groups {
				group.Eval(t.Context(), time.Unix(0, 0).Add(at))
			}
		})
		if name, ok := asked[at]; ok {
			got[name] = firing(t, groups)
			delete(asked, at)
		}
	}
	if len(asked) > 0 {
		t.Errorf("nothing is evaluated at %v", slices.Sorted(maps.Values(asked)))
	}
	return got
}

// groups are those of the rule files.
func (s story) groups(t *testing.T, loader *promqltest.LazyLoader, interval time.Duration) []*rules.Group {
	t.Helper()
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:  rules.EngineQueryFunc(loader.QueryEngine(), loader.Storage()),
		Appendable: loader.Storage(), Queryable: loader.Storage(),
		Context:    t.Context(),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Parser:     parser.NewParser(parser.Options{}),
	})
	chosen := files(t)
	for file, other := range s.Instead {
		chosen[slices.Index(chosen, file)] = other
	}
	byName, problems := manager.LoadGroups(interval, labels.EmptyLabels(), "", nil, false, chosen...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return slices.Collect(maps.Values(byName))
}

// firing are the alerts that fire, sorted, with their labels.
func firing(t *testing.T, groups []*rules.Group) (list []string) {
	t.Helper()
	for _, group := range groups {
		for _, rule := range group.Rules() {
			if err := rule.LastError(); err != nil {
				t.Errorf("%s: %v", rule.Name(), err)
			}
			alerting, ok := rule.(*rules.AlertingRule)
			if !ok {
				continue
			}
			for _, alert := range alerting.ActiveAlerts() {
				if alert.State != rules.StateFiring {
					continue
				}
				list = append(list, rule.Name()+labels.NewBuilder(alert.Labels).Del(labels.AlertName).Labels().String())
				alert.Annotations.Range(func(l labels.Label) {
					if l.Value == "" || strings.Contains(l.Value, "<error") || strings.Contains(l.Value, "<no value>") {
						t.Errorf("%s: the %s is %q", rule.Name(), l.Name, l.Value)
					}
				})
			}
		}
	}
	slices.Sort(list)
	return list
}

func length(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
