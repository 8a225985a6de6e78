package reports

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// importRun is a run of a scenario in which four sessions bring models, under a
// policy; failing are the sessions whose import does not come to its end.
func importRun(policy string, resized time.Duration, failing ...int) Run {
	s := &synthetic{}
	s.at(0, journal.RunStarted{})
	s.at(second, journal.InstanceStarted{Service: "importer", Instance: "importer-1", Cause: "stack up"})
	s.at(2*second, journal.EndpointAdded{Service: "importer", Instance: "importer-1"})
	s.at(origin, journal.TrafficStarted{})
	s.at(origin+resized, journal.Resized{Decision: 1, Service: "importer", Instance: "importer-1", Class: "large", CPUs: 1, Memory: 512 << 20})
	for i := range 4 {
		m := journal.Milestone{Journey: "import", Step: "upload", Cohort: "enterprises", Tier: "enterprise", Tenant: string(rune('a' + i)), Session: i, Outcome: "started"}
		at := origin + time.Duration(i+1)*second
		s.at(at, m)
		m.Step, m.Outcome = "wait", "ok"
		for _, n := range failing {
			if n == i {
				m.Outcome = "fail"
			}
		}
		s.at(at+time.Duration(i+1)*100*ms, m)
	}
	s.at(origin+9*second, journal.Traffic{Journey: "import", For: 9 * second, Intended: 4, Sent: 4, OK: 4 - len(failing), Failed: len(failing)})
	h := journal.NewHistogram()
	for i := range int64(4 - len(failing)) {
		_ = h.RecordValue(1e6 * (i + 1))
	}
	s.latency = append(s.latency, journal.Interval{Tag: journal.Tag{Journey: "import", Measure: journal.Response}, From: origin, To: origin + 9*second, Histogram: h})
	for range failing {
		s.at(origin+7*second, journal.InstanceExited{Service: "importer", Instance: "importer-1", Code: 137, OOM: true})
	}
	s.at(origin+10*second, journal.TrafficEnded{})
	s.at(origin+11*second, journal.RunEnded{Reason: "completed"})
	verdict := verify.Pass
	if len(failing) > 0 {
		verdict = verify.Fail
	}
	run := Run{Dir: "runs/1-" + policy, Intent: intent(), Record: s.record(), Result: verify.Result{Scenario: "burst", Verdict: verdict, Checks: []verify.Finding{
		{ID: "prescale/importer/P3-completed", Verdict: verdict}, {ID: "slo/import/p50", Verdict: verify.Pass},
	}}}
	run.Intent.Plan = planOfScaling()
	run.Intent.Plan.Scenario, run.Intent.Plan.Variant = "burst", policy
	p := run.Intent.Plan.Services["importer"]
	changed := *p.Prescale
	changed.Policy = policy
	p.Prescale = &changed
	run.Intent.Plan.Services = map[string]scenarios.PlannedService{"importer": p}
	return run
}

func reactiveAndProactive() []Run {
	return []Run{importRun("reactive", 4500*ms, 2, 3), importRun("proactive", 200*ms)}
}

var comparisons = map[string]func(Comparison, io.Writer) error{
	"text-100.txt": func(c Comparison, w io.Writer) error { return c.Text(w, TextOptions{}) },
	"text-60.txt":  func(c Comparison, w io.Writer) error { return c.Text(w, TextOptions{Width: 60}) },
	"compare.json": Comparison.JSON,
	"compare.md":   Comparison.Markdown,
	"compare.html": Comparison.HTML,
}

