package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

const (
	pass         = verify.Pass
	fail         = verify.Fail
	inconclusive = verify.Inconclusive
)

// matrix runs a part of the matrix with a script.
func matrix(t *testing.T, s Runner, plan DefectsPlan) Defects {
	t.Helper()
	result, err := Experiment{Runner: s, Dir: t.TempDir(), Jobs: 2}.RunDefects(t.Context(), t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestADefectIsCaughtByTheCheckMeantForItAlone(t *testing.T) {
	for _, c := range []struct {
		name, defect string
		ended        Ended
		outcome      Outcome
		caughtBy     string
		alsoFell     string
		alarms       string
		verdict      Outcome
	}{
		{"the rule meant fails", "drain-too-slow", found(finding("drain/api/D5-exit", fail), finding("readiness/api/R1-initialized", pass)),
			Caught, "drain/api D5", "", "", Passed},
		{"slo and other rules of the kind may fall", "drain-too-slow",
			found(finding("drain/api/D5-exit", fail), finding("drain/api/D1-in-flight", fail), finding("slo/shop/p99", fail)),
			Caught, "drain/api D5", "drain/api D1, slo/shop p99", "", Passed},
		{"releases may fall where clients feel it", "drain-ignored", found(finding("drain/api/D1-in-flight", fail), finding("release/api/L2-no-failures", fail)),
			Caught, "drain/api D1", "release/api L2", "", Passed},
		{"but not elsewhere", "drain-too-slow", found(finding("drain/api/D5-exit", fail), finding("release/api/L2-no-failures", fail)),
			Caught, "drain/api D5", "", "release/api L2", Missed},
		{"another rule is no catch", "ready-cold", found(finding("readiness/api/R2-first-requests", pass), finding("readiness/api/R3-time-to-ready", fail)),
			Missed, "", "readiness/api R3", "", Missed},
		{"only slo falls", "no-idempotency", found(finding("integrity/orders", pass), finding("slo/shop/p99", fail)),
			Missed, "", "slo/shop p99", "", Missed},
		{"another ledger is a false alarm of its kind's, not of others", "no-idempotency", found(finding("integrity/orders", fail), finding("integrity/charges", fail), finding("stateless/api/S1-elsewhere", fail)),
			Caught, "integrity orders", "integrity charges", "stateless/api S1", Missed},
		{"it broke", "drain-ignored", Ended{Broken: "exit code 1: no engine"}, Broken, "", "", "", Broken},
	} {
		result := matrix(t, script{c.defect + "-process": c.ended}, DefectsPlan{Only: []defects.Defect{defects.Defect(c.defect)}, Platforms: []string{"process"}})
		got := result.Trials[0]
		if got.Outcome != c.outcome || short(got.CaughtBy) != c.caughtBy || short(got.AlsoFell) != c.alsoFell || short(ids(got.Alarms)) != c.alarms || result.Verdict != c.verdict {
			t.Errorf("%s: %+v\n%s", c.name, got, result.Verdict)
		}
	}
}

func TestRunsThatProveNothingAreRepeatedOnce(t *testing.T) {
	late := found(finding("slo/shop/p99", inconclusive))
	unseen := found(finding("drain/api/D2-endpoint-lag", inconclusive))
	caught := found(finding("drain/api/D2-endpoint-lag", fail))
	plan := DefectsPlan{Only: []defects.Defect{defects.DrainListenerFirst}, Platforms: []string{"process"}, Healthy: 2}
	result := matrix(t, script{
		"drain-listener-first-process": unseen, "drain-listener-first-process-again": caught,
		"healthy-1-process": late,
		"healthy-2-process": late, "healthy-2-process-again": late,
	}, plan)
	for i, want := range []struct {
		trial   Trial
		outcome Outcome
	}{{result.Trials[0], Caught}, {result.Healthy[0], Passed}, {result.Healthy[1], Inconclusive}} {
		if want.trial.Outcome != want.outcome || want.trial.Runs != 2 || !strings.HasSuffix(want.trial.Dir, "-again") {
			t.Errorf("%d: %+v", i, want.trial)
		}
	}
	if want := "1 of 1 defect caught, 0 missed, 0 false alarms in 1 healthy run, 1 healthy inconclusive twice"; result.Summary != want || result.Verdict != Passed {
		t.Errorf("%s: %q\nwant %q", result.Verdict, result.Summary, want)
	}
}

func TestWhatStaysSilentForGoodIsMissed(t *testing.T) {
	unseen := found(finding("drain/api/D2-endpoint-lag", inconclusive))
	plan := DefectsPlan{Only: []defects.Defect{defects.DrainListenerFirst}, Platforms: []string{"docker"}}
	result := matrix(t, script{"drain-listener-first-docker": unseen, "drain-listener-first-docker-again": unseen}, plan)
	if got := result.Trials[0]; got.Outcome != Missed || len(got.Silent) != 1 || result.Verdict != Missed {
		t.Errorf("%+v", got)
	}
}

func TestHealthyRunsThatFailAreFalseAlarms(t *testing.T) {
	result := matrix(t, script{"healthy-2-docker": found(finding("slo/shop/p99", fail), finding("drain/api/D1-in-flight", inconclusive))},
		DefectsPlan{Only: []defects.Defect{defects.DrainIgnored}, Platforms: []string{"docker"}, Healthy: 3})
	if got := result.Healthy[1]; got.Outcome != Alarmed || got.Runs != 1 || short(ids(got.Alarms)) != "slo/shop p99" || result.Verdict != Missed {
		t.Errorf("%+v", got)
	}
	if want := "0 of 1 defect caught, 1 missed, 1 false alarm in 3 healthy runs"; result.Summary != want {
		t.Errorf("%q\nwant %q", result.Summary, want)
	}
}

func TestAMatrixThatNoHealthyRunPassedIsInconclusive(t *testing.T) {
	late := found(finding("slo/shop/p99", inconclusive))
	result := matrix(t, script{"drain-ignored-process": found(finding("drain/api/D1-in-flight", fail)), "healthy-1-process": late, "healthy-1-process-again": late},
		DefectsPlan{Only: []defects.Defect{defects.DrainIgnored}, Platforms: []string{"process"}, Healthy: 1})
	if result.Verdict != Inconclusive {
		t.Errorf("%s", result.Verdict)
	}
}

func TestTheWholeMatrix(t *testing.T) {
	plan := DefectsPlan{Platforms: []string{"process", "docker"}, Healthy: 10}
	trials := plan.trials()
	// Three defects of prescaling and two of databases show on containers alone, two of
	// autoscaling and three of alerts are of settings.
	if n := 2*(len(defects.All())+5) - 5 + 20; len(trials) != n {
		t.Errorf("%d trials, want %d", len(trials), n)
	}
	played := map[string]int{}
	names := map[string]bool{}
	for _, trial := range trials {
		names[trial.Name] = true
		if trial.Defect == "" {
			played[trial.Scenario]++
		}
	}
	if len(names) != len(trials) {
		t.Error("two trials have one name")
	}
	want := map[string]int{everything: 3, dependency: 3, scaling: 2, alerts: 2, prescale: 1, queue: 2, payments: 2, retries: 2, cache: 2, database: 1}
	if !maps.Equal(played, want) {
		t.Errorf("healthy runs are of %v, want %v", played, want)
	}
}

// counter is a runner that takes a second and knows how many run at a time.
type counter struct {
	mu        sync.Mutex
	now, most int
}

func (c *counter) Run(context.Context, context.Context, Run) Ended {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	time.Sleep(time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	return found(finding("slo/shop/p99", pass))
}

func TestAsManyRunsAtATimeAsThereAreJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, started := &counter{}, time.Now()
		told := 0
		e := Experiment{Runner: c, Dir: t.TempDir(), Jobs: 3, Progress: func(done, total int, _ string) {
			if told++; done != told || total != 8 {
				t.Errorf("told of %d of %d at call %d", done, total, told)
			}
		}}
		if _, err := e.RunDefects(t.Context(), t.Context(), DefectsPlan{Only: []defects.Defect{defects.ReadyCold}, Platforms: []string{"process"}, Healthy: 7}); err != nil {
			t.Fatal(err)
		}
		if c.most != 3 || time.Since(started) != 3*time.Second || told != 8 {
			t.Errorf("%d at a time, %s, %d told", c.most, time.Since(started), told)
		}
	})
}

