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
    x-shakedown: {port: 8080, ready: /readyz, drain: {pre_stop: 1s, grace: 5s}, public_env: [MODE]}
  debug: {image: tools, profiles: [tools]}
-- staging.yaml --
services:
  api:
    environment: {MODE: staging}
    deploy: {replicas: 3, resources: {limits: {memory: "${LIMIT}", cpus: "0.5"}}}
    x-shakedown: {drain: {grace: 9s}}
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
	if info.StopGrace != 20*time.Second || info.Replicas != 3 {
		t.Errorf("grace %v, replicas %d", info.StopGrace, info.Replicas)
	}
	x := info.Extension
	if x == nil || x.Port != 8080 || x.Ready.Path != "/readyz" || x.Drain.PreStop.Std() != time.Second || x.Drain.Grace.Std() != 9*time.Second {
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
