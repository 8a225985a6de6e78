package proof

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// aboutAPI is a plan that checks an api with a port and a worker without.
func aboutAPI() *scenarios.Plan {
	return &scenarios.Plan{
		Scenario: "mine",
		Services: map[string]scenarios.PlannedService{"api": {Port: 8080}, "worker": {}},
		Checks: []scenarios.Check{
			{SLO: &scenarios.SLOCheck{Journey: "shop"}},
			{Drain: &scenarios.DrainCheck{Service: "api"}},
			{Drain: &scenarios.DrainCheck{Service: "worker"}},
			{Readiness: &scenarios.ReadinessCheck{Service: "api"}},
		},
	}
}

// healthy is what a run of that plan finds.
func healthy() Ended {
	return found(finding("slo/shop/p99", pass), finding("drain/api/D1-in-flight", pass), finding("drain/worker/D5-exit", pass), finding("readiness/api/R1-initialized", pass))
}

// spoilt is what the runs find when every control works.
func spoilt() script {
	return script{
		"as-it-is":     healthy(),
		"kill":         found(finding("drain/api/D1-in-flight", fail), finding("drain/worker/D5-exit", fail), finding("readiness/api/R1-initialized", pass)),
		"unready":      found(finding("drain/api/D1-in-flight", pass), finding("drain/worker/D5-exit", pass), finding("readiness/api/R1-initialized", fail)),
		"late-removal": found(finding("drain/api/D1-in-flight", pass), finding("drain/api/D2-endpoint-lag", fail), finding("drain/worker/D5-exit", pass)),
		"frozen":       found(finding("drain/api/D1-in-flight", inconclusive), finding("drain/worker/D5-exit", inconclusive), finding("readiness/api/R1-initialized", inconclusive)),
	}
}

