package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/sirupsen/logrus"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// files writes a txtar archive into a directory and returns its *.yaml, in order.
func files(t *testing.T, archive string) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".yaml") {
			paths = append(paths, path)
		}
	}
	return paths
}

func TestLoad(t *testing.T) {
	p, err := Load(t.Context(), files(t, `
-- .env --
TAG=from-file
LIMIT=64M
-- compose.yaml --
name: shop
services:
  api:
    image: shop:${TAG}
    expose: ["9000-9001", "53/udp"]
    ports: ["80:8080", "8080:9000"]
    stop_grace_period: 20s
    environment: {MODE: dev, FROM_SHELL: , LEVEL: "${LEVEL:-info}"}
    env_file: [{path: absent.env, required: false}]
    x-shakedown: {port: 8080, ready: /readyz, drain: {pre_stop: 1s, grace: 5s}, public_env: [MODE], zones: [a]}
    labels: {tier: backend}
    volumes: ["data:/data", "./here:/there", "/anonymous", "cache:/cache", "data:/again"]
  debug: {image: tools, profiles: [tools]}
-- staging.yaml --
services:
  api:
    environment: {MODE: staging}
    deploy: {replicas: 3, resources: {limits: {memory: "${LIMIT}", cpus: "0.5"}}}
    x-shakedown: {drain: {grace: 9s}, zones: [b, c], trust_ca: true}
volumes: {data: , cache: }
`), nil, []string{"TAG=from-shell", "FROM_SHELL=yes", "PATH=/bin"})
	if err != nil {
		t.Fatal(err)
	}
	api := p.compose.Services["api"]
	for what, c := range map[string][2]string{
		"image: environment wins over .env": {api.Image, "shop:from-shell"},
		"limit: .env":                       {fmt.Sprint(api.Deploy.Resources.Limits.MemoryBytes), fmt.Sprint(64 << 20)},
		"later file":                        {*api.Environment["MODE"], "staging"},
		"default":                           {*api.Environment["LEVEL"], "info"},
		"taken from the environment":        {*api.Environment["FROM_SHELL"], "yes"},
		"services":                          {fmt.Sprint(p.compose.ServiceNames()), "[api]"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %q, want %q", what, c[0], c[1])
		}
	}
	info := p.Info().Services["api"]
	if ports := fmt.Sprint(info.Ports); ports != "[8080 9000 9001]" {
		t.Errorf("ports %s", ports)
	}
	if have := fmt.Sprint(info.Labels, info.Volumes); have != "map[tier:backend] [cache data]" {
		t.Errorf("labels and volumes %s", have)
	}
	if info.StopGrace != 20*time.Second || info.Replicas != 3 {
		t.Errorf("grace %v, replicas %d", info.StopGrace, info.Replicas)
	}
	x := info.Extension
	if x == nil || x.Port != 8080 || x.Ready.Path != "/readyz" || x.Drain.PreStop.Std() != time.Second || x.Drain.Grace.Std() != 9*time.Second ||
		fmt.Sprint(x.Zones) != "[b c]" || !x.TrustCA {
		t.Errorf("extension %+v; want the later file to win key by key", x)
	}
}

