package docker

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

func unconnected() *Platform {
	return &Platform{
		run: "r1", owner: "me",
		networks: map[string]string{"default": "shakedown-r1-default", "back": "shakedown-r1-back"},
		volumes:  map[string]string{"data": "shakedown-r1-data"},
	}
}

func pointer[T any](v T) *T { return &v }

func TestTranslate(t *testing.T) {
	spec := platform.Spec{
		Name: "api-2", Service: "api", Aliases: []string{"api"},
		Publish: []platform.Publish{{Port: 8080}, {Port: 9090, Host: 19090}},
	}
	c := &spec.Config
	c.Image, c.User, c.WorkingDir, c.StopSignal, c.Restart, c.ContainerName = "api:1", "10", "/srv", "SIGINT", "always", "fixed"
	c.Command, c.Entrypoint = types.ShellCommand{"serve"}, types.ShellCommand{"/api"}
	c.Environment = types.MappingWithEquals{"B": pointer("2"), "A": pointer("1=1"), "UNSET": nil}
	c.Labels = types.Labels{"team": "x", runLabel: "forged"}
	c.Networks = map[string]*types.ServiceNetworkConfig{"default": nil, "back": {Priority: 5, Aliases: []string{"store", "api"}}}
	c.Deploy = &types.DeployConfig{Resources: types.Resources{Limits: &types.Resource{NanoCPUs: 0.1, MemoryBytes: 64 << 20, Pids: 50}}}
	c.MemLimit, c.CPUS = 1<<30, 4 // deploy wins
	c.HealthCheck = &types.HealthCheckConfig{Test: []string{"CMD", "/api", "probe"}, Interval: pointer(types.Duration(2 * time.Second)), Retries: pointer(uint64(4))}
	c.Tmpfs = types.StringList{"/tmp:size=1m", "/run"}
	c.Ulimits = map[string]*types.UlimitsConfig{"nofile": {Soft: 10, Hard: 20}, "core": {Single: 1}}
	c.ExtraHosts = types.HostsList{"pay": {"127.0.0.9"}}
	c.CapAdd, c.ReadOnly, c.Init, c.ShmSize = []string{"NET_ADMIN"}, true, pointer(true), 1<<20
	c.Volumes = []types.ServiceVolumeConfig{
		{Type: "volume", Source: "data", Target: "/data", ReadOnly: true},
		{Type: "bind", Source: "/etc/conf", Target: "/conf", ReadOnly: true, Bind: &types.ServiceVolumeBind{SELinux: "z"}},
		{Type: "tmpfs", Target: "/scratch", Tmpfs: &types.ServiceVolumeTmpfs{Size: 4096}},
	}
	plan, err := unconnected().translate(spec, "api:1")
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"team": "x", runLabel: "r1", ownerLabel: "me", nameLabel: "api-2", serviceLabel: "api"}
	host := plan.host
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"name", plan.name, "shakedown-r1-api-2"},
		{"image", plan.config.Image, "api:1"},
		{"command", [][]string{plan.config.Entrypoint, plan.config.Cmd}, [][]string{{"/api"}, {"serve"}}},
		{"environment", plan.config.Env, []string{"A=1=1", "B=2"}},
		{"labels", plan.config.Labels, labels},
		{"user, directory, signal", []string{plan.config.User, plan.config.WorkingDir, plan.config.StopSignal}, []string{"10", "/srv", "SIGINT"}},
		{"health check", plan.config.Healthcheck, &container.HealthConfig{Test: []string{"CMD", "/api", "probe"}, Interval: 2 * time.Second, Retries: 4}},
		{"restart policy", host.RestartPolicy, container.RestartPolicy{}},
		{"ports", host.PortBindings, nat.PortMap{
			"8080/tcp": {{HostIP: "127.0.0.1"}}, "9090/tcp": {{HostIP: "127.0.0.1", HostPort: "19090"}}}},
		{"CPUs", host.NanoCPUs, int64(100_000_000)},
		{"memory, without swap", []int64{host.Memory, host.MemorySwap}, []int64{64 << 20, 64 << 20}},
		{"processes", *host.PidsLimit, int64(50)},
		{"tmpfs", host.Tmpfs, map[string]string{"/tmp": "size=1m", "/run": ""}},
		{"ulimits", []string{host.Ulimits[0].String(), host.Ulimits[1].String()}, []string{"core=1:1", "nofile=10:20"}},
		{"hosts", host.ExtraHosts, []string{"pay:127.0.0.9"}},
		{"capabilities, read-only, init", []any{[]string(host.CapAdd), host.ReadonlyRootfs, *host.Init}, []any{[]string{"NET_ADMIN"}, true, true}},
		{"binds", host.Binds, []string{"/etc/conf:/conf:ro,z"}},
		{"mounts", host.Mounts, []mount.Mount{
			{Type: "volume", Source: "shakedown-r1-data", Target: "/data", ReadOnly: true,
				VolumeOptions: &mount.VolumeOptions{Labels: map[string]string{runLabel: "r1", ownerLabel: "me"}}},
			{Type: "tmpfs", Target: "/scratch", TmpfsOptions: &mount.TmpfsOptions{SizeBytes: 4096}}}},
		{"networks", plan.joins, []join{
			{"shakedown-r1-back", &network.EndpointSettings{Aliases: []string{"api", "api-2", "store"}}},
			{"shakedown-r1-default", &network.EndpointSettings{Aliases: []string{"api", "api-2"}}}}},
		{"network mode", string(host.NetworkMode), "shakedown-r1-back"},
		{"log", host.LogConfig.Type, "json-file"},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("%s: %#v, want %#v", check.what, check.got, check.want)
		}
	}
}

