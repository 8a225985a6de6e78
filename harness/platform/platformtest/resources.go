package platformtest

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

const mebi = 1 << 20

func stats(t *testing.T, w *world) {
	w.start("spin-1", "spin")
	w.says("spin-1", "spun "+strconv.Itoa(32*mebi))
	use, err := w.Stats(t.Context(), "spin-1")
	w.must(err)
	if use.CPU < 150*time.Millisecond || use.CPU > patience {
		t.Errorf("CPU = %v after the program used 200ms", use.CPU)
	}
	if use.Memory < 30*mebi || use.Memory > 200*mebi {
		t.Errorf("memory = %d while the program holds 32 MiB", use.Memory)
	}
	if use.Limit != 0 {
		t.Errorf("limit = %d without one", use.Limit)
	}
}

func limited(w *world, name string, memory int64, arguments ...string) platform.Spec {
	spec := w.spec(name, arguments...)
	spec.Config.Deploy = &types.DeployConfig{Resources: types.Resources{
		Limits: &types.Resource{NanoCPUs: 0.5, MemoryBytes: types.UnitBytes(memory)},
	}}
	return spec
}

// resize: limits are raised and put back, and told as they are enforced.
func resize(t *testing.T, w *world) {
	w.create(limited(w, "resized-1", 64*mebi, "hold", "8"))
	w.must(w.Start(t.Context(), "resized-1"))
	w.says("resized-1", "holding 8")
	if refusal := w.Supports(platform.MemoryLimits); refusal != nil {
		err := w.Resize(t.Context(), "resized-1", platform.Resources{CPUs: 1, Memory: 96 * mebi})
		if err == nil || !strings.Contains(err.Error(), "resized-1") || !strings.Contains(err.Error(), w.Name()) {
			t.Errorf("Resize = %v; want a refusal by name", err)
		}
		return
	}
	for _, c := range []struct {
		to   platform.Resources
		want int64
	}{
		{platform.Resources{CPUs: 1, Memory: 96 * mebi}, 96 * mebi},
		{platform.Resources{CPUs: 0.5, Memory: 64 * mebi}, 64 * mebi},
		{platform.Resources{CPUs: 2}, 64 * mebi},
		{platform.Resources{Memory: 48*mebi + 1}, 48 * mebi}, // to whole pages
		{platform.Resources{CPUs: 0.25, Memory: 1024 * mebi}, 1024 * mebi},
	} {
		w.must(w.Resize(t.Context(), "resized-1", c.to))
		use, err := w.Stats(t.Context(), "resized-1")
		w.must(err)
		if use.Limit != c.want {
			t.Errorf("limit = %d after resizing to %+v", use.Limit, c.to)
		}
	}
	if events, _ := w.seen.of("resized-1"); len(events) != 1 {
		t.Errorf("events %+v, want its start alone", events)
	}
}

// size: no instance is created with more CPUs than the machine has, nor given them
// later; memory beyond it is not refused, which is why somebody has to ask.
func size(t *testing.T, w *world) {
	sizer, ok := w.Platform.(platform.Sizer)
	if !ok {
		t.Skipf("the %s platform cannot tell how large its machine is", w.Name())
	}
	machine, err := sizer.Size(t.Context())
	w.must(err)
	if machine.CPUs < 1 || machine.CPUs != float64(int(machine.CPUs)) || machine.Memory < 256*mebi {
		t.Fatalf("the machine has %+v", machine)
	}
	sized := func(name string, cpus float64, memory int64) platform.Spec {
		spec := limited(w, name, memory, "stubborn")
		spec.Config.Deploy.Resources.Limits.NanoCPUs = types.NanoCPUs(cpus)
		return spec
	}
	w.create(sized("all-1", machine.CPUs, 2*machine.Memory))
	w.must(w.Start(t.Context(), "all-1"))
	if err := w.Create(t.Context(), sized("more-1", machine.CPUs+1, 64*mebi)); err == nil {
		t.Errorf("an instance was created with more than %v CPUs", machine.CPUs)
	}
	if err := w.Resize(t.Context(), "all-1", platform.Resources{CPUs: machine.CPUs + 1}); err == nil {
		t.Errorf("an instance was resized to more than %v CPUs", machine.CPUs)
	}
}