// What else was under way may have been why a run proved nothing.
func TestWhatProvedNothingIsRepeatedAtTheEndAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{}
		var again []string
		late := func(ctx context.Context, run Run) Ended {
			ended := c.Run(ctx, ctx, run)
			if strings.HasSuffix(run.Name, "-again") {
				again = append(again, run.Name)
				return ended
			}
			if run.Name == "healthy-1-process" || run.Name == "healthy-2-process" {
				return found(finding("slo/shop/p99", inconclusive))
			}
			return ended
		}
		var said []string
		e := Experiment{Runner: runnerFunc(late), Dir: t.TempDir(), Jobs: 8, Again: func(line string) { said = append(said, line) }}
		started := time.Now()
		result, err := e.RunDefects(t.Context(), t.Context(), DefectsPlan{Only: []defects.Defect{defects.ReadyCold}, Platforms: []string{"process"}, Healthy: 7})
		if err != nil || count(result.Healthy, Passed) != 7 {
			t.Errorf("%+v, %v", result, err)
		}
		if want := []string{"healthy-1-process-again", "healthy-2-process-again"}; !slices.Equal(again, want) || time.Since(started) != 3*time.Second {
			t.Errorf("%v were made again, and all took %s; want %v, each alone after the second of the others", again, time.Since(started), want)
		}
		if len(said) != 2 || !strings.Contains(said[0], "repeated at the end, alone: slo/shop/p99") {
			t.Errorf("said %q", said)
		}
	})
}