// x-shakedown reaches a service by extends, include and merge keys too.
func TestInheritedExtension(t *testing.T) {
	all := files(t, `
-- compose.yaml --
include: [more.yaml]
x-common: &common
  x-shakedown: {port: 81}
services:
  api: {image: a, x-shakedown: {port: 80, ready: /r}}
  web: {extends: api, image: b}
  old: {<<: *common, image: c}
-- more.yaml --
services:
  worker: {image: d, x-shakedown: {drain: {grace: 3s}}}
`)
	p, err := Load(t.Context(), all[:1], nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	info := p.Info().Services
	if x := info["web"].Extension; x == nil || x.Port != 80 || x.Ready.Path != "/r" {
		t.Errorf("extends: %+v", x)
	}
	if x := info["old"].Extension; x == nil || x.Port != 81 {
		t.Errorf("merge key: %+v", x)
	}
	if x := info["worker"].Extension; x == nil || x.Drain.Grace.Std() != 3*time.Second {
		t.Errorf("include: %+v", x)
	}
}

// What an instance is limited to, and what is set aside for it, stands in the new
// keys or in the old ones, each by itself.
func TestResources(t *testing.T) {
	p, err := Load(t.Context(), files(t, `
-- compose.yaml --
services:
  new: {image: a, deploy: {resources: {limits: {cpus: "0.1", memory: 256M}, reservations: {cpus: "0.05", memory: 64M}}}}
  old: {image: a, cpus: 4, mem_limit: 1g, mem_reservation: 32m}
  half: {image: a, deploy: {resources: {limits: {memory: 256M}, reservations: {cpus: "0.3"}}}}
  none: {image: a}
`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	const mib = 1 << 20
	for name, want := range map[string][2]scenarios.ResourceClass{
		"new":  {{CPUs: 0.1, Memory: 256 * mib}, {CPUs: 0.05, Memory: 64 * mib}},
		"old":  {{CPUs: 4, Memory: 1024 * mib}, {Memory: 32 * mib}},
		"half": {{Memory: 256 * mib}, {CPUs: 0.3}},
		"none": {},
	} {
		info := p.Info().Services[name]
		if info.Limits != want[0] || info.Reservations != want[1] {
			t.Errorf("%s: limits %+v, reservations %+v; want %+v", name, info.Limits, info.Reservations, want)
		}
	}
}

// Later files win key by key; another kind of autoscaler takes the place of the
// one before, and a metric that of its namesake.
func TestScalingExtensions(t *testing.T) {
	paths := files(t, `
-- compose.yaml --
services:
  api:
    image: a
    x-shakedown:
      port: 8080
      drain: {takes: 3s}
      metrics: {depth: {http: {request: GET api/depth, value: $.n}}, age: {exposition: {series: age}}}
      autoscale: {queue: {backlog: depth, per_instance: 5}, min: 2, max: 20, every: 10s, requests: {cpus: 0.5, memory: 64MiB}, schedule: [{at: a, for: 1s, min: 3}]}
      prescale: {tier: gold, header: {service: api, tier: T, account: A}, large: {cpus: 2, memory: 1GiB}, hold: 5m, budget: 3}
-- staging.yaml --
services:
  api:
    x-shakedown:
      drain: {grace: 9s}
      metrics: {depth: {exposition: {series: depth}}}
      autoscale: {hpa: k8s/api.yaml, every: 20s, requests: {cpus: 0.25}}
      prescale: {tier: silver, large: {cpus: 3}, policy: reactive}
`)
	p, err := Load(t.Context(), paths, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := p.Info().Services["api"].Extension
	hold := scenarios.Duration(5 * time.Minute)
	if m := x.Metrics; len(m) != 2 || m["depth"].HTTP != nil || m["depth"].Exposition == nil || m["age"].Exposition == nil {
		t.Errorf("metrics %+v", m)
	}
	if x.Drain.Takes.Std() != 3*time.Second {
		t.Errorf("drain %+v", x.Drain)
	}
	wantRequests := scenarios.ResourceClass{CPUs: 0.25, Memory: 64 << 20}
	a := x.Autoscale
	if a.HPA != filepath.Join(filepath.Dir(paths[0]), "k8s/api.yaml") || a.Queue != nil || a.Min != nil || a.Max != nil ||
		a.Every.Std() != 20*time.Second || *a.Requests != wantRequests || len(a.Schedule) != 1 {
		t.Errorf("autoscale %+v", a)
	}
	wantLarge := scenarios.ResourceClass{CPUs: 3, Memory: 1 << 30}
	if s := x.Prescale; s.Tier != "silver" || s.Policy != "reactive" || s.Large != wantLarge || s.Hold != hold || s.Budget != 3 || s.Header == nil {
		t.Errorf("prescale %+v", s)
	}
}

func TestLoadProfiles(t *testing.T) {
	source := `
-- compose.yaml --
services:
  api: {image: a}
  debug: {image: b, profiles: [tools]}
`
	for _, c := range []struct {
		profiles, environ []string
		want              string
	}{
		{nil, nil, "[api]"},
		{[]string{"tools"}, nil, "[api debug]"},
		{nil, []string{"COMPOSE_PROFILES=tools"}, "[api debug]"},
	} {
		p, err := Load(t.Context(), files(t, source), c.profiles, c.environ)
		if err != nil {
			t.Fatal(err)
		}
		if have := fmt.Sprint(p.compose.ServiceNames()); have != c.want {
			t.Errorf("profiles %v, environ %v: %s, want %s", c.profiles, c.environ, have, c.want)
		}
	}
}

// What the compose loader prints is caught, and other users of the logger get
// it back as it was.
func TestLoadIsQuiet(t *testing.T) {
	var printed strings.Builder
	logrus.SetOutput(&printed)
	defer logrus.SetOutput(os.Stderr)
	p := project(t, "version: '3'\nservices: {api: {image: 'a:${NOT_SET}'}}\n")
	if len(p.Warnings) != 2 || !strings.Contains(strings.Join(p.Warnings, "\n"), `"NOT_SET" variable is not set`) {
		t.Errorf("warnings: %q", p.Warnings)
	}
	if printed.Len() > 0 {
		t.Errorf("printed: %s", &printed)
	}
	logrus.Warn("mine")
	if !strings.Contains(printed.String(), "mine") {
		t.Error("the logger was not restored")
	}
}

// Each testdata/load file is a compose project with one mistake, named after
// it, and beside it the problem as the user reads it.
func TestLoadMistakes(t *testing.T) {
	cases, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(cases) < 10 {
		t.Fatal(len(cases), err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			paths := files(t, string(source))
			_, err = Load(t.Context(), paths, nil, nil)
			var problems scenarios.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error %v, want problems", err)
			}
			have := strings.ReplaceAll(err.Error(), filepath.Dir(paths[0])+"/", "") + "\n"
			golden(t, strings.TrimPrefix(strings.TrimSuffix(file, ".txtar"), "testdata/")+".txt", have)
		})
	}
}

func TestLoadNothing(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"no file":       {nil, "no compose file given"},
		"missing file":  {[]string{"nowhere/compose.yaml"}, "nowhere/compose.yaml"},
		"no service":    {files(t, "-- compose.yaml --\nservices: {}\n"), "it has no services"},
		"all profiled":  {files(t, "-- compose.yaml --\nservices: {a: {image: a, profiles: [x]}}\n"), "switch one on"},
		"no yaml there": {files(t, "-- compose.yaml --\n"), ""},
	} {
		if _, err := Load(t.Context(), c.files, nil, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
