package verify

import (
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestDoubts(t *testing.T) {
	for name, want := range map[string]string{ // with the limits of the plan, without any
		"healthy":                  "|",
		"generator-late":           "late itself|late itself",
		"generator-short":          "load was not the one|load was not the one",
		"generator-thread-late":    "own thread|own thread",
		"generator-little":         "contradicts|contradicts",
		"generator-ports":          "for want of ports|for want of ports",
		"generator-busy-elsewhere": "at its limit|late itself", // 40 ms are tolerable for a limit of 1.5 s only
		"generator-thread-in-time": "|",
		"scaling-generator-late":   "late itself|late itself", // a recovery has a limit too
		// So have percentiles of thresholds, here of a second, and SLOs with a time, of 300 ms.
		"threshold-generator-late":    "where 50ms is tolerable|where 5ms is tolerable",
		"error-budget-generator-late": "where 15ms is tolerable|where 5ms is tolerable",
	} {
		file := "testdata/" + name + ".txtar"
		if name == "generator-late" || name == "generator-short" {
			file = "testdata/slo-" + name + ".txtar"
		}
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rec, plan := readCase(t, archive)
		limited, free, _ := strings.Cut(want, "|")
		unlimited := *plan
		unlimited.Checks = nil
		for _, test := range []struct {
			plan *scenarios.Plan
			want string
		}{{plan, limited}, {&unlimited, free}} {
			have := strings.Join(Doubts(rec, test.plan), "; ")
			if (have == "") != (test.want == "") || !strings.Contains(have, test.want) {
				t.Errorf("%s with %d checks: %q, want %q", name, len(test.plan.Checks), have, test.want)
			}
		}
	}
	if have := append(Doubts(nil, nil), Doubts(&journal.Record{}, everyCheck())...); len(have) > 0 {
		t.Errorf("nothing at all: %q", have)
	}
}

// The strictest latency that anything in a plan is held to is what tells how late is
// too late.
func TestTolerableLag(t *testing.T) {
	slow, quick := scenarios.Duration(2*time.Second), scenarios.Duration(400*time.Millisecond)
	warning, critical, off := scenarios.Level(0.6), scenarios.Level(1), scenarios.Level(0.1)
	slo := scenarios.Check{SLO: &scenarios.SLOCheck{Journey: "shop", P95: &slow}}
	thresholds := func(failOn string, metrics map[string]scenarios.Threshold) scenarios.Check {
		return scenarios.Check{Threshold: &scenarios.ThresholdCheck{FailOn: failOn, Metrics: metrics}}
	}
	p99 := map[string]scenarios.Threshold{"p99": {Warning: &warning, Critical: &critical}}
	for _, test := range []struct {
		name   string
		checks []scenarios.Check
		want   time.Duration
	}{
		{"nothing is limited", nil, 5 * time.Millisecond},
		{"an objective", []scenarios.Check{slo}, 100 * time.Millisecond},
		{"a threshold is stricter", []scenarios.Check{slo, thresholds("critical", p99)}, 50 * time.Millisecond},
		{"its warning fails", []scenarios.Check{slo, thresholds("warning", p99)}, 30 * time.Millisecond},
		{"thresholds that time no request", []scenarios.Check{slo, thresholds("", map[string]scenarios.Threshold{
			"p50": {Critical: &off, Off: true}, "p95": {Critical: &off, Query: "up"}, "cpu": {Critical: &off}, "p99": {}})}, 100 * time.Millisecond},
		{"an SLO with a time", []scenarios.Check{slo, {ErrorBudget: &scenarios.ErrorBudgetCheck{SLO: "fast"}}}, 20 * time.Millisecond},
		{"SLOs without one", []scenarios.Check{slo, {ErrorBudget: &scenarios.ErrorBudgetCheck{SLO: "counted"}},
			{ErrorBudget: &scenarios.ErrorBudgetCheck{SLO: "none"}}}, 100 * time.Millisecond},
	} {
		plan := &scenarios.Plan{Checks: test.checks, Journeys: map[string][]scenarios.PlannedStep{"shop": nil},
			SLOs: []scenarios.PlannedSLO{{Name: "fast", Journey: "shop", Latency: quick}, {Name: "counted", Total: "requests_total", Latency: quick}}}
		if have := TolerableLag(plan); have != test.want {
			t.Errorf("%s: %v, want %v", test.name, have, test.want)
		}
	}
	if have := TolerableLag(nil); have != 5*time.Millisecond {
		t.Errorf("of no plan: %v", have)
	}
}