// An interrupt reaches every run under way, and starts none of those to come.
func TestAnInterruptEndsAllRunsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var begun, ended atomic.Int64
		e := Experiment{Dir: t.TempDir(), Jobs: 3, Runner: runnerFunc(func(ctx context.Context, run Run) Ended {
			if ctx.Err() == nil {
				begun.Add(1)
				<-ctx.Done()
				ended.Add(1)
			}
			return Ended{Interrupted: true}
		})}
		var result Defects
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			result, err = e.RunDefects(ctx, t.Context(), DefectsPlan{Platforms: []string{"process"}, Healthy: 2})
		}()
		synctest.Wait()
		stop()
		<-done
		if err != nil || result.Verdict != NotRun || begun.Load() != 3 || ended.Load() != 3 {
			t.Errorf("%s: %d begun, %d ended, %v", result.Verdict, begun.Load(), ended.Load(), err)
		}
	})
}

func TestAnInterruptLeavesTheRestNotRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	e := Experiment{Dir: t.TempDir(), Runner: runnerFunc(func(ctx context.Context, run Run) Ended {
		if ctx.Err() != nil {
			return Ended{Interrupted: true}
		}
		stop()
		return found(finding("drain/api/D1-in-flight", fail))
	})}
	result, err := e.RunDefects(ctx, t.Context(), DefectsPlan{Platforms: []string{"process"}, Healthy: 1})
	if err != nil || result.Verdict != NotRun || count(result.Trials, Caught) != 1 || count(result.Trials, NotRun) != len(Names())-5-1 {
		t.Errorf("%s %q %v", result.Verdict, result.Summary, err)
	}
}

type runnerFunc func(ctx context.Context, run Run) Ended

func (f runnerFunc) Run(ctx, _ context.Context, run Run) Ended { return f(ctx, run) }

