package baseline

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var key = Key{Scenario: "drill", Class: "linux-amd64-2cpu-process", Name: "default"}

func runAt(n int) Run {
	return Run{Run: fmt.Sprint("r", n), Started: time.Unix(int64(1000*n), 0).UTC(), Traffic: "t", Figures: map[string]float64{"shop/p99": float64(n)}}
}

func names(f File) string {
	var all []string
	for _, r := range f.Runs {
		all = append(all, r.Run)
	}
	return strings.Join(all, " ")
}

func TestTheLastRunsAreKept(t *testing.T) {
	s := Store(filepath.Join(t.TempDir(), "deep", "store"))
	empty, err := s.Load(key)
	if err != nil || len(empty.Runs) != 0 || empty.Runs == nil {
		t.Fatalf("%+v, %v", empty, err)
	}
	for _, batch := range [][]Run{{runAt(3), runAt(1)}, {runAt(2)}, {runAt(3), runAt(5), runAt(4)}} {
		if _, err := s.Save(key, "two CPUs", batch, 4); err != nil {
			t.Fatal(err)
		}
	}
	file, err := s.Load(key)
	if err != nil || names(file) != "r2 r3 r4 r5" || file.Machine != "two CPUs" || file.Version != 1 {
		t.Errorf("%s, %+v, %v", names(file), file, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(s.Path(key))); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if list, err := s.List("drill"); err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], file) {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := s.List("other"); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestNoConcurrentSaveIsLost(t *testing.T) {
	s := Store(t.TempDir())
	var group sync.WaitGroup
	for n := range 12 {
		group.Go(func() {
			if _, err := s.Save(key, "", []Run{runAt(n)}, 20); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if file, err := s.Load(key); err != nil || len(file.Runs) != 12 {
		t.Errorf("%s, %v", names(file), err)
	}
}

func TestFilesThatAreNotOurs(t *testing.T) {
	s := Store(t.TempDir())
	if err := os.MkdirAll(filepath.Dir(s.Path(key)), 0o755); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{
		`{"version": 1, "runs": [`: "damaged", `[]`: "damaged", ``: "damaged",
		`{"version": 2}`: "newer shakedown", `{}`: "not ours",
	} {
		if err := os.WriteFile(s.Path(key), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := s.Load(key)
		_, saved := s.Save(key, "", []Run{runAt(1)}, 5)
		_, listed := s.List("")
		for _, err := range []error{err, saved, listed} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, wanted %q", content, err, want)
			}
		}
		if now, _ := os.ReadFile(s.Path(key)); string(now) != content {
			t.Errorf("%q was written over", content)
		}
	}
}

func TestNamesStayInsideTheDirectory(t *testing.T) {
	s := Store(t.TempDir())
	for _, k := range []Key{{"../x", "c", "n"}, {"x", "..", "n"}, {"x", "c", "a/b"}, {"x", "c", ""}, {"X", "c", "n"}, {strings.Repeat("x", 300), "c", "n"}} {
		if _, err := s.Save(k, "", []Run{runAt(1)}, 5); err == nil {
			t.Errorf("%+v was taken", k)
		}
		if _, err := s.Load(k); err == nil {
			t.Errorf("%+v was read", k)
		}
	}
}

func intentOf() rundir.Intent {
	return rundir.Intent{
		Run: "a", Platform: "process", Machine: rundir.Machine{OS: "linux", Arch: "amd64", CPUs: 2, Kernel: "6.12", Engine: "28.1"},
		Plan: &scenarios.Plan{Scenario: "drill", Seed: 1, Tempo: 1, Multiple: 1,
			Load:     []scenarios.PlannedLoad{{Replay: &scenarios.PlannedReplay{File: "/a/log", Digest: "d"}}},
			Journeys: map[string][]scenarios.PlannedStep{"shop": {{Name: "send", BodyFile: "/a/body"}}}},
	}
}

func TestClassAndTraffic(t *testing.T) {
	for name, c := range map[string]struct {
		change         func(*rundir.Intent)
		class, traffic bool // whether it is another one
	}{
		"kernel":   {func(i *rundir.Intent) { i.Machine.Kernel = "7" }, false, false},
		"engine":   {func(i *rundir.Intent) { i.Machine.Engine = "29" }, false, false},
		"cpus":     {func(i *rundir.Intent) { i.Machine.CPUs = 4 }, true, false},
		"arch":     {func(i *rundir.Intent) { i.Machine.Arch = "arm64" }, true, false},
		"platform": {func(i *rundir.Intent) { i.Platform = "docker" }, true, false},
		"seed":     {func(i *rundir.Intent) { i.Plan.Seed = 9 }, false, false},
		"places":   {func(i *rundir.Intent) { i.Plan.Load[0].Replay.File, i.Plan.Journeys["shop"][0].BodyFile = "/b", "/b" }, false, false},
		"load":     {func(i *rundir.Intent) { i.Plan.Multiple = 3 }, false, true},
		"tempo":    {func(i *rundir.Intent) { i.Plan.Tempo = 2 }, false, true},
		"journeys": {func(i *rundir.Intent) { i.Plan.Journeys["shop"][0].Name = "read" }, false, true},
		"digest":   {func(i *rundir.Intent) { i.Plan.Digest = "checks changed" }, false, false},
	} {
		as, is := intentOf(), intentOf()
		c.change(&is)
		if (Class(as) != Class(is)) != c.class || (Traffic(as.Plan) != Traffic(is.Plan)) != c.traffic {
			t.Errorf("%s: %s, %s", name, Class(is), Traffic(is.Plan))
		}
	}
	if Class(intentOf()) != "linux-amd64-2cpu-process" || Words(intentOf()) != "linux on amd64 with 2 CPUs, instances on process" {
		t.Errorf("%s, %s", Class(intentOf()), Words(intentOf()))
	}
	if err := KeyOf(rundir.Intent{}, "x").check(); err == nil {
		t.Error("a run without a plan has a baseline")
	}
}

func TestRead(t *testing.T) {
	other := runAt(2)
	other.Traffic = "u"
	read, left := File{Name: "n", Class: "c", Runs: []Run{runAt(1), other, runAt(3)}}.Read("t", "r3")
	if left != 1 || len(read.Runs) != 1 || read.Runs[0].Run != "r1" || read.Name != "n" || read.Class != "c" {
		t.Errorf("%+v, %d left out", read, left)
	}
	if read, _ := (File{}).Read("t", "r"); read.Runs == nil {
		t.Error("a list is a list, empty or not")
	}
}

func TestKeepingHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var file File
		keep := rapid.IntRange(1, 8).Draw(t, "keep")
		latest := 0
		for range rapid.IntRange(1, 12).Draw(t, "saves") {
			n := rapid.IntRange(1, 20).Draw(t, "run")
			latest = max(latest, n)
			file = file.with([]Run{runAt(n)}, keep)
		}
		seen := map[string]bool{}
		for i, r := range file.Runs {
			if seen[r.Run] || i > 0 && r.Started.Before(file.Runs[i-1].Started) {
				t.Fatal(names(file))
			}
			seen[r.Run] = true
		}
		if len(file.Runs) > keep || !seen[fmt.Sprint("r", latest)] {
			t.Fatalf("%s, keep %d", names(file), keep)
		}
	})
}

// Whatever stands in a file, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":1,"runs":[{"run":"a","figures":{"shop/p99":1}}]}`))
	f.Add([]byte(`{"version":1,"runs":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := parse("x", b)
		if err == nil {
			file.with([]Run{runAt(1)}, 3).Read("t", "r")
		}
	})
}
