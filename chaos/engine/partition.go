package engine

import (
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var partitionKind = Kind{
	Name: "partition", Group: network, Revert: ByKernel, follows: true, Needs: networkNeeds, Backends: []string{backendKernel},
	Summary:  "all packets are dropped: both ways, one way, or from one peer",
	Evidence: "packets that were dropped; a handshake before, during and after",
	ways: always(agentDoes(backendKernel, ByKernel, inNetwork, networkNeeds, packets(func(f scenarios.Fault) (order.Packets, string) {
		p := f.Partition
		return order.Packets{Kind: order.Partition, Direction: p.Direction, Existing: f.ExistingConnections}, p.Peer
	}))),
	looks:  connects,
	effect: passed("dropped", "dropped"),
	gone:   quick("connect", 200*time.Millisecond),
}
