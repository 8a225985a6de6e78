package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

var memoryNeeds = []Need{Containers, Memfd}

var memoryPressureKind = Kind{
	Name: "memory_pressure", Group: resources, Revert: ByAgent, Needs: memoryNeeds, Backends: []string{backendHelper},
	Summary:  "a helper uses memory in the instance's own limits, up to the point at which the kernel kills",
	Evidence: "memory used in those limits; for oom the exit of the instance for want of memory",
	ways: func(f scenarios.PlannedFault, on Ground) ([]way, error) {
		if err := on.must(memoryNeeds); err != nil {
			return nil, err
		}
		w := agentDoes(backendHelper, ByAgent, inResources, memoryNeeds, holdMemory)
		if untilKilled(f) {
			w.revert = ByAPI
			w.deed = func(h *hold) deed {
				return &starved{ordered: &ordered{hold: h, seat: inResources, compose: holdMemory}, place: &taken{hold: h, undo: undoKill, away: func(context.Context, *taken) error { return nil }}}
			}
		}
		return []way{w}, nil
	},
	looks: usesMemory,
	effect: func(e evidence) (string, string) {
		if untilKilled(e.fault) {
			if e.exited == nil {
				return journal.FaultNoEffect, e.target + " was not killed for want of memory"
			}
			if !e.exited.OOM {
				return journal.FaultPartial, fmt.Sprintf("%s exited with code %d, and not for want of memory", e.target, e.exited.Code)
			}
			return ended(e)
		}
		before, was := value(e.before, "memory")
		during, ok := value(e.during, "memory")
		switch held := e.count("bytes"); {
		case ok && was && during > before+float64(held)/2 && held > 0, ok && was && held == 0 && during > before*1.1:
			return journal.FaultApplied, fmt.Sprintf("%s used in its limits, before %s", roughly(int64(during)), roughly(int64(before)))
		case ok && was:
			return journal.FaultNoEffect, fmt.Sprintf("%s used in its limits, before %s", roughly(int64(during)), roughly(int64(before)))
		case held > 0:
			return journal.FaultApplied, roughly(held) + " held by the helper"
		}
		return journal.FaultNoEffect, "nobody could see how much memory was used" + because(failed(e.during, "memory"))
	},
	gone: func(e evidence) (bool, string) {
		if untilKilled(e.fault) {
			return again(e)
		}
		before, was := value(e.before, "memory")
		during, did := value(e.during, "memory")
		after, is := value(e.after, "memory")
		if was && did && is && during > before && after > before+(during-before)*0.75 {
			return false, fmt.Sprintf("%s are used in its limits still, before the fault %s", roughly(int64(after)), roughly(int64(before)))
		}
		return confirmed(e)
	},
	exits: untilKilled,
}

func untilKilled(f scenarios.PlannedFault) bool {
	return f.Spec.MemoryPressure != nil && f.Spec.MemoryPressure.OOM
}

// holdMemory composes what a helper has to use.
func holdMemory(o *ordered) error {
	u, err := o.run.e.sys.Usage(o.ctx, o.target)
	if err != nil {
		return fmt.Errorf("memory of %s: %w", o.target, err)
	}
	if u.Limit <= 0 {
		return fmt.Errorf("%s has no limit of memory; set one in the compose file (deploy.resources.limits.memory)", o.target)
	}
	spec := o.run.plan.Spec.MemoryPressure
	if spec.OOM {
		o.fault.Pressure = &order.Pressure{Memory: u.Limit, OOM: true}
		return nil
	}
	n := int64(float64(*spec.Fill)/100*float64(u.Limit)) - u.Memory
	if n <= 0 {
		return fmt.Errorf("%s uses %s of %s already, more than %s", o.target, roughly(u.Memory), roughly(u.Limit), *spec.Fill)
	}
	o.fault.Pressure = &order.Pressure{Memory: n}
	return nil
}

// starved is a target that is brought to be killed for want of memory, and
// replaced at the end.
type starved struct {
	*ordered
	place *taken
}

func (s *starved) begin(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.place.begin(ctx); err != nil {
		return err
	}
	return s.ordered.begin(ctx)
}

func (s *starved) end(ctx context.Context) error {
	return errors.Join(s.ordered.end(ctx), s.place.end(ctx))
}
