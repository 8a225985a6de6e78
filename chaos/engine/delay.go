package engine

import (
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var delayKind = Kind{
	Name: "delay", Group: network, Revert: ByKernel, follows: true,
	Needs:    besides(Nfqueue),
	Backends: []string{backendNfqueue, backendRedirect, backendProxy},
	Summary:  "packets are held up, with jitter",
	Evidence: "packets that were held up; the time of a handshake before, during and after",
	ways:     delayWays,
	looks:    connects,
	effect: func(e evidence) (string, string) {
		if e.backend == backendRedirect || e.backend == backendProxy {
			return injected("request", func(n int64) string { return strconv.FormatInt(n, 10) + " held up" })(e)
		}
		return passed("held up", "delayed")(e)
	},
	gone: func(e evidence) (bool, string) {
		slack := 20 * time.Millisecond
		if d := e.fault.Spec.Delay; d != nil {
			slack = max(slack, d.Latency.Std()/2)
		}
		return quick("connect", slack)(e)
	},
}

// delayWays are packets held up by the queue; where there is none, requests by a
// proxy, if one sees all of what the fault is about.
func delayWays(f scenarios.PlannedFault, on Ground) ([]way, error) {
	if err := on.must([]Need{Containers}); err != nil {
		return nil, err
	}
	ways := []way{agentDoes(backendNfqueue, ByKernel, inNetwork, besides(Nfqueue), packets(func(f scenarios.Fault) (order.Packets, string) {
		d := f.Delay
		return order.Packets{
			Kind: order.Delay, Direction: d.Direction, Latency: d.Latency.Std(), Jitter: d.Jitter.Std(), Existing: f.ExistingConnections,
		}, d.Peer
	}))}
	d := f.Spec.Delay
	if d == nil {
		return ways, nil
	}
	held := heldUp(*d)
	const note = "held up by request and not by packet: the kernel has no NFQUEUE"
	if d.Peer != "" && d.Direction != scenarios.Inward {
		w := agentDoes(backendRedirect, ByKernel, inNetwork, besides(Redirect), func(o *ordered) error {
			addresses, err := o.addresses(d.Peer)
			if err != nil {
				return err
			}
			o.fault.HTTP = &order.HTTP{
				Egress:   &order.Egress{Host: d.Peer, Addresses: addresses, Port: o.run.e.sys.Port(d.Peer)},
				Existing: existing(f.Spec), Latency: held,
			}
			return nil
		})
		w.note = note
		ways = append(ways, w)
	}
	if d.Peer == "" && f.Spec.Target.Pick == scenarios.PickAll && f.Spec.Target.Zone == "" && on.proxied(f) {
		w := agentDoes(backendProxy, ByAgent, inFront, nil, func(o *ordered) error {
			o.fault.HTTP = &order.HTTP{Latency: held}
			return nil
		})
		w.note = note
		ways = append(ways, w)
	}
	return ways, nil
}

// heldUp is what a delay of packets comes to for a request: there and back.
func heldUp(d scenarios.DelayFault) *order.Latency {
	times := time.Duration(1)
	if d.Direction == "" || d.Direction == scenarios.BothWays {
		times = 2
	}
	l := &order.Latency{P50: times * d.Latency.Std()}
	if d.Jitter > 0 {
		l.P99 = l.P50 + times*d.Jitter.Std()
	}
	return l
}
