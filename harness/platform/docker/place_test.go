package docker

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/system"

	"github.com/shakedown-dev/shakedown/chaos/undo"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/platformtest"
)

func TestPlacementDependsOnTheEngine(t *testing.T) {
	for _, c := range []struct {
		info   system.Info
		broken error
		want   string
	}{
		{system.Info{CgroupDriver: "cgroupfs", CgroupVersion: "1"}, nil, ""},
		{system.Info{CgroupDriver: "cgroupfs"}, nil, ""}, // engines before 20.10 know one version
		{system.Info{CgroupDriver: "systemd", CgroupVersion: "1"}, nil, `its cgroup driver is "systemd"`},
		{system.Info{CgroupDriver: "cgroupfs", CgroupVersion: "2"}, nil, "of version 2"},
		{system.Info{}, errors.New("on fire"), "is not known: on fire"},
	} {
		onStage(t, func(s *stage) {
			s.info, s.broken = c.info, c.broken
			defer func() { s.broken = nil }()
			err := s.Supports(platform.CgroupPlacement)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: %v, want %q", c.info, err, c.want)
			}
			spec := platform.Spec{Name: "agent", Within: "api-1"}
			spec.Config.Image = "agent"
			plan, err := s.translate(spec, "agent")
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%+v: translate = %v", c.info, err)
				}
				return
			}
			if err != nil || plan.host.CgroupParent != "/docker/"+apiID || plan.config.Labels[withinLabel] != "/docker/"+apiID {
				t.Errorf("in %q, %v", plan.host.CgroupParent, err)
			}
			s.instances["api-1"].parent = "/custom"
			if plan, err = s.translate(spec, "agent"); err != nil || plan.host.CgroupParent != "/custom/"+apiID {
				t.Errorf("in %q, %v", plan.host.CgroupParent, err)
			}
		})
	}
}

func TestPauseOfTheEngine(t *testing.T) {
	busy := errors.New("the freezer is busy")
	onStage(t, func(s *stage) {
		ctx := context.Background()
		s.states[apiID] = &container.State{Running: true}
		s.refuse = map[string][]error{apiID: {nil, busy}}
		if err := s.Pause(ctx, "api-1"); err != nil || !s.states[apiID].Paused {
			t.Errorf("Pause = %v", err)
		}
		if err := s.Resume(ctx, "api-1"); !errors.Is(err, busy) || !strings.Contains(err.Error(), "api-1") {
			t.Errorf("Resume = %v of what stays frozen", err)
		}
		if err := s.Resume(ctx, "api-1"); err != nil || s.states[apiID].Paused {
			t.Errorf("Resume = %v", err)
		}
		delete(s.states, apiID)
		if err := s.Pause(ctx, "api-1"); !errors.Is(err, platform.ErrNotFound) {
			t.Errorf("Pause of what vanished: %v", err)
		}
		if err := s.Resume(ctx, "api-1"); err != nil {
			t.Errorf("Resume of what vanished: %v", err)
		}
	})
}

func TestUndoer(t *testing.T) {
	limitedOnStage(t, container.Resources{NanoCPUs: 5e7}, true, func(s *stage) {
		ctx, u := context.Background(), &Undoer{s.fake}
		s.states[apiID].Paused = true
		for _, step := range []undo.Step{{ID: apiID}, {ID: apiID}, {ID: "gone"}} {
			if err := u.Resume(ctx, step); err != nil {
				t.Errorf("Resume of %s: %v", step.ID, err)
			}
		}
		if s.states[apiID].Paused {
			t.Error("it is still frozen")
		}
		for _, c := range []struct {
			step undo.Step
			want container.Resources
		}{
			{undo.Step{ID: apiID, CPUs: 0.5}, container.Resources{NanoCPUs: 5e8}},
			{undo.Step{ID: apiID, CPUs: 0.5, Quota: 50_000}, container.Resources{CPUQuota: 50_000, CPUPeriod: 100_000}},
		} {
			if err := u.Limit(ctx, c.step); err != nil || !reflect.DeepEqual(s.updates[len(s.updates)-1].Resources, c.want) {
				t.Errorf("Limit %+v: %v, asked for %+v", c.step, err, s.updates[len(s.updates)-1].Resources)
			}
		}
		if err := u.Limit(ctx, undo.Step{ID: apiID}); err == nil {
			t.Error("a limit of nothing was taken back")
		}
		s.refuses = errors.New("on fire")
		if err := u.Limit(ctx, undo.Step{ID: apiID, CPUs: 1}); !errors.Is(err, s.refuses) {
			t.Errorf("Limit = %v", err)
		}
		s.states[apiID].Running = false
		if err := u.Limit(ctx, undo.Step{ID: apiID, CPUs: 1}); err != nil {
			t.Errorf("Limit of what does not run: %v", err)
		}
		s.refuse = map[string][]error{"vanished": {notFound{errors.New("no such container")}}}
		for _, id := range []string{apiID, "vanished"} {
			if err := u.Start(ctx, undo.Step{ID: id}); err != nil {
				t.Errorf("Start of %s: %v", id, err)
			}
		}
		if len(s.started) != 2 || s.started[0] != apiID {
			t.Errorf("started %q", s.started)
		}
	})
}

