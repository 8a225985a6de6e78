package engine

import (
	"fmt"
	"strconv"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var outageKind = Kind{
	Name: "outage", Group: thirdParty, Revert: ByAgent, follows: true,
	Backends: []string{backendProxy, backendRedirect, backendKernel, backendEngine},
	Summary:  "a service is not there: it answers 503, refuses, resets, or hangs",
	Evidence: "requests or packets that came by, and those it was done to",
	ways: func(f scenarios.PlannedFault, on Ground) ([]way, error) {
		return awayWays(f, on, outageAs(f.Spec), func(h *order.HTTP, _ scenarios.Fault) {
			h.Outage = &order.Outage{As: outageAs(f.Spec)}
		})
	},
	looks:  awayLooks,
	effect: awayEffect,
	gone:   awayGone,
}

func outageAs(f scenarios.Fault) string {
	if f.Outage == nil || f.Outage.As == "" {
		return scenarios.OutageStatus
	}
	return f.Outage.As
}

// awayWays are those of a service that is not there: a proxy's; where there is
// none, the kernel's; and on processes the engine's.
func awayWays(f scenarios.PlannedFault, on Ground, as string, set func(h *order.HTTP, f scenarios.Fault)) ([]way, error) {
	if f.Spec.Egress != "" || on.proxied(f) {
		w, err := requestWay(f, on, set)
		return []way{w}, err
	}
	if as == scenarios.OutageStatus {
		return nil, fmt.Errorf("%w; without one it can be refuse, reset or hang", errNotProxied(f))
	}
	if on.Platform == "process" {
		if as == scenarios.OutageHang {
			return []way{freezing}, nil
		}
		w := killing(f)
		w.note = "processes have no network of their own: they are killed"
		return []way{w}, nil
	}
	needs := besides(Reject)
	if as == scenarios.OutageHang {
		needs = networkNeeds
	}
	return []way{agentDoes(backendKernel, ByKernel, inNetwork, needs, func(o *ordered) error {
		p := &order.Packets{Kind: order.Reset, Direction: order.Both, Port: o.run.e.sys.Port(o.service), Existing: order.ResetExisting}
		if as == scenarios.OutageHang {
			p.Kind, p.Existing = order.Partition, ""
		}
		o.fault.Packets = p
		return nil
	})}, nil
}

func awayLooks(h *hold) []look {
	if h.run.way.backend == backendKernel {
		return connects(h)
	}
	if h.run.way.backend == backendEngine && !h.run.way.exits {
		return usesCPU(h)
	}
	return nil
}

// awayEffect judges by what the way leaves behind.
func awayEffect(e evidence) (string, string) {
	_, cpu := e.before["cpu"]
	_, byProxy := e.counters["requests"] // which counts them from the beginning
	switch {
	case e.exited != nil:
		return ended(e)
	case cpu:
		return pauseKind.effect(e)
	case !byProxy && (e.backend == backendKernel || len(e.counters) > 0):
		return passed("refused", "reset", "dropped")(e)
	}
	return injected("request", func(n int64) string { return "done to " + strconv.FormatInt(n, 10) })(e)
}

func awayGone(e evidence) (bool, string) {
	if e.exited != nil {
		return again(e)
	}
	if _, ok := e.before["connect"]; ok {
		return partitionKind.gone(e)
	}
	return confirmed(e)
}
