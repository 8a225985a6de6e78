package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/baseline"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// timedRun is a run of 3,000 requests, of which a few fail, with times around a scale.
func timedRun(dir string, seed uint64, scale float64, failed int) Run {
	s := &synthetic{}
	s.at(0, journal.RunStarted{})
	s.at(origin, journal.TrafficStarted{})
	h := journal.NewHistogram()
	draw := rand.New(rand.NewPCG(seed, 1))
	wobble := 1 + 0.02*draw.NormFloat64()
	for range 3000 - failed {
		_ = h.RecordValue(int64(scale * wobble * 20_000 * (1 + draw.ExpFloat64())))
	}
	t := journal.Traffic{Phase: "steady", Journey: "shop", Step: "buy", For: 9 * second, Intended: 3000, Sent: 3000, OK: 3000 - failed, Failed: failed}
	s.at(origin+9*second, t)
	s.latency = append(s.latency, journal.Interval{Tag: journal.Tag{Phase: "steady", Journey: "shop", Step: "buy", Measure: journal.Response}, From: origin, To: origin + 9*second, Histogram: h})
	s.at(origin+10*second, journal.TrafficEnded{})
	s.at(origin+11*second, journal.RunEnded{Reason: "completed"})
	run := Run{Dir: dir, Intent: intent(), Record: s.record(), Result: verify.Result{Scenario: "burst", Verdict: verify.Pass, Checks: []verify.Finding{}}}
	run.Intent.Plan = planOfScaling()
	run.Intent.Plan.Scenario, run.Intent.Plan.Services = "burst", nil
	return run
}

func manyRuns(name string, n int, scale float64, failed int) (runs []Run) {
	for i := range n {
		seed := uint64(i) + uint64(len(name))*100
		runs = append(runs, timedRun(fmt.Sprintf("runs/%s/%d", name, i+1), seed, scale, failed))
	}
	return runs
}

