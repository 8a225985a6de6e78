package engine

import (
	"context"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// peerOf is the service that a fault of the network narrows to, "" for none.
func peerOf(f scenarios.Fault) string {
	switch {
	case f.Delay != nil:
		return f.Delay.Peer
	case f.Loss != nil:
		return f.Loss.Peer
	case f.Bandwidth != nil:
		return f.Bandwidth.Peer
	case f.Partition != nil:
		return f.Partition.Peer
	case f.Reset != nil:
		return f.Reset.Peer
	}
	return ""
}

// connects is the look at a connection from the target to the peer of the
// fault, or to what stands in front of its own service. The fault counts its packets.
func connects(h *hold) []look {
	o, ok := h.deed.(*ordered)
	if !ok || h.run.way.seat != inNetwork {
		return nil
	}
	to := peerOf(h.run.plan.Spec)
	if to == "" {
		to = h.service
	}
	port := h.run.e.sys.Port(to)
	if port == 0 {
		return nil
	}
	return []look{{key: "connect", what: "connect to " + to + ":" + strconv.Itoa(port), counted: true, take: func(ctx context.Context) order.Reading {
		all, err := h.run.e.sys.Addresses(ctx, to)
		if err != nil {
			return order.Reading{Error: err.Error()}
		}
		own, err := h.run.e.sys.Addresses(ctx, h.target)
		if err != nil {
			return order.Reading{Error: err.Error()}
		}
		for _, a := range all {
			if !slices.Contains(own, a) {
				return o.probe(ctx, order.Probe{Connect: net.JoinHostPort(a.String(), strconv.Itoa(port)), Wait: time.Second})
			}
		}
		return order.Reading{Error: to + " has no address but the target's own"}
	}}}
}
