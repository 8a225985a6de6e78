package stack

import (
	"context"
	"fmt"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// baseClass is what the compose file gives an instance.
const baseClass = "base"

// A resourceClass is the resources of an instance, and why they are what they are.
type resourceClass struct {
	name      string
	resources scenarios.ResourceClass
	decision  int
	cause     string
}

// base is the class that the compose file's limits are.
func (s *service) base() resourceClass {
	return resourceClass{name: baseClass, resources: limitsOf(s.config)}
}

// limitsOf are the limits that a platform takes from a compose service, 0 for
// none.
func limitsOf(config types.ServiceConfig) scenarios.ResourceClass {
	limits, _ := resources(config)
	if config.CPUQuota > 0 {
		period := config.CPUPeriod
		if period <= 0 {
			period = 100_000 // microseconds, the kernel's default
		}
		limits = limits.Or(scenarios.ResourceClass{CPUs: scenarios.Cores(float64(config.CPUQuota) / float64(period))})
	}
	return limits
}

// limitTo is a compose service with other limits; what the class leaves out
// stays.
func limitTo(config types.ServiceConfig, to scenarios.ResourceClass) types.ServiceConfig {
	deploy := types.DeployConfig{}
	if config.Deploy != nil {
		deploy = *config.Deploy
	}
	limits := types.Resource{}
	if deploy.Resources.Limits != nil {
		limits = *deploy.Resources.Limits
	}
	if to.CPUs > 0 {
		limits.NanoCPUs = types.NanoCPUs(to.CPUs)
		config.CPUQuota, config.CPUPeriod = 0, 0 // engines take one or the other
	}
	if to.Memory > 0 {
		limits.MemoryBytes = types.UnitBytes(to.Memory)
		config.MemSwapLimit = 0 // as Resize has it: without swap
	}
	deploy.Resources.Limits = &limits
	config.Deploy = &deploy
	return config
}

// SetClass makes instances of a service that are created from now on have these
// limits; what they leave out is as in the compose file. Where that is not the
// compose file's own, it is journaled when such an instance has started, as
// journal.Resized with Created. A service that the stack does not have is left
// alone.
func (s *Stack) SetClass(service, name string, to scenarios.ResourceClass, decision int, cause string) {
	of := s.layout.service(service)
	if of == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.classes[service] = resourceClass{name: name, resources: to.Or(of.base().resources), decision: decision, cause: cause}
}

// classOf is the class of an instance that is registered now; s.mu is held.
func (s *Stack) classOf(of *service) resourceClass {
	if c, ok := s.classes[of.name]; ok && of.job == "" {
		return c
	}
	return of.base()
}

// createdIn journals the class of an instance that has started with limits that
// are not the compose file's.
func (s *Stack) createdIn(i *instance) {
	c, base := i.classNow(), i.of.base()
	if c.resources == base.resources {
		return
	}
	record := resized(i, c, base.resources)
	record.Created = true
	if err := s.enforces(c.resources); err != nil {
		record.Error = err.Error()
	}
	s.cfg.Emit(journal.Event{T: i.stands().Started, Body: record})
}

// enforces says why the platform does not keep to limits.
func (s *Stack) enforces(limits scenarios.ResourceClass) error {
	if limits.Memory > 0 {
		if err := s.cfg.Platform.Supports(platform.MemoryLimits); err != nil {
			return err
		}
	}
	if limits.CPUs > 0 {
		return s.cfg.Platform.Supports(platform.CPULimits)
	}
	return nil
}

func resized(i *instance, to resourceClass, from scenarios.ResourceClass) journal.Resized {
	return journal.Resized{
		Decision: to.decision, Service: i.of.name, Instance: i.name, Class: to.name, Cause: to.cause,
		FromCPUs: float64(from.CPUs), FromMemory: int64(from.Memory),
		CPUs: float64(to.resources.CPUs), Memory: int64(to.resources.Memory),
	}
}

// Resize changes the limits of a running instance; those that are left out stay.
// When it returns they were read back from what enforces them, and journaled
// (journal.Resized), with the error too. Of an instance that is being started it
// waits for the start. An instance whose compose file sets no limit of a kind gets
// none, because no engine takes it away again. Where the engine refuses, as a
// memory limit below what is in use, its words are in the error and the limits
// are those of before.
func (s *Stack) Resize(ctx context.Context, name, class string, to scenarios.ResourceClass, decision int, cause string) error {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("resize %s: %w", name, err)
	}
	defer done()
	i := s.instance(name)
	if i == nil || i.number == 0 || i.of.job != "" {
		return fmt.Errorf("resize %s: the run has no such instance", name)
	}
	select { // one at a time
	case i.resizing <- struct{}{}:
		defer func() { <-i.resizing }()
	case <-ctx.Done():
		return fmt.Errorf("resize %s: %w", name, context.Cause(ctx))
	}
	return s.resize(ctx, i, class, to, decision, cause)
}

func (s *Stack) resize(ctx context.Context, i *instance, name string, to scenarios.ResourceClass, decision int, cause string) error {
	if i.rising && !await(ctx, i.raised.done) {
		return fmt.Errorf("resize %s: %w", i.name, context.Cause(ctx))
	}
	began, from := s.cfg.Clock.Now(), i.classNow().resources
	next := resourceClass{name: name, resources: to.Or(from), decision: decision, cause: cause}
	err := canReturn(i.of, from, to)
	if err == nil {
		err = s.cfg.Platform.Resize(ctx, i.name, platform.Resources{CPUs: float64(to.CPUs), Memory: int64(to.Memory)})
	}
	record := resized(i, next, from)
	record.Took = s.cfg.Clock.Now() - began
	if err != nil {
		err = inStep("resize "+i.name, err)
		record.Error = err.Error()
	} else {
		i.setClass(next)
	}
	s.emit(record)
	return err
}

// canReturn refuses limits that could not be taken back: what the compose file
// leaves without one is without one for good.
func canReturn(of *service, from, to scenarios.ResourceClass) error {
	base := of.base().resources
	for _, kind := range []struct {
		word, key string
		lacks     bool
	}{
		{"memory", "memory", base.Memory == 0 && (from.Memory > 0 || to.Memory > 0)},
		{"CPU", "cpus", base.CPUs == 0 && (from.CPUs > 0 || to.CPUs > 0)},
	} {
		if kind.lacks {
			return fmt.Errorf("%s has no %s limit in the compose file to go back to, and no engine takes one away; "+
				"set deploy.resources.limits.%s there", of.name, kind.word, kind.key)
		}
	}
	return nil
}

func (i *instance) classNow() resourceClass {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.class
}

func (i *instance) setClass(c resourceClass) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.class = c
}
