package stack

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/docker"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
	"github.com/shakedown-dev/shakedown/harness/platform/process"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// programs builds the agent and the conformance suite's program once.
// It is built in the first test that needs it.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "stack-test-"); err != nil {
		return "", err
	}
	built = dir
	build := exec.Command("go", "build", "-o", dir+"/", "../../cmd/shakedown-agent", "../platform/platformtest/program")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build test programs: %w\n%s", err, out)
	}
	return dir, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY program /program\nENTRYPOINT [\"/program\"]\n"), 0o600)
})

// built is the directory of programs, "" before.
var built string

func removePrograms() {
	if built != "" {
		_ = os.RemoveAll(built)
	}
}

// realStack is a stack of the conformance suite's program on a real platform.
func realStack(t *testing.T, p platform.Platform, compose string, services map[string]scenarios.PlannedService) (*Stack, *record) {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "program"))
	if err != nil {
		t.Fatal(err)
	}
	tag := fmt.Sprintf("%x", sha256.Sum256(content))[:12] // an image from an older program is not taken for this
	r := &record{}
	s, err := New(Config{
		Run: "test", Project: project(t, strings.NewReplacer("DIR", dir, "TAG", tag).Replace(compose)), Plan: &scenarios.Plan{Services: services},
		Platform: p, Clock: clock.Start(), Emit: r.emit, Agent: filepath.Join(dir, "shakedown-agent"), StartTimeout: 20 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Down(context.Background()); err != nil {
			t.Errorf("down: %v", err)
		}
	})
	return s, r
}

const realCompose = `
services:
  store:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [serve, ":7000"]
    expose: [7000]
    x-shakedown: {process: {command: [DIR/program, serve, "{ip}:{port}"]}}
  check:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [exit, "0"]
    depends_on: [store]
    x-shakedown: {process: {command: [DIR/program, exit, "0"]}}
  api:
    image: shakedown-stack-test:TAG
    build: DIR
    command: [serve, ":8080"]
    depends_on: {store: {condition: service_started}, check: {condition: service_completed_successfully}}
    x-shakedown: {process: {command: [DIR/program, serve, "{ip}:{port}"]}}
`

// exercise brings a stack up, scales it both ways under a request, and takes
// it down.
func exercise(t *testing.T, p platform.Platform) {
	lag := scenarios.Duration(100 * time.Millisecond)
	s, r := realStack(t, p, realCompose, map[string]scenarios.PlannedService{
		"api": {
			Port: 8080, Replicas: 2, Driven: true, Ready: scenarios.Probe{Path: "/", Period: scenarios.Duration(50 * time.Millisecond)},
			Drain: scenarios.Drain{Grace: 5e9, EndpointLag: &lag},
		},
	})
	began := time.Now()
	step := func(name string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%6dms %s", time.Since(began).Milliseconds(), name)
	}
	step("up", s.Up(t.Context()))
	target := s.Targets()["api"]
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	get := func() error {
		response, err := client.Get("http://" + target)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && (response.StatusCode != http.StatusOK || string(body) != "hello\n") {
			err = fmt.Errorf("status %d, body %q", response.StatusCode, body)
		}
		return err
	}
	step("get", get())
	step("scale up", s.Scale(t.Context(), "api", 3, "test"))
	step("scale down", s.Scale(t.Context(), "api", 1, "test"))
	step("get again", get())
	step("down", s.Down(t.Context()))
	if err := get(); err == nil {
		t.Error("the gateway still answers")
	}
	added, _ := bodies[journal.EndpointAdded](r)
	removed, _ := bodies[journal.EndpointRemoved](r)
	exits, _ := bodies[journal.InstanceExited](r)
	if len(added) != 3 || len(removed) < 2 {
		t.Errorf("%d endpoints added, %d removed; want 3 and 2 or more", len(added), len(removed))
	}
	for _, e := range exits {
		if !e.Wanted {
			t.Errorf("unwanted exit: %+v", e)
		}
	}
	if len(exits) != 5 {
		t.Errorf("%d exits: %+v; want store, check and three of api", len(exits), exits)
	}
}

func openProcess(t *testing.T) platform.Platform {
	t.Helper()
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("SKIPPED: starts processes on loopback addresses of their own; needs Linux, and no -short")
	}
	p, err := process.Open(fmt.Sprintf("stack-%d-%d", os.Getpid(), time.Now().UnixNano()), owner.Self(), process.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// openDocker takes the engine of this machine.
func openDocker(t *testing.T) platform.Platform {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: starts containers; not with -short")
	}
	p, err := docker.Open(t.Context(), fmt.Sprintf("stack-%d-%d", os.Getpid(), time.Now().UnixNano()), owner.Self())
	if err != nil {
		t.Skipf("SKIPPED: no engine: %v", err)
	}
	return p
}

func TestOnDocker(t *testing.T) { exercise(t, openDocker(t)) }

func TestFailuresOnDocker(t *testing.T) {
	for _, c := range []struct {
		name, service string
		publish       int // a port that is taken
		want          []string
	}{
		{"exits at start", `{image: shakedown-stack-test:TAG, build: DIR, command: [exit, "3"]}`, 0, []string{"api-1 exited with code 3", "exiting with 3"}},
		{"no image and nothing to build it from", `{image: shakedown.invalid/none}`, 0, []string{"get the image of shakedown.invalid/none"}},
		{"port taken", `{image: shakedown-stack-test:TAG, build: DIR, command: [serve, ":8080"]}`, taken(t), []string{"start gateway-api", "is taken"}},
		{"never ready", `{image: shakedown-stack-test:TAG, build: DIR, command: [stubborn]}`, 0, []string{"api-1 was not ready within 2s", "refused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := realStack(t, openDocker(t), "services: {api: "+c.service+"}",
				map[string]scenarios.PlannedService{"api": {Port: 8080, Replicas: 1, Driven: true, Publish: c.publish}})
			s.cfg.StartTimeout = 2 * time.Second
			err := s.Up(t.Context())
			for _, part := range c.want {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("error %v\nlacks %q", err, part)
				}
			}
		})
	}
}

func TestOnProcesses(t *testing.T) { exercise(t, openProcess(t)) }

// What goes wrong for real is told with its last words.
func TestFailuresOnProcesses(t *testing.T) {
	for _, c := range []struct {
		name, command string
		publish       int // a port that is taken
		want          []string
	}{
		{"exits at start", `[DIR/program, exit, "3"]`, 0, []string{"api-1 exited with code 3", "exiting with 3"}},
		{"cannot be run", `[DIR/nothing]`, 0, []string{"create api-1", "nothing"}},
		{"port taken", `[DIR/program, serve, "{ip}:{port}"]`, taken(t), []string{"start gateway-api", "is taken"}},
		{"never ready", `[DIR/program, stubborn]`, 0, []string{"wait for api-1: api-1 was not ready within 1s", "unready (refused)", "ready"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := openProcess(t)
			s, _ := realStack(t, p, "services: {api: {image: a, x-shakedown: {process: {command: "+c.command+"}}}}",
				map[string]scenarios.PlannedService{"api": {Port: 8080, Replicas: 1, Driven: true, Publish: c.publish}})
			s.cfg.StartTimeout = time.Second
			err := s.Up(t.Context())
			for _, part := range c.want {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("error %v\nlacks %q", err, part)
				}
			}
		})
	}
}

// taken is a port of 127.0.0.1 on which the test listens.
func taken(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().(*net.TCPAddr).Port
}
