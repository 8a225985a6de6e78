package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// chaosVerb is what shakedown-agent is called with to be an agent of faults.
const chaosVerb = "chaos"

func proxyName(service string) string { return "proxy-" + service }

// proxied says whether a proxy has the service's name: in front of its gateway,
// or in place of a third party.
func (s *service) proxied() bool { return s.party != nil || s.plan.Interposed != nil }

// front is the instance that has the service's name.
func (s *service) front() string {
	if s.proxied() {
		return proxyName(s.name)
	}
	return gatewayName(s.name)
}

// gatewayHost is the name under which others reach the gateway itself.
func (s *service) gatewayHost() string {
	if s.proxied() {
		return gatewayName(s.name)
	}
	return s.name
}

// gatewayAddress is the loopback address of the gateway itself.
func (s *service) gatewayAddress(on ground) string { return on.address(s.gatewayHost(), 0) }

// publishes says at which port of 127.0.0.1 whoever has the service's name is
// reached by the harness, if it is.
func (s *service) publishes() []platform.Publish {
	if s.plan.Driven || s.plan.Read || s.plan.Publish != 0 {
		return []platform.Publish{{Port: s.plan.Port, Host: s.plan.Publish}}
	}
	return nil
}

// proxySpec is what the platform is asked to create for the proxy, and what the
// proxy is told to be.
func (s *service) proxySpec(on ground, seed int64) (platform.Spec, order.Proxy) {
	spec := agentSpec(proxyName(s.name), on, capBindLow)
	spec.Aliases, spec.Publish = []string{s.name}, s.publishes()
	spec.Config.Networks = s.joins
	if on.address != nil {
		spec.Address = on.address(s.name, 0)
	}
	p := order.Proxy{Service: s.name, Listen: fmt.Sprintf("%s:%d", spec.Address, s.plan.Port)}
	if s.party != nil {
		p.KeyHeader, p.Calls, p.Seed = s.party.KeyHeader, true, s.party.Seed
		p.ThirdParty = s.order
		return spec, p
	}
	host := gatewayName(s.name)
	if on.address != nil {
		host = s.gatewayAddress(on)
	}
	p.Upstream = fmt.Sprintf("%s:%d", host, s.plan.Port)
	p.KeyHeader, p.Calls, p.Seed = s.plan.Interposed.KeyHeader, s.plan.Interposed.Calls, seedOf(seed, spec.Name)
	return spec, p
}

// The capabilities that agents get back after having lost all.
const (
	capNetwork = "NET_ADMIN"
	// capBindLow lets a proxy listen on a port below 1024 where the kernel asks for it.
	capBindLow = "NET_BIND_SERVICE"
	// capFiles lets an agent write to a volume, whoever it belongs to.
	capFiles = "DAC_OVERRIDE"
)

// agentSpec is an agent of faults: it can do no more than it needs.
func agentSpec(name string, on ground, capabilities ...string) platform.Spec {
	return platform.Spec{
		Name: name, Program: on.agent, Attach: true,
		Config: types.ServiceConfig{Name: name, ContainerSpec: types.ContainerSpec{
			Command: types.ShellCommand{chaosVerb},
			CapDrop: []string{"ALL"}, CapAdd: capabilities, SecurityOpt: []string{"no-new-privileges"}, ReadOnly: true,
		}},
	}
}

// seedOf is a seed of its own for something with a name.
func seedOf(seed int64, name string) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %s", seed, name) // never fails
	return h.Sum64()
}

// takeThirdParties lays the plan's stand-ins out. Each takes the networks of the
// compose service that it stands for; one that stands for none is on all.
func (l *layout) takeThirdParties(project *Project, plan *scenarios.Plan, on ground) error {
	for _, name := range slices.Sorted(maps.Keys(plan.ThirdParties)) {
		planned := plan.ThirdParties[name]
		if l.service(name) != nil { // it was left out; see roles
			return fmt.Errorf("third party %s: a service of the stack has that name", name)
		}
		party, err := orderOf(planned.ThirdParty)
		if err != nil {
			return fmt.Errorf("third party %s: %w", name, err)
		}
		s := &service{name: name, party: &planned, order: party, joins: l.joinsOf(project, name, planned.Aliases, on)}
		s.plan = scenarios.PlannedService{Port: planned.Port, Publish: planned.Publish, Driven: planned.Driven}
		party.Names = append([]string{name, proxyName(name), "localhost", "127.0.0.1"}, planned.Aliases...)
		if on.address != nil {
			party.Names = append(party.Names, on.address(name, 0))
		}
		l.parties = append(l.parties, s)
	}
	return nil
}

