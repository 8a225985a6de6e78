package engine

import (
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var brownoutKind = requestKind("brownout", thirdParty, "a service gets slower the more is asked of it, and the longer", func(h *order.HTTP, f scenarios.Fault) {
	b := f.Brownout
	h.Brownout = &order.Brownout{
		Latency:    order.Latency{P50: b.P50.Std(), P99: b.P99.Std()},
		PerRequest: b.PerRequest.Std(), Peak: float64(b.Peak),
	}
})
