package docker

import (
	"context"
	"fmt"
	"math"

	"github.com/docker/docker/api/types/container"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// cfsPeriod is the period of CPU quotas, in microseconds: the kernel's default,
// which the engine uses too.
const cfsPeriod = 100_000

// roundedBy is by how much the kernel may round a memory limit down: to pages,
// the largest of which are 64 KiB.
const roundedBy = 64 << 10

// Resize changes limits and reads them back from what enforces them. Memory is
// without swap, as at creation. An engine that refuses a limit is quoted; on a
// refusal nothing has changed.
func (p *Platform) Resize(ctx context.Context, name string, resources platform.Resources) error {
	i, err := p.present(name)
	if err != nil {
		return err
	}
	before, err := p.figures(ctx, i)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// With cgroups of version 2 the kernel takes the limit, and kills.
	if before.kills && resources.Memory > 0 && before.memory > resources.Memory {
		return fmt.Errorf("%s: it uses %d bytes of memory, more than a limit of %d bytes allows; "+
			"the kernel would kill it, so nothing was changed", name, before.memory, resources.Memory)
	}
	if _, err := p.engine.ContainerUpdate(ctx, i.id, i.update(resources)); err != nil {
		return about(name, err)
	}
	after, err := p.figures(ctx, i)
	if err != nil {
		return fmt.Errorf("%s: the new limits cannot be read back: %w", name, err)
	}
	if err := after.match(resources); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// update is the change in the engine's words. Memory and swap go together: the
// engine takes no memory limit above the one of both. A container that was made
// with a quota keeps to quotas, which the engine does not mix with cores.
func (i *instance) update(resources platform.Resources) container.UpdateConfig {
	update := container.Resources{Memory: resources.Memory, MemorySwap: resources.Memory}
	if nano := nanoCPUs(resources.CPUs); i.quota > 0 && nano > 0 {
		update.CPUPeriod, update.CPUQuota = cfsPeriod, nano*cfsPeriod/1e9
	} else {
		update.NanoCPUs = nano
	}
	return container.UpdateConfig{Resources: update}
}

// match says which limit is not the one that was asked for. What was not asked
// for is not looked at.
func (f figures) match(asked platform.Resources) error {
	if asked.Memory > 0 && (!f.limited || f.limit > asked.Memory || asked.Memory-f.limit >= roundedBy) {
		return fmt.Errorf("the engine took a memory limit of %d bytes, but %d bytes are enforced", asked.Memory, f.limit)
	}
	if want := float64(nanoCPUs(asked.CPUs)) / 1e9; asked.CPUs > 0 && math.Abs(f.cores-want) >= 0.001 {
		return fmt.Errorf("the engine took a limit of %g CPUs, but %g are enforced", want, f.cores)
	}
	return nil
}
