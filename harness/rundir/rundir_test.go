package rundir

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/redact"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestDefaultPath(t *testing.T) {
	at := time.Date(2026, 11, 30, 9, 15, 1, 0, time.UTC)
	if have := DefaultPath("scale-under-load", at); have != filepath.Join("runs", "20261130-091501-scale-under-load") {
		t.Error(have)
	}
}

func TestCreate(t *testing.T) {
	base := t.TempDir()
	write := func(name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(base, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(base, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("full/important.txt")
	write("run/run.json")
	write("file")
	if err := os.Mkdir(filepath.Join(base, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, problem string }{
		{"new", ""},
		{"deep/er/new", ""},
		{"empty", ""},
		{"full", "important.txt"},
		{"run", "already holds a run"},
		{"file", "not a directory"},
	} {
		path := filepath.Join(base, test.path)
		d, err := Create(path)
		switch {
		case test.problem == "" && err != nil:
			t.Errorf("%s: %v", test.path, err)
		case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem) || !strings.Contains(err.Error(), path)):
			t.Errorf("%s: %v, want %q", test.path, err, test.problem)
		case test.problem == "":
			if info, err := os.Stat(d.Logs()); err != nil || info.Mode().Perm()&^0o755 != 0 {
				t.Errorf("%s: logs: %v, %v", test.path, info, err)
			}
		}
	}
}

// Two runs that start in the same second do not get the same directory.
func TestCreateDefaultIsExclusive(t *testing.T) {
	t.Chdir(t.TempDir())
	at := time.Date(2026, 11, 30, 9, 15, 1, 0, time.UTC)
	var mu sync.Mutex
	seen := map[Dir]bool{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			d, err := CreateDefault("drill", at)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || seen[d] {
				t.Errorf("%s, %v", d, err)
			}
			seen[d] = true
		})
	}
	group.Wait()
	if !seen[Dir(DefaultPath("drill", at))] || !seen[Dir(DefaultPath("drill", at)+"-8")] {
		t.Errorf("%v", seen)
	}
}

func TestLatest(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"one", "two"} {
		d, err := Create(filepath.Join(base, name) + "/")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Latest(); err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink(filepath.Join(base, "latest")); err != nil || target != name {
			t.Errorf("latest is %q, %v; want %q", target, err, name)
		}
	}
	if entries, _ := os.ReadDir(base); len(entries) != 3 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestLatestLeavesOtherThingsAlone(t *testing.T) {
	base := t.TempDir()
	d, err := Create(filepath.Join(base, "latest"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Latest() == nil {
		t.Error("a run named latest was replaced by a link")
	}
	if info, err := os.Lstat(string(d)); err != nil || !info.IsDir() {
		t.Errorf("%v, %v", info, err)
	}
}

func TestIntent(t *testing.T) {
	d := Dir(t.TempDir())
	lag := scenarios.Duration(time.Second)
	want := Intent{
		Format: Format, Run: "091501-a1b2c3", Version: "v1", Started: time.Date(2026, 11, 30, 9, 15, 1, 5, time.UTC), Platform: "process",
		Command: []string{"shakedown", "run", "drill"}, Machine: ThisMachine(), Notes: []string{"limits are not enforced"},
		Plan: &scenarios.Plan{Scenario: "drill", Duration: scenarios.Duration(time.Minute),
			Services: map[string]scenarios.PlannedService{"api": {Port: 8080, Drain: scenarios.Drain{EndpointLag: &lag}}},
			Checks:   []scenarios.Check{{Drain: &scenarios.DrainCheck{Service: "api"}}}},
	}
	if err := d.WriteIntent(want, nil); err != nil {
		t.Fatal(err)
	}
	have, err := d.ReadIntent()
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("%v\nhave %+v\nwant %+v", err, have, want)
	}
	if _, err := Open(string(d)); err != nil {
		t.Error(err)
	}
	if want.Machine.OS == "" || want.Machine.Arch == "" || want.Machine.CPUs == 0 || want.Machine.Go == "" {
		t.Errorf("machine %+v", want.Machine)
	}
}

// No secret gets into run.json, and what judging needs survives even where it
// is the same word as one.
func TestIntentIsRedacted(t *testing.T) {
	r := redact.New()
	r.Add("PASSWORD", `hun"ter2`)
	r.Add("ROLE", "worker")
	r.Add("BALANCE", "connection")
	d := Dir(t.TempDir())
	plan := &scenarios.Plan{
		Scenario: "worker",
		Services: map[string]scenarios.PlannedService{"worker": {Balance: "connection",
			Process: &scenarios.Process{Command: []string{"worker", `--password=hun"ter2`}, Environment: map[string]string{"PASSWORD": `hun"ter2`}}}},
		Journeys: map[string][]scenarios.PlannedStep{"shop": {{Name: "worker", Service: "worker", Path: `/?key=hun"ter2`,
			Headers: map[string]string{"Authorization": "Bearer x", "X-Key": `hun"ter2`}, Body: `{"p":"hun\"ter2"}`}}},
		Checks: []scenarios.Check{{SLO: &scenarios.SLOCheck{Journey: "shop", Step: "worker"}}, {Drain: &scenarios.DrainCheck{Service: "worker"}}},
	}
	if err := d.WriteIntent(Intent{Command: []string{"run", "--set", `x=hun"ter2`}, Notes: []string{"http://u:p@h"}, Plan: plan}, r.Bytes); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(d.Intent())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"ter2", "Bearer", "u:p"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("%q survived:\n%s", secret, b)
		}
	}
	have, err := d.ReadIntent()
	if err != nil {
		t.Fatal(err)
	}
	if s := have.Plan.Services["worker"]; s.Balance != "connection" || have.Plan.Scenario != "worker" ||
		have.Plan.Checks[0].SLO.Step != "worker" || have.Plan.Checks[1].Drain.Service != "worker" {
		t.Errorf("the plan lost its names:\n%s", b)
	}
}