func metric(t *testing.T, c Comparison, name string) ComparedMetric {
	t.Helper()
	for _, m := range c.Sides.Metrics {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("there is no metric %s in %+v", name, c.Sides.Metrics)
	return ComparedMetric{}
}

func TestVerdictsOnMetrics(t *testing.T) {
	base := manyRuns("old", 5, 1, 3)
	for name, c := range map[string]struct {
		changed      []Run
		minEffect    float64
		p95, success string
	}{
		"the same":                {manyRuns("other", 5, 1, 3), 0.05, NoDifference, NoDifference},
		"slower":                  {manyRuns("other", 5, 1.4, 3), 0.05, Worse, NoDifference},
		"faster":                  {manyRuns("other", 5, 0.7, 3), 0.05, Better, NoDifference},
		"slower than anyone asks": {manyRuns("other", 5, 1.4, 3), 0.9, NoDifference, NoDifference},
		"failing":                 {manyRuns("other", 5, 1, 9), 0.05, NoDifference, Worse},
		"too few":                 {manyRuns("other", 2, 1.4, 9), 0.05, TooFewRuns, TooFewRuns},
	} {
		got := CompareSides(base, c.changed, SideOptions{MinEffect: c.minEffect})
		if p95, success := metric(t, got, "shop/p95"), metric(t, got, "shop/availability"); p95.Verdict != c.p95 || success.Verdict != c.success {
			t.Errorf("%s: p95 %s (%s), availability %s (%s)", name, p95.Verdict, p95.Reason, success.Verdict, success.Reason)
		}
	}
	few := CompareSides(base[:1], manyRuns("other", 1, 2, 3), SideOptions{})
	if m := metric(t, few, "shop/p50"); m.Verdict != TooFewRuns || m.Needed != 4 || m.Low != nil || m.P != 1 {
		t.Errorf("%+v", m)
	}
}

func TestLimitsOnRegressions(t *testing.T) {
	base, slower := manyRuns("old", 5, 1, 3), manyRuns("other", 5, 1.4, 3)
	for text, c := range map[string]struct {
		changed []Run
		want    verify.Verdict
	}{
		"p95=10%": {slower, verify.Fail}, "shop/p95=10%": {slower, verify.Fail}, "p95=60%": {slower, verify.Pass},
		"availability=1%": {slower, verify.Pass}, "p99=10%": {slower[:1], verify.Inconclusive}, "p77=1%": {slower, verify.Inconclusive},
		"p50=10%": {manyRuns("other", 5, 0.5, 3), verify.Pass},
	} {
		limit, err := ParseRegressionLimit(text)
		must(t, err)
		s := CompareSides(base, c.changed, SideOptions{MinEffect: 0.05, Limits: []RegressionLimit{limit}}).Sides
		if s.Verdict != c.want || len(s.Limits) == 0 || s.Limits[0].Reason == "" {
			t.Errorf("%s: %s, %+v", text, s.Verdict, s.Limits)
		}
	}
	for _, text := range []string{"", "p99", "=5%", "p99=5", "p99=-5%", "p99=900%"} {
		if l, err := ParseRegressionLimit(text); err == nil {
			t.Errorf("%q is %+v", text, l)
		}
	}
}

// An experiment of six pairs tells what is the same in every pair, however much the pairs
// differ among themselves; the same runs unpaired do not.
func TestPairsTellMore(t *testing.T) {
	var base, changed []Run
	for i := range 6 {
		level := 1 + 0.5*float64(i)
		base = append(base, timedRun(fmt.Sprint("a/", i), uint64(i), level, 3))
		changed = append(changed, timedRun(fmt.Sprint("b/", i), uint64(i), 1.1*level, 3))
	}
	paired := CompareSides(base, changed, SideOptions{MinEffect: 0.05, Paired: true, Base: "reactive", New: "proactive"})
	if m := metric(t, paired, "shop/p50"); m.Verdict != Worse || m.P > 0.04 {
		t.Errorf("%+v", m)
	}
	if m := metric(t, CompareSides(base, changed, SideOptions{MinEffect: 0.05}), "shop/p50"); m.Verdict != NoDifference {
		t.Errorf("%+v", m)
	}
	if text := compared(t, paired, comparisons["text-100.txt"]); !strings.Contains(text, "same seed, paired") {
		t.Error(text)
	}
	if m := metric(t, CompareSides(base[:5], changed[:5], SideOptions{Paired: true}), "shop/p50"); m.Verdict != TooFewRuns || m.Needed != 6 {
		t.Errorf("%+v", m)
	}
}

func TestRunsThatAreNotWholeAreLeftOut(t *testing.T) {
	base, cut := manyRuns("old", 5, 1, 3), timedRun("runs/cut", 9, 9, 900)
	cut.Record.Events = cut.Record.Events[:len(cut.Record.Events)-1]
	got := CompareSides(base, append(manyRuns("other", 4, 1, 3), cut), SideOptions{MinEffect: 0.05})
	if len(got.Sides.LeftOut) != 1 || !strings.Contains(got.Sides.LeftOut[0], "runs/cut: the record stops") || len(got.Sides.New.Runs) != 4 || len(metric(t, got, "shop/p95").New) != 4 {
		t.Errorf("%+v", got.Sides)
	}
}

// A run whose p99 is among the requests without an answer has none, and is worse than all
// that have one: the rest of its side must not pass for it.
func TestAFigureThatARunLacksProvesNothing(t *testing.T) {
	limit, err := ParseRegressionLimit("p99=10%")
	must(t, err)
	changed := append(manyRuns("other", 4, 1, 3), manyRuns("lost", 1, 1, 100)...)
	s := CompareSides(manyRuns("old", 5, 1, 3), changed, SideOptions{MinEffect: 0.05, Limits: []RegressionLimit{limit}}).Sides
	if s.Verdict != verify.Inconclusive || !strings.Contains(s.Limits[0].Reason, "1 run of new have none") {
		t.Errorf("%s: %+v", s.Verdict, s.Limits)
	}
	if text := strings.Join(s.Remarks, "; "); !strings.Contains(text, "shop/p99 is not of all runs: 0 of base and 1 of new have none") || strings.Contains(text, "shop/p50 is not") {
		t.Error(text)
	}
}

func TestWhatIsIncomparable(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*rundir.Intent)
		refuses string
		warns   string
	}{
		"nothing":  {func(*rundir.Intent) {}, "", ""},
		"scenario": {func(i *rundir.Intent) { i.Plan.Scenario = "calm" }, "the scenarios differ", ""},
		"digest":   {func(i *rundir.Intent) { i.Plan.Digest = "other" }, "digests differ", ""},
		"variant":  {func(i *rundir.Intent) { i.Plan.Digest, i.Plan.Variant = "other", "another" }, "", ""},
		"cpus":     {func(i *rundir.Intent) { i.Machine.CPUs = 64 }, "the machines differ", ""},
		"arch":     {func(i *rundir.Intent) { i.Machine.Arch = "arm64" }, "the machines differ", ""},
		"platform": {func(i *rundir.Intent) { i.Platform = "process" }, "the machines differ", ""},
		"unknown":  {func(i *rundir.Intent) { i.Machine = rundir.Intent{}.Machine }, "2 CPUs, instances on docker, unknown", ""},
		"engine":   {func(i *rundir.Intent) { i.Machine.Engine = "99" }, "the engines differ", ""},
		"seed":     {func(i *rundir.Intent) { i.Plan.Seed = 99 }, "", "the seeds differ"},
		"load":     {func(i *rundir.Intent) { i.Plan.Multiple = 9 }, "", "the load differs"},
		"tempo":    {func(i *rundir.Intent) { i.Plan.Tempo = 9 }, "", "the tempo differs"},
	} {
		runs := manyRuns("old", 2, 1, 3)
		runs[1].Result.Scenario = ""
		c.change(&runs[1].Intent)
		refusals, warnings := Incomparable(runs)
		for _, kind := range []struct {
			have []string
			want string
		}{{refusals, c.refuses}, {warnings, c.warns}} {
			if text := strings.Join(kind.have, "; "); (text == "") != (kind.want == "") || !strings.Contains(text, kind.want) {
				t.Errorf("%s: %q, wanted %q", name, text, kind.want)
			}
		}
	}
}