func TestADefectIsSwitchedOnAndAHealthyRunHasNone(t *testing.T) {
	var mu sync.Mutex
	environment := map[string]string{}
	matrix(t, runnerFunc(func(_ context.Context, run Run) Ended {
		mu.Lock()
		defer mu.Unlock()
		environment[run.Name] = fmt.Sprintf("%v %s %s", run.Environment, run.Scenario, filepath.Base(run.Dir))
		return found(finding("slo/shop/p99", pass))
	}), DefectsPlan{Only: []defects.Defect{defects.ReadySharedDependency}, Platforms: []string{"process"}, Healthy: 1})
	for name, want := range map[string]string{
		"ready-shared-dependency-process": "[ATELIER_DEFECT=ready-shared-dependency] proof/dependency ready-shared-dependency-process",
		"healthy-1-process":               "[] proof/dependency healthy-1-process",
	} {
		if got := environment[name]; got != want {
			t.Errorf("%s ran with %q, want %q", name, got, want)
		}
	}
}

// shown is a matrix with something of everything.
func shown(t *testing.T) Defects {
	silent := finding("readiness/api/R1-initialized", pass)
	silent.Measured, silent.Wanted = "no request too early", "none"
	result := matrix(t, script{
		"drain-ignored-process": found(finding("drain/api/D1-in-flight", fail), finding("drain/importer/D5-exit", fail), finding("slo/shop/p99", fail)),
		"ready-early-process":   found(silent, finding("stateless/api/S1-elsewhere", fail)),
		"ready-cold-process":    {Broken: "exit code 1: no engine", Took: 3 * time.Second},
		"healthy-1-process":     found(finding("drain/api/D1-in-flight", fail)),
	}, DefectsPlan{Only: []defects.Defect{defects.DrainIgnored, defects.ReadyEarly, defects.ReadyCold}, Platforms: []string{"process"}, Healthy: 2})
	result.Dir = "runs/x"
	for i := range result.Trials {
		result.Trials[i].Dir = "runs/x/" + result.Trials[i].Name
	}
	for i := range result.Healthy {
		result.Healthy[i].Dir = "runs/x/" + result.Healthy[i].Name
	}
	return result
}

func TestTheMatrixInATerminal(t *testing.T) {
	var out bytes.Buffer
	if err := shown(t).Text(&out, TextOptions{Width: 120}); err != nil {
		t.Fatal(err)
	}
	golden(t, "defects.txt", out.Bytes())
	for line := range strings.Lines(out.String()) {
		if len([]rune(line)) > 121 {
			t.Errorf("wider than 120 columns: %s", line)
		}
	}
	var colored bytes.Buffer
	if err := shown(t).Text(&colored, TextOptions{Width: 120, Color: true}); err != nil {
		t.Fatal(err)
	}
	plain := colored.String()
	for _, sequence := range []string{bold, dim, red, green, yellow, reset} {
		plain = strings.ReplaceAll(plain, sequence, "")
	}
	if plain != out.String() || colored.Len() == out.Len() {
		t.Error("colours change more than the colour")
	}
}

func TestTheMatrixAsJSON(t *testing.T) {
	var out bytes.Buffer
	if err := WriteJSON(&out, shown(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "defects.json", out.Bytes())
}

func TestTheResultIsStored(t *testing.T) {
	dir := t.TempDir()
	result, err := Experiment{Runner: script{}, Dir: dir}.RunDefects(t.Context(), t.Context(), DefectsPlan{Only: []defects.Defect{defects.ReadyCold}, Platforms: []string{"process"}})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "defects.json"))
	if err != nil {
		t.Fatal(err)
	}
	var stored Defects
	if err := json.Unmarshal(content, &stored); err != nil || stored.Summary != result.Summary || stored.Version != 1 {
		t.Errorf("%+v, %v", stored, err)
	}
	if !slices.ContainsFunc(stored.Trials, func(t Trial) bool { return t.Defect == defects.ReadyCold && t.Outcome == Missed }) {
		t.Errorf("%+v", stored.Trials)
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (if that is meant: go test ./harness/proof -update)\n%s", name, got)
	}
}
