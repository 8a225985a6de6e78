package engine

import (
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var lossKind = Kind{
	Name: "loss", Group: network, Revert: ByKernel, follows: true,
	Needs: besides(Nfqueue), Backends: []string{backendNfqueue, backendKernel},
	Summary:  "packets are dropped, which of them is drawn by their number",
	Evidence: "packets that came by and that were dropped",
	ways: queued(Numgen, "drawn by the kernel, which has no NFQUEUE: another run loses others", packets(func(f scenarios.Fault) (order.Packets, string) {
		l := f.Loss
		return order.Packets{Kind: order.Loss, Direction: l.Direction, Share: float64(l.Share) / 100, Existing: f.ExistingConnections}, l.Peer
	})),
	looks:  connects,
	effect: passed("dropped", "dropped"),
	gone:   quick("connect", 200*time.Millisecond),
}

// queued is what an agent does in user space, and without NFQUEUE with the
// kernel's own means.
func queued(means Need, note string, compose func(o *ordered) error) func(scenarios.PlannedFault, Ground) ([]way, error) {
	return func(_ scenarios.PlannedFault, on Ground) ([]way, error) {
		if err := on.must([]Need{Containers}); err != nil {
			return nil, err
		}
		second := agentDoes(backendKernel, ByKernel, inNetwork, besides(means), compose)
		second.note = note
		return []way{agentDoes(backendNfqueue, ByKernel, inNetwork, besides(Nfqueue), compose), second}, nil
	}
}
