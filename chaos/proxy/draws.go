package proxy

import (
	"time"

	"github.com/shakedown-dev/shakedown/chaos/draw"
)

// hit is a fault that is to be done to a request. Its draws are a stream of the
// request's own, which depends on the fault's seed and the ordinal alone.
type hit struct {
	*fault
	seed uint64
	used uint64 // draws so far
}

// draw takes the next ordinal and decides by it whether the fault is done.
func (f *fault) draw() (hit, bool) {
	n := f.ordinal.Add(1) - 1
	f.requests.Add(1)
	h := hit{fault: f, seed: draw.Uint64(f.seed, n)}
	share := f.Match.Share
	return h, h.float() < share || share <= 0 || share >= 1
}

// float is even in [0, 1).
func (h *hit) float() float64 {
	h.used++
	return draw.Float(h.seed, h.used)
}

// below is even in [0, n), closely enough for small n.
func (h *hit) below(n int64) int64 { return int64(h.float() * float64(n)) }

// latency is how long a request is held up; others is how many are under way
// beside it, and now the proxy's clock.
func (h *hit) latency(now time.Duration, others int64) time.Duration {
	h.used++
	if h.Latency != nil {
		return draw.Latency(*h.Latency, h.seed, h.used)
	}
	b := h.Brownout
	held := draw.Latency(b.Latency, h.seed, h.used) + b.PerRequest*time.Duration(max(others, 0))
	if b.Peak > 0 && h.lasts > 0 {
		grown := min(1, float64(now-h.begun)/float64(h.lasts))
		held = time.Duration(float64(held) * (1 + (b.Peak-1)*max(0, grown)))
	}
	return held
}

// mix is statuses with weights, in the order of the statuses.
type mix struct {
	statuses   []int
	upTo       []int // the sum of the weights up to and with that one
	total      int
	retryAfter time.Duration // whole seconds
}

func (m *mix) add(status, weight int) {
	m.total += weight
	m.statuses, m.upTo = append(m.statuses, status), append(m.upTo, m.total)
}

func (m *mix) status(h *hit) int {
	n := int(h.below(int64(m.total)))
	for i, upTo := range m.upTo {
		if n < upTo {
			return m.statuses[i]
		}
	}
	return m.statuses[len(m.statuses)-1]
}

// seconds rounds up to whole ones, as Retry-After has them.
func seconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}
