package scenarios

import (
	"math"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// An ascent is what limits how fast an autoscaler adds instances while the load is
// far above what they carry. Times are the control loop's.
type ascent struct {
	first, peak int
	factor      float64       // the most that the metric asks for in a round, of what there is
	look        time.Duration // between two rounds, above 0
	classic     bool          // of an HPA without behavior: to four, or to twice as many, a round
	policies    []autoscalingv2.HPAScalingPolicy
	least       bool // the policy that allows least counts, else that which allows most
	disabled    bool // nothing is ever added
}

// A climb is how long an ascent takes: rounds that add instances, and the time until
// the last of them, from a moment one look before the first.
type climb struct {
	rounds int
	took   time.Duration
}

// mostRounds is how many rounds are looked at: who needs more is not helped by the
// number.
const mostRounds = 100

// withoutPolicies is the ascent if the metric alone limited it.
func (g ascent) withoutPolicies() ascent {
	g.classic, g.policies, g.disabled = false, nil, false
	return g
}

// withoutMetric is the ascent if the policies alone limited it.
func (g ascent) withoutMetric() ascent {
	g.factor = math.Inf(1)
	return g
}

// limits tells whether there are policies at all.
func (g ascent) limits() bool { return g.classic || len(g.policies) > 0 }

// An addition is instances that were added at a moment: policies count those of
// their period.
type addition struct {
	at time.Duration
	n  int
}

// run plays the growth round by round, as the controller does: the metric asks for
// so many times what there is, rounded up, and each policy allows what it adds to the
// number at the beginning of its period, of which an addition is a part for as long as
// it lasts. False where the peak is never reached.
func (g ascent) run() (c climb, reached bool) {
	n, now := g.first, g.look
	var added []addition
	for c.rounds < mostRounds && !g.disabled {
		if next := min(g.peak, g.asked(n), g.allowed(n, added, now)); next > n {
			added = append(added, addition{now, next - n})
			n = next
			c.rounds++
		}
		switch {
		case n >= g.peak:
			c.took = now
			return c, true
		case g.asked(n) <= n:
			return c, false
		case g.allowed(n, added, now+g.look) > n:
			now += g.look
			continue
		}
		later, changes := g.change(added, now)
		if !changes {
			return c, false
		}
		now = later
	}
	return c, false
}

// asked is the most that the metric asks for.
func (g ascent) asked(n int) int {
	return int(min(math.Ceil(float64(n)*g.factor*(1-1e-9)), float64(g.peak)))
}

// allowed is the most that the policies allow at a moment.
func (g ascent) allowed(n int, added []addition, now time.Duration) int {
	switch {
	case g.classic:
		return max(2*n, 4)
	case len(g.policies) == 0:
		return g.peak
	}
	limit := math.Inf(-1)
	if g.least {
		limit = math.Inf(1)
	}
	for _, p := range g.policies {
		start := float64(n)
		for _, a := range added {
			if now-a.at < period(p) {
				start -= float64(a.n)
			}
		}
		to := start + float64(p.Value)
		if p.Type == autoscalingv2.PercentScalingPolicy {
			to = math.Ceil(start * (1 + float64(p.Value)/100))
		}
		if g.least {
			limit = min(limit, to)
		} else {
			limit = max(limit, to)
		}
	}
	return int(max(float64(n), min(limit, float64(max(n, g.peak)))))
}

// change is the next look at which a policy's period has an addition less; false
// where none is left.
func (g ascent) change(added []addition, now time.Duration) (at time.Duration, changes bool) {
	for _, p := range g.policies {
		for _, a := range added {
			if over := a.at + period(p); over > now && (!changes || over < at) {
				at, changes = over, true
			}
		}
	}
	looks := (at - now + g.look - 1) / g.look
	return now + looks*g.look, changes
}

// period is the time over which a policy counts.
func period(p autoscalingv2.HPAScalingPolicy) time.Duration {
	return time.Duration(p.PeriodSeconds) * time.Second
}