func prove(t *testing.T, r Runner, plan ProvePlan) Proof {
	t.Helper()
	result, err := Experiment{Runner: r, Dir: t.TempDir()}.Prove(t.Context(), t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestEachControlHasToTurnTheCheckMeantForItRed(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(script)
		verdict Outcome
		summary string
	}{
		{"all do", func(script) {}, Passed, "4 of 4 controls turned red; drain, readiness are gates that can fail"},
		{"a failed frozen run is red as well", func(s script) {
			s["frozen"] = found(finding("drain/api/D1-in-flight", fail), finding("drain/worker/D5-exit", inconclusive), finding("readiness/api/R1-initialized", fail))
		}, Passed, "4 of 4"},
		{"one passes", func(s script) { s["unready"] = healthy() }, Missed, "3 of 4 controls turned red; not red: readiness/api under unready (pass)"},
		{"one is not sure", func(s script) {
			s["unready"] = found(finding("readiness/api/R1-initialized", inconclusive))
		}, Missed, "not red: readiness/api under unready (inconclusive)"},
		{"one of two services passes", func(s script) {
			s["kill"] = found(finding("drain/api/D1-in-flight", fail), finding("drain/worker/D5-exit", pass))
		}, Missed, "not red: drain/worker under kill (pass)"},
		{"frozen and nobody notices", func(s script) { s["frozen"] = healthy() }, Missed, "drain/api under frozen (pass), drain/worker under frozen (pass), readiness/api under frozen (pass)"},
		{"a check without findings", func(s script) { s["unready"] = found(finding("slo/shop/p99", fail)) }, Missed, "readiness/api under unready"},
		{"it breaks", func(s script) { s["kill"] = Ended{Broken: "exit code 1: no engine"} }, Broken, "3 of 4 controls turned red; broken: kill"},
		{"interrupted", func(s script) { s["kill"] = Ended{Interrupted: true} }, NotRun, "interrupted"},
		{"it fails as it is", func(s script) { s["as-it-is"] = found(finding("slo/shop/p99", fail)) }, Alarmed, "the scenario fails as it is: a gate that does not pass proves nothing"},
		{"nobody knows as it is", func(s script) { s["as-it-is"] = found(finding("slo/shop/p99", inconclusive)) }, Inconclusive, "the scenario is inconclusive as it is"},
		{"it breaks as it is", func(s script) { s["as-it-is"] = Ended{Broken: "exit code 4: no such service"} }, Broken, "exit code 4: no such service"},
	} {
		s := spoilt()
		c.change(s)
		result := prove(t, s, ProvePlan{Scenario: "mine.yaml", Compiled: aboutAPI(), Platform: "process"})
		if result.Verdict != c.verdict || !strings.Contains(result.Summary, c.summary) {
			t.Errorf("%s: %s, %q", c.name, result.Verdict, result.Summary)
		}
	}
}

func TestAScenarioThatDoesNotPassIsNotSpoiltBesides(t *testing.T) {
	runs := record(t, found(finding("slo/shop/p99", fail)), ProvePlan{Scenario: "mine.yaml", Compiled: aboutAPI(), Platform: "process"})
	if len(runs) != 1 {
		t.Errorf("%d runs: %v", len(runs), runs)
	}
}

func TestRunsDifferInTheControlAlone(t *testing.T) {
	runs := record(t, healthy(), ProvePlan{Scenario: "mine.yaml", Compiled: aboutAPI(), Platform: "docker", Args: []string{"--seed", "7"}})
	want := []string{"as-it-is --seed 7", "kill --seed 7 --control kill", "unready --seed 7 --control unready",
		"late-removal --seed 7 --control late-removal", "frozen --seed 7 --control frozen"}
	if !slices.Equal(runs, want) {
		t.Errorf("%q\nwant %q", runs, want)
	}
}

// record is the runs that a proof makes when all of them end alike.
func record(t *testing.T, ended Ended, plan ProvePlan) (runs []string) {
	var mu sync.Mutex
	prove(t, runnerFunc(func(_ context.Context, run Run) Ended {
		mu.Lock()
		defer mu.Unlock()
		if run.Scenario != plan.Scenario || run.Platform != plan.Platform || filepath.Base(run.Dir) != run.Name {
			t.Errorf("%+v", run)
		}
		runs = append(runs, strings.Join(append([]string{run.Name}, run.Args...), " "))
		return ended
	}), plan)
	return runs
}

func TestControlsThatConcernNoCheckAreNotApplicable(t *testing.T) {
	plan := aboutAPI()
	plan.Checks = []scenarios.Check{{SLO: &scenarios.SLOCheck{Journey: "shop"}}, {Drain: &scenarios.DrainCheck{Service: "worker"}}, {Drain: &scenarios.DrainCheck{Service: "worker"}}}
	got := map[scenarios.Control]string{}
	for _, g := range Gates(plan, nil) {
		got[g.Control] += g.Check + g.Reason
	}
	want := map[scenarios.Control]string{
		scenarios.ControlKill:        "drain/worker",
		scenarios.ControlUnready:     "the scenario has no readiness check of a service with a port",
		scenarios.ControlLateRemoval: "the scenario has no drain check of a service with a port",
		scenarios.ControlFrozen:      "drain/worker",
	}
	for control, is := range want {
		if got[control] != is {
			t.Errorf("%s: %q, want %q", control, got[control], is)
		}
	}
	plan.Checks = plan.Checks[:1]
	const why = "no control concerns this scenario: the scenario has no readiness check of a service with a port"
	only := []scenarios.Control{scenarios.ControlUnready}
	if result := prove(t, script{}, ProvePlan{Compiled: plan, Only: only}); result.Verdict != Inconclusive || result.Summary != why || result.Baseline != "" {
		t.Errorf("%+v", result)
	}
}

func TestOnlyNarrowsTheControls(t *testing.T) {
	gates := Gates(aboutAPI(), []scenarios.Control{scenarios.ControlUnready})
	if len(gates) != 1 || gates[0].Check != "readiness/api" {
		t.Errorf("%+v", gates)
	}
}

// A control that nobody has described could not be proved with.
func TestEveryControlIsKnownHere(t *testing.T) {
	var names []scenarios.Control
	for _, c := range about() {
		names = append(names, c.name)
	}
	if !slices.Equal(names, scenarios.Controls()) {
		t.Errorf("%v, want %v", names, scenarios.Controls())
	}
}

func TestAProofInATerminalAndAsJSON(t *testing.T) {
	s := spoilt()
	s["unready"] = healthy()
	s["late-removal"] = found(finding("drain/api/D2-endpoint-lag", fail))
	plan := aboutAPI()
	plan.Checks = slices.DeleteFunc(plan.Checks, func(c scenarios.Check) bool { return c.Drain != nil && c.Drain.Service == "worker" })
	s["late-removal"].Result.Checks[0].Reason = "api-2: 12 requests failed\x1b[2J " + strings.Repeat("after removal ", 20)
	result := prove(t, s, ProvePlan{Scenario: "mine.yaml", Compiled: plan})
	if _, err := os.Stat(filepath.Join(result.Dir, "proof.json")); err != nil {
		t.Error(err)
	}
	result.Dir = "runs/x"
	for i, g := range result.Gates {
		result.Gates[i].Dir = "runs/x/" + filepath.Base(g.Dir)
	}
	var text, asJSON bytes.Buffer
	if err := result.Text(&text, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "proof.txt", text.Bytes())
	if err := WriteJSON(&asJSON, result); err != nil {
		t.Fatal(err)
	}
	golden(t, "proof.json", asJSON.Bytes())
}

func TestAReasonIsCutBetweenWords(t *testing.T) {
	for text, want := range map[string]string{
		"short":                            "short",
		strings.Repeat("x", briefest):      strings.Repeat("x", briefest),
		strings.Repeat("removal; ", 20):    strings.TrimSuffix(strings.Repeat("removal; ", 17), "; ") + " …",
		strings.Repeat("é", briefest+1):    strings.Repeat("é", briefest) + " …",
		strings.Repeat("x", 159) + " more": strings.Repeat("x", 159) + " …",
	} {
		if got := brief(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTheDirectoryOfTheRunsIsNewOrEmpty(t *testing.T) {
	t.Chdir(t.TempDir())
	given, err := MakeDir("mine", "", someTime)
	if err != nil || filepath.Base(given) != "mine" {
		t.Fatal(given, err)
	}
	if err := os.WriteFile("mine/kept.txt", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := MakeDir("mine", "", someTime); err == nil || !strings.Contains(err.Error(), "not empty (it holds kept.txt)") {
		t.Error(err)
	}
	for _, want := range []string{"20261122-080000-defects", "20261122-080000-defects-2"} {
		dir, err := MakeDir("", "defects", someTime)
		if err != nil || relative(dir) != filepath.Join("runs", want) {
			t.Error(dir, err)
		}
	}
}

var someTime = time.Date(2026, time.November, 22, 8, 0, 0, 0, time.Local)
