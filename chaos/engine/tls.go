package engine

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// tlsKinds are faults of TLS: of a third party that speaks it, or on the way out.
var tlsKinds = []Kind{
	tlsKind("tls_handshake", "handshakes of TLS are slow", func(h *order.HTTP, f scenarios.Fault) {
		h.Handshake = &order.Handshake{Delay: f.TLSHandshake.Delay.Std()}
	}),
	tlsKind("tls_reset", "connections are cut by the name that they ask for", func(h *order.HTTP, f scenarios.Fault) {
		h.TLSReset = &order.TLSNames{Names: f.TLSReset.Names}
	}),
	tlsKind("tls_expired", "an expired certificate is shown", func(h *order.HTTP, f scenarios.Fault) {
		h.Expired = &order.TLSNames{Names: f.TLSExpired.Names}
	}),
}

// tlsKind is done to connections as they are made: open ones are cut.
func tlsKind(name, summary string, set func(h *order.HTTP, f scenarios.Fault)) Kind {
	k := requestKind(name, thirdParty, summary, func(h *order.HTTP, f scenarios.Fault) {
		h.Existing = existing(f)
		set(h, f)
	})
	ways := k.ways
	k.ways = func(f scenarios.PlannedFault, on Ground) ([]way, error) {
		for _, s := range f.Services {
			if party, is := on.Plan.ThirdParties[s]; f.Spec.Egress == "" && s != "any" && (!is || !party.TLS) {
				return nil, fmt.Errorf("%s does not speak TLS to its callers; name a third party with tls: true, or use egress", s)
			}
		}
		return ways(f, on)
	}
	k.Evidence = "connections that came by, and those it was done to"
	k.effect = injected("connection", func(n int64) string { return fmt.Sprintf("done to %d", n) })
	return k
}
