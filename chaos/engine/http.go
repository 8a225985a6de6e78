package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// httpKinds are faults of requests, each the same but for what it does to them.
var httpKinds = []Kind{
	requestKind("http_latency", httpGroup, "requests are held up by times of a distribution", func(h *order.HTTP, f scenarios.Fault) {
		h.Latency = latency(*f.HTTPLatency)
	}),
	requestKind("http_errors", httpGroup, "requests are answered with errors", func(h *order.HTTP, f scenarios.Fault) {
		h.Errors = &order.Errors{Statuses: map[int]int{}, RetryAfter: f.HTTPErrors.RetryAfter.Std(), AfterWork: f.HTTPErrors.AfterWork}
		for status, weight := range f.HTTPErrors.Statuses {
			if code, err := strconv.Atoi(status); err == nil {
				h.Errors.Statuses[code] = weight
			}
		}
		if len(h.Errors.Statuses) == 0 {
			h.Errors.Statuses[503] = 1
		}
	}),
	requestKind("http_abort", httpGroup, "connections are cut in place of an answer", func(h *order.HTTP, f scenarios.Fault) {
		h.Abort = &order.Abort{AfterWork: f.HTTPAbort.AfterWork}
	}),
	requestKind("http_slow_body", httpGroup, "bodies of answers trickle", func(h *order.HTTP, f scenarios.Fault) {
		h.SlowBody = &order.SlowBody{Rate: int64(f.HTTPSlowBody.Rate)}
	}),
	requestKind("http_truncate", httpGroup, "answers end before their end", func(h *order.HTTP, f scenarios.Fault) {
		h.Truncate = &order.Truncate{After: int64(f.HTTPTruncate.After)}
	}),
	requestKind("http_corrupt", httpGroup, "bytes in bodies of answers are changed", func(h *order.HTTP, _ scenarios.Fault) {
		h.Corrupt = &order.Corrupt{}
	}),
}

// requestKind is a kind that a proxy does to requests.
func requestKind(name, group, summary string, set func(h *order.HTTP, f scenarios.Fault)) Kind {
	return Kind{
		Name: name, Group: group, Revert: ByAgent, Backends: []string{backendProxy, backendRedirect}, follows: true,
		Summary:  summary,
		Evidence: "requests that came by, and those it was done to",
		ways: func(f scenarios.PlannedFault, on Ground) ([]way, error) {
			w, err := requestWay(f, on, set)
			if err != nil {
				return nil, err
			}
			return []way{w}, nil
		},
		effect: injected("request", func(n int64) string { return "done to " + strconv.FormatInt(n, 10) }),
		gone:   confirmed,
	}
}

var redirectNeeds = besides(Redirect)

// requestWay is a proxy in front of a service, or one that a target's connections
// are redirected to.
func requestWay(f scenarios.PlannedFault, on Ground, set func(h *order.HTTP, f scenarios.Fault)) (way, error) {
	compose := func(o *ordered) error {
		spec := o.run.plan.Spec
		h := &order.HTTP{Match: match(spec.Match), Existing: spec.ExistingConnections}
		set(h, spec)
		if spec.Egress != "" {
			var err error
			if h.Egress, err = o.egress(spec.Egress); err != nil {
				return err
			}
			h.Egress.TLS = takesApart(spec, h) && h.Egress.Port == 443
			h.Existing = existing(spec)
		}
		o.fault.HTTP = h
		return nil
	}
	if f.Spec.Egress != "" {
		if err := on.must([]Need{Containers}); err != nil {
			return way{}, fmt.Errorf("egress: %w", err)
		}
		if err := on.trusts(f); err != nil {
			return way{}, err
		}
		return agentDoes(backendRedirect, ByKernel, inNetwork, redirectNeeds, compose), nil
	}
	if !on.proxied(f) {
		return way{}, errNotProxied(f)
	}
	return agentDoes(backendProxy, ByAgent, inFront, nil, compose), nil
}

// takesApart tells whether a fault is about what is inside of TLS.
func takesApart(f scenarios.Fault, h *order.HTTP) bool {
	switch {
	case h.TLSReset != nil, h.Handshake != nil, h.Abort != nil && !h.Abort.AfterWork && f.Match == nil:
		return false
	case h.Outage != nil && h.Outage.As != order.AsStatus, h.Flapping != nil && h.Flapping.As != order.AsStatus:
		return false
	}
	return true
}

// trusts tells whether the targets trust the run's authority, where TLS has to be
// taken apart for the fault.
func (on Ground) trusts(f scenarios.PlannedFault) error {
	if !strings.HasSuffix(f.Spec.Egress, ":443") || on.Plan == nil || f.Spec.TLSReset != nil || f.Spec.TLSHandshake != nil || f.Spec.TLSExpired != nil {
		return nil
	}
	if o := f.Spec.Outage; o != nil && o.As != scenarios.OutageStatus || f.Spec.HTTPAbort != nil {
		return nil
	}
	for _, s := range f.Services {
		if !on.Plan.Services[s].TrustCA {
			return fmt.Errorf("%s is inside of TLS, which can be taken apart only for services that trust the run's authority; set trust_ca: true on %s", f.Kind, s)
		}
	}
	return nil
}

func match(m *scenarios.RequestMatch) (out order.Match) {
	if m == nil {
		return out
	}
	out.Method, out.Path = m.Method, m.Path
	if m.Share != nil {
		out.Share = float64(*m.Share) / 100
	}
	return out
}

func latency(l scenarios.LatencyFault) *order.Latency {
	return &order.Latency{P50: l.P50.Std(), P99: l.P99.Std()}
}

// egress finds out where connections to a host go: to a service or a third party
// of the stack, or outside.
func (o *ordered) egress(to string) (*order.Egress, error) {
	host, port := to, 0
	if h, p, err := net.SplitHostPort(to); err == nil {
		n, err := strconv.Atoi(p)
		if err != nil {
			return nil, fmt.Errorf("egress %s: %q is no port", to, p)
		}
		host, port = h, n
	}
	e := &order.Egress{Host: host, Port: port}
	plan := o.run.e.cfg.Plan
	if address, err := netip.ParseAddr(host); err == nil {
		e.Addresses = []netip.Addr{address}
		return e, nil
	}
	inside := host
	for name, party := range plan.ThirdParties {
		for _, alias := range party.Aliases {
			if alias == host {
				inside = name
			}
		}
	}
	_, isService := plan.Services[inside]
	if _, isParty := plan.ThirdParties[inside]; isService || isParty {
		addresses, err := o.addresses(inside)
		e.Addresses = addresses
		return e, err
	}
	reading, err := o.agent.Probe(o.ctx, order.Probe{Look: host})
	if err == nil && reading.Error != "" {
		err = errors.New(reading.Error)
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s beside %s: %w", host, o.target, err)
	}
	for _, part := range strings.FieldsFunc(reading.Detail, func(r rune) bool { return strings.ContainsRune(" ,;[]", r) }) {
		if a, err := netip.ParseAddr(part); err == nil {
			e.Addresses = append(e.Addresses, a)
		}
	}
	if len(e.Addresses) == 0 {
		return nil, fmt.Errorf("look up %s beside %s: it has no address: %s", host, o.target, reading.Detail)
	}
	return e, nil
}