func TestGoldenSides(t *testing.T) {
	limit, err := ParseRegressionLimit("p99=10%")
	must(t, err)
	sides := CompareSides(manyRuns("old", 5, 1, 3), manyRuns("other", 5, 1.25, 3), SideOptions{Base: "main", New: "branch", MinEffect: 0.05, Limits: []RegressionLimit{limit}})
	for name, write := range comparisons {
		got := strings.Replace(compared(t, sides, write), pageStyle, "/* report.css */", 1)
		path := filepath.Join("testdata", "compare-sides", name)
		if *update {
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		must(t, err)
		if got != string(want) {
			t.Errorf("%s changed at %s; if that is meant: go test ./reports -run Golden -update", path, firstDifference(string(want), got))
		}
		balanced(t, compared(t, sides, Comparison.HTML))
	}
}

func TestNoSidesPanicOrAreWide(t *testing.T) {
	for name, sides := range map[string][2][]Run{
		"nothing": {}, "zero": {{{}}, {{}}}, "one": {manyRuns("a", 1, 1, 0), manyRuns("b", 1, 1, 0)},
		"hostile": {{hostile(importRun("reactive", second))}, {hostileScalingRun()}}, "all failed": {manyRuns("a", 4, 1, 3000), manyRuns("b", 4, 1, 3000)},
	} {
		for _, paired := range []bool{false, true} {
			c := CompareSides(sides[0], sides[1], SideOptions{Paired: paired, Limits: []RegressionLimit{{"p99", 0.1}}})
			for _, columns := range []int{40, 100} {
				text := compared(t, c, func(c Comparison, w io.Writer) error { return c.Text(w, TextOptions{Width: columns, Color: true}) })
				for _, line := range strings.Split(text, "\n") {
					if width(plain(line)) > columns || plain(line) != clean(plain(line)) {
						t.Errorf("%s at %d: %q", name, columns, line)
					}
				}
			}
			balanced(t, compared(t, c, Comparison.HTML))
			var read Comparison
			must(t, json.Unmarshal([]byte(compared(t, c, Comparison.JSON)), &read))
			if read.Sides.Metrics == nil || read.Sides.LeftOut == nil || read.Sides.Limits == nil {
				t.Errorf("%s: a list is a list, empty or not", name)
			}
		}
	}
}

func TestRepeated(t *testing.T) {
	runs := manyRuns("old", 5, 1, 3)
	runs[2].Result.Verdict = verify.Fail
	r := Repeat(runs)
	if r.Verdict != verify.Fail || len(r.Runs) != 5 || len(r.Metrics) != 5 || len(r.Metrics[0].Values) != 5 || r.Metrics[0].Spread == nil || r.Metrics[0].Least > r.Metrics[0].Median {
		t.Errorf("%+v", r)
	}
	var b strings.Builder
	must(t, r.Text(&b, TextOptions{Width: 60}))
	for _, want := range []string{"shop/p99", "median", "runs/old/3, seed", "✗"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	must(t, Repeat(nil).Text(io.Discard, TextOptions{}))
}

func TestHistoriesShowWhereTheLevelChanged(t *testing.T) {
	file := baseline.File{Scenario: "drill", Class: "c", Machine: "two CPUs", Name: "default"}
	for i := range 20 {
		level := 0.212
		if i >= 12 {
			level = 0.251
		}
		file.Runs = append(file.Runs, baseline.Run{Run: fmt.Sprint("r", i), Started: time.Unix(int64(i)*86400, 0).UTC(), Figures: map[string]float64{"shop/p99": level + 0.001*float64(i%3), "shop/availability": 0.999}})
	}
	h := Histories([]baseline.File{file})
	var b strings.Builder
	must(t, h.Text(&b, TextOptions{}))
	for _, want := range []string{"changed at run r12: 213 ms -> 252 ms (+18.3 %)", "two CPUs", "99.9 %"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Count(b.String(), "changed at") != 1 {
		t.Error(b.String())
	}
	must(t, Histories([]baseline.File{{}}).Text(io.Discard, TextOptions{Width: 40}))
}