func compared(t *testing.T, c Comparison, write func(Comparison, io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	must(t, write(c, &b))
	return b.String()
}

func TestGoldenComparisons(t *testing.T) {
	other := importRun("reactive", second)
	other.Intent.Plan.Seed, other.Intent.Platform, other.Dir = 8, "process", "runs/2-reactive"
	for dir, runs := range map[string][]Run{"compare": reactiveAndProactive(), "compare-differing": append(reactiveAndProactive(), other)} {
		for name, write := range comparisons {
			got := strings.Replace(compared(t, Compare(runs), write), pageStyle, "/* report.css */", 1)
			path := filepath.Join("testdata", dir, name)
			if *update {
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				must(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			must(t, err)
			if got != string(want) {
				t.Errorf("%s changed at %s; if that is meant: go test ./reports -run Golden -update", path, firstDifference(string(want), got))
			}
		}
	}
}

// What a reader wants to see side by side.
func TestComparisonOfPolicies(t *testing.T) {
	c := Compare(reactiveAndProactive())
	if !c.SameTraffic || len(c.Differences) != 0 {
		t.Errorf("the variants meet the same traffic: %v", c.Differences)
	}
	reactive, proactive := c.Runs[0].Work[0], c.Runs[1].Work[0]
	if reactive.Completed != 2 || reactive.Intended != 4 || proactive.Completed != 4 || proactive.Begun != 4 {
		t.Errorf("completed %+v, %+v", reactive, proactive)
	}
	// 100, 200, 300 and 400 ms: what did not come to its end is slower than all.
	if proactive.P50 == nil || *proactive.P50 != 200*ms || reactive.P50 == nil || *reactive.P50 != 200*ms {
		t.Errorf("p50 %v, %v", reactive.P50, proactive.P50)
	}
	if reactive.Late != 4 || reactive.Leads != 4 || *reactive.LeadMin != -3500*ms || *reactive.LeadP50 != -2500*ms || proactive.Late != 0 || *proactive.LeadMin != 800*ms || *proactive.LeadP50 != 1800*ms {
		t.Errorf("leads %+v, %+v", reactive, proactive)
	}
	if c.Runs[0].OOMKills != 2 || c.Runs[0].Exits != 2 || c.Runs[1].OOMKills != 0 || c.Runs[1].Resizes != 1 {
		t.Errorf("%+v", c.Runs)
	}
	sessions := c.Runs[0].Journeys[0]
	if sessions.OK != 2 || sessions.Intended != 4 || sessions.P50 == nil || sessions.P50.Round(100*ms) != 2*second || sessions.P95 != nil {
		t.Errorf("sessions %+v", sessions)
	}
}

// Half of the sessions never end well: the median of all is beyond those that did.
func TestWhatNeverEndedIsSlowerThanAll(t *testing.T) {
	c := Compare([]Run{importRun("reactive", second, 1, 2, 3), importRun("proactive", second)})
	if w := c.Runs[0].Work[0]; w.P50 != nil || w.Completed != 1 {
		t.Errorf("work %+v", w)
	}
	if j := c.Runs[0].Journeys[0]; j.P50 != nil {
		t.Errorf("sessions %+v", j)
	}
	text := compared(t, c, comparisons["text-100.txt"])
	if !strings.Contains(strings.Join(strings.Fields(text), " "), "import: session p50 never 2") {
		t.Errorf("nothing says never in\n%s", text)
	}
}

func TestRunsOnOtherTrafficAreNotPassedOffAsComparable(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scenarios.Plan)
		want   string
	}{
		"seed":        {func(p *scenarios.Plan) { p.Seed = 8 }, "the seeds differ: 7, 8"},
		"scenario":    {func(p *scenarios.Plan) { p.Scenario = "calm" }, "the scenarios differ: burst, calm"},
		"load":        {func(p *scenarios.Plan) { p.Multiple = 3 }, "the load differs: 1x, 3x of the scenario's"},
		"phases":      {func(p *scenarios.Plan) { p.Phases = p.Phases[:1] }, "the phases differ"},
		"arrivals":    {func(p *scenarios.Plan) { p.Load[0].Tenants++ }, "the arrivals differ"},
		"journeys":    {func(p *scenarios.Plan) { p.Journeys = nil }, "the journeys differ"},
		"connections": {func(p *scenarios.Plan) { p.Connections.Max = 9 }, "the connections differ"},
	} {
		runs := reactiveAndProactive()
		for _, plan := range []*scenarios.Plan{runs[0].Intent.Plan, runs[1].Intent.Plan} {
			plan.Scenario = "burst"
		}
		runs[1].Result.Scenario = ""
		c.change(runs[1].Intent.Plan)
		comparison := Compare(runs)
		if comparison.SameTraffic || !reflect.DeepEqual(comparison.Differences, []string{c.want}) {
			t.Errorf("%s: %v", name, comparison.Differences)
		}
		for format, write := range comparisons {
			text := compared(t, comparison, write)
			want := map[bool]string{true: `"same_traffic": false`, false: "NOT THE SAME TRAFFIC"}[format == "compare.json"]
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s does not say so", name, format)
			}
		}
	}
	for format, write := range comparisons {
		if strings.Contains(compared(t, Compare(reactiveAndProactive()), write), "NOT THE SAME") {
			t.Errorf("%s warns of runs on the same traffic", format)
		}
	}
}

// The place of a recording says nothing, its digest does.
func TestARecordingElsewhereIsTheSameTraffic(t *testing.T) {
	runs := reactiveAndProactive()
	for i, file := range []string{"/home/a/access.log", "/home/b/access.log"} {
		runs[i].Intent.Plan.Load[0].Replay = &scenarios.PlannedReplay{File: file, Digest: "d1"}
	}
	if c := Compare(runs); !c.SameTraffic {
		t.Errorf("%v", c.Differences)
	}
	runs[1].Intent.Plan.Load[0].Replay.Digest = "d2"
	if c := Compare(runs); c.SameTraffic {
		t.Error("another recording is other traffic")
	}
}

func TestNoComparisonPanicsOrIsWide(t *testing.T) {
	for name, runs := range map[string][]Run{
		"nothing":  nil,
		"zero":     {{}, {}},
		"one":      {importRun("off", second)},
		"hostile":  {hostile(importRun("reactive", second)), hostileScalingRun()},
		"unlike":   {importRun("reactive", second), releaseRun(), {}},
		"eight":    {importRun("a", 1), importRun("b", 1), importRun("c", 1), importRun("d", 1), importRun("e", 1), importRun("f", 1), importRun("g", 1), importRun("h", 1)},
		"no names": {importRun("", 1), importRun("", 1)},
	} {
		c := Compare(runs)
		for _, columns := range []int{40, 60, 100, 200} {
			text := compared(t, c, func(c Comparison, w io.Writer) error { return c.Text(w, TextOptions{Width: columns, Color: true}) })
			for _, line := range strings.Split(text, "\n") {
				if width(plain(line)) > columns || plain(line) != clean(plain(line)) {
					t.Errorf("%s at %d: %q", name, columns, line)
				}
			}
		}
		balanced(t, compared(t, c, Comparison.HTML))
		if text := compared(t, c, Comparison.Markdown); strings.Contains(text, "<script") {
			t.Errorf("%s: a script is in the Markdown", name)
		}
		var read Comparison
		must(t, json.Unmarshal([]byte(compared(t, c, Comparison.JSON)), &read))
		if read.Runs == nil || read.Differences == nil || read.Remarks == nil {
			t.Errorf("%s: a list is a list, empty or not", name)
		}
	}
}

func TestRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 5000).Draw(t, "values")
		p := rapid.Float64Range(1, 99).Draw(t, "percentile")
		rank := rankOf(p, n)
		if rank == 0 {
			return
		}
		if rank >= n || float64(rank) < p/100*float64(n)-1e-6 || float64(rank-1) >= p/100*float64(n) {
			t.Errorf("p%v of %d values is the %d.", p, n, rank)
		}
	})
}
