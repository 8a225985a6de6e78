package docker

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
	"github.com/shakedown-dev/shakedown/harness/platform/platformtest"
)

// These tests are about what only containers have.

func openTest(t *testing.T) *Platform {
	t.Helper()
	needsEngine(t)
	p, err := Open(t.Context(), "test-"+strings.NewReplacer("/", "-", "_", "-").Replace(strings.ToLower(t.Name())), owner.Self())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.TearDown(context.Background()); err != nil {
			t.Errorf("tear down: %v", err)
		}
	})
	return p
}

// forget removes an image that tests made.
func forget(ref string) error {
	e, _, err := connect(context.Background())
	if err != nil {
		return err
	}
	_, err = e.(*client.Client).ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true, PruneChildren: true})
	return errors.Join(gone(err), e.Close())
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestBuild(t *testing.T) {
	p := openTest(t)
	program, err := os.ReadFile(platformtest.Program(t, "linux"))
	if err != nil {
		t.Fatal(err)
	}
	dir := contextDir(t, map[string]string{
		"Dockerfile": "FROM scratch\nARG FROM_ARG\nENV BUILT_WITH=$FROM_ARG\nCOPY --chown=0 . /\nENTRYPOINT [\"/program\"]\n",
		"program":    string(program), "secret": "x", ".dockerignore": "secret\n",
	})
	if err := os.Chmod(dir+"/program", 0o755); err != nil {
		t.Fatal(err)
	}
	given := "an argument"
	service := types.ServiceConfig{Name: "built"}
	service.Image, service.PullPolicy = "shakedown-test-build:1", types.PullPolicyNever
	service.Build = &types.BuildConfig{Context: dir, Args: types.MappingWithEquals{"FROM_ARG": &given}}
	t.Cleanup(func() {
		if err := forget(service.Image); err != nil {
			t.Errorf("remove image: %v", err)
		}
	})
	for n, want := range []string{"built", "present"} {
		if how, err := p.EnsureImage(limited(t), service, false); how != want || err != nil {
			t.Fatalf("EnsureImage %d = %q, %v; want %q", n, how, err, want)
		}
	}
	for command, want := range map[string]string{
		"env BUILT_WITH": `BUILT_WITH="an argument" true`, "read /secret": "open /secret: no such file or directory",
	} {
		service.Command = strings.Fields(command)
		if got := output(t, p, platform.Spec{Name: "one", Config: service}); got != want+"\n" {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

// output runs an instance to its end.
func output(t *testing.T, p *Platform, spec platform.Spec) string {
	t.Helper()
	ctx := limited(t)
	if err := p.Create(ctx, spec); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(ctx, spec.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(ctx, spec.Name); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := p.Logs(ctx, spec.Name, false, &log); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(ctx, spec.Name); err != nil {
		t.Fatal(err)
	}
	return log.String()
}

// TestStopSignalOfImage: the engine merges what image and compose file say.
func TestStopSignalOfImage(t *testing.T) {
	p := openTest(t)
	var signals platform.StopSignaler = p
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch\nSTOPSIGNAL SIGQUIT\nCMD [\"/none\"]\n"})
	service := types.ServiceConfig{Name: "stopped"}
	service.Image, service.PullPolicy = "shakedown-test-stopsignal:1", types.PullPolicyNever
	service.Build = &types.BuildConfig{Context: dir}
	t.Cleanup(func() {
		if err := forget(service.Image); err != nil {
			t.Errorf("remove image: %v", err)
		}
	})
	if _, err := p.EnsureImage(limited(t), service, true); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{"of-image": {"", "SIGQUIT"}, "of-compose": {"SIGINT", "SIGINT"}} {
		service.StopSignal = c[0]
		if err := p.Create(limited(t), platform.Spec{Name: name, Config: service}); err != nil {
			t.Fatal(err)
		}
		if got, err := signals.StopSignal(limited(t), name); got != c[1] || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c[1])
		}
	}
}

func TestBuildFails(t *testing.T) {
	p := openTest(t)
	service := types.ServiceConfig{Name: "broken"}
	service.Image, service.PullPolicy = "shakedown-test-broken:1", types.PullPolicyNever
	service.Build = &types.BuildConfig{Context: contextDir(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY missing /\n"})}
	_, err := p.EnsureImage(limited(t), service, false)
	for _, want := range []string{"shakedown-test-broken:1", "service broken", service.Build.Context, "COPY", "not allowed by pull_policy: never"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("EnsureImage = %v\n lacks %q", err, want)
		}
	}
}

func TestImageMissing(t *testing.T) {
	p := openTest(t)
	spec := platform.Spec{Name: "api-1"}
	spec.Config.Image = "shakedown-test-missing:1"
	err := p.Create(t.Context(), spec)
	if err == nil || !strings.Contains(err.Error(), "api-1: image shakedown-test-missing:1 is not on this engine") {
		t.Errorf("Create = %v", err)
	}
}

func TestHealthchecks(t *testing.T) {
	p := openTest(t)
	ctx, interval, once := limited(t), types.Duration(200*time.Millisecond), uint64(1)
	for _, c := range []struct {
		name, code string
		want       platform.Health
	}{{"well", "0", platform.Healthy}, {"ill", "1", platform.Unhealthy}} {
		spec := platform.Spec{Name: c.name, Program: platformtest.Program(t, "linux")}
		spec.Config.Command = types.ShellCommand{"stubborn"}
		spec.Config.HealthCheck = &types.HealthCheckConfig{
			Test: []string{"CMD", "/" + programName, "exit", c.code}, Interval: &interval, Retries: &once,
		}
		if err := p.Create(ctx, spec); err != nil {
			t.Fatal(err)
		}
		if err := p.Start(ctx, c.name); err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for health := platform.Starting; health != c.want; <-tick.C {
			var err error
			if health, err = p.Health(ctx, c.name); err != nil || health != platform.Starting && health != c.want {
				t.Fatalf("%s: health %q, %v", c.name, health, err)
			}
		}
	}
}

// TestRefusedResizeChangesNothing: not even the limit that could be changed.
func TestRefusedResizeChangesNothing(t *testing.T) {
	p := openTest(t)
	ctx := limited(t)
	spec := platform.Spec{Name: "full-1", Program: platformtest.Program(t, "linux")}
	spec.Config.Command = types.ShellCommand{"hold", "48"}
	spec.Config.Deploy = &types.DeployConfig{Resources: types.Resources{Limits: &types.Resource{NanoCPUs: 0.5, MemoryBytes: 96 * mebi}}}
	if err := p.Create(ctx, spec); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(ctx, "full-1"); err != nil {
		t.Fatal(err)
	}
	holding, cancel := context.WithCancel(ctx)
	_ = p.Logs(holding, "full-1", true, writer(cancel)) // ends at its first word
	if err := p.Resize(ctx, "full-1", platform.Resources{CPUs: 1, Memory: 16 * mebi}); err == nil {
		t.Fatal("what is in use was taken away")
	}
	i, err := p.present("full-1")
	if err != nil {
		t.Fatal(err)
	}
	if f, err := p.figures(ctx, i); f.cores != 0.5 || f.limit != 96*mebi || err != nil {
		t.Errorf("it has %g CPUs and %d bytes, %v; want those of before", f.cores, f.limit, err)
	}
	for _, to := range []platform.Resources{{CPUs: 1, Memory: 128 * mebi}, {CPUs: 0.25}, {Memory: 96 * mebi}} {
		if err := p.Resize(ctx, "full-1", to); err != nil {
			t.Errorf("%+v: %v", to, err)
		}
	}
	if f, err := p.figures(ctx, i); f.cores != 0.25 || f.limit != 96*mebi || err != nil {
		t.Errorf("it has %g CPUs and %d bytes, %v; want those of the last changes", f.cores, f.limit, err)
	}
}

// TestNetworks: an instance on two networks is reached over both; those on
// one do not reach the other.
func TestNetworks(t *testing.T) {
	p := openTest(t)
	ctx := limited(t)
	for _, name := range []string{"front", "back"} {
		if err := p.CreateNetwork(ctx, name, types.NetworkConfig{Internal: name == "back"}); err != nil {
			t.Fatal(err)
		}
	}
	on := func(name string, networks []string, command ...string) platform.Spec {
		spec := platform.Spec{Name: name, Program: platformtest.Program(t, "linux")}
		spec.Config.Command, spec.Config.Networks = command, map[string]*types.ServiceNetworkConfig{}
		for _, network := range networks {
			spec.Config.Networks[network] = nil
		}
		return spec
	}
	server := on("server-1", []string{"front", "back"}, "serve", ":8080")
	server.Aliases = []string{"server"}
	if err := p.Create(ctx, server); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(ctx, "server-1"); err != nil {
		t.Fatal(err)
	}
	found, cancel := context.WithCancel(ctx)
	_ = p.Logs(found, "server-1", true, writer(cancel)) // ends at its first word
	lonely := on("lonely-1", []string{"back"}, "serve", ":8080")
	if err := p.Create(ctx, lonely); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(ctx, "lonely-1"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ network, url, want string }{
		{"front", "http://server:8080/", "hello\n"}, {"back", "http://server-1:8080/", "hello\n"}, {"front", "http://lonely-1:8080/", "no such host"},
	} {
		if got := output(t, p, on("client", []string{c.network}, "get", c.url)); !strings.Contains(got, c.want) {
			t.Errorf("from %s, %s answers %q, want %q", c.network, c.url, got, c.want)
		}
	}
}

type writer func()

// Write calls the function.
func (w writer) Write(b []byte) (int, error) {
	w()
	return len(b), nil
}
