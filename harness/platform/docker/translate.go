package docker

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	"github.com/docker/go-units"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// creation is all that the engine is told about one container.
type creation struct {
	name     string
	config   *container.Config
	host     *container.HostConfig
	platform *ocispec.Platform
	joins    []join // the first gives the default route
}

type join struct {
	network  string
	endpoint *network.EndpointSettings
}

// translate puts a compose service into the engine's words.
func (p *Platform) translate(spec platform.Spec, image string) (creation, error) {
	c := spec.Config
	if refused := Unsupported(c); len(refused) > 0 {
		return creation{}, fmt.Errorf("cannot run it as the compose file says, because of: %s", strings.Join(refused, "; "))
	}
	if image == "" {
		return creation{}, errors.New("neither image nor build; add one to the service")
	}
	joins, err := p.joins(spec)
	if err != nil {
		return creation{}, err
	}
	plan := creation{name: p.called(spec.Name), config: p.containerConfig(spec, image), joins: joins}
	if plan.host, err = hostConfig(spec); err != nil {
		return creation{}, err
	}
	if err := p.mount(plan.host, c); err != nil {
		return creation{}, err
	}
	if err := p.place(&plan, spec); err != nil {
		return creation{}, err
	}
	switch {
	case spec.Beside != "": // placed already
	case len(joins) > 0:
		plan.host.NetworkMode = container.NetworkMode(joins[0].network)
	case c.NetworkMode != "":
		plan.host.NetworkMode = container.NetworkMode(c.NetworkMode)
	}
	if c.Platform != "" {
		plan.platform = parsePlatform(c.Platform)
	}
	return plan, nil
}

// parsePlatform reads os/arch/variant.
func parsePlatform(text string) *ocispec.Platform {
	parts := append(strings.SplitN(text, "/", 3), "", "")
	return &ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}

func (p *Platform) containerConfig(spec platform.Spec, image string) *container.Config {
	c := spec.Config
	config := &container.Config{
		Image: image, Hostname: c.Hostname, Domainname: c.DomainName, User: c.User, WorkingDir: c.WorkingDir,
		Env: environment(c.Environment), Cmd: []string(c.Command), Entrypoint: []string(c.Entrypoint),
		Healthcheck: healthcheck(c.HealthCheck), StopSignal: c.StopSignal,
		Tty: c.Tty, OpenStdin: c.StdinOpen,
		Labels:       p.labels(c.Labels, map[string]string{nameLabel: spec.Name, serviceLabel: spec.Service}),
		ExposedPorts: nat.PortSet{},
	}
	if spec.Program != "" {
		config.Entrypoint = nil // the image has it
	}
	if spec.Attach {
		config.AttachStdin, config.AttachStdout, config.AttachStderr = true, true, true
		config.OpenStdin, config.StdinOnce, config.Tty = true, true, false
	}
	for _, publish := range spec.Publish {
		config.ExposedPorts[tcp(publish.Port)] = struct{}{}
	}
	return config
}

// environment leaves out what has no value: compose has looked it up already.
func environment(values types.MappingWithEquals) []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if value := values[key]; value != nil {
			list = append(list, key+"="+*value)
		}
	}
	return list
}

func healthcheck(check *types.HealthCheckConfig) *container.HealthConfig {
	switch {
	case check == nil:
		return nil
	case check.Disable:
		return &container.HealthConfig{Test: []string{"NONE"}}
	}
	duration := func(d *types.Duration) time.Duration {
		if d == nil {
			return 0
		}
		return time.Duration(*d)
	}
	config := &container.HealthConfig{
		Test: check.Test, Interval: duration(check.Interval), Timeout: duration(check.Timeout),
		StartPeriod: duration(check.StartPeriod), StartInterval: duration(check.StartInterval),
	}
	if check.Retries != nil {
		config.Retries = int(min(*check.Retries, math.MaxInt32))
	}
	return config
}

// logLimits keep a talkative instance from filling the engine's disk.
var logLimits = map[string]string{"max-size": "64m", "max-file": "2"}

func hostConfig(spec platform.Spec) (*container.HostConfig, error) {
	c := spec.Config
	resources, err := resourcesOf(c)
	if err != nil {
		return nil, err
	}
	host := &container.HostConfig{
		LogConfig: container.LogConfig{Type: "json-file", Config: logLimits}, Resources: resources,
		CapAdd: c.CapAdd, CapDrop: c.CapDrop, DNS: c.DNS, DNSOptions: c.DNSOpts, DNSSearch: c.DNSSearch,
		ExtraHosts: hosts(c.ExtraHosts), GroupAdd: c.GroupAdd, Init: c.Init, Privileged: c.Privileged,
		ReadonlyRootfs: c.ReadOnly, SecurityOpt: c.SecurityOpt, ShmSize: int64(c.ShmSize), Sysctls: c.Sysctls,
		Tmpfs: tmpfs(c.Tmpfs), OomScoreAdj: int(c.OomScoreAdj), Runtime: c.Runtime, StorageOpt: c.StorageOpt,
		IpcMode: container.IpcMode(c.Ipc), PidMode: container.PidMode(c.Pid), UTSMode: container.UTSMode(c.Uts),
		UsernsMode: container.UsernsMode(c.UserNSMode), CgroupnsMode: container.CgroupnsMode(c.Cgroup),
		PortBindings: nat.PortMap{},
	}
	if spec.Attach {
		// What it says goes to whoever attached; a copy on disk would double it.
		host.LogConfig = container.LogConfig{Type: "none"}
	}
	for _, publish := range spec.Publish {
		port := ""
		if publish.Host != 0 {
			port = strconv.Itoa(publish.Host)
		}
		host.PortBindings[tcp(publish.Port)] = []nat.PortBinding{{HostIP: "127.0.0.1", HostPort: port}}
	}
	return host, nil
}

