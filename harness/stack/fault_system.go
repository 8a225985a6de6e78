package stack

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	agentlink "github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// System is the stack as faults are done to it. What a fault does is no action of
// the run: it takes no turns with what changes a service, but for Replace, and
// nobody is told ahead.
type System struct{ s *Stack }

var _ engine.System = System{}

// System is the stack for the engine of faults.
func (s *Stack) System() System { return System{s} }

// Platform implements engine.System.
func (f System) Platform() string { return f.s.cfg.Platform.Name() }

// Instances implements engine.System.
func (f System) Instances(service string) []engine.Instance {
	of := f.s.layout.service(service)
	if of == nil {
		return nil
	}
	var all []engine.Instance
	for _, i := range f.s.replicas(of) {
		if i.running.fired() && !i.exited.fired() {
			all = append(all, engine.Instance{Name: i.name, Service: service, Zone: i.zone()})
		}
	}
	return all
}

// zone is the failure domain of the instance, "" without zones.
func (i *instance) zone() string { return scenarios.ZoneOf(i.of.plan.Zones, i.number) }

// during does something to an instance of a service that runs. Errors name the
// step.
func (f System) during(ctx context.Context, verb, name string, do func(context.Context, *instance) error) error {
	ctx, done, err := f.s.begin(ctx)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, name, err)
	}
	defer done()
	i := f.s.instance(name)
	switch {
	case i == nil || i.number == 0 || i.of.job != "":
		return fmt.Errorf("%s %s: the run has no such instance", verb, name)
	case i.rising && !await(ctx, i.raised.done):
		return fmt.Errorf("%s %s: %w", verb, name, context.Cause(ctx))
	}
	if err := do(ctx, i); err != nil {
		return inStep(verb+" "+name, err)
	}
	return nil
}

// Pause implements engine.System. What the gateway and those who scale see of it is
// what they would see of any instance that does not answer.
func (f System) Pause(ctx context.Context, name, cause string) error {
	return f.during(ctx, "pause", name, func(ctx context.Context, _ *instance) error {
		return f.s.journaledCall(opPause, name, cause, func() error { return f.s.cfg.Platform.Pause(ctx, name) })
	})
}

