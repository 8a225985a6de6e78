package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// thirdParties is the calls of third parties, and of services behind a proxy.
type thirdParties struct{ calls, injected, told, early, inFlight *family }

func newThirdParties(c *catalogue, plan *scenarios.Plan) *thirdParties {
	p := &thirdParties{
		calls: c.counter("shakedown_third_party_calls_total",
			"Calls of a third party, or of a service behind a proxy, by outcome: fail without a complete answer, and with status 429 or 500 and above.", "service", "outcome"),
		injected: c.counter("shakedown_third_party_injected_total",
			"Calls that a fault was done to.", "service"),
		told: c.counter("shakedown_third_party_told_to_wait_total",
			"Calls that were told to wait.", "service"),
		early: c.counter("shakedown_third_party_early_total",
			"Calls that came before the end of the time that their caller had been told to wait.", "service"),
		inFlight: c.gauge("shakedown_third_party_in_flight",
			"Calls under way.", "service"),
	}
	for name := range plan.ThirdParties {
		p.expect(name)
	}
	for name, service := range plan.Services {
		if service.Interposed != nil {
			p.expect(name)
		}
	}
	return p
}

func (p *thirdParties) expect(service string) {
	p.calls.expect(service, ok)
	p.calls.expect(service, fail)
	for _, counter := range []*family{p.injected, p.told, p.early} {
		counter.expect(service)
	}
}

func (p *thirdParties) observe(t time.Duration, b journal.Body) {
	calls, is := b.(journal.Calls)
	if !is {
		return
	}
	p.calls.add(float64(calls.Total-calls.Failed), calls.Service, ok)
	p.calls.add(float64(calls.Failed), calls.Service, fail)
	p.injected.add(float64(calls.Injected), calls.Service)
	p.told.add(float64(calls.Told), calls.Service)
	p.early.add(float64(calls.Early), calls.Service)
	p.inFlight.set(t, float64(calls.InFlight), calls.Service)
}
