package engine

import (
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var bandwidthKind = Kind{
	Name: "bandwidth", Group: network, Revert: ByKernel, follows: true,
	Needs: besides(Nfqueue), Backends: []string{backendNfqueue, backendKernel},
	Summary:  "no more gets through than so much in a second",
	Evidence: "packets that had to wait, or were dropped, for being above the rate",
	ways: queued(Limit, "what is above the rate is dropped and not held up: the kernel has no NFQUEUE", packets(func(f scenarios.Fault) (order.Packets, string) {
		b := f.Bandwidth
		return order.Packets{Kind: order.Bandwidth, Direction: b.Direction, Rate: int64(b.Rate), Existing: f.ExistingConnections}, b.Peer
	})),
	looks:  connects,
	effect: passed("above the rate", "delayed", "dropped"),
	gone:   quick("connect", 200*time.Millisecond),
}