// joinsOf are the networks of a third party, with its aliases.
func (l *layout) joinsOf(project *Project, name string, aliases []string, on ground) map[string]*types.ServiceNetworkConfig {
	joins := map[string]*types.ServiceNetworkConfig{}
	if on.process {
		return joins
	}
	if stood, ok := project.compose.Services[name]; ok && len(stood.Networks) > 0 {
		joins = withoutAddresses(stood.Networks, true)
	} else {
		for _, s := range l.services {
			for network := range s.joins {
				joins[network] = nil
			}
		}
	}
	for network, join := range joins {
		with := types.ServiceNetworkConfig{}
		if join != nil {
			with = *join
		}
		with.Aliases = slices.Concat(with.Aliases, aliases)
		joins[network] = &with
	}
	return joins
}

// orderOf puts a third party into the words of the agents. It is pure.
func orderOf(from scenarios.ThirdParty) (*order.ThirdParty, error) {
	party := &order.ThirdParty{TLS: from.TLS, Latency: latencyOf(from.Latency)}
	if r := from.RateLimit; r != nil {
		party.RateLimit = &order.RateLimit{Rate: float64(r.Rate), Burst: r.Burst, RetryAfter: r.RetryAfter.Std(), By: r.By}
	}
	for _, route := range from.Routes {
		method, path, ok := strings.Cut(strings.TrimSpace(route.Request), " ")
		if !ok {
			return nil, fmt.Errorf("route %q is not a method and a path, as \"POST /v1/charges\"", route.Request)
		}
		made := order.Route{
			Method: method, Path: strings.TrimSpace(path), Status: route.Status, Headers: maps.Clone(route.Headers), Body: route.Body,
			Latency: latencyOf(route.Latency), Idempotent: route.Idempotent, Effect: route.Effect, EffectOf: route.EffectOf,
		}
		if route.JSON != nil {
			text, err := json.Marshal(route.JSON)
			if err != nil {
				return nil, fmt.Errorf("route %s: json: %w", route.Request, err)
			}
			made.Body, made.JSON = string(text), true
		}
		party.Routes = append(party.Routes, made)
	}
	return party, nil
}

func latencyOf(from *scenarios.LatencyFault) *order.Latency {
	if from == nil {
		return nil
	}
	return &order.Latency{P50: from.P50.Std(), P99: from.P99.Std()}
}

// checkInterposed refuses proxies in front of what has no gateway.
func (l *layout) checkInterposed() error {
	for _, s := range l.services {
		if s.plan.Interposed != nil && !s.gatewayed() {
			return fmt.Errorf("service %s has no port, so no proxy can stand before it; set its port", s.name)
		}
	}
	return nil
}

// fronts are the services whose name a proxy has, third parties among them.
func (l *layout) fronts() []*service {
	all := slices.Clone(l.parties)
	for _, s := range l.services {
		if s.proxied() {
			all = append(all, s)
		}
	}
	return all
}

// connectProxy tells a started proxy what it is to be; it listens when this
// returns.
func (s *Stack) connectProxy(ctx context.Context, of *service, op Operation) error {
	i := s.instance(op.Subject)
	conn := i.takeConn()
	_, proxy := of.proxySpec(s.on, s.cfg.Plan.Seed)
	hello := order.Hello{Protocol: order.Protocol, Lease: s.lease(), Proxy: &proxy, Authority: s.authority}
	l, err := s.greet(ctx, conn, hello, s.proxySink(of.name))
	if err != nil {
		return s.gatewayError(i, err)
	}
	s.mu.Lock()
	s.proxies[of.name] = l
	known := maps.Clone(s.callers)
	s.mu.Unlock()
	for address, name := range known {
		_ = l.Name(address, name) // it is only for the record
	}
	endpoint, err := s.cfg.Platform.Endpoint(ctx, op.Subject, of.plan.Port)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i.published = endpoint.Published
	return nil
}
