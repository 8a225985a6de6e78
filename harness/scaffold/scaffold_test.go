package scaffold

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var update = flag.Bool("update", false, "rewrite the golden scenarios under testdata")

func detected(t *testing.T, fixture string) (*stack.Project, []Service) {
	t.Helper()
	project, err := stack.Load(t.Context(), []string{filepath.Join("testdata", fixture+".yaml")}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return project, Detect(project)
}

// Every template, for every project that has something to drive, is a scenario without
// mistakes, also for who loads it from its file.
func TestEveryTemplateLoads(t *testing.T) {
	for _, fixture := range []string{"shop", "one", "extended"} {
		for _, template := range Templates() {
			t.Run(fixture+"/"+template.Name, func(t *testing.T) {
				project, services := detected(t, fixture)
				given := Choices{Template: template.Name, Compose: []string{"compose.yaml"}, Schema: "scenario.schema.json"}
				resolved, err := Resolve(services, given)
				if err != nil {
					t.Fatal(err)
				}
				source, err := Write(services, given, resolved)
				if err != nil {
					t.Fatal(err)
				}
				if err := Check("scenario.yaml", "testdata", source, project.Info()); err != nil {
					t.Fatalf("%v\n%s", err, source)
				}
				loads(t, fixture, source)
				if fixture == "shop" {
					golden(t, template.Name, source)
				}
			})
		}
	}
}

func loads(t *testing.T, fixture string, source []byte) {
	t.Helper()
	compose, err := os.ReadFile(filepath.Join("testdata", fixture+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"compose.yaml": compose, "scenario.yaml": source} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := harness.Load(t.Context(), filepath.Join(dir, "scenario.yaml"), harness.LoadOptions{}); err != nil {
		t.Errorf("%v\n%s", err, source)
	}
}

func golden(t *testing.T, name string, source []byte) {
	t.Helper()
	file := filepath.Join("testdata", "shop-"+name+".golden")
	if *update {
		if err := os.WriteFile(file, source, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(source) {
		t.Errorf("it writes\n%s\nwant\n%s", source, want)
	}
}

func TestServicesAreDetected(t *testing.T) {
	for _, c := range []struct {
		fixture, name string
		want          Service
	}{
		{"shop", "web", Service{Ports: []int{80}, Ready: "/healthz", Replicas: 1}},
		{"shop", "api", Service{Ports: []int{8000, 9090}, Ready: "/readyz", Asked: 8000, Grace: "30s", Replicas: 3}},
		{"shop", "worker", Service{Replicas: 1}},
		{"shop", "postgres", Service{Data: "a database", Replicas: 1}},
		{"shop", "cache", Service{Data: "a cache", Replicas: 1}},
		{"extended", "api", Service{Ports: []int{8081, 8080}, Ready: "/ready", Asked: 8080, Replicas: 1}},
		{"extended", "nginx", Service{Ports: []int{80}, Replicas: 1}},
		{"extended", "secure", Service{Ports: []int{7000}, Replicas: 1}}, // what is asked over TLS is no readiness probe
		{"extended", "broker", Service{Data: "not a service over HTTP, by its ports", Replicas: 1}},
		{"closed", "app", Service{Ready: "/up", Asked: 4000, Replicas: 1}},
	} {
		_, services := detected(t, c.fixture)
		for _, s := range services {
			if s.Name != c.name {
				continue
			}
			c.want.Name = c.name
			if s.Data != c.want.Data || s.Ready != c.want.Ready || s.Asked != c.want.Asked || s.Grace != c.want.Grace || s.Replicas != c.want.Replicas || !equal(s.Ports, c.want.Ports) {
				t.Errorf("%s of %s is %+v, want %+v", c.name, c.fixture, s, c.want)
			}
		}
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Who cannot be helped is told what to do.
func TestWhatCannotBeDrivenIsTold(t *testing.T) {
	for _, c := range []struct {
		fixture string
		choices Choices
		want    string
	}{
		{"stores", Choices{}, "name the one to drive with --service"},
		{"stores", Choices{Service: "redis"}, `add expose: ["8080"]`},
		{"closed", Choices{}, `add, for example, expose: ["4000"] to service app`},
		{"shop", Choices{Service: "wep"}, "those that can be driven are web, api"},
		{"shop", Choices{Service: "worker"}, `add expose: ["8080"]`},
		{"shop", Choices{Template: "soak"}, "choose one of smoke, drain, import-burst, gameday"},
		{"shop", Choices{Path: "health"}, "from its slash on"},
	} {
		_, services := detected(t, c.fixture)
		if _, err := Resolve(services, c.choices); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %+v: %v; want %q in it", c.fixture, c.choices, err, c.want)
		}
	}
}

// What a user chose is not called assumed.
func TestChoicesAreNotAssumed(t *testing.T) {
	_, services := detected(t, "shop")
	given := Choices{Compose: []string{"compose.yaml"}, Service: "api", Port: 9090, Path: "/v1/products", Rate: "50/s", Ready: "/up"}
	resolved, err := Resolve(services, given)
	if err != nil {
		t.Fatal(err)
	}
	source, err := Write(services, given, resolved)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"port: 9090\n", "ready: /up\n", "request: GET api/v1/products\n", "constant: 50/s}\n"} {
		if !strings.Contains(string(source), want) {
			t.Errorf("nothing says %q in\n%s", want, source)
		}
	}
}

// Text stays text, whatever YAML thinks of it.
func TestQuotedTextIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9_./: #'"\\-]{1,12}`), rapid.SampledFrom([]string{"on", "no", "null", "1e3", "~", "- a", "0x10"})).Draw(t, "text")
		document, _ := scenarios.Parse("s.yaml", []byte("name: s\nsummary: "+quote(text)+"\n"), scenarios.Options{})
		if document == nil || document.Scenario.Summary != text {
			t.Fatalf("%q is written %s", text, quote(text))
		}
	})
}
