package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// closedLoop stands with every latency that was measured in a closed loop,
// whatever the verdict: sessions that wait for answers before they begin anew
// send less when the system is slow, and so never see it at its worst.
const closedLoop = "closed loop: load slowed down with the system"

// loops are the closed loops among the loads that a check is about, in its
// phases.
func (h *history) loops(c scenarios.SLOCheck) []Evidence {
	chosen := selection{c}
	var list []Evidence
	for _, load := range h.plan.Load {
		for _, loop := range load.Closed {
			if !chosen.sessions(loop.Phase, load.Cohort, load.Tier, load.Journey) {
				continue
			}
			start := max(0, h.window.from)
			list = append(list, Evidence{
				Text: fmt.Sprintf("%s (%s of cohort %s in %s)", closedLoop, plural(loop.Sessions, "session"), load.Cohort, loop.Phase),
				From: start + time.Duration(loop.Start), To: start + time.Duration(loop.End), Count: loop.Sessions,
			})
		}
	}
	return list
}

// label marks a finding on latency that was measured in closed loops.
func label(f Finding, loops []Evidence) Finding {
	if len(loops) > 0 {
		f.Measured = join(f.Measured, closedLoop)
		f.Evidence = append(f.Evidence, loops...)
	}
	return f
}
