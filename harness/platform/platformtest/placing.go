package platformtest

import (
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// frozen is how long it is watched that nothing answers. It is no limit of how
// fast anything is: what is frozen never answers.
const frozen = 300 * time.Millisecond

// pauses: what is frozen does not answer, and goes on where it was.
func pauses(t *testing.T, w *world) {
	ctx := t.Context()
	w.must(w.Supports(platform.Pausing))
	spec := w.spec("paused-1", "serve", "")
	spec.Config.Command[1] = spec.Address + ":8080"
	spec.Publish = []platform.Publish{{Port: 8080}}
	w.create(spec)
	if err := w.Pause(ctx, "paused-1"); err == nil || !strings.Contains(err.Error(), "paused-1") {
		t.Errorf("Pause of what was not started: %v", err)
	}
	w.must(w.Start(ctx, "paused-1"))
	w.says("paused-1", "ready")
	at, err := w.Endpoint(ctx, "paused-1", 8080)
	w.must(err)
	client := http.Client{Timeout: frozen, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 {
		for range 2 {
			w.must(w.Pause(ctx, "paused-1"))
		}
		if response, err := client.Get("http://" + at.Published); err == nil {
			_ = response.Body.Close()
			t.Error("a frozen instance answers")
		}
		for range 2 {
			w.must(w.Resume(ctx, "paused-1"))
		}
		if got := fetch(t, at.Published); got != "hello\n" {
			t.Errorf("after it went on it answers %q", got)
		}
	}
	w.must(w.Signal(ctx, "paused-1", syscall.SIGTERM))
	w.wait("paused-1")
	w.must(w.Resume(ctx, "paused-1"))
	if err := w.Pause(ctx, "paused-1"); err == nil || !strings.Contains(err.Error(), "paused-1") {
		t.Errorf("Pause of what has exited: %v", err)
	}
	w.must(w.Remove(ctx, "paused-1"))
	w.must(w.Resume(ctx, "paused-1"))
	if err := w.Pause(ctx, "paused-1"); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("Pause of what was removed: %v, want ErrNotFound", err)
	}
}

// pausedIsKilled: nothing has to be resumed to be ended.
func pausedIsKilled(t *testing.T, w *world) {
	for name, end := range map[string]func(string) error{
		"killed":  func(name string) error { return w.Signal(t.Context(), name, syscall.SIGKILL) },
		"removed": func(name string) error { return w.Remove(t.Context(), name) },
	} {
		w.start("frozen-"+name, "stubborn")
		w.says("frozen-"+name, "ready")
		w.must(w.Pause(t.Context(), "frozen-"+name))
		w.must(end("frozen-" + name))
		if exit := w.wait("frozen-" + name); exit != (platform.Exit{Code: 137}) {
			t.Errorf("%s: exit = %+v", name, exit)
		}
	}
}

// throttled: the limit of CPU is told, and that it was felt.
func throttled(t *testing.T, w *world) {
	w.needsLimits()
	spec := limited(w, "throttled-1", 96*mebi, "spin")
	spec.Config.Deploy.Resources.Limits.NanoCPUs = 0.1 // less than any machine leaves it
	w.create(spec)
	w.must(w.Start(t.Context(), "throttled-1"))
	w.says("throttled-1", "spun 33554432")
	use, err := w.Stats(t.Context(), "throttled-1")
	w.must(err)
	if use.CPUs != 0.1 || use.Throttled <= 0 {
		t.Errorf("limit of %g CPUs, throttled for %v; want 0.1, and some time", use.CPUs, use.Throttled)
	}
	w.must(w.Resize(t.Context(), "throttled-1", platform.Resources{CPUs: 0.25}))
	if use, err = w.Stats(t.Context(), "throttled-1"); use.CPUs != 0.25 || err != nil {
		t.Errorf("limit of %g CPUs (%v) after a change", use.CPUs, err)
	}
}

func addresses(t *testing.T, w *world) {
	locator, ok := w.Platform.(platform.Locator)
	if !ok {
		t.Skipf("the %s platform tells no addresses", w.Name())
	}
	spec := w.spec("located-1", "serve", "")
	spec.Config.Command[1] = spec.Address + ":8080"
	w.create(spec)
	if _, err := locator.Addresses(t.Context(), "located-1"); err == nil || !strings.Contains(err.Error(), "located-1") {
		t.Errorf("of what was not started: %v", err)
	}
	w.must(w.Start(t.Context(), "located-1"))
	w.says("located-1", "ready")
	found, err := locator.Addresses(t.Context(), "located-1")
	if err != nil || len(found) != 1 || found[0].Network != "" && found[0].Network != "default" {
		t.Fatalf("Addresses = %+v, %v; want one", found, err)
	}
	w.start("visitor-1", "get", "http://"+found[0].IP.String()+":8080/")
	w.wait("visitor-1")
	if got := w.logs("visitor-1"); got != "hello\n" {
		t.Errorf("%s answers %q", found[0].IP, got)
	}
	if _, err := locator.Addresses(t.Context(), "nobody"); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("of nobody: %v, want ErrNotFound", err)
	}
}

