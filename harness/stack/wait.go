package stack

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// healthPeriod is how often an instance's health is asked for while something
// waits for it.
const healthPeriod = 100 * time.Millisecond

// waitReady waits until an instance takes work: the gateway routes to it or,
// without a gateway, it is healthy.
func (s *Stack) waitReady(ctx context.Context, of *service, op Operation) error {
	i := s.instance(op.Subject)
	within := cmp.Or(op.within, s.cfg.StartTimeout)
	if !of.gatewayed() {
		ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("it was not healthy within %v", within))
		defer cancel()
		if err := s.untilHealthy(ctx, of, i); err != nil {
			return err
		}
		s.serve(i, true, s.cfg.Clock.Now())
		return nil
	}
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case <-i.added.done:
		return nil
	case <-i.exited.done:
		return s.exitError(i)
	case <-s.link(of.name).Done():
		return fmt.Errorf("its gateway is gone%s", s.lastWords(s.instance(gatewayName(of.name))))
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-limit.C:
		return fmt.Errorf("%s was not ready within %v of its start; %s%s", i.name, within, s.probeStatus(i), s.lastWords(i))
	}
}

// probeStatus says how an instance stands with its gateway.
func (s *Stack) probeStatus(i *instance) string {
	probe := fmt.Sprintf("connecting to port %d", i.of.plan.Port)
	if path := i.of.plan.Ready.Path; path != "" {
		probe = fmt.Sprintf("the readiness probe GET %s on port %d", path, i.of.plan.Port)
	}
	return fmt.Sprintf("by %s it is %s", probe, s.link(i.of.name).Status(i.name))
}

// replicas are the instances of a service that are there and not leaving, the
// oldest first.
func (s *Stack) replicas(of *service) []*instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*instance
	for _, n := range slices.Sorted(slices.Values(s.seen.instances[of.name])) {
		all = append(all, s.instances[instanceName(of.name, n)])
	}
	return all
}

// waitHealthy waits until every instance of a service is healthy. Instances
// behind a gateway are ready already when it begins.
func (s *Stack) waitHealthy(ctx context.Context, of *service, _ Operation) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.StartTimeout,
		fmt.Errorf("it was not healthy within %v", s.cfg.StartTimeout))
	defer cancel()
	for _, i := range s.replicas(of) {
		if err := s.untilHealthy(ctx, of, i); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) untilHealthy(ctx context.Context, of *service, i *instance) error {
	tick := time.NewTicker(healthPeriod)
	defer tick.Stop()
	for {
		health, err := s.cfg.Platform.Health(ctx, i.name)
		switch {
		case i.exited.fired():
			return s.exitError(i)
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w%s", i.name, context.Cause(ctx), s.lastWords(i))
		case err != nil:
			return s.exitOr(ctx, i, fmt.Errorf("%s: %w", i.name, err))
		case health == platform.Healthy:
			return nil
		case health == platform.Unhealthy:
			return fmt.Errorf("%s: its healthcheck says it is unhealthy%s", i.name, s.lastWords(i))
		case health == platform.NoHealthcheck:
			return s.withoutHealthcheck(ctx, of, i)
		}
		select {
		case <-tick.C:
		case <-i.exited.done:
			return s.exitError(i)
		case <-ctx.Done():
		}
	}
}

// withoutHealthcheck takes the best substitute for a health check that the
// service does not have or the platform cannot run: readiness at the gateway,
// or that the port answers.
func (s *Stack) withoutHealthcheck(ctx context.Context, of *service, i *instance) error {
	if of.gatewayed() {
		return nil
	}
	if address := s.reachable(ctx, of, i); address != "" {
		return s.untilConnects(ctx, i, address)
	}
	if of.healthcheck {
		s.note("warning", fmt.Sprintf("the healthcheck of %s cannot be run here and it exposes no port to try; it counts as healthy", i.name))
		return nil
	}
	return fmt.Errorf("%s has no healthcheck, so it never becomes %s; give it one in the compose file, or depend on %s",
		of.name, types.ServiceConditionHealthy, types.ServiceConditionStarted)
}

// reachable is an address of the instance that the harness can connect to.
func (s *Stack) reachable(ctx context.Context, of *service, i *instance) string {
	if of.port() == 0 {
		return ""
	}
	endpoint, err := s.cfg.Platform.Endpoint(ctx, i.name, of.port())
	if err != nil {
		return ""
	}
	if endpoint.Published != "" {
		return endpoint.Published
	}
	if host, _, err := net.SplitHostPort(endpoint.Inside); err == nil && net.ParseIP(host) != nil {
		return endpoint.Inside
	}
	return ""
}

func (s *Stack) untilConnects(ctx context.Context, i *instance, address string) error {
	tick := time.NewTicker(healthPeriod)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		conn, err := dialer.DialContext(attempt, "tcp", address)
		cancel()
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-i.exited.done:
			return s.exitError(i)
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (%w)%s", i.name, context.Cause(ctx), err, s.lastWords(i))
		}
	}
}

// waitCompleted waits until every instance of a service has exited with code 0.
func (s *Stack) waitCompleted(ctx context.Context, of *service, _ Operation) error {
	limit := time.NewTimer(s.cfg.StartTimeout)
	defer limit.Stop()
	for _, i := range s.replicas(of) {
		select {
		case <-i.exited.done:
			i.mu.Lock()
			code := i.exit.Code
			i.mu.Unlock()
			if code != 0 {
				return s.exitError(i)
			}
		case <-limit.C:
			return fmt.Errorf("%s has not completed within %v%s", i.name, s.cfg.StartTimeout, s.lastWords(i))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
