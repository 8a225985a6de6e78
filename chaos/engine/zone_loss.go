package engine

import (
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const lostByPartition = "partition"

var zoneLossKind = Kind{
	Name: "zone_loss", Group: lifeCycle, Revert: ByAPI, Backends: []string{backendEngine, backendKernel},
	Summary:  "all instances of a zone are killed, or cut off",
	Evidence: "the exits; packets that were dropped",
	ways: func(f scenarios.PlannedFault, on Ground) ([]way, error) {
		if !cutOff(f) {
			return []way{killing(f)}, nil
		}
		return always(agentDoes(backendKernel, ByKernel, inNetwork, networkNeeds, packets(func(scenarios.Fault) (order.Packets, string) {
			return order.Packets{Kind: order.Partition}, ""
		})))(f, on)
	},
	looks: func(h *hold) []look {
		if !cutOff(h.run.plan) {
			return nil
		}
		return connects(h)
	},
	effect: func(e evidence) (string, string) {
		if cutOff(e.fault) {
			return partitionKind.effect(e)
		}
		return ended(e)
	},
	gone: func(e evidence) (bool, string) {
		if cutOff(e.fault) {
			return partitionKind.gone(e)
		}
		return again(e)
	},
	exits: func(f scenarios.PlannedFault) bool { return !cutOff(f) },
}

func cutOff(f scenarios.PlannedFault) bool {
	return f.Spec.ZoneLoss != nil && f.Spec.ZoneLoss.As == lostByPartition
}