// refused skips what a platform does not do, after checking that it says so when
// it is asked for.
func (w *world) refused(feature platform.Feature, spec platform.Spec) {
	w.t.Helper()
	err := w.Supports(feature)
	if err == nil {
		return
	}
	if !strings.Contains(err.Error(), string(feature)) {
		w.t.Errorf("refusal names the feature? %v", err)
	}
	if err := w.Create(w.t.Context(), spec); err == nil || !strings.Contains(err.Error(), spec.Name) {
		w.t.Errorf("Create = %v; want a refusal", err)
	}
	w.t.Skipf("refused: %v", err)
}

// beside: an instance in the network namespace of another reaches what listens on
// loopback there, has the right to change it, and is no obstacle to its end.
func beside(t *testing.T, w *world) {
	spec := w.spec("beside-1", "get", "http://127.0.0.1:8080/")
	spec.Beside, spec.Config.Networks = "inner-1", nil
	spec.Config.CapDrop, spec.Config.CapAdd = []string{"ALL"}, []string{"NET_ADMIN"}
	spec.Config.SecurityOpt, spec.Config.ReadOnly = []string{"no-new-privileges"}, true
	w.refused(platform.NetworkFaults, spec)
	if err := w.Create(t.Context(), spec); !errors.Is(err, platform.ErrNotFound) || !strings.Contains(err.Error(), "inner-1") {
		t.Errorf("beside nobody: %v", err)
	}
	w.start("inner-1", "serve", "127.0.0.1:8080")
	w.says("inner-1", "ready")
	w.create(spec)
	w.must(w.Start(t.Context(), "beside-1"))
	w.wait("beside-1")
	if got := w.logs("beside-1"); got != "hello\n" {
		t.Errorf("from beside, loopback answers %q", got)
	}
	stays := spec
	stays.Name, stays.Config.Command = "beside-2", types.ShellCommand{"stubborn"}
	w.create(stays)
	w.must(w.Start(t.Context(), "beside-2"))
	w.says("beside-2", "ready")
	w.must(w.Remove(t.Context(), "inner-1"))
	w.event("inner-1", platform.Exited, 1)
	w.must(w.Remove(t.Context(), "beside-2"))
}

// inside is an instance in the control group of another.
func inside(w *world, name, of string, arguments ...string) platform.Spec {
	spec := w.spec(name, arguments...)
	spec.Within, spec.Config.Networks, spec.Config.NetworkMode = of, nil, "none"
	return spec
}

// within: what an instance uses in the control group of another counts there.
func within(t *testing.T, w *world) {
	w.refused(platform.CgroupPlacement, inside(w, "hog-within", "roomy-1", "hog"))
	w.create(limited(w, "roomy-1", 64*mebi, "stubborn"))
	w.must(w.Start(t.Context(), "roomy-1"))
	w.says("roomy-1", "ready")
	before, err := w.Stats(t.Context(), "roomy-1")
	w.must(err)
	w.create(inside(w, "hold-within", "roomy-1", "hold", "24"))
	w.must(w.Start(t.Context(), "hold-within"))
	w.says("hold-within", "holding 24")
	after, err := w.Stats(t.Context(), "roomy-1")
	w.must(err)
	if grown := after.Memory - before.Memory; grown < 20*mebi {
		t.Errorf("the use of the group has grown by %d bytes, want what the other holds", grown)
	}
	w.must(w.Signal(t.Context(), "hold-within", syscall.SIGHUP)) // it takes all it can get
	if exit := w.wait("hold-within"); exit.Code != 137 {
		t.Errorf("beyond the limit of the group it exits with %+v", exit)
	}
	w.must(w.Remove(t.Context(), "hold-within"))
	if events, _ := w.seen.of("roomy-1"); len(events) == 0 || events[len(events)-1].Kind == platform.Exited {
		t.Errorf("the instance whose group it is: %+v", events)
	}
}

