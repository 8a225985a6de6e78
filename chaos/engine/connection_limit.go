package engine

import (
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var connectionLimitKind = Kind{
	Name: "connection_limit", Group: network, Revert: ByKernel, follows: true, Needs: besides(Connlimit), Backends: []string{backendKernel},
	Summary:  "attempts to connect beyond a number are ignored",
	Evidence: "attempts that were ignored",
	ways: always(agentDoes(backendKernel, ByKernel, inNetwork, besides(Connlimit), packets(func(f scenarios.Fault) (order.Packets, string) {
		c := f.ConnectionLimit
		return order.Packets{Kind: order.ConnectionLimit, Direction: order.In, Port: c.Port, Limit: c.Limit, Existing: f.ExistingConnections}, ""
	}))),
	effect: passed("ignored", "dropped"),
	gone:   quick("connect", 200*time.Millisecond),
}