func TestTranslateAttached(t *testing.T) {
	spec := platform.Spec{Name: "gateway-api", Program: "/bin/agent", Attach: true}
	spec.Config.Command, spec.Config.Tty = types.ShellCommand{"gateway"}, true
	spec.Config.Entrypoint = types.ShellCommand{"/ignored"}
	plan, err := unconnected().translate(spec, "shakedown-program:1")
	if err != nil {
		t.Fatal(err)
	}
	config := plan.config
	if !config.OpenStdin || !config.StdinOnce || config.Tty || config.Entrypoint != nil || plan.host.LogConfig.Type != "none" {
		t.Errorf("config = %+v, log = %+v", config, plan.host.LogConfig)
	}
}

func TestTranslateRefuses(t *testing.T) {
	type config = types.ServiceConfig
	for _, c := range []struct {
		name string
		set  func(*config)
		want string
	}{
		{"no image", func(c *config) { c.Image = "" }, "neither image nor build"},
		{"network", func(c *config) { c.Networks = map[string]*types.ServiceNetworkConfig{"none": nil} }, "network none has not been created"},
		{"volume", func(c *config) { c.Volumes = []types.ServiceVolumeConfig{{Type: "volume", Source: "none"}} }, "volume none has not been created"},
		{"two kinds of CPU limit", func(c *config) { c.CPUS, c.CPUQuota = 1, 1000 }, "cpu_quota"},
		{"secrets", func(c *config) { c.Secrets = []types.ServiceSecretConfig{{Source: "s"}} }, "secrets"},
		{"configs", func(c *config) { c.Configs = []types.ServiceConfigObjConfig{{Source: "s"}} }, "configs"},
		{"another's network", func(c *config) { c.NetworkMode = "service:db" }, "network_mode: service:db"},
		{"hooks", func(c *config) { c.PostStart = []types.ServiceHook{{}} }, "life-cycle hooks"},
		{"links", func(c *config) { c.Links = []string{"db", "db:store"} }, "links with an alias"},
		{"volume of another type", func(c *config) { c.Volumes = []types.ServiceVolumeConfig{{Type: "image"}} }, "volume of type image"},
		{"GPU", func(c *config) {
			c.Deploy = &types.DeployConfig{Resources: types.Resources{Reservations: &types.Resource{Devices: []types.DeviceRequest{{}}}}}
		}, "GPUs"},
	} {
		spec := platform.Spec{Name: "api-1"}
		spec.Config.Image = "api"
		c.set(&spec.Config)
		if _, err := unconnected().translate(spec, spec.Config.Image); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if refused := Unsupported(types.ServiceConfig{}); len(refused) > 0 {
		t.Errorf("an empty service is refused: %q", refused)
	}
}

func TestHealthcheck(t *testing.T) {
	if got := healthcheck(nil); got != nil {
		t.Errorf("without one: %+v", got)
	}
	if got := healthcheck(&types.HealthCheckConfig{Disable: true, Test: []string{"CMD", "x"}}); !reflect.DeepEqual(got.Test, []string{"NONE"}) {
		t.Errorf("disabled: %+v", got)
	}
}

func TestNanoCPUs(t *testing.T) {
	for cores, want := range map[float64]int64{float64(float32(0.1)): 100_000_000, 1.5: 1_500_000_000, 0: 0, 0.0004: 0} {
		if got := nanoCPUs(cores); got != want {
			t.Errorf("nanoCPUs(%v) = %d, want %d", cores, got, want)
		}
	}
}

func TestInUse(t *testing.T) {
	for _, c := range []struct {
		name string
		use  container.MemoryStats
		want int64
	}{
		{"cgroup v1", container.MemoryStats{Usage: 100, Stats: map[string]uint64{"total_inactive_file": 30, "inactive_file": 5}}, 70},
		{"cgroup v2", container.MemoryStats{Usage: 100, Stats: map[string]uint64{"inactive_file": 40}}, 60},
		{"more cache than use", container.MemoryStats{Usage: 100, Stats: map[string]uint64{"inactive_file": 400}}, 100},
		{"no detail", container.MemoryStats{Usage: 100}, 100},
	} {
		if got := inUse(c.use); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestStartError(t *testing.T) {
	i := &instance{name: "gateway-api", publish: []platform.Publish{{Port: 8080, Host: 18080}}}
	for _, c := range []struct{ name, text, want string }{
		{"held by a container", "driver failed programming external connectivity on endpoint x (1): Bind for 127.0.0.1:18080 failed: port is already allocated", "port 18080 on 127.0.0.1 is taken"},
		{"held by a program", "driver failed: Error starting userland proxy: listen tcp4 127.0.0.1:18081: bind: address already in use", "port 18081 on 127.0.0.1 is taken"},
		{"worded otherwise", "failed to bind host port: address already in use", "port 18080 on 127.0.0.1 is taken"},
		{"something else", "exec format error", "gateway-api: exec format error"},
	} {
		if got := startError(i, errors.New(c.text)).Error(); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNetworkError(t *testing.T) {
	err := networkError("default", errors.New("could not find an available, non-overlapping IPv4 address pool among the defaults"))
	if !strings.Contains(err.Error(), "network default: ") || !strings.Contains(err.Error(), "shakedown clean") {
		t.Errorf("networkError = %v", err)
	}
}
