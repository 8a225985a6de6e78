package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/harness/traffic"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// pause holds arrivals back, or lets them come again.
func (l *live) pause(hold bool) (instruction, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	verb, turn := "resume", l.steering.Resume
	if hold {
		verb, turn = "pause", l.steering.Pause
	}
	switch {
	case hold && l.paused:
		return instruction{}, errors.New("traffic is paused already")
	case !hold && !l.paused:
		return instruction{}, errors.New("traffic is not paused")
	}
	return instruction{verb + " traffic", func(ctx context.Context) (steer.Reply, error) {
		at, err := turn(ctx)
		if err != nil {
			return steer.Reply{}, err
		}
		l.steered(at, func() { l.paused = hold })
		if hold {
			return steer.Reply{Text: "traffic is paused: sessions under way go on, and arrivals until resume are left out"}, nil
		}
		return steer.Reply{Text: "traffic flows again, as the plan has it from now on" + l.loops()}, nil
	}}, nil
}

// load multiplies the plan's arrivals.
func (l *live) load(multiple float64) (instruction, error) {
	if !(multiple >= 0 && multiple <= traffic.MostMultiple) {
		return instruction{}, fmt.Errorf("%gx is out of range: the load can be 0x to %dx of the plan's", multiple, traffic.MostMultiple)
	}
	return instruction{fmt.Sprintf("load %gx", multiple), func(ctx context.Context) (steer.Reply, error) {
		at, err := l.steering.Multiple(ctx, multiple)
		if err != nil {
			return steer.Reply{}, err
		}
		l.steered(at, func() { l.multiple = multiple })
		return steer.Reply{Text: fmt.Sprintf("%gx of the plan's arrivals", multiple) + l.loops()}, nil
	}}, nil
}

// loops says that closed loops have no arrivals to multiply, where there are any.
func (l *live) loops() string {
	for _, load := range l.r.Loaded.Plan.Load {
		if len(load.Closed) > 0 {
			return " (closed loops have as many users as planned)"
		}
	}
	return ""
}

// steered journals from when on how much of the load comes.
func (l *live) steered(at time.Duration, change func()) {
	l.mu.Lock()
	change()
	now := l.multiple
	if l.paused {
		now = 0
	}
	l.mu.Unlock()
	l.r.append(journal.Event{T: at, Body: journal.LoadSteered{Multiple: now}})
}

// inject prepares a fault; it begins when it is carried out.
func (l *live) inject(ctx context.Context, text string) (instruction, error) {
	l.mu.Lock()
	run := scenarios.Underway{At: l.now(), Faults: l.known.plans(), Over: l.known.over()}
	l.mu.Unlock()
	f, err := l.compiler.Fault(text, run)
	if err != nil {
		return instruction{}, err
	}
	if flush := f.Spec.CacheFlush; flush != nil && l.r.Secrets != nil {
		addHeaders(l.r.Secrets, flush.Headers)
	}
	added, err := l.r.faults.engine.Load().Add(ctx, f)
	if err != nil {
		return instruction{}, err
	}
	return instruction{fmt.Sprintf("inject %s: %s%s", f.ID, f, lasting(f)), func(ctx context.Context) (steer.Reply, error) {
		l.mu.Lock()
		l.known.add(f)
		l.mu.Unlock()
		if err := added.Begin(ctx); err != nil {
			return steer.Reply{}, l.notBegun(ctx, f.ID, err)
		}
		return steer.Reply{Text: fmt.Sprintf("%s is in force: %s%s", f.ID, f, lasting(f)), ID: f.ID}, nil
	}}, nil
}

// notBegun takes in that a fault is in force nowhere. Where only the time of who asked is up
// it may be yet: then the journal tells, and it can be reverted once it is.
func (l *live) notBegun(ctx context.Context, id string, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return fmt.Errorf("whether fault %s is in force is not known yet: %w", id, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known.failed(id)
	return err
}

// lasting says for how long.
func lasting(f scenarios.PlannedFault) string {
	if f.AtOnce() || f.Spec.Permanent {
		return ""
	}
	return " for " + (f.End - f.At).Std().Round(10*time.Millisecond).String()
}

// revert ends a fault that is in force, and calls one off that is not yet. Which of the two
// it comes to is for the engine to say: the fault may begin in this very moment.
func (l *live) revert(id string) (instruction, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.known.revertible(id); err != nil {
		return instruction{}, err
	}
	waits := l.known.waits(id)
	detail := "revert " + id
	if waits {
		detail = "call off " + id
	}
	return instruction{detail, func(ctx context.Context) (steer.Reply, error) {
		l.mu.Lock()
		l.known.reverting(id)
		l.mu.Unlock()
		calledOff, err := l.r.faults.engine.Load().End(ctx, id)
		switch {
		case err != nil:
			return steer.Reply{}, err
		case calledOff:
			return steer.Reply{Text: id + " is called off: nothing of it was done"}, nil
		case waits:
			return steer.Reply{Text: id + " had begun in that moment, and is reverted"}, nil
		}
		return steer.Reply{Text: id + " is reverted"}, nil
	}}, nil
}

// scale changes the instances of a service, after what is being done to it.
func (l *live) scale(service string, to int) (instruction, error) {
	planned, ok := l.r.Loaded.Plan.Services[service]
	switch {
	case !ok || l.left(planned):
		return instruction{}, fmt.Errorf("there is no service %q that could be scaled here", clipped(service, mostName))
	case to < 0 || to > mostInstances:
		return instruction{}, fmt.Errorf("a service can have 0 to %d instances, and %d is not", mostInstances, to)
	case frozen(l.r.Loaded.Plan):
		return instruction{}, errors.New("nothing is scaled in this run (control frozen)")
	}
	at := l.now()
	action := &scenarios.PlannedAction{At: at, Phase: l.r.Loaded.Plan.PhaseAt(at), Scale: &scenarios.Scale{Service: service, To: to}}
	from := l.r.stack.Replicas(service)
	return instruction{action.String(), func(ctx context.Context) (steer.Reply, error) {
		select {
		case l.scales <- action:
		case <-l.over:
			return steer.Reply{}, steer.ErrOver
		case <-ctx.Done():
			return steer.Reply{}, context.Cause(ctx)
		}
		text := fmt.Sprintf("%s: %d to %d instances", service, from, to)
		if planned.Autoscale != nil {
			text += "; its autoscaler goes on, and may take that back"
		}
		return steer.Reply{Text: text}, nil
	}}, nil
}

// abortedEarly journals that a person has aborted the run before anybody could steer it.
func (r *run) abortedEarly(ctx context.Context) {
	if early := new(steer.EarlyAbort); errors.As(context.Cause(ctx), &early) {
		c := steer.Command{Verb: steer.Abort, Text: clipped(early.Text, mostNote)}
		r.emit(journal.Steered{By: clipped(early.By, mostName), Verb: string(c.Verb), Detail: detailed("abort before traffic", c)})
	}
}

// abort ends the run.
func (l *live) abort() instruction {
	return instruction{"abort", func(ctx context.Context) (steer.Reply, error) {
		began := l.r.clock.Now()
		if err := l.r.faults.abort(ctx); err != nil {
			return steer.Reply{}, fmt.Errorf("heal everything: %w", err)
		}
		return steer.Reply{Text: fmt.Sprintf("everything is healed after %v; the run ends with a report", (l.r.clock.Now() - began).Round(time.Millisecond))}, nil
	}}
}