func TestResult(t *testing.T) {
	d := Dir(t.TempDir())
	want := verify.Result{Scenario: "drill", Verdict: verify.Fail, Checks: []verify.Finding{{
		ID: "slo/shop/p99", Kind: "slo", Verdict: verify.Fail, Wanted: "p99 <= 1s", Measured: "p99 2s of 1,000 requests",
		Evidence: []verify.Evidence{{Text: "x", From: 1, To: 2, Count: 3}}}}}
	if err := d.WriteResult(want); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(d.Result())
	if err != nil {
		t.Fatal(err)
	}
	have, err := d.ReadResult()
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("%v\nhave %+v\nwant %+v", err, have, want)
	}
	if err := d.WriteResult(have); err != nil {
		t.Fatal(err)
	}
	second, _ := os.ReadFile(d.Result())
	if string(first) != string(second) || !strings.Contains(string(first), `"wanted": "p99 <= 1s"`) || !strings.HasSuffix(string(first), "}\n") {
		t.Errorf("the bytes are not stable or not plain:\n%s%s", first, second)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(first, &members); err != nil || members["checks"] == nil || members["verdict"] == nil || members["scenario"] == nil {
		t.Errorf("members %v, %v", members, err)
	}
}

func TestReadErrorsSayWhatIsMissing(t *testing.T) {
	d := Dir(t.TempDir())
	if _, err := d.ReadResult(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "shakedown check "+string(d)) {
		t.Errorf("no verdict: %v", err)
	}
	if _, err := d.ReadIntent(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "run.json is missing") {
		t.Errorf("no intent: %v", err)
	}
	if _, err := Open(string(d)); err == nil || !strings.Contains(err.Error(), "not the directory of a run") {
		t.Errorf("not a run: %v", err)
	}
	if _, err := Open(filepath.Join(string(d), "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nowhere: %v", err)
	}
	for name, content := range map[string]string{"run.json": `{"plan":`, "verdict.json": "[]"} {
		if err := os.WriteFile(filepath.Join(string(d), name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.ReadResult(); err == nil || !strings.Contains(err.Error(), d.Result()) {
		t.Errorf("damaged verdict: %v", err)
	}
	if _, err := d.ReadIntent(); err == nil || !strings.Contains(err.Error(), d.Intent()) {
		t.Errorf("damaged intent: %v", err)
	}
	if err := os.WriteFile(d.Intent(), []byte(`{"run":"x"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReadIntent(); err == nil || !strings.Contains(err.Error(), "no plan") {
		t.Errorf("intent without plan: %v", err)
	}
}

// A file is replaced whole or not at all, and nothing stays beside it.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.json")
	for _, content := range []string{"first", "second"} {
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(path); string(b) != content {
			t.Errorf("have %q", b)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	blocked := filepath.Join(dir, "dir")
	if err := os.MkdirAll(filepath.Join(blocked, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(blocked, []byte("x")); err == nil || !strings.Contains(err.Error(), blocked) {
		t.Errorf("a directory was written over: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}
