package traffic

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Recorded reads the times of every recording of a plan, by the index of its
// load: what scenarios/arrivals and scenarios/draws need besides the plan. It
// refuses recordings that have changed since they were planned.
func Recorded(plan *scenarios.Plan) (map[int][]time.Duration, error) {
	times := map[int][]time.Duration{}
	for i := range plan.Load {
		p := plan.Load[i].Replay
		if p == nil {
			continue
		}
		recording, err := readReplay(p)
		if err != nil {
			return nil, fmt.Errorf("read the recording of cohort %s: %w", plan.Load[i].Cohort, err)
		}
		times[i] = timesOf(recording)
	}
	return times, nil
}
