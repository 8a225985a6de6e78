package engine

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// hold is a fault on one target. What has no lock belongs to the fault's
// goroutine.
type hold struct {
	run     *running
	target  string // an instance, or a service as its callers see it
	service string
	deed    deed
	turn    chan struct{} // whose the deed is
	over    chan struct{} // closed when it is in force no more

	inForce bool
	begun   time.Duration
	state   string        // the last that was journaled; "" for none
	joined  time.Duration // when it came, of one that came while the fault lasted; else 0
	left    string        // how the target went, of one that is not lost with it; else ""
	late    error         // of begin

	figures map[string]int64
	looking bool // one is under way
	during  map[string]order.Reading
	after   map[string]order.Reading

	mu       sync.Mutex
	before   map[string]seen
	replaced []string // what took the place of the target
	trouble  string   // of what goes on in the background
}

// seen is a reading with its time.
type seen struct {
	look
	order.Reading
	at time.Duration
}

// inTurn has one step of the deed wait for the one before, should that not have come
// back.
func (h *hold) inTurn(step func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case h.turn <- struct{}{}:
			defer func() { <-h.turn }()
			return step(ctx)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// evidence is what is known now.
func (h *hold) evidence() evidence {
	figures := h.figures
	if c, ok := h.deed.(counting); ok && figures == nil {
		figures = c.counters()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	e := evidence{
		fault: h.run.plan, target: h.target, backend: h.run.way.backend, counters: figures, during: h.during, after: h.after,
		before: map[string]order.Reading{}, replaced: h.replaced, trouble: h.trouble, forsaken: h.forsaken(),
	}
	for key, s := range h.before {
		e.before[key] = s.Reading
	}
	if x, ok := h.run.e.news.exited(h.target); ok {
		e.exited = &x.body
	}
	for _, i := range h.run.e.sys.Instances(h.service) {
		e.there = e.there || i.Name == h.target
	}
	return e
}

// note keeps what went wrong in the background.
func (h *hold) note(err error) {
	if err == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trouble = err.Error()
}

// replacedBy keeps what took the place of the target; "" where nothing did.
func (h *hold) replacedBy(name string) {
	if name == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.replaced = append(h.replaced, name)
}

// counted takes in what an agent counted.
func (h *hold) counted(counters map[string]int64) {
	at, counters := h.run.e.now(), maps.Clone(counters)
	h.run.inbox.put(func() {
		if h.inForce {
			h.count(at, counters)
			if h.judge(false); h.state == journal.FaultApplied && h.during == nil {
				h.lookAgain()
			}
		}
	})
}

// count journals counters.
func (h *hold) count(at time.Duration, counters map[string]int64) {
	if len(counters) == 0 || maps.Equal(counters, h.figures) && h.run.ending {
		return
	}
	h.figures = counters
	h.run.e.emit(at, journal.FaultCounters{Fault: h.run.plan.ID, Target: h.target, Counters: counters})
}

// lostBy takes in that who did it does it no more.
func (h *hold) lostBy(by, reason string) {
	h.run.inbox.put(func() {
		if !h.inForce || h.run.ending {
			return
		}
		if h.run.exits() {
			h.note(errors.New(reason)) // it may be gone with the target, as it was meant to be
			return
		}
		h.let()
		h.run.lostBy(by, reason)
		h.say(journal.FaultLost, reason)
		h.tidy()
	})
}

// let ends being in force.
func (h *hold) let() {
	h.inForce = false
	h.run.e.order.remove(h)
	if h.run.capped() {
		h.run.e.radius.give(h.service, h.target)
	}
	close(h.over)
}

// tidy takes back what is left of it on a target that is gone, in the background.
func (h *hold) tidy() {
	e := h.run.e
	e.rest.Go(func() {
		ctx, cancel := context.WithTimeout(e.life, e.cfg.Lease)
		defer cancel()
		_ = bounded(ctx, h.inTurn(h.deed.end)) // nobody is there any more whom it could matter to
	})
}

// say journals a state.
func (h *hold) say(state, reason string) {
	h.state = state
	h.run.e.emit(h.run.e.now(), journal.FaultState{Fault: h.run.plan.ID, Target: h.target, State: state, Reason: reason})
}

// judge says what evidence shows, once it shows an effect; at the end whatever it
// shows.
func (h *hold) judge(final bool) {
	if h.state == journal.FaultApplied {
		return
	}
	state, reason := h.run.kind.effect(h.evidence())
	if state != journal.FaultApplied && !final {
		return
	}
	if h.joined > 0 {
		reason = "done to " + h.target + " too, which came while it lasted: " + reason
	}
	h.say(state, reason)
}

// looks are what there is to look at.
func (h *hold) looks() []look {
	if h.run.kind.looks == nil {
		return nil
	}
	return h.run.kind.looks(h)
}

// arm does what can be done ahead: agents, addresses, and a look at how things
// are. It ends with ctx.
func (h *hold) arm(ctx context.Context) {
	if d, ok := h.deed.(readying); ok {
		// What goes wrong here goes wrong again when it is time, and is said then.
		if err := d.ready(ctx); err != nil {
			return
		}
	}
	for key, s := range h.take(ctx, h.looks()) {
		if ctx.Err() != nil {
			return
		}
		h.mu.Lock()
		if h.before == nil {
			h.before = map[string]seen{}
		}
		h.before[key] = s
		h.mu.Unlock()
	}
}

// take takes some looks at the same time.
func (h *hold) take(ctx context.Context, looks []look) map[string]seen {
	var mu sync.Mutex
	var all sync.WaitGroup
	readings := map[string]seen{}
	for _, l := range looks {
		all.Go(func() {
			r := l.take(ctx)
			mu.Lock()
			defer mu.Unlock()
			readings[l.key] = seen{l, r, h.run.e.now()}
		})
	}
	all.Wait()
	return readings
}

// lookAgain takes the looks while it lasts, in the background: nothing waits for them.
func (h *hold) lookAgain() {
	looks := h.looks()
	if h.state != journal.FaultApplied { // what it counts itself would be taken for an effect
		looks = withoutCounted(looks)
	}
	if len(looks) == 0 || h.looking {
		return
	}
	h.looking = true
	e := h.run.e
	e.rest.Go(func() {
		ctx, cancel := context.WithTimeout(h.run.lasting, lookPatience)
		defer cancel()
		readings := h.take(ctx, looks)
		h.run.inbox.put(func() {
			h.looking = false
			if !h.inForce || h.run.ending {
				return
			}
			h.during = h.journal("during", readings)
			h.judge(false)
		})
	})
}

// lookPatience bounds a look.
const lookPatience = 1500 * time.Millisecond

func withoutCounted(looks []look) (rest []look) {
	for _, l := range looks {
		if !l.counted {
			rest = append(rest, l)
		}
	}
	return rest
}

// journal writes readings down.
func (h *hold) journal(stage string, readings map[string]seen) map[string]order.Reading {
	for _, key := range sorted(readings) {
		s := readings[key]
		h.run.e.emit(s.at, journal.FaultProbe{
			Fault: h.run.plan.ID, Target: h.target, Stage: stage, What: s.what,
			Value: s.Value, Unit: s.Unit, Detail: s.Detail, Error: s.Error,
		})
	}
	return plainly(readings)
}

// plainly are readings without their times.
func plainly(readings map[string]seen) map[string]order.Reading {
	plain := map[string]order.Reading{}
	for key, s := range readings {
		plain[key] = s.Reading
	}
	return plain
}
