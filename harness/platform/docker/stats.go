package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// figures are what a container uses, and its limits as they are enforced.
type figures struct {
	cpu    time.Duration
	memory int64 // bytes, without cache that the kernel gives up first
	// limit of memory, in bytes; it is none of the container's own unless limited.
	limit   int64
	limited bool
	cores   float64 // 0 for no limit
	// throttled is for how long that limit has kept it waiting.
	throttled time.Duration
	kills     bool // a memory limit below use kills, where others refuse it
}

// Stats takes one sample. The limit is the one that the kernel enforces.
func (p *Platform) Stats(ctx context.Context, name string) (platform.Stats, error) {
	i, err := p.present(name)
	if err != nil {
		return platform.Stats{}, err
	}
	f, err := p.figures(ctx, i)
	if err != nil {
		return platform.Stats{}, fmt.Errorf("%s: %w", name, err)
	}
	use := platform.Stats{CPU: f.cpu, Memory: f.memory, CPUs: f.cores, Throttled: f.throttled}
	if f.limited {
		use.Limit = f.limit
	}
	return use, nil
}

// figures reads them from the container's cgroup where that is visible, else
// from the engine. Errors do not name the instance.
func (p *Platform) figures(ctx context.Context, i *instance) (figures, error) {
	group, err := p.cgroup(ctx, i)
	if err != nil {
		return figures{}, err
	}
	if group != nil {
		if f, err := group.figures(); err == nil {
			return f, nil
		} // it has ended, which the engine says better
	}
	return p.engineFigures(ctx, i)
}

// cgroup is where the kernel accounts for a container, nil where that cannot be
// seen. It is looked for once, and stays through later lives.
func (p *Platform) cgroup(ctx context.Context, i *instance) (*cgroup, error) {
	p.mu.Lock()
	group, sought := i.cgroup, i.sought
	p.mu.Unlock()
	if sought {
		return group, nil
	}
	c, err := p.engine.ContainerInspect(ctx, i.id)
	switch {
	case err != nil:
		return nil, missing(err)
	case c.ContainerJSONBase == nil || c.State == nil || !c.State.Running:
		return nil, errors.New("it is not running")
	}
	group, _ = p.kernel.cgroupOf(c.State.Pid, i.id) // nil where it is elsewhere
	p.mu.Lock()
	defer p.mu.Unlock()
	i.cgroup, i.sought = group, true
	return group, nil
}

// engineFigures asks the engine.
func (p *Platform) engineFigures(ctx context.Context, i *instance) (figures, error) {
	sample, err := p.sample(ctx, i)
	if err != nil {
		return figures{}, err
	}
	c, err := p.engine.ContainerInspect(ctx, i.id)
	if err != nil {
		return figures{}, missing(err)
	}
	f := figures{
		cpu:    time.Duration(sample.CPUStats.CPUUsage.TotalUsage), // both are nanoseconds
		memory: inUse(sample.MemoryStats), limit: int64(sample.MemoryStats.Limit),
		throttled: time.Duration(sample.CPUStats.ThrottlingData.ThrottledTime),
	}
	_, first := sample.MemoryStats.Stats["total_inactive_file"]
	f.kills = !first
	if c.ContainerJSONBase != nil && c.HostConfig != nil {
		f.limited = c.HostConfig.Memory > 0 // else the figure is the machine's memory
		f.cores = cores(c.HostConfig.Resources)
	}
	return f, nil
}

// sample is one set of the engine's figures.
func (p *Platform) sample(ctx context.Context, i *instance) (container.StatsResponse, error) {
	var sample container.StatsResponse
	response, err := p.engine.ContainerStatsOneShot(ctx, i.id)
	if err != nil {
		return sample, missing(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&sample); err != nil {
		return sample, fmt.Errorf("read stats: %w", err)
	}
	if sample.MemoryStats.Usage == 0 && sample.CPUStats.CPUUsage.TotalUsage == 0 {
		return sample, errors.New("it is not running")
	}
	return sample, nil
}

// inUse is memory without the cache that the kernel gives up first: the figure
// of docker stats, and of the kubelet's working set.
func inUse(memory container.MemoryStats) int64 {
	for _, cache := range []string{"total_inactive_file", "inactive_file"} { // cgroup v1, v2
		if inactive, ok := memory.Stats[cache]; ok && inactive < memory.Usage {
			return int64(memory.Usage - inactive)
		}
	}
	return int64(memory.Usage)
}

// cores is the CPU limit that the engine has set, 0 for none.
func cores(r container.Resources) float64 {
	if r.NanoCPUs > 0 {
		return float64(r.NanoCPUs) / 1e9
	}
	period := r.CPUPeriod
	if period == 0 {
		period = cfsPeriod
	}
	return float64(max(0, r.CPUQuota)) / float64(period)
}
