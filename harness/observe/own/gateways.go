package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// failures are the words for exchanges that failed.
var failures = []journal.Failure{
	journal.Refused, journal.DialTimeout, journal.Reset, journal.Closed, journal.Timeout, journal.Truncated,
	journal.Status5xx, journal.NoEndpoint, journal.BadResponse, journal.ClientGone,
}

// reasons are those for which an endpoint is removed.
var reasons = []string{"terminating", "unready", "gone", "switched"}

// gateways is what gateways route to, and what becomes of it.
type gateways struct {
	plan   *scenarios.Plan
	who    *instances
	listed map[member]bool

	requests, inFlight         *family
	times                      *histogram
	endpoints, added, removals *family
}

func newGateways(c *catalogue, plan *scenarios.Plan, who *instances) *gateways {
	g := &gateways{
		plan: plan, who: who, listed: map[member]bool{},
		requests: c.counter("shakedown_gateway_requests_total",
			"Exchanges of a gateway that ended, by instance (empty: it reached none) and outcome: ok, or how it failed.", "service", "instance", "outcome"),
		inFlight: c.gauge("shakedown_gateway_in_flight",
			"Exchanges under way between a gateway and an instance (empty: they have none).", "service", "instance"),
		times: c.histogram("shakedown_gateway_request_duration_seconds",
			"Times of the exchanges of a gateway that came to a complete answer. The sum is estimated from the buckets, to 10 %.", "service"),
		endpoints: c.gauge("shakedown_endpoints",
			"Instances that a gateway routes to.", "service"),
		added: c.counter("shakedown_endpoint_additions_total",
			"Instances that a gateway began to route to.", "service"),
		removals: c.counter("shakedown_endpoint_removals_total",
			"Instances that a gateway ceased to route to, by reason.", "service", "reason"),
	}
	for name, service := range plan.Services {
		if service.Port == 0 {
			continue
		}
		g.expect(name, "")
		g.times.expect(name)
		g.endpoints.expect(name)
		g.added.expect(name)
		for _, reason := range reasons {
			g.removals.expect(name, reason)
		}
	}
	return g
}

// expect begins the counters of an instance.
func (g *gateways) expect(service, instance string) {
	g.requests.expect(service, instance, ok)
	for _, failure := range failures {
		if (failure == journal.NoEndpoint) == (instance == "") {
			g.requests.expect(service, instance, string(failure))
		}
	}
}

func (g *gateways) observe(t time.Duration, b journal.Body) {
	switch b := b.(type) {
	case journal.InstanceStarted:
		if !b.Job && g.plan.Services[b.Service].Port != 0 {
			g.expect(b.Service, b.Instance)
		}
	case journal.Tally:
		g.tally(t, b)
	case journal.EndpointAdded:
		g.added.add(1, b.Service)
		g.list(member{b.Service, b.Instance}, true)
	case journal.EndpointRemoved:
		g.removals.add(1, b.Service, b.Reason)
		g.list(member{b.Service, b.Instance}, false)
	case journal.InstanceExited:
		g.inFlight.drop(b.Service, b.Instance)
	}
}

func (g *gateways) tally(t time.Duration, b journal.Tally) {
	failed := 0
	for failure, n := range b.Failed {
		failed += n
		g.requests.add(float64(n), b.Service, b.Instance, string(failure))
	}
	g.requests.add(float64(b.Total-failed), b.Service, b.Instance, ok)
	g.times.add(b.Times, b.Service)
	if !g.who.hasExited(member{b.Service, b.Instance}) {
		g.inFlight.set(t, float64(b.InFlight), b.Service, b.Instance)
	}
}

// list is told what the gateway says: it removes an instance that is gone itself.
func (g *gateways) list(who member, listed bool) {
	change := 0.0
	switch {
	case listed && !g.listed[who]:
		g.listed[who] = true
		change = 1
	case !listed && g.listed[who]:
		delete(g.listed, who)
		change = -1
	}
	g.endpoints.shift(change, who.service)
}

// forget takes away the counters of an instance.
func (g *gateways) forget(who member) {
	g.requests.drop(who.service, who.instance, ok)
	for _, failure := range failures {
		g.requests.drop(who.service, who.instance, string(failure))
	}
}
