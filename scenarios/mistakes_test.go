package scenarios

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shop is the compose project that the files in testdata are checked against.
func shop() StackInfo {
	http := ServiceInfo{Ports: []int{8080}, Replicas: 1}
	backend := http
	backend.Labels = map[string]string{"tier": "backend"}
	return StackInfo{Services: map[string]ServiceInfo{
		"api":           backend,
		"web":           {Ports: []int{8080, 9090}, Replicas: 3, StopGrace: 20 * time.Second},
		"payments":      http,
		"worker":        {Ports: []int{9090}, Replicas: 1, Limits: ResourceClass{CPUs: 1, Memory: 512 << 20}, Volumes: []string{"spool"}, Labels: map[string]string{"tier": "backend"}},
		"bare":          {Replicas: 1},
		"db":            {Ports: []int{5432}, Replicas: 1},
		"shop":          http,
		"shop-2":        http,
		"shop-02":       http, // nobody's instance
		"store":         http,
		"gateway-store": http,
	}}
}

// atelier is the reference stack, which the library is written for, with the
// smallest importers that it has.
func atelier() StackInfo {
	const mb = 1 << 20
	http := ServiceInfo{Ports: []int{8080}, Replicas: 1, Extension: &Service{Port: 8080}}
	api, importer, worker := http, http, http
	importer.Extension, worker.Extension = nil, nil
	api.Limits, api.Reservations = ResourceClass{CPUs: 1, Memory: 192 * mb}, ResourceClass{CPUs: 0.25, Memory: 64 * mb}
	importer.Limits, importer.Reservations = ResourceClass{CPUs: 0.25, Memory: 64 * mb}, ResourceClass{CPUs: 0.25, Memory: 64 * mb}
	worker.Limits, worker.Reservations = ResourceClass{CPUs: 0.5, Memory: 96 * mb}, ResourceClass{CPUs: 0.1, Memory: 32 * mb}
	return StackInfo{Services: map[string]ServiceInfo{
		"web": http, "api": api, "payments": http, "importer": importer, "worker": worker,
		"postgres": {Ports: []int{5432}, Replicas: 1, Volumes: []string{"postgres-data"}},
		"redis":    {Ports: []int{6379}, Replicas: 1, Volumes: []string{"redis-data"}}, "cache": {Ports: []int{6379}, Replicas: 1},
	}}
}

// files lists testdata by pattern; there must be some.
func files(t testing.TB, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return list
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// all compiles a file and returns every problem of it.
func all(file string, text []byte, opts Options) (*Plan, Problems) {
	d, problems := Parse(file, text, opts)
	if d == nil {
		return nil, problems
	}
	return d.Compile(shop())
}

// Every file in testdata/mistakes is named after what is wrong with it, and
// has beside it what the user is told.
func TestMistakes(t *testing.T) {
	for _, file := range files(t, "testdata/mistakes/*.yaml") {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			plan, problems := all(filepath.Base(file), read(t, file), Options{})
			if plan != nil || len(problems) == 0 {
				t.Fatal("no problem was found")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", problems.Error()+"\n")
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" || p.Excerpt == "" {
					t.Errorf("incomplete problem: %+v", p)
				}
			}
		})
	}
}

func TestThreeMistakesAreReportedTogether(t *testing.T) {
	_, problems := all("three-mistakes.yaml", read(t, "testdata/mistakes/three-mistakes.yaml"), Options{})
	want := []struct {
		line, column int
		suggestion   string
	}{
		{9, 27, "write it like 250ms, 30s or 2m"},
		{15, 27, `did you mean "constant"?`},
		{28, 39, `did you mean "api"?`},
	}
	if len(problems) != len(want) {
		t.Fatalf("got %d problems, want %d:\n%v", len(problems), len(want), problems)
	}
	for i, w := range want {
		if p := problems[i]; p.Line != w.line || p.Column != w.column || p.Suggestion != w.suggestion {
			t.Errorf("problem %d: got %d:%d %q, want %v", i, p.Line, p.Column, p.Suggestion, w)
		}
	}
}

func TestValidFilesHaveNoProblem(t *testing.T) {
	for pattern, c := range map[string]struct {
		info StackInfo
		dir  string
	}{"testdata/valid/*.yaml": {shop(), "."}, "library/*.yaml": {atelier(), ".."}} {
		for _, file := range files(t, pattern) {
			d, problems := Parse(file, read(t, file), Options{Dir: c.dir})
			if len(problems) == 0 {
				_, problems = d.Compile(c.info)
			}
			if len(problems) > 0 {
				t.Errorf("%s:\n%v", file, problems)
			}
		}
	}
}
