package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios/slofile"
)

// measured compiles the smallest scenario with something more in it, and other checks.
func measured(t *testing.T, more, checks string) *Plan {
	t.Helper()
	return compile(t, `name: measured
stack: {compose: [compose.yaml], services: {api: {port: 8080}, web: {port: 8080}, worker: {replicas: 1}}}
traffic:
  phases: [{name: baseline, for: 20s}, {name: surge, for: 20s}]
  cohorts: [{name: users, journey: ping, arrivals: {constant: 2/s}}]
  journeys: {ping: [{name: ping, request: GET api/}, {name: buy, request: GET web/}]}
`+more+"checks:\n"+checks, shop())
}

const pingSLO = "  - slo: {journey: ping, p99: 1s}\n"

func TestMetricsAreMeasuredWhereSomethingNeedsThem(t *testing.T) {
	const rules = "metrics: {rules: [testdata/files/alerts.yaml]}\n"
	const budget = "slos: [{name: pings, journey: ping, objective: 99%}, {sloth: testdata/files/sloth.yaml}]\n"
	for name, c := range map[string]struct {
		more, checks string
		want         bool
	}{
		"nothing does":                 {"", pingSLO, false},
		"the scenario":                 {"metrics: {}\n", pingSLO, true},
		"an alert":                     {rules, "  - alert: {alert: QueueTooOld, phase: surge}\n", true},
		"an expression":                {"", "  - promql: {name: a, query: up, min: 1}\n", true},
		"a dashboard":                  {"", "  - dashboard: {}\n", true},
		"thresholds that the run has":  {"", "  - threshold: {preset: saas-default}\n", false},
		"a threshold of an expression": {"", "  - threshold: {metrics: {jobs: {query: jobs, critical: 5}}}\n", true},
		"a budget of requests":         {budget, "  - error_budget: {slo: pings}\n", false},
		"a budget of a file":           {budget, "  - error_budget: {slo: requests-latency}\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			if plan := measured(t, c.more, c.checks); (plan.Metrics != nil) != c.want {
				t.Errorf("metrics: %+v", plan.Metrics)
			}
		})
	}
}

func TestPlannedMetricsHaveTheirDefaults(t *testing.T) {
	m := measured(t, "metrics: {}\n", pingSLO).Metrics
	if m.Every != Duration(time.Second) || m.MaxSeries != 10000 || m.RuleScale != 1 || len(m.Queries) != 0 {
		t.Errorf("%+v", m)
	}
	assumed := PlannedPage{Port: 8080, Path: "/metrics", Assumed: true}
	if len(m.Pages) != 2 || m.Pages["api"] != assumed || m.Pages["web"] != assumed {
		t.Errorf("pages %+v", m.Pages)
	}
}

func TestPagesAreThoseThatTheScenarioNames(t *testing.T) {
	m := measured(t, "metrics: {scrape: {api: {path: /stats}, web: {off: true}, db: {}}}\n", pingSLO).Metrics
	if len(m.Pages) != 2 || m.Pages["api"] != (PlannedPage{Port: 8080, Path: "/stats"}) || m.Pages["db"] != (PlannedPage{Port: 5432, Path: "/metrics"}) {
		t.Errorf("pages %+v", m.Pages)
	}
	plan := measured(t, "metrics: {prometheus: {from: web}}\n", pingSLO)
	if plan.Metrics.From != "web" || len(plan.Metrics.Pages) != 0 || !plan.Services["web"].Read {
		t.Errorf("%+v, %+v", plan.Metrics, plan.Services["web"])
	}
}

func TestRulesAreScaledOnlyWhenTheScenarioSaysSo(t *testing.T) {
	const rules = "metrics: {rules: [testdata/files/alerts.yaml], rule_tempo: %s}\ntempo: 4x\n"
	for tempo, want := range map[string]float64{"scaled": 4, "written": 1} {
		m := measured(t, fmt.Sprintf(rules, tempo), pingSLO).Metrics
		if m.RuleScale != want || len(m.Rules) != 1 || !strings.HasPrefix(m.Rules[0], "/") {
			t.Errorf("%s: %+v", tempo, m)
		}
	}
}

