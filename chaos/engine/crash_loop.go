package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// livesFor is the default of CrashLoopFault.Every.
const livesFor = 2 * time.Second

var crashLoopKind = Kind{
	Name: "crash_loop", Group: lifeCycle, Revert: ByAPI, Backends: []string{backendEngine},
	Summary:  "instances are killed, and what takes their place again and again",
	Evidence: "the number of kills",
	ways: func(f scenarios.PlannedFault, _ Ground) ([]way, error) {
		every := livesFor
		if c := f.Spec.CrashLoop; c != nil && c.Every > 0 {
			every = c.Every.Std()
		}
		return []way{{backend: backendEngine, revert: ByAPI, deed: func(h *hold) deed {
			return &looped{hold: h, every: every}
		}}}, nil
	},
	effect: func(e evidence) (string, string) {
		switch kills := e.count("kills"); {
		case kills == 0:
			return ended(e)
		case e.trouble != "":
			return journal.FaultPartial, e.trouble
		default:
			return journal.FaultApplied, plural(kills, "kill") + " in the place of " + e.target
		}
	},
	gone: again, exits: dies,
}

// looped is a target that is killed, and what takes its place again and again.
type looped struct {
	*hold
	every time.Duration

	mu     sync.Mutex
	now    string // the instance whose turn it is
	down   bool   // it was killed, and nothing has taken its place
	undone func()
	kills  int64
	halt   context.CancelFunc
	over   chan struct{}
}

func (l *looped) begin(ctx context.Context) error {
	if err := l.strike(ctx, l.target); err != nil {
		return err
	}
	e := l.run.e
	life, halt := context.WithCancel(e.life)
	over := make(chan struct{})
	l.mu.Lock()
	l.halt, l.over = halt, over
	l.mu.Unlock()
	e.rest.Go(func() {
		defer close(over)
		if err := l.loop(life); err != nil && life.Err() == nil {
			l.mu.Lock()
			kills := l.kills
			l.mu.Unlock()
			l.note(fmt.Errorf("%s, and then the loop ended: %w", plural(kills, "kill"), err))
		}
	})
	return nil
}

// loop lets what takes the place live for a while, and kills it.
func (l *looped) loop(ctx context.Context) error {
	for {
		if err := l.raise(); err != nil {
			return err
		}
		if !pause(ctx, l.every) {
			return nil
		}
		l.mu.Lock()
		next := l.now
		l.mu.Unlock()
		if err := l.strike(ctx, next); err != nil {
			return err
		}
	}
}

// strike kills one.
func (l *looped) strike(ctx context.Context, instance string) error {
	e := l.run.e
	undone, err := e.safety.register(e.sys.Undo(undoKill, instance, 0))
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.now, l.down, l.undone = instance, true, undone
	l.mu.Unlock()
	if err := e.sys.Kill(ctx, instance, l.run.cause()); err != nil {
		return err
	}
	l.mu.Lock()
	l.kills++
	l.mu.Unlock()
	return nil
}

// raise has the place of what was killed taken. It is not broken off: half of it
// would be an instance that nobody knows of.
func (l *looped) raise() error {
	e := l.run.e
	ctx, cancel := e.patient(e.life, slowPatience)
	defer cancel()
	return l.replace(ctx)
}

func (l *looped) replace(ctx context.Context) error {
	e := l.run.e
	l.mu.Lock()
	now := l.now
	l.mu.Unlock()
	name, err := e.sys.Replace(ctx, now, l.run.cause())
	if err != nil {
		return err
	}
	if name == "" { // whoever scales the service does it
		if name = l.newest(ctx); name == "" {
			return fmt.Errorf("nothing took the place of %s", now)
		}
	}
	l.replacedBy(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now, l.down = name, false
	if l.undone != nil {
		l.undone()
		l.undone = nil
	}
	return nil
}

// newest waits for the youngest instance of the service that is not dead.
func (l *looped) newest(ctx context.Context) string {
	e := l.run.e
	for {
		all := e.sys.Instances(l.service)
		for i := len(all) - 1; i >= 0; i-- {
			if _, exited := e.news.exited(all[i].Name); !exited && all[i].Name != l.target {
				return all[i].Name
			}
		}
		if !pause(ctx, 100*time.Millisecond) {
			return ""
		}
	}
}

func (l *looped) end(ctx context.Context) error {
	l.mu.Lock()
	halt, over := l.halt, l.over
	l.mu.Unlock()
	if halt != nil {
		halt()
	}
	if halt != nil && !l.forsaken() {
		select {
		case <-over:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	l.mu.Lock()
	down, undone := l.down, l.undone
	if l.forsaken() {
		down, l.undone = false, nil
	}
	l.mu.Unlock()
	if !down && undone != nil {
		undone()
	}
	if !down || l.there() {
		return nil
	}
	return l.replace(ctx)
}

func (l *looped) counters() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[string]int64{"kills": l.kills}
}