// resizeBelowUse: what is in use is not taken away, and nothing else changes
// either.
func resizeBelowUse(t *testing.T, w *world) {
	w.needsLimits()
	w.create(limited(w, "full-1", 96*mebi, "hold", "48"))
	w.must(w.Start(t.Context(), "full-1"))
	w.says("full-1", "holding 48")
	for range 2 { // asked again, it says so again
		err := w.Resize(t.Context(), "full-1", platform.Resources{CPUs: 1, Memory: 16 * mebi})
		if err == nil || !strings.Contains(err.Error(), "full-1") || !strings.Contains(err.Error(), "usage") && !strings.Contains(err.Error(), "uses") {
			t.Fatalf("Resize = %v; want a refusal that tells of the memory in use", err)
		}
		use, err := w.Stats(t.Context(), "full-1")
		w.must(err)
		if use.Limit != 96*mebi {
			t.Errorf("limit = %d after a refusal, want that of before", use.Limit)
		}
	}
	w.must(w.Resize(t.Context(), "full-1", platform.Resources{Memory: 80 * mebi}))
	if events, _ := w.seen.of("full-1"); len(events) != 1 {
		t.Errorf("events %+v, want its start alone", events)
	}
}

// resizeOfNothing: there are no limits to read back of what does not run.
func resizeOfNothing(t *testing.T, w *world) {
	w.needsLimits()
	w.create(limited(w, "ended-1", 64*mebi, "exit", "0"))
	w.must(w.Start(t.Context(), "ended-1"))
	w.wait("ended-1")
	err := w.Resize(t.Context(), "ended-1", platform.Resources{Memory: 96 * mebi})
	if err == nil || !strings.Contains(err.Error(), "ended-1") {
		t.Errorf("Resize = %v of an instance that has ended", err)
	}
}

func outOfMemory(t *testing.T, w *world) {
	w.needsLimits()
	w.create(limited(w, "hog-1", 32*mebi, "hog"))
	w.must(w.Start(t.Context(), "hog-1"))
	want := platform.Exit{Code: 137, OOM: true}
	if got := w.wait("hog-1"); got != want {
		t.Errorf("exit = %+v, want %+v", got, want)
	}
	if got := w.event("hog-1", platform.Exited, 1).Exit; got != want {
		t.Errorf("event = %+v, want %+v", got, want)
	}
}

// outOfMemoryWhenResized: the limit that counts is the last one, up and down,
// and the kernel's kill is told from one that was asked for.
func outOfMemoryWhenResized(t *testing.T, w *world) {
	w.needsLimits()
	for name, c := range map[string]struct {
		memory, to int64
		signal     syscall.Signal
		want       platform.Exit
	}{
		"raised":  {48 * mebi, 96 * mebi, syscall.SIGHUP, platform.Exit{Code: 137, OOM: true}},
		"lowered": {256 * mebi, 64 * mebi, syscall.SIGHUP, platform.Exit{Code: 137, OOM: true}},
		"killed":  {48 * mebi, 96 * mebi, syscall.SIGKILL, platform.Exit{Code: 137}},
	} {
		w.create(limited(w, name, c.memory, "hold", "16"))
		w.must(w.Start(t.Context(), name))
		w.says(name, "holding 16")
		w.must(w.Resize(t.Context(), name, platform.Resources{Memory: c.to}))
		w.must(w.Signal(t.Context(), name, c.signal))
		if got := w.wait(name); got != c.want {
			t.Errorf("%s: exit = %+v, want %+v", name, got, c.want)
		}
		if got := w.event(name, platform.Exited, 1).Exit; got != c.want {
			t.Errorf("%s: event = %+v, want %+v", name, got, c.want)
		}
		if c.want.OOM { // the engine has listened by now, which it may not have when a program is that fast
			w.event(name, platform.OOM, 1)
		}
	}
}

