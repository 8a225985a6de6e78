package own

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

func TestEveryMetricFollowsItsEvents(t *testing.T) {
	for _, r := range rows {
		t.Run(r.metric, func(t *testing.T) {
			m := New(atelier())
			before := gathered(t, m)
			for _, e := range r.events {
				m.Observe(e)
			}
			after := gathered(t, m)
			changed := false
			for series, want := range r.want {
				was, there := before[series]
				changed = changed || !there || was != want
				if got, there := after[series]; !there || !near(got, want) {
					t.Errorf("%s is %v (there: %v), want %v", series, got, there, want)
				}
			}
			if !changed {
				t.Errorf("nothing of what the row expects is different from before the events")
			}
			for _, series := range r.absent {
				if got, there := after[series]; there {
					t.Errorf("%s is %v, want no such series", series, got)
				}
			}
		})
	}
}

func near(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }

func TestEveryMetricHasARow(t *testing.T) {
	m := New(nil)
	var names []string
	for _, f := range m.catalogue.families {
		names = append(names, f.name)
	}
	for _, h := range m.catalogue.histograms {
		names = append(names, h.name)
	}
	for _, name := range names {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.metric == name }) {
			t.Errorf("%s: no row of the table is about it", name)
		}
	}
	for _, r := range rows {
		if !slices.Contains(names, r.metric) {
			t.Errorf("the table has a row about %s, which there is not", r.metric)
		}
	}
}

// contract is the names and labels that rules, dashboards and thresholds rely on.
var contract = map[string][]string{
	"shakedown_requests_total":                   {"journey", "step", "cohort", "tier", "phase", "outcome"},
	"shakedown_request_duration_seconds":         {"journey", "step", "quantile"},
	"shakedown_sessions_intended_total":          {"journey", "cohort"},
	"shakedown_gateway_requests_total":           {"service", "instance", "outcome"},
	"shakedown_gateway_in_flight":                {"service", "instance"},
	"shakedown_gateway_request_duration_seconds": {"service"},
	"shakedown_endpoints":                        {"service"},
	"shakedown_instances":                        {"service", "state"},
	"shakedown_instance_exits_total":             {"service", "code", "oom"},
	"shakedown_cpu_seconds_total":                {"service", "instance"},
	"shakedown_memory_bytes":                     {"service", "instance"},
	"shakedown_memory_limit_bytes":               {"service", "instance"},
	"shakedown_cpu_limit_cores":                  {"service", "instance"},
	"shakedown_replicas_desired":                 {"service"},
	"shakedown_scale_decisions_total":            {"service", "direction"},
	"shakedown_metric":                           {"service", "metric"},
	"shakedown_fault_active":                     {"fault", "kind", "target"},
	"shakedown_fault_injected_total":             {"fault", "target", "what"},
	"shakedown_third_party_calls_total":          {"service", "outcome"},
	"shakedown_phase":                            {"phase"},
}

func TestNamesAndLabelsAreThoseThatRulesRelyOn(t *testing.T) {
	descs := map[string]string{}
	m := New(nil)
	for _, f := range m.catalogue.families {
		descs[f.name] = f.desc.String()
	}
	for _, h := range m.catalogue.histograms {
		descs[h.name] = h.desc.String()
	}
	for name, labels := range contract {
		if want := "variableLabels: {" + strings.Join(labels, ",") + "}"; !strings.Contains(descs[name], want) {
			t.Errorf("%s is %q, want %s", name, descs[name], want)
		}
	}
}

// silent are the kinds of events that change no metric, with the reason.
var silent = map[string]string{
	"request":       "the same exchange is in a tally",
	"main.process":  "a fact, not a figure",
	"engine":        "told at the end",
	"replayed":      "told before traffic, of the recording",
	"error.group":   "told at the end; outcomes are counted",
	"exported":      "told at the end",
	"query.result":  "told at the end",
	"slow":          "told at the end",
	"baseline.read": "of other runs",
	"steered":       "words; what it does is told by what follows",
	"load.steered":  "what is intended is counted",
	"run.ended":     "nobody reads metrics after that",
}

func TestEveryKindOfEventChangesAMetricOrIsSilentForAReason(t *testing.T) {
	told := map[string]bool{}
	for _, r := range rows {
		for _, e := range r.events {
			told[e.Body.Kind()] = true
		}
	}
	kinds := kindsOfJournal(t)
	if len(kinds) < 40 {
		t.Fatalf("found only %d kinds of events in the sources of the journal", len(kinds))
	}
	for _, kind := range kinds {
		if told[kind] == (silent[kind] != "") {
			t.Errorf("%s: told in the table: %v, silent: %q; want one of the two", kind, told[kind], silent[kind])
		}
	}
}

// kindsOfJournal reads the words from the sources: the journal has no list of them.
func kindsOfJournal(t *testing.T) (kinds []string) {
	files, err := filepath.Glob("../../journal/event*.go")
	if err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile(`Kind\(\) string \{ return "([^"]+)" \}`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range word.FindAllSubmatch(source, -1) {
			kinds = append(kinds, string(found[1]))
		}
	}
	return kinds
}

func TestSilentEventsChangeNothing(t *testing.T) {
	m := New(atelier())
	before := gathered(t, m)
	for _, b := range []journal.Body{
		journal.Request{Service: "api", Instance: "api-1", Failure: journal.Reset}, journal.MainProcess{}, journal.Engine{}, journal.Replayed{},
		journal.ErrorGroup{}, journal.Exported{}, journal.QueryResult{}, journal.Slow{}, journal.RunEnded{}, journal.Unknown{Type: "new"},
	} {
		m.Observe(journal.Event{T: time.Second, Body: b})
	}
	after := gathered(t, m)
	if len(after) != len(before) {
		t.Errorf("%d series before, %d after", len(before), len(after))
	}
	for series, v := range before {
		if after[series] != v {
			t.Errorf("%s was %v, is %v", series, v, after[series])
		}
	}
}
