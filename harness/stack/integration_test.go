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
func realStack(t *testing.T, p platform.Platform, compose string, services map[string]scenarios.PlannedService,
	actions ...scenarios.PlannedAction) (*Stack, *record) {
	t.Helper()
	return realStackWith(t, p, compose, &scenarios.Plan{Services: services, Actions: actions}, func(*Config) {})
}

func realStackWith(t *testing.T, p platform.Platform, compose string, plan *scenarios.Plan, change func(*Config)) (*Stack, *record) {
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
	cfg := Config{
		Run: "test", Project: project(t, strings.NewReplacer("DIR", dir, "TAG", tag).Replace(compose)), Plan: plan,
		Platform: p, Clock: clock.Start(), Emit: r.emit, Agent: filepath.Join(dir, "shakedown-agent"), StartTimeout: 20 * time.Second,
	}
	change(&cfg)
	s, err := New(cfg)
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

// releases brings versions in by every strategy, runs a job, and restarts an
// instance, while requests go on.
func releases(t *testing.T, p platform.Platform) {
	lag := scenarios.Duration(100 * time.Millisecond)
	release := func(strategy, version string) scenarios.PlannedAction {
		return scenarios.PlannedAction{Release: &scenarios.PlannedRelease{
			Strategy: strategy, Service: "api", From: "v1", Version: version, MaxSurge: scenarios.Portion{Number: 1},
			Environment: map[string]string{"VERSION": version}, StartFirst: true, Deadline: 20e9,
		}}
	}
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	job := func(name, mode, code string) scenarios.PlannedAction {
		return scenarios.PlannedAction{Job: &scenarios.Job{
			Name: name, Service: "api", Command: []string{mode, code}, Process: []string{dir + "/program", mode, code}, Within: 2e9,
		}}
	}
	actions := []scenarios.PlannedAction{
		release(scenarios.RollingStrategy, "v2"), release(scenarios.BlueGreenStrategy, "v3"), release(scenarios.ReplaceStrategy, "v4"),
		job("fine", "exit", "0"), job("failing", "exit", "7"), job("endless", "stubborn", ""),
	}
	s, r := realStack(t, p, realCompose, map[string]scenarios.PlannedService{
		"api": {
			Port: 8080, Replicas: 2, Driven: true, Ready: scenarios.Probe{Path: "/", Period: scenarios.Duration(50 * time.Millisecond)},
			Drain: scenarios.Drain{PreStop: 200e6, Grace: 5e9, EndpointLag: &lag},
		},
	}, actions...)
	if err := s.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var asking sync.WaitGroup
	target := s.Targets()["api"]
	asking.Go(func() { keepAsking(t, target, stop) })
	for _, action := range actions[:3] {
		before := 0
		if err := s.Release(t.Context(), action.Release, "test", func(n int) { before = n }); err != nil || before != 2 {
			t.Errorf("%s from %d: %v", action, before, err)
		}
	}
	if err := s.Restart(t.Context(), scenarios.Pick{Service: "api", Instance: "oldest"}, "test"); err != nil {
		t.Error(err)
	}
	for i, want := range []string{"", "failing-1 exited with code 7; its last log lines:\n  exiting with 7", "endless-1 was killed because it ran for longer than 2s"} {
		err := s.RunJob(t.Context(), actions[3+i].Job, "test")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", actions[3+i], err, want)
		}
	}
	close(stop)
	asking.Wait()
	if err := s.Down(t.Context()); err != nil {
		t.Error(err)
	}
	versions := map[string]int{}
	for _, e := range must(bodies[journal.InstanceStarted](r)) {
		versions[e.Version]++
	}
	if have, want := fmt.Sprint(versions), "map[:5 v1:2 v2:2 v3:2 v4:3]"; have != want { // store, check, three jobs
		t.Errorf("started %s, want %s", have, want)
	}
	for _, e := range must(bodies[journal.InstanceExited](r)) {
		if !e.Wanted {
			t.Errorf("unwanted exit: %+v", e)
		}
	}
	mains := map[string]string{}
	for _, e := range must(bodies[journal.MainProcess](r)) {
		mains[e.Instance] = e.Command
		if e.Shell {
			t.Errorf("taken for a shell: %+v", e)
		}
	}
	if len(mains) < 2 || !strings.HasSuffix(mains["store-1"], "program serve :7000") && !strings.Contains(mains["store-1"], "program serve 127.") {
		t.Errorf("main processes %q, want those of store and of api", mains)
	}
}

// keepAsking fails the test for any request that is not answered, each on a
// connection of its own: what is kept alive may race with the end of an
// instance that does not announce it.
func keepAsking(t *testing.T, target string, stop chan struct{}) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond) // a load that leaves the machine to the instances
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		response, err := client.Get("http://" + target)
		if err != nil {
			t.Errorf("get: %v", err)
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("get: status %d", response.StatusCode)
		}
	}
}

func TestReleasesOnDocker(t *testing.T) { releases(t, openDocker(t)) }

func TestReleasesOnProcesses(t *testing.T) { releases(t, openProcess(t)) }

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
