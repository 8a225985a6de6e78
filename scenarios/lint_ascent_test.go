package scenarios

import (
	"math"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// What was added counts in each policy for as long as its period lasts, however they
// are combined.
func TestAscent(t *testing.T) {
	const seconds = time.Second
	pods := func(value, period int32) autoscalingv2.HPAScalingPolicy {
		return lintPolicy(autoscalingv2.PodsScalingPolicy, value, period)
	}
	percent := func(value, period int32) autoscalingv2.HPAScalingPolicy {
		return lintPolicy(autoscalingv2.PercentScalingPolicy, value, period)
	}
	for name, c := range map[string]struct {
		change  func(*ascent)
		rounds  int
		took    time.Duration
		reached bool
	}{
		"one a minute":               {func(g *ascent) { g.policies = []autoscalingv2.HPAScalingPolicy{pods(1, 60)} }, 4, 195 * seconds, true}, // 15, 75, 135, 195
		"a period between two looks": {func(g *ascent) { g.policies = []autoscalingv2.HPAScalingPolicy{pods(2, 20)} }, 2, 45 * seconds, true},  // 15, 45
		"the larger of two periods and sizes": {func(g *ascent) {
			g.policies = []autoscalingv2.HPAScalingPolicy{pods(2, 60), percent(50, 15)} // to 4, then to 6
		}, 2, 30 * seconds, true},
		"the smaller of them": {func(g *ascent) {
			g.policies, g.least = []autoscalingv2.HPAScalingPolicy{pods(2, 60), percent(50, 15)}, true // 3 at 15 s, 4 at 30, 5 at 75, 6 at 90
		}, 4, 90 * seconds, true},
		"half a minute's worth in one": {func(g *ascent) { g.policies = []autoscalingv2.HPAScalingPolicy{percent(200, 600)} }, 1, 15 * seconds, true},
		"without behavior":             {func(g *ascent) { g.classic = true }, 2, 30 * seconds, true},
		"nothing limits":               {func(*ascent) {}, 1, 15 * seconds, true},
		"the metric limits":            {func(g *ascent) { g.factor = 1.2 }, 4, 60 * seconds, true}, // 3, 4, 5, 6
		"the metric asks for no more":  {func(g *ascent) { g.factor = 1 }, 0, 0, false},
		"a policy of nothing":          {func(g *ascent) { g.policies = []autoscalingv2.HPAScalingPolicy{pods(0, 15)} }, 0, 0, false},
		"disabled":                     {func(g *ascent) { g.disabled = true }, 0, 0, false},
		"more rounds than are looked at": {func(g *ascent) {
			g.peak, g.policies = math.MaxInt32, []autoscalingv2.HPAScalingPolicy{pods(1, 15)}
		}, mostRounds, 0, false},
	} {
		g := ascent{first: 2, peak: 6, factor: math.Inf(1), look: 15 * seconds}
		c.change(&g)
		if got, reached := g.run(); got != (climb{c.rounds, c.took}) || reached != c.reached {
			t.Errorf("%s: %+v, %v, want %d rounds in %s, %v", name, got, reached, c.rounds, c.took, c.reached)
		}
	}
}
