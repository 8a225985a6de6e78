package engine

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

var helperNeeds = []Need{Containers}

var cpuPressureKind = Kind{
	Name: "cpu_pressure", Group: resources, Revert: ByAgent, follows: true, Needs: helperNeeds, Backends: []string{backendHelper},
	Summary:  "a helper uses CPU in the instance's own limits",
	Evidence: "CPU used in those limits, and time throttled by them",
	ways: always(agentDoes(backendHelper, ByAgent, inResources, helperNeeds, func(o *ordered) error {
		o.fault.Pressure = &order.Pressure{Cores: float64(o.run.plan.Spec.CPUPressure.Cores)}
		return nil
	})),
	looks: isThrottled,
	effect: func(e evidence) (string, string) {
		before, _ := value(e.before, "cpu")
		during, ok := value(e.during, "cpu")
		throttled, _ := value(e.during, "throttled")
		was, _ := value(e.before, "throttled")
		wanted := 0.1
		if c := e.fault.Spec.CPUPressure; c != nil {
			wanted = float64(c.Cores) / 2
		}
		switch {
		case !ok:
			return journal.FaultNoEffect, "nobody could see how much CPU was used" + because(failed(e.during, "cpu"))
		case during-before >= wanted || throttled > was+0.05:
			return journal.FaultApplied, fmt.Sprintf("%.2f cores used in its limits, before %.2f; throttled for %.0f ms a second, before %.0f", during, before, 1000*throttled, 1000*was)
		}
		return journal.FaultNoEffect, fmt.Sprintf("%.2f cores used in its limits, before %.2f, and not throttled more than before", during, before)
	},
	gone: confirmed,
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
