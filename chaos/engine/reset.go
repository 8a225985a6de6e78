package engine

import (
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var resetKind = Kind{
	Name: "reset", Group: network, Revert: ByKernel, follows: true, Needs: besides(Reject), Backends: []string{backendKernel},
	Summary:  "packets are answered with a reset of their connection",
	Evidence: "packets that were answered so",
	ways: always(agentDoes(backendKernel, ByKernel, inNetwork, besides(Reject), packets(func(f scenarios.Fault) (order.Packets, string) {
		r := f.Reset
		return order.Packets{Kind: order.Reset, Port: r.Port, Existing: existing(f)}, r.Peer
	}))),
	looks:  connects,
	effect: passed("answered with a reset", "reset", "dropped"),
	gone:   quick("connect", 200*time.Millisecond),
}

// existing is what becomes of open connections where a fault cannot be done to
// them as they are.
func existing(f scenarios.Fault) string {
	if f.ExistingConnections == "" {
		return order.ResetExisting
	}
	return f.ExistingConnections
}
