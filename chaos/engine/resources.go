package engine

import (
	"context"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// sampled is the time over which the use of CPU is taken.
const sampled = 300 * time.Millisecond

// usesCPU is the look at the cores that a target uses, with the helpers that run in
// its limits.
func usesCPU(h *hold) []look {
	return []look{
		{key: "cpu", what: "CPU used by " + h.target + " (cores)", take: h.rate(func(u Usage) time.Duration { return u.CPU })},
	}
}

// isThrottled is the look at how long a target has to wait for its turn.
func isThrottled(h *hold) []look {
	return append(usesCPU(h),
		look{key: "throttled", what: "time that " + h.target + " was throttled (seconds a second)", take: h.rate(func(u Usage) time.Duration { return u.Throttled })},
		look{key: "limit", what: "limit of CPU of " + h.target + " (cores)", take: h.usage(func(u Usage) (float64, string) { return u.CPUs, "" })},
	)
}

// usesMemory is the look at the memory that a target uses.
func usesMemory(h *hold) []look {
	return []look{{key: "memory", what: "memory used by " + h.target, take: h.usage(func(u Usage) (float64, string) { return float64(u.Memory), "B" })}}
}

// usage takes a figure of the target's usage.
func (h *hold) usage(of func(Usage) (float64, string)) func(context.Context) order.Reading {
	return func(ctx context.Context) order.Reading {
		u, err := h.run.e.sys.Usage(ctx, h.target)
		if err != nil {
			return order.Reading{Error: err.Error()}
		}
		v, unit := of(u)
		return order.Reading{Value: v, Unit: unit}
	}
}

// rate takes how much a figure grows in a second.
func (h *hold) rate(of func(Usage) time.Duration) func(context.Context) order.Reading {
	return func(ctx context.Context) order.Reading {
		e := h.run.e
		first, err := e.sys.Usage(ctx, h.target)
		if err != nil {
			return order.Reading{Error: err.Error()}
		}
		from := e.now()
		if !pause(ctx, sampled) {
			return order.Reading{Error: context.Cause(ctx).Error()}
		}
		last, err := e.sys.Usage(ctx, h.target)
		if err != nil {
			return order.Reading{Error: err.Error()}
		}
		return order.Reading{Value: (of(last) - of(first)).Seconds() / (e.now() - from).Seconds()}
	}
}
