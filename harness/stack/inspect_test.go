package stack

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestIsShell(t *testing.T) {
	for command, want := range map[string]bool{
		"sh -c shop": true, "/bin/sh /entry.sh": true, "/usr/local/bin/bash": true, "-ash": true, "busybox sh -c x": true, "/bin/busybox ash": true,
		"busybox httpd": false, "zsh": true, "dash x": true, "/shop serve": false, "/sh/shop": false, "fish": false, "ssh host": false, "": false, " ": false,
	} {
		if have := isShell(command); have != want {
			t.Errorf("%q: %v", command, have)
		}
	}
}

// The first instance of each version of each service tells its main process,
// once it takes work.
func TestMainProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := rolling("api")
		secret := strings.Repeat("ä", 150) + "hunter2"
		r := newReleased(t, release, func(cfg *Config) {
			cfg.Redact = func(s string) string { return strings.ReplaceAll(s, "hunter2", "[password]") }
		})
		synctest.Wait()
		if mains, _ := bodies[journal.MainProcess](r.record); len(mains) > 0 {
			t.Errorf("a platform that failed to tell told %+v", mains)
		}
		r.platform.mains = func(name string) string {
			if strings.HasPrefix(name, "worker") {
				return "/bin/sh -c shop --password=hunter2"
			}
			return "/shop serve hunter2 " + secret
		}
		if _, err := r.release(t, release); err != nil {
			t.Fatal(err)
		}
		if err := r.Scale(t.Context(), "worker", 4, "more"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		mains, _ := bodies[journal.MainProcess](r.record)
		if len(mains) != 2 {
			t.Fatalf("told %+v", mains)
		}
		api, worker := mains[0], mains[1]
		if api.Service != "api" || api.Instance != "api-4" || api.Shell || len(api.Command) > commandWidth ||
			!strings.HasPrefix(api.Command, "/shop serve [password] ää") || !strings.HasSuffix(api.Command, "ä…") {
			t.Errorf("told %+v (%d bytes)", api, len(api.Command))
		}
		if worker.Service != "worker" || worker.Instance != "worker-4" || !worker.Shell || worker.Command != "/bin/sh -c shop --password=[password]" {
			t.Errorf("told %+v", worker)
		}
		down(t, r)
	})
}

// An entry point that becomes the program is not taken for a shell, and one
// that prepares things is not asked before it is healthy.
func TestMainProcessSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "services: {db: {image: a, healthcheck: {test: [CMD, x]}}, api: {image: b}}",
			map[string]scenarios.PlannedService{"api": {Port: 80, Replicas: 1}, "db": {Replicas: 1}})
		began := time.Now()
		r.platform.health = func(string) platform.Health {
			if time.Since(began) < 8*time.Second {
				return platform.Starting
			}
			return platform.Healthy
		}
		r.platform.mains = func(name string) string {
			switch {
			case name == "db-1" && time.Since(began) < 7*time.Second:
				return "bash /entry.sh"
			case name == "api-1" && time.Since(began) < 3*time.Second:
				return "sh /entry.sh"
			}
			return "program of " + name
		}
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the bring-up took %v for it", took)
		}
		time.Sleep(20 * time.Second)
		mains, _ := bodies[journal.MainProcess](r.record)
		if len(mains) != 2 || mains[0].Command != "program of api-1" || mains[1].Command != "program of db-1" || mains[0].Shell || mains[1].Shell {
			t.Errorf("told %+v", mains)
		}
		down(t, r)
	})
}

// The stack does not wait for the answer when it is taken down.
func TestDownWhileInspecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small, nil)
		r.platform.mains = func(string) string { return "sh" }
		if err := r.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		down(t, r)
		if took := time.Since(began); took > 0 {
			t.Errorf("took %v", took)
		}
	})
}