// Resume implements engine.System. One that is gone meanwhile is no error.
func (f System) Resume(ctx context.Context, instance, cause string) error {
	ctx, done, err := f.s.begin(ctx)
	if err != nil {
		return fmt.Errorf("resume %s: %w", instance, err)
	}
	defer done()
	err = f.s.journaledCall(opResume, instance, cause, func() error {
		err := f.s.cfg.Platform.Resume(ctx, instance)
		if errors.Is(err, platform.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return inStep("resume "+instance, err)
	}
	return nil
}

// Limit implements engine.System. An instance needs a limit in the compose file: no
// engine takes one away again.
func (f System) Limit(ctx context.Context, name string, cpus float64, cause string) (before float64, err error) {
	err = f.during(ctx, "limit", name, func(ctx context.Context, i *instance) error {
		select { // one at a time
		case i.resizing <- struct{}{}:
			defer func() { <-i.resizing }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := f.s.cfg.Platform.Supports(platform.CPULimits); err != nil {
			return err
		}
		to := scenarios.ResourceClass{CPUs: scenarios.Cores(cpus)}
		if err := canReturn(i.of, i.classNow().resources, to); err != nil {
			return err
		}
		use, err := f.s.cfg.Platform.Stats(ctx, name)
		if err != nil {
			return err
		}
		if before = use.CPUs; before == 0 {
			before = float64(i.classNow().resources.CPUs)
		}
		return f.s.journaledCall(opLimit, name, cause, func() error {
			return f.s.cfg.Platform.Resize(ctx, name, platform.Resources{CPUs: cpus})
		})
	})
	return before, err
}

// Usage implements engine.System.
func (f System) Usage(ctx context.Context, instance string) (engine.Usage, error) {
	use, err := f.s.cfg.Platform.Stats(ctx, instance)
	return engine.Usage{CPU: use.CPU, Memory: use.Memory, Limit: use.Limit, CPUs: use.CPUs, Throttled: use.Throttled}, err
}

// Addresses implements engine.System. Those of a service are in order: of its proxy
// and its gateway, then of its instances.
func (f System) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	locator, ok := f.s.cfg.Platform.(platform.Locator)
	if !ok {
		return nil, fmt.Errorf("addresses of %s: the %s platform does not tell them", name, f.Platform())
	}
	instances := []string{name}
	if of := f.s.layout.known(name); of != nil {
		instances = f.s.standing(of)
	} else if f.s.instance(name) == nil {
		return nil, fmt.Errorf("addresses of %s: the run has no such service or instance", name)
	}
	var all []netip.Addr
	for _, instance := range instances {
		addresses, err := locator.Addresses(ctx, instance)
		if err != nil {
			return nil, inStep("addresses of "+name, err)
		}
		for _, address := range addresses {
			if !slices.Contains(all, address.IP) {
				all = append(all, address.IP)
			}
		}
	}
	return all, nil
}

// known is a service or a third party, nil if there is none of that name.
func (l *layout) known(name string) *service {
	if s := l.service(name); s != nil {
		return s
	}
	return named(l.parties, name)
}

// standing are the instances that make a service up and run.
func (s *Stack) standing(of *service) []string {
	var names []string
	for _, name := range []string{proxyName(of.name), gatewayName(of.name)} {
		if i := s.instance(name); i != nil && i.of == of && i.running.fired() && !i.exited.fired() {
			names = append(names, name)
		}
	}
	for _, i := range s.replicas(of) {
		if i.running.fired() && !i.exited.fired() {
			names = append(names, i.name)
		}
	}
	return names
}

// Port implements engine.System.
func (f System) Port(service string) int {
	if of := f.s.layout.known(service); of != nil {
		return of.port()
	}
	return 0
}

// Database implements engine.System.
func (f System) Database(access scenarios.DatabaseAccess) (string, error) {
	return f.s.databaseOf(access.Service, access.URLFrom)
}

// Fetch implements engine.System.
func (f System) Fetch(ctx context.Context, instance, method, path string, headers map[string]string) (status int, err error) {
	page, err := f.s.ask(ctx, instance, 0, gateway.Letter{Method: method, Path: path, Headers: headers})
	if err != nil {
		return 0, fmt.Errorf("%s %s of %s: %w", method, path, instance, err)
	}
	return page.Status, nil
}

// Accompany implements engine.System.
func (f System) Accompany(ctx context.Context, at engine.Place, sink agentlink.Sink) (*agentlink.Link, error) {
	l, err := f.s.accompany(ctx, at, sink)
	if err != nil {
		return nil, inStep("accompany "+at.Instance, err)
	}
	made, _ := l.(*agentlink.Link) // a test's own
	return made, nil
}

// Proxy implements engine.System.
func (f System) Proxy(service string) *agentlink.Link {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	l, _ := f.s.proxies[service].(*agentlink.Link)
	return l
}

// Interrupt implements engine.System. Instances of several services are given notice
// at the same time.
func (f System) Interrupt(ctx context.Context, instances []string, notice time.Duration, replace bool, cause string) error {
	step := "interrupt " + list(instances)
	ctx, done, err := f.s.begin(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	defer done()
	of := map[string][]string{}
	var services []string
	for _, name := range instances {
		i := f.s.instance(name)
		if i == nil || i.number == 0 || i.of.job != "" {
			return fmt.Errorf("%s: the run has no instance %s", step, name)
		}
		if of[i.of.name] == nil {
			services = append(services, i.of.name)
		}
		of[i.of.name] = append(of[i.of.name], name)
	}
	return together(services, func(service string) error {
		return f.s.interrupt(ctx, step, interruption{
			service: service, names: of[service], notice: notice, replace: replace, cause: cause,
		})
	})
}

// The methods that Undo knows.
const (
	undoPause = "pause"
	undoLimit = "limit"
	undoKill  = "kill"
	undoStop  = "stop"
)

// Undo implements engine.System. Of what it does not know, and of an instance that
// is not there, it is empty.
func (f System) Undo(method, instance string, before float64) engine.Undo {
	identifier, ok := f.s.cfg.Platform.(platform.Identifier)
	if !ok {
		return engine.Undo{}
	}
	identity, err := identifier.Identify(instance)
	if err != nil {
		return engine.Undo{}
	}
	undo := engine.Undo{Platform: f.Platform(), ID: identity.ID, Mark: identity.Mark}
	switch strings.ToLower(method) {
	case undoPause:
		undo.Act = "resume"
	case undoLimit:
		undo.Act, undo.CPUs = "limit", before
		if identity.Quotas {
			undo.Quota = int64(before * quotaPeriod)
		}
	case undoKill, undoStop: // until that one is removed
		undo.Act = "start"
	default:
		return engine.Undo{}
	}
	return undo
}

// quotaPeriod is what a quota of CPU is a share of, in microseconds.
const quotaPeriod = 100_000