func tcp(port int) nat.Port { return nat.Port(strconv.Itoa(port) + "/tcp") }

func hosts(list types.HostsList) []string {
	all := list.AsList(":")
	slices.Sort(all)
	return all
}

// tmpfs splits path:options.
func tmpfs(list []string) map[string]string {
	all := map[string]string{}
	for _, entry := range list {
		path, options, _ := strings.Cut(entry, ":")
		all[path] = options
	}
	return all
}

// resourcesOf takes limits from deploy.resources or, where that is silent, the
// older keys. Memory is given without swap: an instance that needs more than
// its limit is to be killed here as it would be on a cluster.
func resourcesOf(c types.ServiceConfig) (container.Resources, error) {
	r := container.Resources{
		NanoCPUs: nanoCPUs(float64(c.CPUS)), Memory: int64(c.MemLimit), MemorySwap: int64(c.MemSwapLimit),
		MemoryReservation: int64(c.MemReservation), CPUShares: c.CPUShares, CPUPeriod: c.CPUPeriod, CPUQuota: c.CPUQuota,
		CpusetCpus: c.CPUSet, CgroupParent: c.CgroupParent, DeviceCgroupRules: c.DeviceCgroupRules,
	}
	pids := c.PidsLimit
	if c.Deploy != nil && c.Deploy.Resources.Limits != nil {
		limits := c.Deploy.Resources.Limits
		r.NanoCPUs = cmp.Or(nanoCPUs(float64(limits.NanoCPUs)), r.NanoCPUs)
		r.Memory = cmp.Or(int64(limits.MemoryBytes), r.Memory)
		pids = cmp.Or(limits.Pids, pids)
	}
	r.MemorySwap = cmp.Or(r.MemorySwap, r.Memory)
	if pids != 0 {
		r.PidsLimit = &pids
	}
	if c.MemSwappiness != 0 {
		swappiness := int64(c.MemSwappiness)
		r.MemorySwappiness = &swappiness
	}
	if c.OomKillDisable {
		r.OomKillDisable = &c.OomKillDisable
	}
	for _, name := range slices.Sorted(maps.Keys(c.Ulimits)) {
		r.Ulimits = append(r.Ulimits, ulimit(name, c.Ulimits[name]))
	}
	for _, d := range c.Devices {
		r.Devices = append(r.Devices, container.DeviceMapping{
			PathOnHost: d.Source, PathInContainer: d.Target, CgroupPermissions: cmp.Or(d.Permissions, "rwm"),
		})
	}
	if r.NanoCPUs > 0 && r.CPUQuota > 0 {
		return r, errors.New("both cpus and cpu_quota are set; the engine takes one")
	}
	return r, nil
}

// nanoCPUs rounds to thousandths of a core: compose keeps cores in 32 bits, in
// which 0.1 is a little more than 0.1.
func nanoCPUs(cores float64) int64 { return int64(math.Round(cores*1e3)) * 1e6 }

func ulimit(name string, limit *types.UlimitsConfig) *units.Ulimit {
	if limit.Single != 0 {
		return &units.Ulimit{Name: name, Soft: int64(limit.Single), Hard: int64(limit.Single)}
	}
	return &units.Ulimit{Name: name, Soft: int64(limit.Soft), Hard: int64(limit.Hard)}
}

// joins are the networks of a container: by priority, then by name.
func (p *Platform) joins(spec platform.Spec) ([]join, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := spec.Config.Networks
	if spec.Beside != "" {
		wanted = nil
	}
	priority := func(name string) int {
		if config := wanted[name]; config != nil {
			return config.Priority
		}
		return 0
	}
	names := slices.SortedFunc(maps.Keys(wanted), func(a, b string) int {
		return cmp.Or(cmp.Compare(priority(b), priority(a)), cmp.Compare(a, b))
	})
	var joins []join
	for _, name := range names {
		called, ok := p.networks[name]
		if !ok {
			return nil, fmt.Errorf("network %s has not been created", name)
		}
		endpoint := &network.EndpointSettings{Aliases: append([]string{spec.Name}, spec.Aliases...)}
		if config := wanted[name]; config != nil {
			endpoint.Aliases = append(endpoint.Aliases, config.Aliases...)
			endpoint.DriverOpts = config.DriverOpts
			if config.Ipv4Address != "" || config.Ipv6Address != "" {
				endpoint.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: config.Ipv4Address, IPv6Address: config.Ipv6Address}
			}
		}
		slices.Sort(endpoint.Aliases)
		endpoint.Aliases = slices.Compact(endpoint.Aliases)
		joins = append(joins, join{called, endpoint})
	}
	return joins, nil
}
