package engine

import (
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var rateLimitKind = requestKind("rate_limit", thirdParty, "requests above a rate get 429 with Retry-After, and who was told to wait is remembered", func(h *order.HTTP, f scenarios.Fault) {
	l := f.RateLimit
	h.RateLimit = &order.RateLimit{Rate: float64(l.Rate), Burst: l.Burst, RetryAfter: l.RetryAfter.Std(), By: l.By}
	if h.RateLimit.Burst == 0 {
		h.RateLimit.Burst = max(1, int(math.Ceil(float64(l.Rate))))
	}
	if h.RateLimit.RetryAfter == 0 {
		h.RateLimit.RetryAfter = time.Second
	}
})