// endpoints: an instance reaches another at Inside, and by alias where names
// resolve.
func endpoints(t *testing.T, w *world) {
	spec := w.spec("server-1", "serve", "")
	spec.Config.Command[1] = spec.Address + ":8080"
	spec.Aliases = []string{"server"}
	w.create(spec)
	w.must(w.Start(t.Context(), "server-1"))
	w.says("server-1", "ready")
	at, err := w.Endpoint(t.Context(), "server-1", 8080)
	w.must(err)
	if at.Published != "" {
		t.Errorf("published on %q without being asked to", at.Published)
	}
	ways := []string{at.Inside}
	if _, nameless := w.Platform.(platform.Addresser); !nameless {
		ways = append(ways, "server:8080")
	}
	for n, way := range ways {
		name := "client-" + strconv.Itoa(n)
		w.start(name, "get", "http://"+way+"/")
		w.wait(name)
		if got := w.logs(name); got != "hello\n" {
			t.Errorf("%s answers %q", way, got)
		}
	}
}

func portTaken(t *testing.T, w *world) {
	holder, err := net.Listen("tcp4", "127.0.0.1:0")
	w.must(err)
	defer func() { _ = holder.Close() }()
	port := holder.Addr().(*net.TCPAddr).Port
	spec := w.spec("taken-1", "serve", "")
	spec.Config.Command[1] = spec.Address + ":8080"
	spec.Publish = []platform.Publish{{Port: 8080, Host: port}}
	w.create(spec)
	err = w.Start(t.Context(), "taken-1")
	if want := "port " + strconv.Itoa(port) + " on 127.0.0.1 is taken"; err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("Start = %v, want %q", err, want)
	}
	w.must(holder.Close())
	w.must(w.Start(t.Context(), "taken-1"))
	w.says("taken-1", "ready")
	at, err := w.Endpoint(t.Context(), "taken-1", 8080)
	w.must(err)
	if want := "127.0.0.1:" + strconv.Itoa(port); at.Published != want {
		t.Fatalf("published on %q, want %q", at.Published, want)
	}
	if got := fetch(t, at.Published); got != "hello\n" {
		t.Errorf("the published port answers %q", got)
	}
}

// volume: what one instance writes, another reads.
func volume(t *testing.T, w *world) {
	w.must(w.CreateVolume(t.Context(), "data", types.VolumeConfig{}))
	path := "/data/note"
	mount := []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: "data", Target: "/data"}}
	if s, ok := w.Platform.(platform.Sharer); ok {
		path = filepath.Join(s.Shared(), "data", "note")
	}
	writer := w.spec("writer-1", "write", path, "kept")
	writer.Config.Volumes = mount
	w.create(writer)
	w.must(w.Start(t.Context(), "writer-1"))
	if exit := w.wait("writer-1"); exit.Code != 0 {
		t.Fatalf("writing failed: %s", w.logs("writer-1"))
	}
	reader := w.spec("reader-1", "read", path)
	reader.Config.Volumes = mount
	w.create(reader)
	w.must(w.Start(t.Context(), "reader-1"))
	w.wait("reader-1")
	if got := w.logs("reader-1"); got != "kept\n" {
		t.Errorf("read %q", got)
	}
	if _, err := os.Stat("/data/note"); err == nil {
		t.Error("the volume is a directory of this machine")
	}
}

func noHealthcheck(t *testing.T, w *world) {
	w.start("unchecked-1", "stubborn")
	if health, err := w.Health(t.Context(), "unchecked-1"); health != platform.NoHealthcheck || err != nil {
		t.Errorf("Health = %q, %v", health, err)
	}
}