// TestUndoerOnEngine: what a harness has done is taken back by another process's means.
func TestUndoerOnEngine(t *testing.T) {
	p := openTest(t)
	ctx := limited(t)
	spec := platform.Spec{Name: "api-1", Program: platformtest.Program(t, "linux")}
	spec.Config.Command = []string{"stubborn"}
	spec.Config.CPUS = 0.5
	if err := errors.Join(p.Create(ctx, spec), p.Start(ctx, "api-1")); err != nil {
		t.Fatal(err)
	}
	u, err := NewUndoer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = u.Close() }()
	identity, err := p.Identify("api-1")
	if err != nil {
		t.Fatal(err)
	}
	step := undo.Step{ID: identity.ID, CPUs: 0.5}
	if err := errors.Join(p.Pause(ctx, "api-1"), p.Resize(ctx, "api-1", platform.Resources{CPUs: 0.05})); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(u.Resume(ctx, step), u.Limit(ctx, step), u.Start(ctx, step)); err != nil {
		t.Fatal(err)
	}
	state, err := stateOf(ctx, p.engine, identity.ID)
	use, useErr := p.Stats(ctx, "api-1")
	if err != nil || useErr != nil || state.Paused || use.CPUs != 0.5 {
		t.Errorf("paused %v, %g CPUs (%v, %v)", state.Paused, use.CPUs, err, useErr)
	}
	if err := p.Signal(ctx, "api-1", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(ctx, "api-1"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := u.Start(ctx, step); err != nil {
			t.Fatal(err)
		}
	}
	if state, err := stateOf(ctx, p.engine, identity.ID); err != nil || !state.Running {
		t.Errorf("running %v, %v", state.Running, err)
	}
	if err := p.Remove(ctx, "api-1"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(u.Resume(ctx, step), u.Limit(ctx, step), u.Start(ctx, step)); err != nil {
		t.Errorf("of a container that is gone: %v", err)
	}
}

// TestGroupsAreGivenUp: neither the end of an instance nor a sweep leaves a control
// group in which another was.
func TestGroupsAreGivenUp(t *testing.T) {
	for _, end := range []string{"remove", "sweep", "clean after a kill"} {
		t.Run(end, func(t *testing.T) {
			p := openTest(t)
			if err := p.Supports(platform.CgroupPlacement); err != nil {
				t.Skipf("SKIPPED: %v", err)
			}
			ctx := limited(t)
			start := func(name, within string) {
				spec := platform.Spec{Name: name, Program: platformtest.Program(t, "linux"), Within: within}
				spec.Config.Command = []string{"stubborn"}
				if err := errors.Join(p.Create(ctx, spec), p.Start(ctx, name)); err != nil {
					t.Fatal(err)
				}
			}
			start("api-1", "")
			start("agent", "api-1")
			identity, err := p.Identify("api-1")
			if err != nil {
				t.Fatal(err)
			}
			groups := filepath.Join(ownKernel.cgroups, "*", "docker", identity.ID)
			if found, _ := filepath.Glob(groups); len(found) == 0 {
				t.Skip("SKIPPED: control groups cannot be seen from here")
			}
			if end != "sweep" { // in which both still run
				if err := p.Signal(ctx, "api-1", syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				if _, err := p.Wait(ctx, "api-1"); err != nil {
					t.Fatal(err)
				}
			}
			if end == "remove" {
				err = errors.Join(p.Remove(ctx, "api-1"), p.Remove(ctx, "agent"))
			} else {
				err = sweep(ctx, p.engine, p.run)
			}
			if found, _ := filepath.Glob(groups); err != nil || len(found) > 0 {
				t.Errorf("left: %q (%v)", found, err)
			}
		})
	}
}

// The size of the machine is what the engine says, and its error is told as it is.
func TestSize(t *testing.T) {
	onStage(t, func(s *stage) {
		s.info = system.Info{NCPU: 6, MemTotal: 1 << 34}
		if size, err := s.Size(t.Context()); err != nil || size != (platform.Resources{CPUs: 6, Memory: 1 << 34}) {
			t.Errorf("%+v, %v", size, err)
		}
		s.broken = errors.New("on fire")
		defer func() { s.broken = nil }()
		if size, err := s.Size(t.Context()); !errors.Is(err, s.broken) || size != (platform.Resources{}) {
			t.Errorf("%+v, %v", size, err)
		}
	})
}
