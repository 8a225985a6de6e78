package stack

import (
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// lateBy is how long after the grace period the control late-removal removes
// endpoints.
const lateBy = 2 * time.Second

// controlWords say what a control does, for the reader of the run.
var controlWords = map[scenarios.Control]string{
	scenarios.ControlKill:        "instances get SIGKILL where the termination sequence would begin",
	scenarios.ControlUnready:     "instances are routed to from their start, whatever their readiness probe says",
	scenarios.ControlLateRemoval: "endpoints are removed only when the grace period and 2s more are over",
	scenarios.ControlFrozen:      "no action that adds, removes or replaces instances is carried out",
}
