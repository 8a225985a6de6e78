package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

var cpuThrottleKind = Kind{
	Name: "cpu_throttle", Group: resources, Revert: ByAPI, follows: true, Needs: helperNeeds, Backends: []string{backendEngine},
	Summary:  "the limit of CPU is lowered",
	Evidence: "the limit as the control group has it, and time throttled by it",
	ways: always(way{backend: backendEngine, revert: ByAPI, needs: helperNeeds, deed: func(h *hold) deed {
		return &limited{hold: h, cpus: float64(h.run.plan.Spec.CPUThrottle.CPUs)}
	}}),
	looks: isThrottled,
	effect: func(e evidence) (string, string) {
		during, ok := value(e.during, "throttled")
		was, _ := value(e.before, "throttled")
		limit, known := value(e.during, "limit")
		if c := e.fault.Spec.CPUThrottle; known && c != nil && !near(limit, float64(c.CPUs)) {
			return journal.FaultNoEffect, fmt.Sprintf("its limit was %.2f cores, not %.2f", limit, float64(c.CPUs))
		}
		used, _ := value(e.during, "cpu")
		switch {
		case !ok:
			return journal.FaultNoEffect, "nobody could see whether it was throttled" + because(failed(e.during, "throttled"))
		case during > was+0.001:
			return journal.FaultApplied, fmt.Sprintf("throttled for %.0f ms a second, before %.0f", 1000*during, 1000*was)
		}
		return journal.FaultNoEffect, fmt.Sprintf("the limit was lowered and never reached: it used %.2f cores", used)
	},
	gone: func(e evidence) (bool, string) {
		before, was := value(e.before, "limit")
		after, is := value(e.after, "limit")
		if was && is && !near(before, after) {
			return false, fmt.Sprintf("its limit is %.2f cores, before %.2f", after, before)
		}
		return true, "its limit is what it was"
	},
}

func near(a, b float64) bool { return math.Abs(a-b) <= 0.01+0.02*math.Max(a, b) }

// limited is a target with less CPU than it had.
type limited struct {
	*hold
	cpus   float64
	undone func()
}

// limits are those that targets had before faults lowered them: one fault may begin
// as another ends, and the second must not take the limit of the first for the target's
// own.
type limits struct {
	mu sync.Mutex
	of map[string]*lowered // by target
}

// lowered is a target whose limit is lowered, by the faults of on, the last in
// force.
type lowered struct {
	turn   chan struct{}
	before float64
	on     []*limited
}

// take waits for the turn at a target; done ends it.
func (l *limits) take(ctx context.Context, target string) (of *lowered, done func(), err error) {
	l.mu.Lock()
	if of = l.of[target]; of == nil {
		of = &lowered{turn: make(chan struct{}, 1)}
		if l.of == nil {
			l.of = map[string]*lowered{}
		}
		l.of[target] = of
	}
	l.mu.Unlock()
	select {
	case of.turn <- struct{}{}:
		return of, func() { <-of.turn }, nil
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

func (l *limited) begin(ctx context.Context) error {
	e := l.run.e
	of, done, err := e.limits.take(ctx, l.target)
	if err != nil {
		return err
	}
	defer done()
	if len(of.on) == 0 {
		u, err := e.sys.Usage(ctx, l.target)
		if err != nil {
			return fmt.Errorf("limit of CPU of %s: %w", l.target, err)
		}
		of.before = u.CPUs
	}
	undone, err := e.safety.register(e.sys.Undo(undoLimit, l.target, of.before))
	if err != nil {
		return err
	}
	l.undone = undone
	first := len(of.on) == 0
	of.on = append(of.on, l)
	before, err := e.sys.Limit(ctx, l.target, l.cpus, l.run.cause())
	if err == nil && first {
		of.before = before
	}
	return err
}

func (l *limited) end(ctx context.Context) error {
	if l.undone == nil {
		return nil
	}
	e := l.run.e
	of, done, err := e.limits.take(ctx, l.target)
	if err != nil {
		return err
	}
	defer done()
	to := of.before
	rest := slices.DeleteFunc(slices.Clone(of.on), func(other *limited) bool { return other == l })
	if n := len(rest); n > 0 {
		to = rest[n-1].cpus
	}
	if _, err := e.sys.Limit(ctx, l.target, to, l.run.cause()); err != nil {
		if _, exited := e.news.exited(l.target); !exited {
			return err
		}
	}
	of.on = rest
	l.undone()
	l.undone = nil
	return nil
}
