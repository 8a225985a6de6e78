package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

var dnsNeeds = besides(DNS)

var dnsKind = Kind{
	Name: "dns", Group: nameService, Revert: ByKernel, follows: true, Needs: dnsNeeds, Backends: []string{backendRedirect},
	Summary:  "look-ups of names get no answer, a wrong one, or a late one",
	Evidence: "look-ups that came by; one of our own before, during and after",
	ways: always(agentDoes(backendRedirect, ByKernel, inNetwork, dnsNeeds, func(o *ordered) error {
		d := o.run.plan.Spec.DNS
		o.fault.DNS = &order.DNS{Answer: d.Answer, Delay: d.Delay.Std(), Names: d.Names}
		return nil
	})),
	looks: func(h *hold) []look {
		o, ok := h.deed.(*ordered)
		d := h.run.plan.Spec.DNS
		if !ok || d == nil {
			return nil
		}
		name := h.service
		if len(d.Names) > 0 {
			name = d.Names[0]
		}
		return []look{{key: "look-up", what: "look up " + name, counted: true, take: func(ctx context.Context) order.Reading {
			return o.probe(ctx, order.Probe{Look: name, Wait: time.Second})
		}}}
	},
	effect: func(e evidence) (string, string) {
		seen := e.count("queries")
		done, told := e.counters["injected"]
		switch {
		case seen == 0 && done == 0:
			return journal.FaultNoEffect, "0 look-ups: the target keeps its connections, or remembers what it looked up"
		case told && done == 0:
			return journal.FaultNoEffect, plural(seen, "look-up") + ", none of a name that the fault is about"
		case !told:
			done = seen
		}
		return journal.FaultApplied, fmt.Sprintf("%s spoiled%s", plural(done, "look-up"), e.compared("look-up"))
	},
	gone: quick("look-up", 200*time.Millisecond),
}
