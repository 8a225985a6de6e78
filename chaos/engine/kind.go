package engine

import (
	"slices"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Class is how a fault is taken back when nobody is left to do it.
type Class string

// The classes.
const (
	// ByKernel: the kernel takes it back when the agent ends.
	ByKernel Class = "kernel"
	// ByAgent: the agent takes it back at the end of its input, or of the lease; it is gone with the agent.
	ByAgent Class = "agent"
	// ByAPI: the run takes it back, or the undo helper that outlives it.
	ByAPI Class = "api"
	// Irreversible: nobody does.
	Irreversible Class = "irreversible"
)

// Need is something that a platform or a machine must have; what is not about the
// platform has the name that order.Ready.Can has for it.
type Need string

// The needs.
const (
	Containers Need = "containers"
	NetAdmin   Need = "net_admin" // the engine gives agents CAP_NET_ADMIN
	Nftables   Need = "nftables"
	Owner      Need = "owner"
	Nfqueue    Need = "nfqueue"
	Numgen     Need = "numgen"
	Limit      Need = "limit"
	Reject     Need = "reject"
	Connlimit  Need = "connlimit"
	Redirect   Need = "redirect"
	DNS        Need = "dns"
	Memfd      Need = "memfd"
	PostgreSQL Need = "postgresql"
)

// The backends, as journal.FaultStarted has them.
const (
	backendEngine   = "engine"
	backendKernel   = "kernel"
	backendNfqueue  = "nfqueue"
	backendRedirect = "redirect"
	backendProxy    = "proxy"
	backendHelper   = "helper"
	backendDatabase = "database"
)

// Kind is a sort of fault: what it needs and does, who undoes it, and what
// proves it.
type Kind struct {
	Name    string // the key of the language
	Group   string
	Summary string
	// Needs are those of the first of Backends, Revert its class.
	Needs    []Need
	Revert   Class
	Evidence string   // what shows that it took effect, in words
	Backends []string // the ladder, best first

	// ways are those there are for a fault on a platform, best first; an error says why
	// there is none, whatever the machine.
	ways func(f scenarios.PlannedFault, on Ground) ([]way, error)
	// looks are what is looked at before, during and after, of one target.
	looks func(h *hold) []look
	// effect judges what is known while it lasts: applied, partial or no-effect.
	effect func(e evidence) (state, reason string)
	// gone judges what is known after the revert.
	gone func(e evidence) (is bool, reason string)
	// exits tells that the end of a target is what is wanted, and no loss of the fault.
	exits func(f scenarios.PlannedFault) bool
	// follows tells that instances which come while it lasts get it too, if it is
	// done to all.
	follows bool
}

// A way is how a fault is done here.
type way struct {
	backend string
	revert  Class
	seat    seat
	needs   []Need
	note    string // why it is not the first choice
	exits   bool   // its targets are meant to end, whatever else the kind does
	deed    func(h *hold) deed
}

// seat is where the agent is that does a fault.
type seat string

const (
	nobody      seat = ""
	inNetwork   seat = "network"   // in the network namespace of the target
	inResources seat = "resources" // in its control group
	atVolume    seat = "volume"
	inFront     seat = "front" // the proxy of the service
)

// Catalogue lists the kinds there are, in the order of the language.
func Catalogue() []Kind { return slices.Clone(catalogue) }

// kindOf is nil for what is not in the catalogue.
func kindOf(name string) *Kind {
	for i := range catalogue {
		if catalogue[i].Name == name {
			return &catalogue[i]
		}
	}
	return nil
}

var catalogue = slices.Concat(
	[]Kind{killKind, stopKind, pauseKind, restartKind, crashLoopKind, zoneLossKind, reclaimKind},
	[]Kind{delayKind, lossKind, bandwidthKind, partitionKind, resetKind, connectionLimitKind, dnsKind},
	[]Kind{cpuPressureKind, cpuThrottleKind, memoryPressureKind, diskFillKind},
	httpKinds,
	[]Kind{brownoutKind, flappingKind, rateLimitKind, outageKind},
	tlsKinds,
	[]Kind{cacheFlushKind, poolExhaustionKind, slowQueriesKind},
)

// always is a kind that there is one way for.
func always(w way) func(scenarios.PlannedFault, Ground) ([]way, error) {
	return func(_ scenarios.PlannedFault, on Ground) ([]way, error) {
		if err := on.must(w.needs); err != nil {
			return nil, err
		}
		return []way{w}, nil
	}
}

// ordering is a deed of an agent's.
func ordering(at seat, compose func(o *ordered) error) func(*hold) deed {
	return func(h *hold) deed { return &ordered{hold: h, seat: at, compose: compose} }
}

// agentDoes is the way of an agent in one seat.
func agentDoes(backend string, class Class, at seat, needs []Need, compose func(o *ordered) error) way {
	return way{backend: backend, revert: class, seat: at, needs: needs, deed: ordering(at, compose)}
}

// packets composes a fault of a network namespace.
func packets(set func(f scenarios.Fault) (p order.Packets, peer string)) func(o *ordered) error {
	return func(o *ordered) error {
		p, peer := set(o.run.plan.Spec)
		if p.Direction == "" {
			p.Direction = order.Both
		}
		if peer != "" {
			addresses, err := o.addresses(peer)
			if err != nil {
				return err
			}
			p.Peers = prefixes(addresses)
		}
		o.fault.Packets = &p
		return nil
	}
}

// networkNeeds are those of everything in a network namespace: without Owner the
// kernel would not take rules away with the agent.
var networkNeeds = []Need{Containers, NetAdmin, Nftables, Owner}

// besides are the needs of the network and one more.
func besides(n Need) []Need { return append([]Need{n}, networkNeeds...) }