func TestAlertsAreSilentInTheBaselineByDefault(t *testing.T) {
	const rules = "metrics: {rules: [testdata/files/alerts.yaml]}\n"
	const early = rules + "faults: [{name: broken, at: baseline + 12s, for: 10s, target: api, outage: {}}]\n"
	const late = rules + "faults: [{name: broken, at: surge + 1s, for: 10s, target: api, outage: {}}]\n"
	for name, c := range map[string]struct {
		more, check string
		want        []string
	}{
		"a surge":                     {rules, "phase: surge", []string{"baseline"}},
		"the baseline is the cause":   {rules, "phase: baseline", nil},
		"a fault afterwards":          {late, "fault: broken", []string{"baseline"}},
		"a fault in it":               {early, "fault: broken", nil},
		"the scenario says otherwise": {late, "fault: broken, silent: [surge]", []string{"surge"}},
	} {
		t.Run(name, func(t *testing.T) {
			plan := measured(t, c.more, "  - alert: {alert: QueueTooOld, "+c.check+"}\n")
			if got := plan.Checks[0].Alert.Silent; !slices.Equal(got, c.want) {
				t.Errorf("silent in %v, want %v", got, c.want)
			}
		})
	}
}

func TestPromQLQueries(t *testing.T) {
	phases := []PlannedPhase{{"baseline", 0, Duration(20 * time.Second)}, {"surge", Duration(20 * time.Second), Duration(40 * time.Second)}}
	s := func(n int) Duration { return Duration(n) * Duration(time.Second) }
	for name, c := range map[string]struct {
		check PromQLCheck
		want  []PlannedQuery
	}{
		"the run":           {PromQLCheck{Name: "a", Query: "x"}, []PlannedQuery{{"promql/a", "x", 0, s(40), s(1)}}},
		"phases":            {PromQLCheck{Name: "a", Query: "x", Phases: []string{"surge", "baseline"}, Skip: s(5), Step: s(2)}, []PlannedQuery{{"promql/a/surge", "x", s(25), s(40), s(2)}, {"promql/a/baseline", "x", s(5), s(20), s(2)}}},
		"an unknown one":    {PromQLCheck{Name: "a", Query: "x", Phases: []string{"later"}}, nil},
		"more than all":     {PromQLCheck{Name: "a", Query: "x", Skip: s(50)}, []PlannedQuery{{"promql/a", "x", s(40), s(40), s(1)}}},
		"the end of skip":   {PromQLCheck{Name: "a", Query: "x", Skip: s(3)}, []PlannedQuery{{"promql/a", "x", s(3), s(40), s(1)}}},
		"a step of its own": {PromQLCheck{Name: "a", Query: "x", Step: s(5)}, []PlannedQuery{{"promql/a", "x", 0, s(40), s(5)}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.check.Queries(phases, s(40)); !slices.Equal(got, c.want) {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

// Whatever is asked, it is asked inside of traffic, and a query never ends before it
// begins.
func TestQueriesStayInsideOfTheRun(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		duration := func(what string) Duration {
			return Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(rt, what))
		}
		phases := layPhases([]Phase{{Name: "a", For: duration("a") + 1}, {Name: "b", For: duration("b") + 1}}, 1)
		end := phases[1].End
		check := PromQLCheck{Name: "n", Query: "x", Skip: duration("skip"), Phases: rapid.SampledFrom([][]string{nil, {"a"}, {"b", "a"}}).Draw(rt, "phases")}
		slo := PlannedSLO{Name: "s", Bad: "b", Total: "t"}
		for _, q := range append(check.Queries(phases, end), slo.Queries(end)...) {
			if q.Start < 0 || q.Start > q.End || q.End > end || q.Step <= 0 || q.ID == "" || q.Expr == "" {
				rt.Fatalf("%+v of %+v", q, phases)
			}
		}
	})
}

func TestQueriesAreAskedOnce(t *testing.T) {
	plan := measured(t, "slos: [{sloth: testdata/files/sloth.yaml}]\n", `  - threshold: {metrics: {jobs: {query: jobs, critical: 5}}}
  - threshold: {metrics: {jobs: {query: jobs, critical: 9}}, phases: [surge]}
  - error_budget: {slo: requests-latency}
  - error_budget: {slo: requests-latency, phases: [surge]}
`)
	ids := names(plan.Metrics.Queries, func(q PlannedQuery) string { return q.ID })
	if want := []string{ThresholdQueryID("jobs"), "slo/requests-latency/bad"}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
}

func TestSLOsOfFilesAreCounted(t *testing.T) {
	second := Duration(time.Second)
	for name, c := range map[string]struct {
		slo  slofile.SLO
		want PlannedSLO
	}{
		"counters": {slofile.SLO{Good: "good", Total: "all"}, PlannedSLO{Good: "good", Total: "all"}},
		"slices of counters": {slofile.SLO{Bad: "bad", Total: "all", Slice: time.Minute, SliceTarget: 95},
			PlannedSLO{Bad: "bad", Total: "all", Slice: Duration(time.Minute), SliceTarget: 95}},
		"slices by their share": {slofile.SLO{Bad: "bad", Total: "all", Slice: time.Minute},
			PlannedSLO{Bad: "((increase((bad)[60s:1s])) or (increase((all)[60s:1s])) * 0) / (increase((all)[60s:1s]))", Ratio: true}},
		"gauges of good ones": {slofile.SLO{Good: "good", Total: "all", Means: slofile.Gauges}, PlannedSLO{Bad: "1 - ((good) or (all) * 0) / (all)", Ratio: true}},
		"gauges of bad ones":  {slofile.SLO{Bad: "bad", Total: "all", Means: slofile.Gauges}, PlannedSLO{Bad: "((bad) or (all) * 0) / (all)", Ratio: true}},
		"a share":             {slofile.SLO{Bad: "bad", Means: slofile.Share}, PlannedSLO{Bad: "bad", Ratio: true}},
		"a share that is good": {slofile.SLO{Good: "ok[{{.window}}]", Means: slofile.Share},
			PlannedSLO{Bad: "1 - (ok[8s])", Ratio: true}},
		"rates": {slofile.SLO{Bad: `sum(rate(x{code=~"(5..|[4]29)}"}[{{.window}}]))`, Total: "sum(rate(x[{{ .window }}]))", Means: slofile.Windows},
			PlannedSLO{Bad: `sum(max_over_time(x{code=~"(5..|[4]29)}"}[661s]))`, Total: "sum(max_over_time(x[661s]))"}},
		"a difference of increases": {slofile.SLO{Bad: "increase(a[{{.window}}]) - increase(b{le='0.4'}[{{.window}}])", Total: "increase( a [{{.window}}] )", Means: slofile.Windows},
			PlannedSLO{Bad: "max_over_time(a[661s]) - max_over_time(b{le='0.4'}[661s])", Total: "max_over_time( a [661s] )"}},
		"events that are samples": {slofile.SLO{Bad: "sum_over_time(down[{{.window}}])", Total: "sum_over_time(probes[{{.window}}])", Means: slofile.Windows},
			PlannedSLO{Bad: "sum_over_time(down[661s])", Total: "sum_over_time(probes[661s])"}},
		"a function of the last two": {slofile.SLO{Bad: "irate(b[{{.window}}])", Total: "irate(a[{{.window}}])", Means: slofile.Windows},
			PlannedSLO{Bad: "((irate(b[8s])) or (irate(a[8s])) * 0) / (irate(a[8s]))", Ratio: true}},
		"two functions": {slofile.SLO{Bad: "rate(b[{{.window}}])", Total: "increase(a[{{.window}}])", Means: slofile.Windows},
			PlannedSLO{Bad: "((rate(b[8s])) or (increase(a[8s])) * 0) / (increase(a[8s]))", Ratio: true}},
		"a subquery": {slofile.SLO{Bad: "rate(b[{{.window}}])", Total: "rate(a[{{.window}}:1s])", Means: slofile.Windows},
			PlannedSLO{Bad: "((rate(b[8s])) or (rate(a[8s:1s])) * 0) / (rate(a[8s:1s]))", Ratio: true}},
		"slices of windows by their share": {slofile.SLO{Bad: "rate(b[{{.window}}])", Total: "rate(a[{{.window}}])", Means: slofile.Windows, Slice: time.Minute},
			PlannedSLO{Bad: "((rate(b[60s])) or (rate(a[60s])) * 0) / (rate(a[60s]))", Ratio: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sloOfFile(c.slo, 2*second, 60*second+1); got != c.want {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestThresholdsAreThoseOfThePreset(t *testing.T) {
	plan := measured(t, "", `  - threshold:
      preset: saas-default
      metrics:
        p99: {critical: 9s}
        p50: {off: true}
        signup_success: {journey: ping, step: buy}
        disk: {query: disk, warning: 60%}
`)
	c := plan.Checks[0].Threshold
	got := map[string]string{}
	for name, m := range c.Metrics {
		got[name] = fmt.Sprintf("%s %s %v", m.Warning, m.Critical, *m.Below)
	}
	want := map[string]string{
		"availability": "0.999 0.995 true", "error_rate": "0.005 0.02 false", "p99": "1 9 false",
		"cpu": "0.7 0.9 false", "memory": "0.8 0.9 false", // of the worker's limits
		"signup_success": "0.95 0.85 true", "disk": "0.6 0.9 false",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if left := []string{"database_connections", "payment_success", "queue_depth", "queue_latency"}; !slices.Equal(c.LeftOut, left) {
		t.Errorf("left out %v, want %v", c.LeftOut, left)
	}
	if *c.For != defaultThresholdFor || c.FailOn != "critical" {
		t.Errorf("%+v", c)
	}
}

func TestPresetsAreCopies(t *testing.T) {
	if PresetThresholds("another") != nil {
		t.Error("a preset of another name")
	}
	delete(PresetThresholds(SaaSDefault), "cpu")
	if _, still := PresetThresholds(SaaSDefault)["cpu"]; !still {
		t.Error("a caller changed the preset")
	}
}

// The table of the reference is the preset.
func TestReferenceHasThePreset(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| ([a-z0-9_]+) \\| (below )?`([^`]+)` \\| (?:below )?`([^`]+)` \\|").FindAllStringSubmatch(string(read(t, "REFERENCE.md")), -1)
	if len(rows) != len(saasDefault) {
		t.Errorf("%d rows for %d metrics", len(rows), len(saasDefault))
	}
	for _, row := range rows {
		warning, err := ParseLevel(row[3])
		critical, err2 := ParseLevel(row[4])
		want, known := saasDefault[row[1]]
		if err != nil || err2 != nil || !known {
			t.Errorf("%v: %v, %v", row[0], err, err2)
			continue
		}
		if warning != *want.Warning || critical != *want.Critical || (row[2] != "") != *want.Below {
			t.Errorf("%s: the preset has %s, %s, below %v", row[0], want.Warning, want.Critical, *want.Below)
		}
	}
}

func TestAutoscalersArePausedInTheirPhases(t *testing.T) {
	plan := compile(t, strings.Replace(string(read(t, "testdata/valid/metrics.yaml")), "  every: 500ms\n", "", 1), shop())
	for at, want := range map[time.Duration]bool{29 * time.Second: false, 30 * time.Second: true, 59 * time.Second: true, 60 * time.Second: false} {
		if got := plan.Paused("api", Duration(at)); got != want {
			t.Errorf("at %s: %v", at, got)
		}
	}
	if plan.Paused("web", Duration(30*time.Second)) || plan.Paused("nobody", 0) {
		t.Error("a service without an autoscaler is paused")
	}
}

func TestAlertNames(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
		ok   bool
	}{
		"alerts and records": {"groups: [{name: a, rules: [{alert: One, expr: x}, {record: r, expr: y}]}, {name: b, rules: [{alert: Two}]}]", []string{"One", "Two"}, true},
		"no group":           {"other: 1", nil, true},
		"no lists":           {"groups: {name: a}", nil, true},
		"no YAML":            {"groups: [", nil, false},
		"a key twice":        {"groups: []\ngroups: []", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := alertsOf("rules.yaml", []byte(c.text)); !slices.Equal(got, c.want) || ok != c.ok {
				t.Errorf("%v %v", got, ok)
			}
		})
	}
}