// withinWhatGoes: another one in its control group does not keep an instance from
// being stopped, killed for want of memory, and removed.
func withinWhatGoes(t *testing.T, w *world) {
	w.refused(platform.CgroupPlacement, inside(w, "stay", "gone", "stubborn"))
	for name, c := range map[string]struct {
		arguments []string
		end       func(name string) error
		want      platform.Exit
	}{
		"stopped": {[]string{"signals"}, func(name string) error { return w.Signal(t.Context(), name, syscall.SIGTERM) }, platform.Exit{}},
		"removed": {[]string{"stubborn"}, func(name string) error { return w.Remove(t.Context(), name) }, platform.Exit{Code: 137}},
		"oom":     {[]string{"hold", "16"}, func(name string) error { return w.Signal(t.Context(), name, syscall.SIGHUP) }, platform.Exit{Code: 137, OOM: true}},
	} {
		target, companion := "target-"+name, "companion-"+name
		w.create(limited(w, target, 48*mebi, c.arguments...))
		w.must(w.Start(t.Context(), target))
		w.says(target, map[bool]string{true: "holding 16", false: "ready"}[name == "oom"])
		w.create(inside(w, companion, target, "stubborn"))
		w.must(w.Start(t.Context(), companion))
		w.says(companion, "ready")
		w.must(c.end(target))
		if exit := w.wait(target); exit != c.want {
			t.Errorf("%s: exit = %+v, want %+v", name, exit, c.want)
		}
		w.must(w.Remove(t.Context(), target))
		w.must(w.Remove(t.Context(), companion))
	}
}

// mounts: a volume of another instance, at another path.
func mounts(t *testing.T, w *world) {
	w.must(w.CreateVolume(t.Context(), "lent", types.VolumeConfig{}))
	owner := w.spec("lender-1", "write", "/data/note", "lent")
	owner.Config.Volumes = []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: "lent", Target: "/data"}}
	spec := w.spec("borrower-1", "read", "/borrowed/note")
	spec.Mounts = []platform.Mount{{Instance: "lender-1", Volume: "lent", Path: "/borrowed"}}
	if _, shared := w.Platform.(platform.Sharer); shared {
		if err := w.Create(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "borrower-1") || !strings.Contains(err.Error(), w.Name()) {
			t.Errorf("Create = %v; want a refusal", err)
		}
		return
	}
	w.create(owner)
	w.must(w.Start(t.Context(), "lender-1"))
	w.wait("lender-1")
	wrong := spec
	wrong.Mounts = []platform.Mount{{Instance: "lender-1", Volume: "other", Path: "/borrowed"}}
	if err := w.Create(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "lender-1 has no volume other; it has lent") {
		t.Errorf("Create = %v", err)
	}
	w.create(spec)
	w.must(w.Start(t.Context(), "borrower-1"))
	w.wait("borrower-1")
	if got := w.logs("borrower-1"); got != "lent\n" {
		t.Errorf("read %q", got)
	}
}

// files: they are there from the start, in an image without any files, read only.
func files(t *testing.T, w *world) {
	spec := w.spec("reader-of-files", "read", "/run/shakedown/note")
	spec.Config.ReadOnly, spec.Config.User = true, "65534"
	spec.Config.Tmpfs = types.StringList{"/run"}
	spec.Files = []platform.File{
		{Path: "/run/shakedown/note", Content: []byte("given")}, {Path: "/run/shakedown/other", Content: []byte("too")},
	}
	if _, shared := w.Platform.(platform.Sharer); shared {
		if err := w.Create(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "reader-of-files") {
			t.Errorf("Create = %v; want a refusal", err)
		}
		return
	}
	w.create(spec)
	w.must(w.Start(t.Context(), spec.Name))
	w.wait(spec.Name)
	if got := w.logs(spec.Name); got != "given\n" {
		t.Errorf("read %q", got)
	}
}
